"""2-D convolution (cross-correlation) and its transpose.

convolution             x (N, C, H, W), w (O, C/G, KH, KW), b (O,)  ->  y (N, O, OH, OW)       y = w @ im2col(x) + b
transposed convolution  x (N, C, H, W), w (C, O/G, KH, KW), b (O,)  ->  y (N, O, OH, OW)       y = col2im(wᵀ @ x) + b

db[o] = Σ dy[n, o, oh, ow]   over n, oh, ow, because b[o] is added at each of those places with weight 1
dx and dw: minidl/kernels/textbook/conv.py, derived in docs/derivations/convolution.md

The transposed convolution is the adjoint of the convolution with the same kernels: its forward is the backward of the
other, so its backward is the other's forward. With the pictures in swapped roles,

    y  = conv2d_dx(x, w)        dx = conv2d(dy, w)        dw = conv2d_dw(x, dy)
"""

from __future__ import annotations

import functools
from typing import Any

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import IntOrPair, PaddingLike, PaddingOrSame, Pair, check_alike, check_divides, check_rank, to_int
from minidl.ops._windows import resolve_padding, to_layout, to_output_padding, transposed_size, window_count
from minidl.tensor import Context, Function, Tensor


class Conv2d(Function):
    """Saves x and w, never the columns: they are KH·KW times as large and cheap to make again."""

    @staticmethod
    def forward(ctx: Context, x: Array, w: Array, b: Array | None, *, out_size: Pair, **geometry: Any) -> Array:
        """y = conv2d(x, w) + b."""
        ctx.save(x, w)
        ctx.geometry = geometry
        return kernels.conv2d(x, w, b, out_size=out_size, **geometry)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx, dw and db, each only if it is needed."""
        x, w = ctx.saved
        need_x, need_w, need_b = ctx.needs
        if need_x and need_w:
            dy = _without_gaps(dy)
        dx = kernels.conv2d_dx(dy, w, x.shape, **ctx.geometry) if need_x else None
        dw = kernels.conv2d_dw(dy, x, w.shape, **ctx.geometry) if need_w else None
        db = kernels.channel_sums(dy) if need_b else None
        return dx, dw, db


def _without_gaps(dy: Array) -> Array:
    """Return dy (N, O, OH, OW), or a copy where it is a slice of channels, which dx and dw would copy each."""
    if dy.flags.c_contiguous or dy.transpose(0, 2, 3, 1).flags.c_contiguous:
        return dy
    y = _backend.empty(dy.shape, dy.dtype, like=dy)
    kernels.copy_to(dy, y)
    return y


class ConvTranspose2d(Function):
    """Saves x and w."""

    @staticmethod
    def forward(ctx: Context, x: Array, w: Array, b: Array | None, *, out_size: Pair, **geometry: Any) -> Array:
        """y = the dx of a convolution whose dy is x, and b."""
        ctx.save(x, w)
        ctx.geometry = geometry
        y = kernels.conv2d_dx(x, w, (x.shape[0], w.shape[1] * geometry["groups"], *out_size), **geometry)
        if b is not None:
            y += b[:, None, None]
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx and dw from a convolution over dy; with a wide output_padding more windows fit than x has pixels."""
        x, w = ctx.saved
        need_x, need_w, need_b = ctx.needs
        if need_x and need_w:
            dy = _without_gaps(dy)
        dx = kernels.conv2d(dy, w, None, out_size=x.shape[2:], **ctx.geometry) if need_x else None
        dw = kernels.conv2d_dw(x, dy, w.shape, **ctx.geometry) if need_w else None
        db = kernels.channel_sums(dy) if need_b else None
        return dx, dw, db


def conv2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: IntOrPair = 1,
    padding: PaddingOrSame = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Tensor:
    """Slide the kernels w over the pictures x.

    Args:
        x: pictures (N, C, H, W).
        w: kernels (O, C/groups, KH, KW).
        b: biases (O,), or None.
        stride: step of the window, an int or a pair.
        padding: zeros around the picture: an int, (ph, pw), ((top, bottom), (left, right)), or "same" for an output of
            ceil(H / stride), the odd pixel at the end, as TensorFlow does.
        dilation: distance between the taps of the kernel, an int or a pair.
        groups: G groups of C/G input channels that only see each other; G = C is a depthwise convolution.

    Returns:
        y (N, O, OH, OW) with OH = (H + padding - dilation * (KH - 1) - 1) // stride + 1.

    Raises:
        ValueError: if shapes do not fit, the kernel is larger than the padded input, or a number is out of range.
        TypeError: if the operands are no tensors or differ in dtype or device.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor(np.ones((1, 3, 227, 227), dtype="float32"))
        >>> w = Tensor(np.ones((96, 3, 11, 11), dtype="float32"))
        >>> ops.conv2d(x, w, stride=4).shape
        (1, 96, 55, 55)
    """
    check_alike("conv2d", x=x, w=w, b=b)
    return Conv2d.apply(x, w, b, **convolution_geometry("conv2d", x, w, b, stride, padding, dilation, groups))


def conv_transpose2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    output_padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Tensor:
    """Let every pixel of x paint the kernels w, weighted with its value, onto the output: the adjoint of `conv2d`.

    A convolution with stride s may turn s different input sizes into the same output size, so the way back is not
    clear: output_padding says how many rows and columns more than the least the output has, at its end.

    Args:
        x: pictures (N, C, H, W).
        w: kernels (C, O/groups, KH, KW), the shape that `conv2d` from O to C channels has.
        b: biases (O,), or None.
        stride: distance between the places of two neighbouring pixels, an int or a pair.
        padding: what is cut off around the output: an int, (ph, pw) or ((top, bottom), (left, right)).
        output_padding: rows and columns added at the end, fewer than stride or dilation; an int or a pair.
        dilation: distance between the taps of the kernel, an int or a pair.
        groups: G groups of channels that only see each other.

    Returns:
        y (N, O, OH, OW) with OH = (H - 1) * stride - padding + dilation * (KH - 1) + output_padding + 1.

    Raises:
        ValueError: if shapes do not fit, nothing is left of the output, or a number is out of range.
        TypeError: if the operands are no tensors or differ in dtype or device.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor(np.array([[[[1.0, 2.0]]]]))
        >>> w = Tensor(np.array([[[[1.0, 1.0, 1.0]]]]))
        >>> ops.conv_transpose2d(x, w, stride=2).numpy()
        array([[[[1., 1., 3., 2., 2.]]]])
    """
    op = "conv_transpose2d"
    check_alike(op, x=x, w=w, b=b)
    check_rank(op, "x", x.shape, "N, C, H, W")
    _check_kernels(op, w.shape, "C, O/G, KH, KW")
    groups = to_int(op, "groups", groups, least=1)
    steps, sides, spacing = to_layout(op, stride, padding, dilation)
    more = to_output_padding(op, output_padding, steps, spacing)
    if x.shape[1] != w.shape[0]:
        raise ValueError(
            f"{op}: x has {x.shape[1]} channels but w expects w.shape[0] = {w.shape[0]}; "
            f"x.shape={x.shape}, w.shape={w.shape} (C, O/groups, KH, KW)"
        )
    check_divides(op, "groups", groups, "w.shape[0]", w.shape[0])
    channels = w.shape[1] * groups
    if b is not None and b.shape != (channels,):
        raise ValueError(
            f"{op}: b must have one number for each output channel, shape ({channels},) "
            f"(w.shape[1] * groups = {w.shape[1]} * {groups}); b.shape={b.shape}"
        )
    out_size = transposed_size(op, x.shape, w.shape[2:], steps, sides, spacing, more)
    geometry = {"stride": steps, "padding": sides, "dilation": spacing, "groups": groups}
    return ConvTranspose2d.apply(x, w, b, out_size=out_size, **geometry)


def _check_kernels(op: str, w_shape: tuple[int, ...], axes: str) -> None:
    check_rank(op, "w", w_shape, axes)
    if 0 in w_shape:
        raise ValueError(f"{op}: w must have at least one weight along each axis ({axes}); w.shape={w_shape}")


def convolution_geometry(
    op: str,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    stride: IntOrPair,
    padding: PaddingOrSame,
    dilation: IntOrPair,
    groups: int,
) -> dict[str, Any]:
    """Judge the arguments of a convolution: stride, padding, dilation, groups and out_size as kernels take them."""
    groups = to_int(op, "groups", groups, least=1)
    layout = to_layout(op, stride, padding, dilation, same=True)
    return _fitted(op, x.shape, w.shape, None if b is None else b.shape, *layout, groups)


@functools.lru_cache(maxsize=1024)  # a network asks the same again for every batch
def _fitted(
    op: str, x_shape: Any, w_shape: Any, b_shape: Any, stride: Pair, padding: Any, dilation: Pair, groups: int
) -> dict[str, Any]:
    check_rank(op, "x", x_shape, "N, C, H, W")
    _check_kernels(op, w_shape, "O, C/G, KH, KW")
    if x_shape[1] != w_shape[1] * groups:
        raise ValueError(
            f"{op}: x has {x_shape[1]} channels but w expects {w_shape[1] * groups} "
            f"(w.shape[1] * groups = {w_shape[1]} * {groups}); x.shape={x_shape}, w.shape={w_shape}"
        )
    check_divides(op, "groups", groups, "w.shape[0]", w_shape[0])
    if b_shape is not None and b_shape != (w_shape[0],):
        raise ValueError(f"{op}: b must have one number for each kernel, shape ({w_shape[0]},); b.shape={b_shape}")
    padding = resolve_padding(padding, x_shape[2:], w_shape[2:], stride, dilation)
    out_size = window_count(op, x_shape, w_shape[2:], stride, padding, dilation)
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "out_size": out_size}

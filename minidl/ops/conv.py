"""2-D convolution (cross-correlation): y[n, o] = b[o] + Σ_c w[o, c] ⋆ x[n, c].

x (N, C, H, W)   w (O, C/G, KH, KW)   b (O,)   ->   y (N, O, OH, OW)

db[o] = Σ dy[n, o, oh, ow]   over n, oh, ow, because b[o] is added at each of those places with weight 1
dx and dw: minidl/kernels/textbook/conv.py, derived in docs/derivations/convolution.md
"""

from __future__ import annotations

from typing import Any

from minidl import kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_divides, check_rank, to_int, to_pair
from minidl.ops._windows import resolve_padding, window_count
from minidl.tensor import Context, Function, Tensor


class Conv2d(Function):
    """Saves x and w, never the columns: they are KH·KW times as large and cheap to make again."""

    @staticmethod
    def forward(ctx: Context, x: Array, w: Array, b: Array | None, **geometry: Any) -> Array:
        """y = conv2d(x, w) + b."""
        ctx.save(x, w)
        ctx.geometry = tuple(geometry.values())
        return kernels.conv2d(x, w, b, *ctx.geometry)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx, dw and db, each only if it is needed."""
        x, w = ctx.saved
        need_x, need_w, need_b = ctx.needs
        dx = kernels.conv2d_dx(dy, w, x.shape, *ctx.geometry) if need_x else None
        dw = kernels.conv2d_dw(dy, x, w.shape, *ctx.geometry) if need_w else None
        db = dy.sum(axis=(0, 2, 3)) if need_b else None
        return dx, dw, db


def conv2d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
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
    check_rank("conv2d", "x", x.shape, "N, C, H, W")
    check_rank("conv2d", "w", w.shape, "O, C/G, KH, KW")
    groups = to_int("conv2d", "groups", groups, least=1)
    stride = to_pair("conv2d", "stride", stride, least=1)
    dilation = to_pair("conv2d", "dilation", dilation, least=1)
    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(
            f"conv2d: x has {x.shape[1]} channels but w expects {w.shape[1] * groups} "
            f"(w.shape[1] * groups = {w.shape[1]} * {groups}); x.shape={x.shape}, w.shape={w.shape}"
        )
    check_divides("conv2d", "groups", groups, "w.shape[0]", w.shape[0])
    if b is not None and b.shape != (w.shape[0],):
        raise ValueError(f"conv2d: b must have one number for each kernel, shape ({w.shape[0]},); b.shape={b.shape}")
    kernel_size = w.shape[2:]
    padding = resolve_padding("conv2d", padding, x.shape[2:], kernel_size, stride, dilation)
    window_count("conv2d", x.shape, kernel_size, stride, padding, dilation)
    return Conv2d.apply(x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups)

"""Fused forms: two steps that networks always take together, as one operation.

add + relu       the end of a residual block: y = max(a + b, 0)
scale_channels   the end of a squeeze-and-excitation block: each channel times its gate
conv2d_fused     a whole layer at inference: y = activation(z), z = conv2d(x, w, b) + residual. The residual's gradient
                 is dz = dy·activation'(z), the others are those of the convolution with dz in the place of dy

(`batch_norm(…, activation=…)` in minidl/ops/norm.py is the fourth.) The formulas: minidl/kernels/textbook/fused.py.
"""

from __future__ import annotations

from typing import Any

from minidl import kernels
from minidl._backend import Array
from minidl._checks import IntOrPair, PaddingOrSame, Pair, check_alike, check_choice, check_rank
from minidl.ops._broadcast import sum_to
from minidl.ops.conv import convolution_geometry
from minidl.ops.norm import ACTIVATIONS, SIDES
from minidl.tensor import Context, Function, Tensor


class AddRelu(Function):
    """Saves its result, which the next layer keeps anyway; its choice is on which side of 0 each sum lies."""

    @staticmethod
    def forward(ctx: Context, a: Array, b: Array) -> Array:
        """y = max(a + b, 0)."""
        y = kernels.add_relu(a, b)
        ctx.save(y)
        ctx.shapes = a.shape, b.shape
        ctx.choices = lambda: y > 0
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """da = db = dy where y > 0."""
        (y,) = ctx.saved
        d = kernels.relu_dx(dy, y, **ctx.over)
        need_a, need_b = ctx.needs
        return sum_to(d, ctx.shapes[0]) if need_a else None, sum_to(d, ctx.shapes[1]) if need_b else None


class Conv2dFused(Function):
    """Saves x and w, and for an activation what its gradient is taken of: the result, or for silu and hardswish z."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Array,
        w: Array,
        b: Array | None,
        residual: Array | None,
        *,
        activation: str | None,
        out_size: Pair,
        **geometry: Any,
    ) -> Array:
        """y = activation(conv2d(x, w) + b + residual)."""
        ctx.geometry, ctx.activation = geometry, activation
        if activation in ("silu", "hardswish") and any(ctx.needs):
            z = kernels.conv2d_fused(x, w, b, residual, None, out_size=out_size, **geometry)
            ctx.save(x, w, z)
            y = getattr(kernels, activation)(z)
        else:
            y = z = kernels.conv2d_fused(x, w, b, residual, activation, out_size=out_size, **geometry)
            ctx.save(x, w, *((y,) if activation is not None else ()))
        if activation in SIDES:
            ctx.choices = lambda: SIDES[activation](z)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx, dw, db and that of the residual, each only if it is needed."""
        x, w, *z = ctx.saved
        need_x, need_w, _, need_residual = ctx.needs
        dz, db = _before_activation(ctx, dy, *z)
        del dy, z  # both are as large as dz, and nobody needs them while dx and dw are made
        ctx.save(x, w)
        ctx.choices = None
        dx = kernels.conv2d_dx(dz, w, x.shape, **ctx.geometry) if need_x else None
        dw = kernels.conv2d_dw(dz, x, w.shape, **ctx.geometry) if need_w else None
        return dx, dw, db, dz if need_residual else None


def _before_activation(ctx: Context, dy: Array, z: Any = None) -> tuple[Array, Array | None]:
    """Return dz, and db where it is needed: both in one step where both are to be made."""
    need_b = ctx.needs[2]
    if ctx.activation is None:
        return dy, kernels.channel_sums(dy) if need_b else None
    if need_b:
        return kernels.conv2d_fused_grads(dy, z, ctx.activation, **ctx.over)
    return getattr(kernels, f"{ctx.activation}_dx")(dy, z, **ctx.over), None


class ScaleChannels(Function):
    """Saves x and s."""

    @staticmethod
    def forward(ctx: Context, x: Array, s: Array) -> Array:
        """y[n, c] = x[n, c] · s[n, c]."""
        ctx.save(x, s)
        return kernels.scale_channels(x, s.reshape(x.shape[:2]))

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """dx = dy · s, ds = Σ dy · x over the pixels."""
        x, s = ctx.saved
        need_x, need_s = ctx.needs
        if not need_s:
            return kernels.scale_channels(dy, s.reshape(x.shape[:2])), None
        dx, ds = kernels.scale_channels_grads(dy, x, s.reshape(x.shape[:2]), **ctx.over)
        return dx if need_x else None, ds.reshape(s.shape)


def scale_channels(x: Tensor, s: Tensor) -> Tensor:
    """Multiply each channel of each picture by one number.

    Args:
        x: pictures (N, C, H, W).
        s: the numbers (N, C) or (N, C, 1, 1).

    Returns:
        y (N, C, H, W).

    Raises:
        ValueError: if the shapes do not fit.
        TypeError: if the operands are no tensors or differ in dtype or device.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.scale_channels(Tensor(np.ones((1, 2, 1, 2))), Tensor(np.array([[3.0, 5.0]]))).numpy()
        array([[[[3., 3.]],
                [[5., 5.]]]])
    """
    check_alike("scale_channels", x=x, s=s)
    check_rank("scale_channels", "x", x.shape, "N, C, H, W")
    n, c = x.shape[:2]
    if s.shape not in ((n, c), (n, c, 1, 1)):
        raise ValueError(
            f"scale_channels: s must have one number for each channel of each picture, shape ({n}, {c}) or "
            f"({n}, {c}, 1, 1); s.shape={s.shape}, x.shape={x.shape}"
        )
    return ScaleChannels.apply(x, s)


def conv2d_fused(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    residual: Tensor | None = None,
    *,
    activation: str | None = None,
    stride: IntOrPair = 1,
    padding: PaddingOrSame = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve, add a residual, and apply an activation: a whole layer of a network at inference.

    `minidl.fuse` makes networks of it.

    Args:
        x: pictures (N, C, H, W).
        w: kernels (O, C/groups, KH, KW).
        b: biases (O,), or None.
        residual: what is added to the result, of its shape, or None.
        activation: None, "relu", "relu6", "silu" or "hardswish".
        stride: step of the window.
        padding: zeros around the picture.
        dilation: distance between the taps.
        groups: groups of channels that only see each other.

    Returns:
        y (N, O, OH, OW).

    Raises:
        ValueError: if shapes do not fit, the activation is unknown, or a number is out of range.
        TypeError: if the operands are no tensors or differ in dtype or device.

    Example:
        >>> from minidl import Tensor, ops
        >>> x, w = Tensor([[[[1.0, -2.0]]]]), Tensor([[[[3.0]]]])
        >>> ops.conv2d_fused(x, w, residual=Tensor([[[[1.0, 1.0]]]]), activation="relu").numpy()
        array([[[[4., 0.]]]], dtype=float32)
    """
    check_alike("conv2d_fused", x=x, w=w, b=b, residual=residual)
    check_choice("conv2d_fused", "activation", activation, ACTIVATIONS)
    geometry = convolution_geometry("conv2d_fused", x, w, b, stride, padding, dilation, groups)
    shape = (x.shape[0], w.shape[0], *geometry["out_size"])
    if residual is not None and residual.shape != shape:
        raise ValueError(
            f"conv2d_fused: residual must have the shape of the result, {shape}; residual.shape={residual.shape}, "
            f"x.shape={x.shape}, w.shape={w.shape}"
        )
    return Conv2dFused.apply(x, w, b, residual, activation=activation, **geometry)

"""Fused forms: two steps that networks always take together, as one operation.

add + relu       the end of a residual block: y = max(a + b, 0)
scale_channels   the end of a squeeze-and-excitation block: each channel times its gate

(`batch_norm(…, activation=…)` in minidl/ops/norm.py is the third.) The formulas: minidl/kernels/textbook/fused.py.
"""

from __future__ import annotations

from minidl import kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_rank
from minidl.ops._broadcast import sum_to
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
        d = kernels.relu_dx(dy, y)
        need_a, need_b = ctx.needs
        return sum_to(d, ctx.shapes[0]) if need_a else None, sum_to(d, ctx.shapes[1]) if need_b else None


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
        dx, ds = kernels.scale_channels_grads(dy, x, s.reshape(x.shape[:2]))
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

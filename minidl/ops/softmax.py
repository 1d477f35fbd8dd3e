"""Softmax: numbers become the probabilities of a choice, along one axis.

    softmax      y_j = e^x_j / Σ_k e^x_k         dx = y·(dy - Σ dy·y)
    log_softmax  y_j = x_j - log Σ_k e^x_k       dx = dy - eʸ·Σ dy

The formulas are in minidl/kernels/textbook/activation.py; with a cross-entropy behind it, use `cross_entropy`, which
has both in one.
"""

from __future__ import annotations

from minidl import kernels
from minidl._backend import Array
from minidl._checks import check_alike, to_axis
from minidl.tensor import Context, Function, Tensor


class Softmax(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, axis: int) -> Array:
        """y = eˣ / Σ eˣ."""
        y = kernels.softmax(x, axis)
        ctx.save(y)
        ctx.axis = axis
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = y·(dy - Σ dy·y)."""
        (y,) = ctx.saved
        return kernels.softmax_dx(dy, y, ctx.axis)


class LogSoftmax(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, axis: int) -> Array:
        """y = x - log Σ eˣ."""
        y = kernels.log_softmax(x, axis)
        ctx.save(y)
        ctx.axis = axis
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy - eʸ·Σ dy."""
        (y,) = ctx.saved
        return kernels.log_softmax_dx(dy, y, ctx.axis)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return eˣ / Σ eˣ along one axis: numbers from 0 to 1 that sum to 1.

    Raises:
        ValueError: if the axis does not exist or has no element.
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.softmax(Tensor([[0.0, 0.0], [-1e4, 1e4]])).numpy()
        array([[0.5, 0.5],
               [0. , 1. ]], dtype=float32)
    """
    return Softmax.apply(x, axis=_axis("softmax", x, axis))


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return the logarithm of softmax along one axis, finite wherever x is.

    Raises:
        ValueError: if the axis does not exist or has no element.
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.log_softmax(Tensor([-1e4, 1e4])).numpy()
        array([-20000.,      0.], dtype=float32)
    """
    return LogSoftmax.apply(x, axis=_axis("log_softmax", x, axis))


def _axis(op: str, x: Tensor, axis: int) -> int:
    check_alike(op, x=x)
    axis = to_axis(op, axis, x.ndim)
    if x.shape[axis] == 0:
        raise ValueError(f"{op}: there is nothing to choose from along axis {axis}; x.shape={x.shape}")
    return axis

"""Activations: the non-linear functions between the layers, element by element.

dx = f'(x) · dy        the formulas of each stand in minidl/kernels/textbook/activation.py
"""

from __future__ import annotations

from minidl import kernels
from minidl._backend import Array
from minidl._checks import check_alike
from minidl.tensor import Context, Function, Tensor


class Relu(Function):
    """Saves its result, which the next layer keeps anyway; its choice is on which side of 0 each element lies."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = max(x, 0)."""
        y = kernels.relu(x)
        ctx.save(y)
        ctx.choices = lambda: y > 0
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy where y > 0."""
        (y,) = ctx.saved
        return kernels.relu_dx(dy, y)


def relu(x: Tensor) -> Tensor:
    """Return max(x, 0) of each element; the gradient at 0 is 0.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.relu(Tensor([-1.0, 0.0, 2.0])).numpy()
        array([0., 0., 2.], dtype=float32)
    """
    check_alike("relu", x=x)
    return Relu.apply(x)

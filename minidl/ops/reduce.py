"""Reductions: one number from many.

sum    y = Σ x                 dx = dy, repeated
mean   y = Σ x / M             dx = dy / M, repeated        M elements go into one result
"""

from __future__ import annotations

from typing import Any

from minidl import _backend
from minidl._backend import Array
from minidl._checks import check_alike, to_axes
from minidl.tensor import Context, Function, Tensor


def spread(dy: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """Repeat dy along the axes that were reduced: a read-only view of the old shape."""
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return _backend.array_module(dy).broadcast_to(dy.reshape(kept), shape)


class Sum(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, axes: tuple[int, ...], keepdims: bool) -> Array:
        """y = Σ x."""
        ctx.axes, ctx.x_shape = axes, x.shape
        return _backend.array_module(x).asarray(x.sum(axis=axes, keepdims=keepdims))

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy, repeated."""
        return spread(dy, ctx.x_shape, ctx.axes)


class Mean(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, axes: tuple[int, ...], keepdims: bool) -> Array:
        """y = Σ x / M."""
        ctx.axes, ctx.x_shape = axes, x.shape
        y = _backend.array_module(x).asarray(x.mean(axis=axes, keepdims=keepdims))
        ctx.count = x.size // max(1, y.size)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy / M, repeated."""
        return spread(dy / dy.dtype.type(ctx.count), ctx.x_shape, ctx.axes)


def sum(x: Tensor, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Add the elements up, along all axes (None) or some.

    Raises:
        ValueError: if an axis does not exist or is named twice.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([[1.0, 2.0], [3.0, 4.0]]).sum(axis=0).numpy()
        array([4., 6.], dtype=float32)
    """
    check_alike("sum", x=x)
    return Sum.apply(x, axes=to_axes("sum", axis, x.ndim), keepdims=keepdims)


def mean(x: Tensor, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Average the elements, along all axes (None) or some.

    Raises:
        ValueError: if an axis does not exist or is named twice, or if there is nothing to average.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([[1.0, 2.0], [3.0, 4.0]]).mean().item()
        2.5
    """
    check_alike("mean", x=x)
    axes = to_axes("mean", axis, x.ndim)
    if any(x.shape[axis] == 0 for axis in axes):
        raise ValueError(f"mean: there is nothing to average; x.shape={x.shape}, axis={axis}")
    return Mean.apply(x, axes=axes, keepdims=keepdims)

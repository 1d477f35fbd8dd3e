"""Reductions: one number from many.

sum    y = Σ x                      dx = dy, repeated
mean   y = Σ x / M = μ              dx = dy / M, repeated         M elements go into one result
max    y = the largest x            dx = dy at the first largest element, else 0
var    y = Σ (x - μ)² / (M - k)     dx = 2·(x - μ)/(M - k) · dy

In var, μ depends on x, too, but that adds nothing: ∂y/∂μ = -2·Σ (x - μ)/(M - k) = 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import check_alike, check_positive, check_tensor, to_axes, to_flag, to_result
from minidl.kernels.textbook.sums import average, difference, rounded, total
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
        return rounded(total(x, axes, keepdims), x.dtype)

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
        ctx.count = math.prod(x.shape[axis] for axis in axes)
        return average(x, axes, keepdims)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy / M, repeated."""
        return spread(dy / dy.dtype.type(ctx.count), ctx.x_shape, ctx.axes)


class Max(Function):
    """Saves which element won, counted in reading order, as the smallest integer type that can count them."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, axes: tuple[int, ...], keepdims: bool) -> Array:
        """The largest element."""
        xp = _backend.array_module(x)
        ctx.order = (*(axis for axis in range(x.ndim) if axis not in axes), *axes)
        ctx.sizes = tuple(x.shape[axis] for axis in ctx.order)
        kept, count = ctx.sizes[: x.ndim - len(axes)], math.prod(ctx.sizes[x.ndim - len(axes) :])
        rows = x.transpose(ctx.order).reshape(*kept, count)  # what is compared with each other lies in one row
        winners = rows.argmax(axis=-1)[..., None]
        y = xp.take_along_axis(rows, winners, axis=-1)
        winners = winners.astype("uint8" if count <= 2**8 else "uint16" if count <= 2**16 else "int64")
        ctx.save(winners)
        ctx.choices, ctx.count = winners, count
        return y.reshape([1 if axis in axes else size for axis, size in enumerate(x.shape)] if keepdims else kept)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy at the winner."""
        (winners,) = ctx.saved
        xp = _backend.array_module(dy)
        here = xp.arange(ctx.count) == winners
        dx = xp.where(here, dy.reshape(winners.shape), dy.dtype.type(0))
        return dx.reshape(ctx.sizes).transpose([ctx.order.index(axis) for axis in range(len(ctx.order))])


class Var(Function):
    """Saves x and its mean, which is float64."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, axes: tuple[int, ...], correction: float, keepdims: bool) -> Array:
        """y = Σ (x - μ)² / (M - k)."""
        m = math.prod(x.shape[axis] for axis in axes)
        mean = rounded(total(x, axes, keepdims=True) / m, "float64")
        ctx.save(x, mean)
        ctx.axes, ctx.count = axes, m - correction
        centred = difference(x, mean)
        return rounded(total(centred * centred, axes, keepdims) / ctx.count, x.dtype)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = 2·(x - μ)/(M - k) · dy."""
        x, mean = ctx.saved
        return difference(x, mean) * spread(dy * dy.dtype.type(2 / ctx.count), x.shape, ctx.axes)


def sum(x: Tensor, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Add the elements up, along all axes (None) or some; whole numbers and bools without a gradient.

    Raises:
        ValueError: if an axis does not exist or is named twice.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([[1.0, 2.0], [3.0, 4.0]]).sum(axis=0).numpy()
        array([4., 6.], dtype=float32)
    """
    check_tensor("sum", "x", x)
    keepdims = to_flag("sum", "keepdims", keepdims)
    axes = to_axes("sum", axis, x.ndim)
    if x.dtype.kind != "f":
        return _of_whole("sum", x, axes, keepdims)
    check_alike("sum", x=x)
    return Sum.apply(x, axes=axes, keepdims=keepdims)


def mean(x: Tensor, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Average the elements, along all axes (None) or some; whole numbers and bools to float32, without a gradient.

    Raises:
        ValueError: if an axis does not exist or is named twice, or if there is nothing to average.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([[1.0, 2.0], [3.0, 4.0]]).mean().item()
        2.5
    """
    check_tensor("mean", "x", x)
    keepdims = to_flag("mean", "keepdims", keepdims)
    axes = to_axes("mean", axis, x.ndim)
    if any(x.shape[axis] == 0 for axis in axes):
        raise ValueError(f"mean: there is nothing to average; x.shape={x.shape}, axis={axis}")
    if x.dtype.kind != "f":
        return _of_whole("mean", x, axes, keepdims)
    check_alike("mean", x=x)
    return Mean.apply(x, axes=axes, keepdims=keepdims)


def max(x: Tensor, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Return the largest element, along all axes (None) or some; NaN counts as the largest.

    Where several are the largest, the first in reading order gets the whole gradient. (PyTorch does so along one axis,
    and divides the gradient evenly when all axes are reduced.)

    Raises:
        ValueError: if an axis does not exist or is named twice, or if there is nothing to compare.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).max(axis=1).numpy()
        array([4., 3.], dtype=float32)
    """
    check_tensor("max", "x", x)
    keepdims = to_flag("max", "keepdims", keepdims)
    axes = to_axes("max", axis, x.ndim)
    if any(x.shape[axis] == 0 for axis in axes):
        raise ValueError(f"max: there is nothing to compare; x.shape={x.shape}, axis={axis}")
    if x.dtype.kind != "f":
        return _of_whole("max", x, axes, keepdims)
    check_alike("max", x=x)
    return Max.apply(x, axes=axes, keepdims=keepdims)


def var(x: Tensor, axis: Any = None, *, correction: float = 1, keepdims: bool = False) -> Tensor:
    """Return the variance Σ (x - mean)² / (M - correction), along all axes (None) or some.

    Args:
        x: any shape.
        axis: the axes along which M elements go into each result.
        correction: 1 (default, as in PyTorch) for the unbiased estimate, 0 for the variance of the elements themselves
            (NumPy's default).
        keepdims: whether reduced axes stay, with size 1.

    Raises:
        ValueError: if an axis does not exist or is named twice, or if there are too few elements.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([1.0, 2.0, 3.0]).var().item(), Tensor([1.0, 3.0]).var(correction=0).item()
        (1.0, 1.0)
    """
    check_alike("var", x=x)
    keepdims = to_flag("var", "keepdims", keepdims)
    check_positive("var", "correction", correction, zero=True)
    axes = to_axes("var", axis, x.ndim)
    count = math.prod(x.shape[axis] for axis in axes)
    if count <= correction:
        raise ValueError(
            f"var: needs more than {correction} elements for each result (it divides by M - correction = "
            f"{count} - {correction}); x.shape={x.shape}, axis={axis}; correction=0 needs only one"
        )
    return Var.apply(x, axes=axes, correction=correction, keepdims=keepdims)


def _of_whole(op: str, x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """Reduce whole numbers or bools, which have no gradient."""
    settings = {"dtype": np.float64} if op == "mean" else {}
    result = to_result(op, getattr(x._data, op)(axis=axes, keepdims=keepdims, **settings))
    return Tensor(result.astype(np.float32) if op == "mean" else result)

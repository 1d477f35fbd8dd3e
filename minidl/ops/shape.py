"""Operations that move numbers without changing them. The gradient moves each number back.

reshape    the same numbers in another shape        dx = dy in the old shape
transpose  axes in another order                    dx = dy with the axes put back
index      some of the numbers, x[key]              dx is 0 but for += dy at the places that were taken
"""

from __future__ import annotations

import math
from typing import Any

from minidl import _backend
from minidl._backend import Array
from minidl._checks import check_alike, is_int, to_axis
from minidl.tensor import Context, Function, Tensor


class Reshape(Function):
    """Saves nothing. The result is a copy only if the memory order asks for one; tensors are never changed in place."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, shape: tuple[int, ...]) -> Array:
        """The same numbers in another shape."""
        ctx.x_shape = x.shape
        return x.reshape(shape)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dy in the old shape."""
        return dy.reshape(ctx.x_shape)


class Transpose(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, axes: tuple[int, ...]) -> Array:
        """The axes in another order."""
        ctx.axes = axes
        return x.transpose(axes)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """The axes put back."""
        return dy.transpose([ctx.axes.index(axis) for axis in range(dy.ndim)])


class Index(Function):
    """Saves nothing but the key."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, key: Any) -> Array:
        """x[key]."""
        ctx.key, ctx.x_shape = key, x.shape
        y = _backend.array_module(x).asarray(x[key])
        return _backend.copy(y)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """+= dy at the places that were taken; a place taken twice gets both."""
        dx = _backend.full(ctx.x_shape, 0, dy.dtype, like=dy)
        _backend.array_module(dy).add.at(dx, ctx.key, dy)
        return dx


def reshape(x: Tensor, *shape: Any) -> Tensor:
    """Return the same numbers in another shape; one size may be -1 and is worked out.

    Raises:
        ValueError: if the number of elements would change.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor
        >>> Tensor(np.zeros((2, 3, 4))).reshape(2, -1).shape
        (2, 12)
    """
    check_alike("reshape", x=x)
    sizes = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    known = math.prod(size for size in sizes if size != -1) if all(is_int(size) for size in sizes) else 0
    missing = list(sizes).count(-1)
    if missing == 1 and known and x.size % known == 0:
        sizes, missing = tuple(x.size // known if size == -1 else size for size in sizes), 0
    if missing or not all(is_int(size) and size >= 0 for size in sizes) or math.prod(sizes) != x.size:
        raise ValueError(
            f"reshape: the sizes must multiply to the {x.size} elements of x (one may be -1); "
            f"received shape={sizes}, x.shape={x.shape}"
        )
    return Reshape.apply(x, shape=sizes)


def flatten(x: Tensor, start_axis: int = 1) -> Tensor:
    """Join all axes from start_axis on into one: (N, C, H, W) -> (N, C·H·W).

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.flatten(Tensor(np.zeros((2, 16, 5, 5)))).shape
        (2, 400)
    """
    check_alike("flatten", x=x)
    start = to_axis("flatten", start_axis, x.ndim)
    return Reshape.apply(x, shape=(*x.shape[:start], math.prod(x.shape[start:])))


def transpose(x: Tensor, *axes: Any) -> Tensor:
    """Return x with its axes in the given order; without one, in reverse.

    Raises:
        ValueError: if the axes are not a permutation.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor
        >>> Tensor(np.zeros((2, 3, 4))).transpose(0, 2, 1).shape
        (2, 4, 3)
    """
    check_alike("transpose", x=x)
    order = tuple(axes[0]) if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
    order = order or tuple(reversed(range(x.ndim)))
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"transpose: axes must be an order of {tuple(range(x.ndim))}; received axes={order}")
    return Transpose.apply(x, axes=order)


def index(x: Tensor, key: Any) -> Tensor:
    """Return x[key] as NumPy would: numbers, slices, integer or boolean arrays.

    Raises:
        IndexError: if the key does not fit the shape.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([[1.0, 2.0], [3.0, 4.0]])[:, 1].numpy()
        array([2., 4.], dtype=float32)
    """
    check_alike("index", x=x)
    key = tuple(part.data if isinstance(part, Tensor) else part for part in key) if isinstance(key, tuple) else key
    key = key.data if isinstance(key, Tensor) else key
    try:
        return Index.apply(x, key=key)
    except IndexError as error:
        raise IndexError(f"index: {error}; x.shape={x.shape}") from None

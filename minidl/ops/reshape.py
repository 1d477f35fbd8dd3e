"""The same numbers in another shape. The gradient is dy in the old one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl._backend import Array
from minidl._checks import check_tensor, is_int, shown, to_axis, to_int
from minidl.kernels._launches import is_noting, note_made
from minidl.tensor import Context, Function, Tensor


class Reshape(Function):
    """Saves nothing. The result is a copy only if the memory order asks for one; tensors are never changed in place."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, shape: tuple[int, ...]) -> Array:
        """The same numbers in another shape."""
        ctx.x_shape = x.shape
        y = x.reshape(shape)
        return y if is_noting() is None or np.may_share_memory(x, y) else note_made(y, np.reshape, x, shape)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dy in the old shape."""
        return dy.reshape(ctx.x_shape)


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
    check_tensor("reshape", "x", x)
    sizes = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    cut = _worked_out(sizes, x.numel())
    if cut is None:
        raise ValueError(
            f"reshape: the sizes must multiply to the {x.numel()} elements of x (one may be -1); "
            f"received shape={shown(sizes)}, x.shape={x.shape}"
        )
    return Reshape.apply(x, shape=cut)


def flatten(x: Tensor, start_axis: int = 1, end_axis: int = -1) -> Tensor:
    """Join all axes from start_axis to end_axis into one: (N, C, H, W) -> (N, C·H·W).

    Raises:
        ValueError: if an axis does not exist, or they come in the wrong order.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.flatten(Tensor(np.zeros((2, 16, 5, 5)))).shape
        (2, 400)
    """
    check_tensor("flatten", "x", x)
    start, end = to_axis("flatten", start_axis, x.ndim), to_axis("flatten", end_axis, x.ndim)
    if end < start:
        raise ValueError(
            f"flatten: end_axis must not lie before start_axis; received start_axis={start_axis}, end_axis={end_axis}, "
            f"x.shape={x.shape}"
        )
    return Reshape.apply(x, shape=(*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


def unflatten(x: Tensor, axis: int, sizes: Any) -> Tensor:
    """Cut one axis into several: the reverse of `flatten`.

    Args:
        x: any shape.
        axis: which one.
        sizes: of the axes that stand in its place, a tuple; one may be -1 and is worked out.

    Raises:
        ValueError: if the axis does not exist, or the sizes do not multiply to its size.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.unflatten(Tensor(np.zeros((2, 400))), 1, (16, 5, -1)).shape
        (2, 16, 5, 5)
    """
    check_tensor("unflatten", "x", x)
    check_cut("unflatten", axis, sizes)
    axis = to_axis("unflatten", axis, x.ndim)
    cut = _worked_out(sizes, x.shape[axis])
    if cut is None:
        raise ValueError(
            f"unflatten: the sizes must multiply to x.shape[{axis}] = {x.shape[axis]} (one may be -1); "
            f"received sizes={shown(sizes)}, x.shape={x.shape}"
        )
    return Reshape.apply(x, shape=(*x.shape[:axis], *cut, *x.shape[axis + 1 :]))


def check_cut(op: str, axis: Any, sizes: Any) -> None:
    """Judge what does not depend on the tensor."""
    to_int(op, "axis", axis, least=None)
    if not isinstance(sizes, (tuple, list)) or not sizes or not all(is_int(size) and size >= -1 for size in sizes):
        raise ValueError(f"{op}: sizes must be a tuple of ints >= 0 (one may be -1); received sizes={shown(sizes)}")


def _worked_out(sizes: Any, total: int) -> tuple[int, ...] | None:
    """Return sizes that multiply to the total, -1 replaced by what is left for it; None if there are none."""
    if not all(is_int(size) for size in sizes):
        return None
    known = math.prod(size for size in sizes if size != -1)
    if sum(size == -1 for size in sizes) == 1 and known and total % known == 0:
        sizes = [total // known if size == -1 else size for size in sizes]
    return tuple(map(int, sizes)) if all(size >= 0 for size in sizes) and math.prod(sizes) == total else None

"""Operands of different shapes: numbers become tensors, and gradients are summed back over what was repeated.

Broadcasting repeats an operand along an axis. What is used several times gets the sum of the gradients of its uses, so
the gradient of a repeated operand is summed over that axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import FLOATS, Array
from minidl._checks import NUMBERS, check_alike
from minidl.kernels.textbook.sums import rounded, total
from minidl.tensor import Tensor


def sum_to(dy: Array, shape: tuple[int, ...]) -> Array:
    """Sum dy over the axes along which an operand of this shape was repeated."""
    if dy.shape == shape:
        return dy
    new = dy.ndim - len(shape)
    repeated = tuple(new + axis for axis, size in enumerate(shape) if size == 1 and dy.shape[new + axis] != 1)
    return rounded(total(dy, (*range(new), *repeated), keepdims=True), dy.dtype).reshape(shape)


def as_operands(op: str, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return both operands as tensors of one dtype on one device.

    A plain number takes those of the other operand; a mask counts as 0 and 1 beside floats.
    """
    like = x if isinstance(x, Tensor) else y
    if not isinstance(like, Tensor):
        found = f"a {type(x).__name__} and a {type(y).__name__}"
        raise TypeError(f"{op}: at least one operand must be a Tensor; received {found}")
    x, y = as_tensor(x, like), as_tensor(y, like)
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        x, y = _counted(x, y), _counted(y, x)
    check_alike(op, x=x, y=y)
    return x, y


def as_tensor(operand: Any, like: Tensor) -> Any:
    """Wrap a plain number as a tensor of the dtype and device of `like`, an array as a tensor; leave others alone."""
    if isinstance(operand, NUMBERS):
        return Tensor(_backend.full((), operand, like.dtype, like=like._data))
    return Tensor(operand) if _backend.is_array(operand) else operand


def _counted(operand: Tensor, other: Tensor) -> Tensor:
    """Return a mask beside floats as floats 0 and 1, anything else as it is."""
    if operand.dtype == np.bool_ and other.dtype in FLOATS:
        return Tensor(operand._data.astype(other.dtype))
    return operand

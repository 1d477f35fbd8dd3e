"""How many bytes arrays take for a batch, and what they would take in another type of number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._backend import Array, is_array
from minidl._checks import check_choice
from minidl._sharing import owner

WIDTHS = {"float8": 1, "bfloat16": 2, "float16": 2, "float32": 4, "float64": 8}  # bytes of a number


@dataclass(frozen=True)
class Storage:
    """What arrays of an empty batch would take with all its pictures.

    Attributes:
        batch: how many pictures there are.
        of: the type of the network's own numbers; others (masks, winners, float64 statistics) stay as they are.
        dtype: in which they would be kept.
    """

    batch: int
    of: np.dtype
    dtype: str

    @property
    def itemsize(self) -> int:
        """Bytes of one of the network's numbers."""
        return WIDTHS[self.dtype]

    def bytes(self, array: Array) -> int:
        """Return what an array takes: the axis of 0 is that of the pictures; one without it counts once."""
        return self.numbers(array.shape) * (self.itemsize if array.dtype == self.of else array.dtype.itemsize)

    def numbers(self, shape: Sequence[int]) -> int:
        """Return how many numbers a shape holds."""
        return math.prod(side if side else self.batch for side in shape)

    def memory(self, array: Array) -> tuple[int, int]:
        """Return what the memory below an array is called, and its bytes: views of one array stand on the same."""
        whole: Any = owner(array)
        return id(whole), self.bytes(whole if is_array(whole) else array)


def to_dtype(op: str, dtype: str | None, own: np.dtype) -> str:
    """Return the name of a type of number, that of the network's own numbers for None."""
    if dtype is not None:
        check_choice(op, "dtype", dtype, WIDTHS)
    return own.name if dtype is None else dtype

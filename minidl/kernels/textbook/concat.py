"""Concatenation: arrays behind each other along one axis.

The gradient needs no kernel: each array gets its slice of dy, which is a view.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from minidl import _backend
from minidl._backend import Array


def places(sizes: Sequence[int], axis: int) -> Iterator[tuple[slice, ...]]:
    """Yield where each array lies: slices up to that axis."""
    ends = list(itertools.accumulate(sizes))
    for start, end in zip([0, *ends], ends):
        yield (*(slice(None),) * axis, slice(start, end))


def concat(arrays: Sequence[Array], axis: int) -> Array:
    """Return the arrays behind each other; the result lies in memory like the first."""
    first, sizes = arrays[0], [array.shape[axis] for array in arrays]
    y = _backend.empty((*first.shape[:axis], sum(sizes), *first.shape[axis + 1 :]), first.dtype, like=first)
    for place, array in zip(places(sizes, axis), arrays, strict=True):
        y[place] = array
    return y

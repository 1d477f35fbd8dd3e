"""Channels-last: how pictures lie in memory for the fast kernels.

A picture is N, C, H, W to everybody; in memory it is an N, H, W, C block, so that all channels of a pixel lie together
and sixteen of them make a vector. These functions go from one view to the other; they copy only what lies otherwise.
"""

from __future__ import annotations

import functools

import numpy as np

from minidl._backend import empty_channels_last
from minidl._memory import POOL
from minidl.kernels.cpu.memory.copies import copied, memory_of


def channels_last(x: np.ndarray) -> np.ndarray:
    """Return x (N, C, H, W) with its memory as an N, H, W, C block: x itself, or a copy if it lies otherwise."""
    if x.transpose(0, 2, 3, 1).flags.c_contiguous:
        return x
    return copied(x, empty_channels_last(x.shape, x.dtype))


def pixels(x: np.ndarray) -> np.ndarray:
    """Return x (N, C, H, W) as a contiguous block (N, H, W, C): a view, or a copy if it lies otherwise."""
    block = x.transpose(0, 2, 3, 1)
    return block if block.flags.c_contiguous else channels_last(x).transpose(0, 2, 3, 1)


def one_row(block: np.ndarray) -> np.ndarray:
    """Return a contiguous block (N, H, W, C) as one picture of one row (1, 1, N·H·W, C): a view."""
    return block.reshape(1, 1, -1, block.shape[3])


def rows(x: np.ndarray) -> np.ndarray:
    """Return x (N, C, H, W) as rows of channels (N·H·W, C), and x (N, M) as it is: a view, or a copy."""
    if x.ndim == 2:
        return plain(x)
    return pixels(x).reshape(-1, x.shape[1])


def strided_rows(x: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the memory of x (N, C, H, W) or (N, M) as a flat array, and the distance from one row to the next.

    A row holds the channels of a pixel. Where x is a slice of the channels of a wider block, as one part of a
    concatenation is, the rows lie further apart than they are long, and nothing is copied. Anything else is.
    """
    return rows_in_place(x) or (rows(x).reshape(-1), x.shape[1])


def rows_in_place(x: np.ndarray) -> tuple[np.ndarray, int] | None:
    """Return what `strided_rows` returns where it copies nothing, else None."""
    view = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
    if view.flags.c_contiguous:
        return view.reshape(-1), view.shape[-1]
    step = _distance_of_rows(view)
    return (memory_of(view), step) if step else None


def _distance_of_rows(view: np.ndarray) -> int:
    """Return the distance in numbers if all rows are contiguous and equally far apart, else 0."""
    return _distance(view.shape, view.strides, view.itemsize) if view.flags.aligned else 0


@functools.lru_cache(maxsize=1024)  # training asks again at every step
def _distance(shape: tuple[int, ...], every: tuple[int, ...], item: int) -> int:
    *sizes, width = shape
    *strides, inner = every
    if width > 1 and inner != item:
        return 0
    step, count = -1, 1
    for size, stride in zip(reversed(sizes), reversed(strides)):
        if size == 1:
            continue
        if step < 0:
            step = stride  # 0 where rows are repeated: then all of them must be
        if stride != step * count or stride % item:
            return 0
        count *= size
    return step // item if step >= width * item else 0


def plain(x: np.ndarray) -> np.ndarray:
    """Return x in C order: x itself, or a copy if it lies otherwise."""
    return x if x.flags.c_contiguous else copied(x, POOL.empty(x.shape, x.dtype))


def dense(x: np.ndarray) -> np.ndarray:
    """Return x without gaps, in one of the two orders that `flat` can see as one row: C order or channels-last."""
    return channels_last(x) if _by_pixels(x) else plain(x)


def alike(x: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Return x in the memory order of `model`, which is `dense`: x itself, or a copy if it lies otherwise."""
    return plain(x) if model.flags.c_contiguous else channels_last(x)


def flat(x: np.ndarray) -> np.ndarray:
    """Return the numbers of a `dense` array in the order in which they lie in memory: always a view."""
    return (x if x.flags.c_contiguous else x.transpose(0, 2, 3, 1)).reshape(-1)


def _by_pixels(x: np.ndarray) -> bool:
    """Tell whether x is read pixel by pixel; else it is read in C order."""
    return x.ndim == 4 and not x.flags.c_contiguous


def empty_dense(x: np.ndarray) -> np.ndarray:
    """Allocate a result in the order in which x is read, without gaps."""
    return empty_channels_last(x.shape, x.dtype) if _by_pixels(x) else POOL.empty(x.shape, x.dtype)


def result_over(given: np.ndarray, x: np.ndarray, over: bool) -> np.ndarray:
    """Return memory for a result in the order in which x is read: with `over` that of `given`, where it lies so."""
    return given if over and _may_hold(given, _by_pixels(x)) else empty_dense(x)


def channels_last_over(given: np.ndarray, over: bool) -> np.ndarray:
    """Return memory for a result like `given`, (N, M) or channels-last: with `over` its own, where it lies so."""
    if over and _may_hold(given, given.ndim == 4):
        return given
    return empty_channels_last(given.shape, given.dtype) if given.ndim == 4 else empty_dense(given)


def _may_hold(given: np.ndarray, by_pixels: bool) -> bool:
    """Tell whether the memory of an array can be that of a result in C order, or pixel by pixel."""
    in_order = given.transpose(0, 2, 3, 1) if by_pixels else given
    return bool(in_order.flags.c_contiguous and given.flags.writeable)


def lies_in_rows(x: np.ndarray) -> bool:
    """Tell whether `rows_alike` can read x where it lies."""
    return bool(x.flags.c_contiguous or (x.ndim == 4 and _distance_of_rows(x.transpose(0, 2, 3, 1))))


def rows_alike(x: np.ndarray, *others: np.ndarray) -> tuple[list[tuple[np.ndarray, int]], int, int]:
    """Return arrays of one shape as rows of equally many numbers, in the order of the first.

    Returns:
        For each its memory as a flat array, and the distance from one of its rows to the next.
        How many rows there are, and how many numbers each has: one long row where all lie without gaps.
    """
    arrays = (x, *others)
    if not _by_pixels(x):
        return [(plain(array).reshape(-1), x.size) for array in arrays], 1, x.size
    found, width = [strided_rows(array) for array in arrays], x.shape[1]
    if all(step == width for _, step in found):
        return found, 1, x.size
    return found, x.size // width, width

"""Channels-last: how pictures lie in memory for the fast kernels.

A picture is N, C, H, W to everybody; in memory it is an N, H, W, C block, so that all channels of a pixel lie together
and sixteen of them make a vector. These functions go from one view to the other; they copy only what lies otherwise.
"""

from __future__ import annotations

import numpy as np

from minidl._backend import empty_channels_last


def channels_last(x: np.ndarray) -> np.ndarray:
    """Return x (N, C, H, W) with its memory as an N, H, W, C block: x itself, or a copy if it lies otherwise."""
    if x.transpose(0, 2, 3, 1).flags.c_contiguous:
        return x
    copy = empty_channels_last(x.shape, x.dtype)
    copy[...] = x
    return copy


def pixels(x: np.ndarray) -> np.ndarray:
    """Return x (N, C, H, W) as a contiguous block (N, H, W, C): a view, or a copy if it lies otherwise."""
    return channels_last(x).transpose(0, 2, 3, 1)


def rows(x: np.ndarray) -> np.ndarray:
    """Return x (N, C, H, W) as rows of channels (N·H·W, C), and x (N, M) as it is: a view, or a copy."""
    if x.ndim == 2:
        return np.ascontiguousarray(x)
    return pixels(x).reshape(-1, x.shape[1])


def strided_rows(x: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the memory of x (N, C, H, W) or (N, M) as a flat array, and the distance from one row to the next.

    A row holds the channels of a pixel. Where x is a slice of the channels of a wider block, as one part of a
    concatenation is, the rows lie further apart than they are long, and nothing is copied. Anything else is.
    """
    view = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
    if view.flags.c_contiguous:
        return view.reshape(-1), view.shape[-1]
    step = _distance_of_rows(view)
    if not step:
        return rows(x).reshape(-1), view.shape[-1]
    count = view.size // view.shape[-1]
    length = (count - 1) * step + view.shape[-1]
    return np.lib.stride_tricks.as_strided(view, (length,), (view.itemsize,), writeable=False), step


def _distance_of_rows(view: np.ndarray) -> int:
    """Return the distance in numbers if all rows are contiguous and equally far apart, else 0."""
    *sizes, width = view.shape
    *strides, inner = view.strides
    if (width > 1 and inner != view.itemsize) or view.ctypes.data % view.itemsize:
        return 0
    step, count = 0, 1
    for size, stride in zip(reversed(sizes), reversed(strides)):
        if size == 1:
            continue
        step = step or stride // count
        if stride != step * count or stride % view.itemsize:
            return 0
        count *= size
    return step // view.itemsize if step >= width * view.itemsize else 0


def dense(x: np.ndarray) -> np.ndarray:
    """Return x without gaps, in one of the two orders that `flat` can see as one row: C order or channels-last."""
    if x.flags.c_contiguous:
        return x
    return channels_last(x) if x.ndim == 4 else np.ascontiguousarray(x)


def alike(x: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Return x in the memory order of `model`, which is `dense`: x itself, or a copy if it lies otherwise."""
    return np.ascontiguousarray(x) if model.flags.c_contiguous else channels_last(x)


def flat(x: np.ndarray) -> np.ndarray:
    """Return the numbers of a `dense` array in the order in which they lie in memory: always a view."""
    return (x if x.flags.c_contiguous else x.transpose(0, 2, 3, 1)).reshape(-1)

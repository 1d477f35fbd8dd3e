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

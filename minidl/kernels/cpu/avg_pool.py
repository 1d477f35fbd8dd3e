"""Averages over windows, whoever chose these: a kernel of fixed size, an output of fixed size, or the whole picture.

A window is a range of rows and a range of columns. Tables say where each begins and ends, so that one kernel averages
all of them; backward, they say which windows lie over a pixel. As in `max_pool.py`, four vectors side by side share
what a pixel costs besides its arithmetic, and what is left of the channels goes one vector at a time.

**Digits.** A window may be a whole picture. FEW pixels are added up as floats, and such sums as doubles: short rows of
a window together, long ones in pieces.
"""

from __future__ import annotations

import functools

import numpy as np
from numba import prange

from minidl import _backend
from minidl._checks import Padding, Pair
from minidl._threads import get_num_threads
from minidl.kernels.cpu.door import door, judged_windows
from minidl.kernels.cpu.max_pool import ACROSS, ZERO, store_four
from minidl.kernels.cpu.memory.layout import pixels
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.crew import divided
from minidl.kernels.cpu.simd.load_store import load, load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, fma, narrow, splat, widen
from minidl.kernels.textbook import pool as textbook

FEW = 9  # a window of 3×3 is added up in one go
ENOUGH = 2**14  # numbers, for which it pays to wake the other threads


@inline
def _sum(x, c, channels, width, top, bottom, left, right):
    """Add up sixteen channels, from c on, of a few pixels: rows top … bottom - 1 by columns left … right - 1."""
    total = splat(ZERO)
    for row in range(top, bottom):
        for pixel in range(row * width + left, row * width + right):
            total = total + load_some(x, pixel * channels + c, channels - c)
    return total


@inline
def _four_sums(x, c, channels, width, top, bottom, left, right):
    """Add up sixty-four channels, four vectors side by side."""
    s0 = s1 = s2 = s3 = splat(ZERO)
    for row in range(top, bottom):
        for pixel in range(row * width + left, row * width + right):
            place = pixel * channels + c
            s0, s1 = s0 + load(x, place), s1 + load(x, place + 16)
            s2, s3 = s2 + load(x, place + 32), s3 + load(x, place + 48)
    return s0, s1, s2, s3


@kernel("void(r4, ri1, ri1, rd1, ri1, ri1, rd1, i, w4, i)")
def _average(x, tops, bottoms, shares_h, lefts, rights, shares_w, parts, y, threads):
    """Average windows: rows tops[i] … bottoms[i] - 1 by lefts[j] … rights[j] - 1, times the shares of both.

    A job is a row of windows and a part of the channels.
    """
    n, h, width, channels = x.shape
    oh, ow = y.shape[1], y.shape[2]
    x, y = x.reshape(-1), y.reshape(-1)
    units = (channels + ACROSS - 1) // ACROSS
    for job in prange(n * oh * parts):
        line, part = job // parts, job % parts
        picture, i, begin = line // oh, line % oh, part * units // parts * ACROSS
        behind = min(channels, (part + 1) * units // parts * ACROSS)
        whole = begin + (behind - begin) // ACROSS * ACROSS
        first, last = picture * h + tops[i], picture * h + bottoms[i]
        for j in range(ow):
            at, share, left, right = (line * ow + j) * channels, splat(shares_h[i] * shares_w[j]), lefts[j], rights[j]
            rows = max(1, FEW // max(1, right - left))
            for c in range(begin, whole, ACROSS):
                t0 = t1 = t2 = t3 = splat(0.0)
                for row in range(first, last, rows):
                    end = min(row + rows, last)
                    for column in range(left, right, FEW):
                        stop = min(column + FEW, right)
                        s0, s1, s2, s3 = _four_sums(x, c, channels, width, row, end, column, stop)
                        t0, t1, t2, t3 = t0 + widen(s0), t1 + widen(s1), t2 + widen(s2), t3 + widen(s3)
                store_four(y, at + c, narrow(t0 * share), narrow(t1 * share), narrow(t2 * share), narrow(t3 * share))
            for c in range(whole, behind, LANES):
                total = splat(0.0)
                for row in range(first, last, rows):
                    end = min(row + rows, last)
                    for column in range(left, right, FEW):
                        total = total + widen(_sum(x, c, channels, width, row, end, column, min(column + FEW, right)))
                store_some(y, at + c, narrow(total * share), channels - c)


@kernel("void(r4, ri1, ri1, rd1, ri1, ri1, rd1, w4, i)")
def _average_dx(dy, tops, bottoms, shares_h, lefts, rights, shares_w, dx, threads):
    """Spread dy: pixel (i, j) lies under windows tops[i] … bottoms[i] - 1 by lefts[j] … rights[j] - 1."""
    n, h, width, channels = dx.shape
    oh, ow = dy.shape[1], dy.shape[2]
    dy, dx = dy.reshape(-1), dx.reshape(-1)
    whole = channels // ACROSS * ACROSS
    for job in prange(n * h):
        picture, i = job // h, job % h
        for j in range(width):
            at = (job * width + j) * channels
            for c in range(0, whole, ACROSS):
                t0 = t1 = t2 = t3 = splat(ZERO)
                for row in range(tops[i], bottoms[i]):
                    for column in range(lefts[j], rights[j]):
                        share = splat(np.float32(shares_h[row] * shares_w[column]))
                        place = ((picture * oh + row) * ow + column) * channels + c
                        t0, t1 = fma(load(dy, place), share, t0), fma(load(dy, place + 16), share, t1)
                        t2, t3 = fma(load(dy, place + 32), share, t2), fma(load(dy, place + 48), share, t3)
                store_four(dx, at + c, t0, t1, t2, t3)
            for c in range(whole, channels, LANES):
                total = splat(ZERO)
                for row in range(tops[i], bottoms[i]):
                    for column in range(lefts[j], rights[j]):
                        share = splat(np.float32(shares_h[row] * shares_w[column]))
                        place = ((picture * oh + row) * ow + column) * channels + c
                        total = fma(load_some(dy, place, channels - c), share, total)
                store_some(dx, at + c, total, channels - c)


Ends = tuple[np.ndarray, np.ndarray, np.ndarray]  # first, end and share of every window of one axis


def _ends(first: np.ndarray, end: np.ndarray, counts: np.ndarray, size: int) -> Ends:
    with np.errstate(divide="ignore"):
        return np.clip(first, 0, size), np.clip(end, 0, size), 1 / counts


def _over(ends: Ends, size: int) -> Ends:
    """Turn the table around: for every pixel the first window over it, and the end of those windows."""
    (first, end, shares), places = ends, np.arange(size)
    return np.searchsorted(end, places, "right"), np.searchsorted(first, places, "right"), shares


@functools.lru_cache(maxsize=256)  # a network asks the same again for every batch
def _fixed(size: int, kernel: int, stride: int, padding: Pair, count: int, count_include_pad: bool) -> Ends:
    """Return the windows of `avg_pool2d` along one axis; padding counts as zeros or not at all."""
    first = np.arange(count) * stride - padding[0]
    end = np.minimum(first + kernel, size + padding[1])
    counts = end - first if count_include_pad else np.minimum(end, size) - np.maximum(first, 0)
    return _ends(first, end, counts, size)


@functools.lru_cache(maxsize=256)
def _adaptive(size: int, count: int) -> Ends:
    windows = textbook.adaptive_windows(size, count)
    first, end = (np.array([getattr(window, name) for window in windows]) for name in ("start", "stop"))
    return _ends(first, end, end - first, size)


def _averaged(x: np.ndarray, rows: Ends, columns: Ends) -> np.ndarray:
    y = _backend.empty_channels_last((*x.shape[:2], len(rows[0]), len(columns[0])), x.dtype)
    units = -(-x.shape[1] // ACROSS)
    parts, _ = divided(len(x) * len(rows[0]), units, get_num_threads()) if x.size >= ENOUGH else (1, 1)
    _average(pixels(x), *rows, *columns, parts, pixels(y))
    return y


def _spread(dy: np.ndarray, x_shape: tuple[int, ...], rows: Ends, columns: Ends) -> np.ndarray:
    dx = _backend.empty_channels_last(x_shape, dy.dtype)
    _average_dx(pixels(dy), *_over(rows, x_shape[2]), *_over(columns, x_shape[3]), pixels(dx))
    return dx


def _axes(x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Padding, *rest: object) -> list[Ends]:
    out_size, with_pad = rest
    judged_windows("avg_pool2d", x_shape[2:], kernel_size, stride, padding, (1, 1), out_size)
    return [
        _fixed(x_shape[2 + axis], kernel_size[axis], stride[axis], padding[axis], out_size[axis], with_pad)  # type: ignore
        for axis in range(2)
    ]


@door("x (N C H W), out_size (OH OW)")
def avg_pool2d(
    x: np.ndarray, kernel_size: Pair, stride: Pair, padding: Padding, out_size: Pair, count_include_pad: bool
) -> np.ndarray:
    """Average every window: y (N, C, OH, OW)."""
    return _averaged(x, *_axes(x.shape, kernel_size, stride, padding, out_size, count_include_pad))


@door("dy (N C OH OW), x_shape (N C H W), out_size (OH OW)")
def avg_pool2d_dx(
    dy: np.ndarray,
    x_shape: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    out_size: Pair,
    count_include_pad: bool,
) -> np.ndarray:
    """Spread dy (N, C, OH, OW) evenly over every window: dx (N, C, H, W)."""
    return _spread(dy, x_shape, *_axes(x_shape, kernel_size, stride, padding, out_size, count_include_pad))


@door("x (N C H W), out_size (OH OW)")
def adaptive_avg_pool2d(x: np.ndarray, out_size: Pair) -> np.ndarray:
    """Average over windows that are chosen so that y is (N, C, *out_size)."""
    return _averaged(x, *(_adaptive(x.shape[2 + axis], out_size[axis]) for axis in range(2)))


@door("dy (N C OH OW), x_shape (N C H W)")
def adaptive_avg_pool2d_dx(dy: np.ndarray, x_shape: tuple[int, ...]) -> np.ndarray:
    """Spread dy (N, C, OH, OW) evenly over the windows: dx (N, C, H, W)."""
    return _spread(dy, x_shape, *(_adaptive(x_shape[axis], dy.shape[axis]) for axis in (2, 3)))


@door("x (N C H W)")
def global_avg_pool2d(x: np.ndarray) -> np.ndarray:
    """Average each channel of each picture: y (N, C)."""
    return adaptive_avg_pool2d(x, (1, 1)).reshape(x.shape[:2])

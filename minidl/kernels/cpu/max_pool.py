"""Max pooling: every number of the result written once, sixty-four channels of a pixel at a time.

    forward     a window is read tap by tap; the largest so far and its number are two vectors. Where no gradient is
                wanted nobody asks for the number: what is left of a tap is a maximum, and a look for NaN.
    backward    gathered, not scattered: a pixel asks every window over it whether it has won there. So threads share
                the rows of dx, and none writes where another does.

Four vectors side by side share what a tap costs besides its arithmetic: where it lies, which number it has. What is
left of the channels goes one vector at a time. The textbook runs over all windows tap by tap, which reads and writes
the result as often as a window has taps. (Averages are in `avg_pool.py`.)
"""

from __future__ import annotations

import functools

import numpy as np
from numba import prange

from minidl import _backend
from minidl._checks import Padding, Pair
from minidl.kernels.cpu.door import door, judged_windows
from minidl.kernels.cpu.memory.layout import pixels
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.load_store import bytes_are, load, load_some, prefetch, store, store_some
from minidl.kernels.cpu.simd.vector import LANES, both, either, maximum, splat, where

ACROSS = 4 * LANES
AHEAD = 4  # windows: comparing takes so long that the processor does not look ahead itself
LOWEST, NAN, ZERO = np.float32(-np.inf), np.float32(np.nan), np.float32(0)


@inline
def _taps(start, dilation, count, size):
    """Return the range of taps of a window that begins at `start` which lie inside 0 … size - 1; it may be empty."""
    first = (-start + dilation - 1) // dilation if start < 0 else 0
    last = min(count, (size - start + dilation - 1) // dilation) if first < count else 0
    return min(first, count - 1), last


@inline
def _prefetch_windows(x, corner, i_first, i_last, down, across):
    """Ask memory for what a window that is AHEAD of the one at `corner` sees first: `across` floats of each row."""
    for i in range(i_first, i_last):
        place = corner + i * down + AHEAD * across
        for coming in range(place, place + across, LANES):
            prefetch(x, coming)


@inline
def _larger(seen, tap, best, winner):
    """Return the larger of two vectors, and whose number it has; NaN is not larger than anything, and stays."""
    better = either(seen > best, seen != seen)
    return where(better, seen, best), where(better, tap, winner)


@inline
def store_four(target, at, a, b, c, d):
    """Write four vectors behind each other."""
    store(target, at, a)
    store(target, at + 16, b)
    store(target, at + 32, c)
    store(target, at + 48, d)


@kernel("void(r4, ri1, ri1, w4, wb4, i, i, i, i, i, i, i, i, i)")
def _max(x, j_firsts, j_lasts, y, winners, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w, threads):
    n, h, width, channels = x.shape
    oh, ow = y.shape[1], y.shape[2]
    x, y, winners = x.reshape(-1), y.reshape(-1), winners.reshape(-1)
    whole = channels // ACROSS * ACROSS
    for row in prange(n * oh):
        picture, start_h = row // oh, row % oh * stride_h - top
        i_first, i_last = _taps(start_h, dilation_h, kh, h)
        for column in range(ow):
            start_w, j_first, j_last = column * stride_w - left, j_firsts[column], j_lasts[column]
            corner = ((picture * h + start_h) * width + start_w) * channels
            _prefetch_windows(x, corner, i_first, i_last, dilation_h * width * channels, stride_w * channels)
            at, start = (row * ow + column) * channels, splat(np.float32(i_first * kw + j_first))
            for c in range(0, whole, ACROSS):
                b0 = b1 = b2 = b3 = splat(LOWEST)
                w0 = w1 = w2 = w3 = start
                for i in range(i_first, i_last):
                    for j in range(j_first, j_last):
                        place = corner + (i * dilation_h * width + j * dilation_w) * channels + c
                        tap = splat(np.float32(i * kw + j))
                        b0, w0 = _larger(load(x, place), tap, b0, w0)
                        b1, w1 = _larger(load(x, place + 16), tap, b1, w1)
                        b2, w2 = _larger(load(x, place + 32), tap, b2, w2)
                        b3, w3 = _larger(load(x, place + 48), tap, b3, w3)
                store_four(y, at + c, b0, b1, b2, b3)
                store_four(winners, at + c, w0, w1, w2, w3)
            for c in range(whole, channels, LANES):
                best, winner = splat(LOWEST), start
                for i in range(i_first, i_last):
                    for j in range(j_first, j_last):
                        place = corner + (i * dilation_h * width + j * dilation_w) * channels + c
                        seen = load_some(x, place, channels - c)
                        best, winner = _larger(seen, splat(np.float32(i * kw + j)), best, winner)
                store_some(y, at + c, best, channels - c)
                store_some(winners, at + c, winner, channels - c)


@inline
def _more(seen, best, numbers):
    """Return the larger of two vectors, and the mask of the lanes in which only numbers have been seen."""
    return maximum(best, seen), both(numbers, seen == seen)


@kernel("void(r4, ri1, ri1, w4, i, i, i, i, i, i, i, i, i)")
def _max_values(x, j_firsts, j_lasts, y, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w, threads):
    n, h, width, channels = x.shape
    oh, ow = y.shape[1], y.shape[2]
    x, y = x.reshape(-1), y.reshape(-1)
    whole, down, across = channels // ACROSS * ACROSS, dilation_h * width * channels, dilation_w * channels
    nan, lowest, yes = splat(NAN), splat(LOWEST), splat(ZERO) == splat(ZERO)
    for row in prange(n * oh):
        picture, start_h = row // oh, row % oh * stride_h - top
        i_first, i_last = _taps(start_h, dilation_h, kh, h)
        for column in range(ow):
            corner = ((picture * h + start_h) * width + column * stride_w - left) * channels
            _prefetch_windows(x, corner, i_first, i_last, down, stride_w * channels)
            at, first, last = (row * ow + column) * channels, j_firsts[column] * across, j_lasts[column] * across
            for c in range(0, whole, ACROSS):
                b0 = b1 = b2 = b3 = lowest
                n0 = n1 = n2 = n3 = yes
                for line in range(corner + i_first * down + c, corner + i_last * down + c, down):
                    for place in range(line + first, line + last, across):
                        b0, n0 = _more(load(x, place), b0, n0)
                        b1, n1 = _more(load(x, place + 16), b1, n1)
                        b2, n2 = _more(load(x, place + 32), b2, n2)
                        b3, n3 = _more(load(x, place + 48), b3, n3)
                store_four(y, at + c, where(n0, b0, nan), where(n1, b1, nan), where(n2, b2, nan), where(n3, b3, nan))
            for c in range(whole, channels, LANES):
                best, numbers = lowest, yes
                for line in range(corner + i_first * down + c, corner + i_last * down + c, down):
                    for place in range(line + first, line + last, across):
                        best, numbers = _more(load_some(x, place, channels - c), best, numbers)
                store_some(y, at + c, where(numbers, best, nan), channels - c)


@inline
def _won(winners, dy, place, tap, left, total):
    """Add to the total what the windows at a place got whose winner is this tap."""
    return where(bytes_are(winners, place, tap, left), total + load_some(dy, place, left), total)


@kernel("void(r4, rb4, ri2, ri2, w4, i, i, i)")
def _max_dx(dy, winners, over_h, over_w, dx, kh, kw, threads):
    """Of every pixel of an axis, `over` says how many windows lie over it, which, and which of their taps it is."""
    n, h, width, channels = dx.shape
    oh, ow = dy.shape[1], dy.shape[2]
    dy, winners, dx = dy.reshape(-1), winners.reshape(-1), dx.reshape(-1)
    whole = channels // ACROSS * ACROSS
    for row in prange(n * h):
        first, i = row // h * oh, row % h
        for column in range(width):
            at = (row * width + column) * channels
            for c in range(0, whole, ACROSS):
                t0 = t1 = t2 = t3 = splat(ZERO)
                for a in range(1, 1 + over_h[i, 0]):
                    for b in range(1, 1 + over_w[column, 0]):
                        place = ((first + over_h[i, a]) * ow + over_w[column, b]) * channels + c
                        tap = over_h[i, a + kh] * kw + over_w[column, b + kw]
                        t0 = _won(winners, dy, place, tap, 16, t0)
                        t1 = _won(winners, dy, place + 16, tap, 16, t1)
                        t2 = _won(winners, dy, place + 32, tap, 16, t2)
                        t3 = _won(winners, dy, place + 48, tap, 16, t3)
                store_four(dx, at + c, t0, t1, t2, t3)
            for c in range(whole, channels, LANES):
                total = splat(ZERO)
                for a in range(1, 1 + over_h[i, 0]):
                    for b in range(1, 1 + over_w[column, 0]):
                        place = ((first + over_h[i, a]) * ow + over_w[column, b]) * channels + c
                        tap = over_h[i, a + kh] * kw + over_w[column, b + kw]
                        total = _won(winners, dy, place, tap, channels - c, total)
                store_some(dx, at + c, total, channels - c)


@functools.lru_cache(maxsize=1024)
def _taps_of_all(windows: int, stride: int, front: int, dilation: int, count: int, size: int) -> tuple[np.ndarray, ...]:
    """Return the ranges of taps of all windows along one axis: where they begin, and where they end."""
    starts = stride * np.arange(windows) - front
    firsts = np.maximum(0, -(starts // dilation))
    lasts = np.minimum(count, -((starts - size) // dilation))
    return np.minimum(firsts, count - 1), np.where(firsts < count, lasts, 0)


@functools.lru_cache(maxsize=1024)
def _hits(size: int, front: int, stride: int, dilation: int, taps: int, windows: int) -> np.ndarray:
    """List for every pixel of one axis how many windows lie over it, then these, and then which of their taps it is."""
    hits = np.zeros((size, 1 + 2 * taps), np.int64)
    for place in range(size):
        found = 0
        for tap in range(taps):
            start = place + front - tap * dilation
            if start >= 0 and start % stride == 0 and start // stride < windows:
                hits[place, 1 + found], hits[place, 1 + taps + found] = start // stride, tap
                found += 1
        hits[place, 0] = found
    return hits


@door("x (N C H W), out_size (OH OW)")
def max_pool2d(
    x: np.ndarray,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    out_size: Pair,
    with_winners: bool = True,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Take the largest number of every window: y (N, C, OH, OW), and which tap i·KW + j it was, or None."""
    geometry = judged_windows("max_pool2d", x.shape[2:], kernel_size, stride, padding, dilation, out_size)
    if with_winners and kernel_size[0] * kernel_size[1] > 256:
        return NotImplemented  # the number of a winner would not fit into a byte
    _, kw, _, stride_w, _, left, _, dilation_w = geometry
    shape, columns = (*x.shape[:2], *out_size), _taps_of_all(out_size[1], stride_w, left, dilation_w, kw, x.shape[3])
    y = _backend.empty_channels_last(shape, x.dtype)
    if not with_winners:
        _max_values(pixels(x), *columns, pixels(y), *geometry)
        return y, None
    winners = _backend.empty_channels_last(shape, np.uint8)
    _max(pixels(x), *columns, pixels(y), pixels(winners), *geometry)
    return y, winners


@door("dy (N C OH OW), winners (N C OH OW) numbers, x_shape (N C H W)")
def max_pool2d_dx(
    dy: np.ndarray,
    winners: np.ndarray,
    x_shape: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
) -> np.ndarray:
    """Send dy (N, C, OH, OW) to the winner of each window: dx (N, C, H, W)."""
    geometry = judged_windows("max_pool2d_dx", x_shape[2:], kernel_size, stride, padding, dilation, dy.shape[2:])
    if winners.dtype != np.uint8 or kernel_size[0] * kernel_size[1] > 256:
        return NotImplemented
    dx = _backend.empty_channels_last(x_shape, dy.dtype)
    kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    over_h = _hits(x_shape[2], top, stride_h, dilation_h, kh, dy.shape[2])
    over_w = _hits(x_shape[3], left, stride_w, dilation_w, kw, dy.shape[3])
    _max_dx(pixels(dy), pixels(winners), over_h, over_w, pixels(dx), kh, kw)
    return dx

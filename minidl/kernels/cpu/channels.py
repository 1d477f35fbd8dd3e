"""What works along the channels of a pixel: local response norm, scaling of channels, concatenation.

Local response norm divides by the squares of neighbouring channels. Sixteen neighbours are sixteen numbers a little
further on in memory: the squares of a pixel go into a row with zeros at both ends, and the window of all sixteen
channels is the sum of `size` vectors, each loaded one number further. The power -3/4 of Krizhevsky's paper is
1 / (√s · √√s): two roots and a division, where a power of any exponent takes a logarithm and an exponential. Exponents
that are quarters are made so; all others are left to the textbook.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import prange

from minidl import _backend
from minidl._checks import to_int
from minidl._threads import get_num_threads
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.copies import copied
from minidl.kernels.cpu.memory.layout import channels_last_over, pixels, plain, rows, rows_in_place
from minidl.kernels.cpu.memory.workspace import scratch
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.load_store import load, load_some, store, store_some, zeros
from minidl.kernels.cpu.simd.vector import LANES, fma, splat, square_root, widen

MOST_QUARTERS = 8
FEW = 8  # numbers that are added up in one go: the sum of such sums keeps more digits
ZERO, ONE = np.float32(0), np.float32(1)
PIXELS, ACROSS = 32, 4 * LANES
AT_ONCE = 4  # blocks that are put beside each other
NO_BLOCK = np.zeros(1, np.float32), (0, 0, 0)


@inline
def _power(scale, quarters):
    """scale^(-quarters / 4)."""
    root, product = square_root(scale), splat(ONE)
    if quarters & 1:
        product = square_root(root)
    if quarters & 2:
        product = product * root
    for _ in range(quarters >> 2):
        product = product * scale
    return splat(ONE) / product


def _quarters(beta: float) -> int:
    """Return how many quarters an exponent is, 0 where it is none of the first few."""
    quarters = round(4 * beta)
    return quarters if math.isclose(beta, quarters / 4) and quarters <= MOST_QUARTERS else 0


@inline
def _windows(row, c, size):
    """Return for sixteen channels the sum of the `size` numbers of the row that begin at their own, FEW by FEW."""
    total = splat(ZERO)
    for begin in range(c, c + size, FEW):
        some = splat(ZERO)
        for i in range(begin, min(begin + FEW, c + size)):
            some = some + load(row, i)
        total = total + some
    return total


@kernel("void(r4, i, f, i, f, w2, w4, w4, i)")
def _lrn(x, size, alpha, quarters, k, rows_of_squares, y, scale, threads):
    channels = x.shape[3]
    rows = x.size // channels
    x, y, scale = x.reshape(-1), y.reshape(-1), scale.reshape(-1)
    for thread in prange(threads):
        squares = rows_of_squares[thread]
        zeros(squares, 0, squares.shape[0])
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            at = row * channels
            for c in range(0, channels, LANES):
                v = load_some(x, at + c, channels - c)
                store_some(squares, size // 2 + c, v * v, channels - c)
            for c in range(0, channels, LANES):
                s = fma(splat(alpha), _windows(squares, c, size), splat(k))
                store_some(scale, at + c, s, channels - c)
                store_some(y, at + c, load_some(x, at + c, channels - c) * _power(s, quarters), channels - c)


@kernel("void(r4, r4, r4, i, i, f, w2, w4, i)")
def _lrn_dx(dy, x, scale, size, quarters, factor, rows_of_ratios, dx, threads):
    """The factor is -2 · alpha · beta."""
    channels = x.shape[3]
    rows = x.size // channels
    dy, x, scale, dx = dy.reshape(-1), x.reshape(-1), scale.reshape(-1), dx.reshape(-1)
    for thread in prange(threads):
        ratios = rows_of_ratios[thread]  # dy · x · scale^(-beta - 1)
        zeros(ratios, 0, ratios.shape[0])
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            at = row * channels
            for c in range(0, channels, LANES):
                left = channels - c
                s = load_some(scale, at + c, left)
                own = load_some(dy, at + c, left) * _power(s, quarters)
                store_some(dx, at + c, own, left)
                store_some(ratios, (size - 1) // 2 + c, own * load_some(x, at + c, left) / s, left)
            for c in range(0, channels, LANES):
                left = channels - c
                others = load_some(x, at + c, left) * _windows(ratios, c, size)
                store_some(dx, at + c, fma(splat(factor), others, load_some(dx, at + c, left)), left)


@door("x (N C H W)")
def lrn(x: np.ndarray, size: int, alpha: float, beta: float, k: float) -> tuple[np.ndarray, np.ndarray]:
    """Divide x (N, C, H, W) by the activity of neighbouring channels: y and scale."""
    to_int("lrn", "size", size, least=1)
    if not (quarters := _quarters(beta)):
        return NotImplemented
    y, scale = (_backend.empty_channels_last(x.shape, x.dtype) for _ in range(2))
    room = scratch(get_num_threads(), x.shape[1] + size + LANES)
    _lrn(pixels(x), size, alpha, quarters, k, room, pixels(y), pixels(scale))
    return y, scale


@door("dy (N C H W), x (N C H W), scale (N C H W)")
def lrn_dx(
    dy: np.ndarray, x: np.ndarray, scale: np.ndarray, size: int, alpha: float, beta: float, *, over: bool = False
) -> np.ndarray:
    """Carry dy back to x: its own share, and that of every channel in whose window it lies."""
    to_int("lrn_dx", "size", size, least=1)
    if not (quarters := _quarters(beta)):
        return NotImplemented
    dx = channels_last_over(dy, over)
    room = scratch(get_num_threads(), x.shape[1] + size + LANES)
    _lrn_dx(pixels(dy), pixels(x), pixels(scale), size, quarters, -2 * alpha * beta, room, pixels(dx))
    return dx


@kernel("void(r4, r2, w4, i)", over=(0, 2))
def _scale(x, s, y, threads):
    n, h, width, channels = x.shape
    x, s, y = x.reshape(-1), s.reshape(-1), y.reshape(-1)
    for line in prange(n * h):
        picture = line // h
        for pixel in range(line * width, (line + 1) * width):
            for c in range(0, channels, LANES):
                left, at = channels - c, pixel * channels + c
                store_some(y, at, load_some(x, at, left) * load_some(s, picture * channels + c, left), left)


@inline
def _scaled(dy, x, at, s, dx, total):
    """Write dx of one vector and add its dy · x to the total."""
    given = load(dy, at)
    store(dx, at, given * s)
    return fma(given, load(x, at), total)


@inline
def _add(sums, at, total, left):
    store_some(sums, at, load_some(sums, at, left) + widen(total), left)


@kernel("void(r4, r4, r2, w4, wd1, w2, i)")
def _scale_grads(dy, x, s, dx, sums, ds, threads):
    """Write dx and ds = Σ dy · x over the pixels: four vectors side by side, a few pixels at a time as floats."""
    n, h, width, channels = x.shape
    dy, x, s, dx, ds = dy.reshape(-1), x.reshape(-1), s.reshape(-1), dx.reshape(-1), ds.reshape(-1)
    whole = channels // ACROSS * ACROSS
    for picture in prange(n):
        last, own = (picture + 1) * h * width, picture * channels
        for c in range(own, own + channels):
            sums[c] = 0
        for block in range(picture * h * width, last, PIXELS):
            end = min(block + PIXELS, last)
            for c in range(own, own + whole, ACROSS):
                s0, s1, s2, s3 = load(s, c), load(s, c + 16), load(s, c + 32), load(s, c + 48)
                t0 = t1 = t2 = t3 = splat(ZERO)
                for at in range(block * channels + c - own, end * channels + c - own, channels):
                    t0 = _scaled(dy, x, at, s0, dx, t0)
                    t1 = _scaled(dy, x, at + 16, s1, dx, t1)
                    t2 = _scaled(dy, x, at + 32, s2, dx, t2)
                    t3 = _scaled(dy, x, at + 48, s3, dx, t3)
                _add(sums, c, t0, LANES)
                _add(sums, c + 16, t1, LANES)
                _add(sums, c + 32, t2, LANES)
                _add(sums, c + 48, t3, LANES)
            for c in range(whole, channels, LANES):
                left, total = channels - c, splat(ZERO)
                for pixel in range(block, end):
                    given = load_some(dy, pixel * channels + c, left)
                    store_some(dx, pixel * channels + c, given * load_some(s, own + c, left), left)
                    total = fma(given, load_some(x, pixel * channels + c, left), total)
                _add(sums, own + c, total, left)
        for c in range(own, own + channels):
            ds[c] = sums[c]


@door("x (N C H W), s (N C)")
def scale_channels(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Multiply each channel of x (N, C, H, W) by its number in s (N, C)."""
    y = _backend.empty_channels_last(x.shape, x.dtype)
    _scale(pixels(x), plain(s), pixels(y))
    return y


@door("dy (N C H W), x (N C H W), s (N C)")
def scale_channels_grads(
    dy: np.ndarray, x: np.ndarray, s: np.ndarray, *, over: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return dx (N, C, H, W) and ds (N, C)."""
    sums, ds, dx = np.empty(s.size), np.empty(s.shape, np.float32), channels_last_over(dy, over)
    _scale_grads(pixels(dy), pixels(x), plain(s), pixels(dx), sums, ds)
    return dx, ds


@inline
def _put(x, place, y, first, last, ahead):
    """Copy rows of x into rows of y; place: how wide they are, how far apart in x, where they begin in a row of y."""
    width, step, start = place
    for row in range(first, last):
        at = row * ahead + start
        for c in range(0, width, LANES):
            store_some(y, at + c, load_some(x, row * step + c, width - c), width - c)


@kernel("void(r1, r1, r1, r1, ri2, w2, i)")
def _concat(a, b, c, d, places, y, threads):
    """Copy up to four blocks, row by row, each to its place in the rows of y."""
    rows, ahead = y.shape
    y = y.reshape(-1)
    for thread in prange(threads):
        first, last = thread * rows // threads, (thread + 1) * rows // threads
        _put(a, places[0], y, first, last, ahead)
        _put(b, places[1], y, first, last, ahead)
        _put(c, places[2], y, first, last, ahead)
        _put(d, places[3], y, first, last, ahead)


def _check_part(array: Any, first: np.ndarray) -> None:
    """Refuse what cannot lie behind the first picture along the channels."""
    if not isinstance(array, np.ndarray) or array.dtype != first.dtype:
        found = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"concat: all arrays must be {first.dtype} like the first; received {found}")
    if array.ndim != 4 or array.shape[:1] + array.shape[2:] != first.shape[:1] + first.shape[2:]:
        raise ValueError(
            f"concat: all arrays must have the sizes of the first but along axis 1; "
            f"received shapes {first.shape}, {array.shape}"
        )


@door("")
def concat(arrays: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Put pictures (N, C, H, W) behind each other along their channels."""
    n, _, *size = arrays[0].shape
    if axis != 1 or len(size) != 2:
        return NotImplemented
    for array in arrays:
        _check_part(array, arrays[0])
    channels, at = sum(array.shape[1] for array in arrays), 0
    y = _backend.empty_channels_last((n, channels, *size), arrays[0].dtype)
    blocks = []
    for array in arrays:
        width = array.shape[1]
        if found := rows_in_place(array):
            numbers, step = found
            blocks.append((numbers, (width, step, at)))
        else:
            copied(array, y[:, at : at + width])
        at += width
    for first in range(0, len(blocks), AT_ONCE):
        some = blocks[first : first + AT_ONCE]
        numbers, places = zip(*some, *[NO_BLOCK] * (AT_ONCE - len(some)))
        _concat(*numbers, np.array(places), rows(y))
    return y

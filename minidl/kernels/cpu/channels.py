"""What works along the channels of a pixel: local response norm, scaling of channels, concatenation.

Local response norm divides by the squares of neighbouring channels. Sixteen neighbours are sixteen numbers a little
further on in memory: the squares of a pixel go into a row with zeros at both ends, and the window of all sixteen
channels is the sum of `size` vectors, each loaded one number further. The power -3/4 of Krizhevsky's paper is
1 / (√s · √√s): two roots and a division, where a power of any exponent takes a logarithm and an exponential; other
exponents are left to the textbook.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import prange

from minidl import _backend
from minidl.kernels.cpu.compile import door, inline, kernel
from minidl.kernels.cpu.copies import copied
from minidl.kernels.cpu.layout import pixels
from minidl.kernels.cpu.vector import (
    LANES,
    fma,
    load,
    load_some,
    splat,
    square_root,
    store_some,
    widen,
)

ZERO, ONE = np.float32(0), np.float32(1)
BETA = 0.75
PIXELS = 32


@inline
def _power(scale):
    """scale^(-3/4)."""
    root = square_root(scale)
    return splat(ONE) / (root * square_root(root))


@inline
def _windows(row, c, size):
    """Return for sixteen channels the sum of the `size` numbers of the row that begin at their own."""
    total = splat(ZERO)
    for i in range(size):
        total = total + load(row, c + i)
    return total


@kernel("void(r4, i, f, f, w4, w4, i)")
def _lrn(x, size, alpha, k, y, scale, threads):
    channels = x.shape[3]
    rows = x.size // channels
    x, y, scale = x.reshape(-1), y.reshape(-1), scale.reshape(-1)
    for thread in prange(threads):
        squares = np.zeros(channels + size + LANES, np.float32)
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            at = row * channels
            for c in range(0, channels, LANES):
                v = load_some(x, at + c, channels - c)
                store_some(squares, size // 2 + c, v * v, channels - c)
            for c in range(0, channels, LANES):
                s = fma(splat(alpha), _windows(squares, c, size), splat(k))
                store_some(scale, at + c, s, channels - c)
                store_some(y, at + c, load_some(x, at + c, channels - c) * _power(s), channels - c)


@kernel("void(r4, r4, r4, i, f, w4, i)")
def _lrn_dx(dy, x, scale, size, factor, dx, threads):
    """The factor is -2 · alpha · beta."""
    channels = x.shape[3]
    rows = x.size // channels
    dy, x, scale, dx = dy.reshape(-1), x.reshape(-1), scale.reshape(-1), dx.reshape(-1)
    for thread in prange(threads):
        ratios = np.zeros(channels + size + LANES, np.float32)  # dy · x · scale^(-beta - 1)
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            at = row * channels
            for c in range(0, channels, LANES):
                left = channels - c
                s = load_some(scale, at + c, left)
                own = load_some(dy, at + c, left) * _power(s)
                store_some(dx, at + c, own, left)
                store_some(ratios, (size - 1) // 2 + c, own * load_some(x, at + c, left) / s, left)
            for c in range(0, channels, LANES):
                left = channels - c
                others = load_some(x, at + c, left) * _windows(ratios, c, size)
                store_some(dx, at + c, fma(splat(factor), others, load_some(dx, at + c, left)), left)


@door
def lrn(x: np.ndarray, size: int, alpha: float, beta: float, k: float) -> tuple[np.ndarray, np.ndarray]:
    """Divide x (N, C, H, W) by the activity of neighbouring channels: y and scale."""
    if not math.isclose(beta, BETA):
        return NotImplemented
    y, scale = (_backend.empty_channels_last(x.shape, x.dtype) for _ in range(2))
    _lrn(pixels(x), size, alpha, k, pixels(y), pixels(scale))
    return y, scale


@door
def lrn_dx(dy: np.ndarray, x: np.ndarray, scale: np.ndarray, size: int, alpha: float, beta: float) -> np.ndarray:
    """Carry dy back to x: its own share, and that of every channel in whose window it lies."""
    if not math.isclose(beta, BETA):
        return NotImplemented
    dx = _backend.empty_channels_last(x.shape, x.dtype)
    _lrn_dx(pixels(dy), pixels(x), pixels(scale), size, -2 * alpha * beta, pixels(dx))
    return dx


@kernel("void(r4, r2, w4, i)")
def _scale(x, s, y, threads):
    n, h, width, channels = x.shape
    x, s, y = x.reshape(-1), s.reshape(-1), y.reshape(-1)
    for line in prange(n * h):
        picture = line // h
        for pixel in range(line * width, (line + 1) * width):
            for c in range(0, channels, LANES):
                left, at = channels - c, pixel * channels + c
                store_some(y, at, load_some(x, at, left) * load_some(s, picture * channels + c, left), left)


@kernel("void(r4, r4, wd2, i)")
def _scale_sums(dy, x, ds, threads):
    """Add Σ dy · x over the pixels to ds."""
    n, h, width, channels = x.shape
    dy, x, ds = dy.reshape(-1), x.reshape(-1), ds.reshape(-1)
    for picture in prange(n):
        last = (picture + 1) * h * width
        for block in range(picture * h * width, last, PIXELS):
            for c in range(0, channels, LANES):
                left = channels - c
                total = load_some(ds, picture * channels + c, left)
                for pixel in range(block, min(block + PIXELS, last)):
                    at = pixel * channels + c
                    total = total + widen(load_some(dy, at, left) * load_some(x, at, left))
                store_some(ds, picture * channels + c, total, left)


@door
def scale_channels(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Multiply each channel of x (N, C, H, W) by its number in s (N, C)."""
    y = _backend.empty_channels_last(x.shape, x.dtype)
    _scale(pixels(x), np.ascontiguousarray(s), pixels(y))
    return y


@door
def scale_channels_grads(dy: np.ndarray, x: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dx (N, C, H, W) and ds (N, C)."""
    ds = np.zeros(s.shape)
    _scale_sums(pixels(dy), pixels(x), ds)
    return scale_channels(dy, s), ds.astype(x.dtype)


@door
def concat(arrays: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Put pictures (N, C, H, W) behind each other along their channels."""
    n, _, *size = arrays[0].shape
    if axis != 1 or len(size) != 2:
        return NotImplemented
    channels, at = sum(array.shape[1] for array in arrays), 0
    y = _backend.empty_channels_last((n, channels, *size), arrays[0].dtype)
    for array in arrays:
        width = array.shape[1]
        copied(array, y[:, at : at + width])
        at += width
    return y

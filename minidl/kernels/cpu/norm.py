"""Batch norm in two passes over memory each way, with the activation and a residual on the way.

A layer of ResNet-50 normalises 25 million numbers and multiplies each of them twice: all the time goes into reading
and writing them. The formulas of `kernels/textbook/norm.py` are therefore ordered by pass:

    forward     1. read x            Σ (x - x₀) and Σ (x - x₀)², x₀ the channel's first number
                2. read x            write y = activation(a·(x - m) + shift (+ residual))      a = w·rstd
    backward    1. read dy, x        db = Σ dz, dw = Σ dz·x̂           dz = dy·activation'(z)
                2. read dy, x        write dx = a·dz + p·(x - m) + q

z is made again from x rather than read from memory: one multiplication is cheaper than four bytes. In dx, the mean
terms of the derivation are collected by what they multiply: p = -a·rstd·dw/M, and q holds the constant rest.

**Digits.** Sums are doubles, two more conversions for sixteen numbers, hidden behind the memory. With x₀ taken off
first, Σ (x - x₀)² / M - (mean - x₀)² loses no digits however large the mean is: only where x₀ itself lies a million
deviations away from it. m is the mean rounded to a float, and what rounding has left over is part of `shift`, so that
a·(x - m) + shift is as exact as x. A pixel's channels lie together, so a pass runs along rows of channels; sixteen
channels of ROWS pixels at a time keep their sums in registers.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _backend
from minidl._threads import get_num_threads
from minidl.kernels.cpu.compile import door, inline, kernel
from minidl.kernels.cpu.functions import FUSED, fused, fused_slope
from minidl.kernels.cpu.layout import strided_rows
from minidl.kernels.cpu.vector import LANES, absolute, fma, load_some, splat, store_some, where, widen

ROWS = 32
INFINITE = np.float32(3.4e38)


@inline
def _origin(x, c, left):
    """Return x₀ of sixteen channels; an infinite one would make NaN of all differences, so it counts as 0."""
    first = load_some(x, c, left)
    return where(absolute(first) < splat(INFINITE), first, splat(np.float32(0)))


@kernel("void(r1, i, i, d, wd1, wd1, wd1, i)")
def _statistics(x, step, rows, eps, sums, mean, rstd, threads):
    """Measure mean and rstd; sums holds zeros, two rows of C for each thread."""
    channels = mean.shape[0]
    for thread in prange(threads):
        at = 2 * channels * thread
        last = (thread + 1) * rows // threads
        for block in range(thread * rows // threads, last, ROWS):
            for c in range(0, channels, LANES):
                left = channels - c
                origin = widen(_origin(x, c, left))
                total, squares = load_some(sums, at + c, left), load_some(sums, at + channels + c, left)
                for row in range(block, min(block + ROWS, last)):
                    d = widen(load_some(x, row * step + c, left)) - origin
                    total = total + d
                    squares = fma(d, d, squares)
                store_some(sums, at + c, total, left)
                store_some(sums, at + channels + c, squares, left)
    for c in range(channels):
        total, squares = 0.0, 0.0
        for thread in range(threads):
            total += sums[2 * channels * thread + c]
            squares += sums[2 * channels * thread + channels + c]
        shift = total / rows
        var = squares / rows - shift * shift
        mean[c] = shift + (x[c] if abs(x[c]) < INFINITE else 0.0)
        rstd[c] = 1 / np.sqrt((0.0 if var < 0 else var) + eps)


@inline
def _line(w, b, mean, rstd):
    """Return m, a and shift of z = a·(x - m) + shift, C numbers each, behind each other."""
    channels = mean.shape[0]
    line = np.empty(3 * channels, np.float32)
    for c in range(channels):
        m = np.float32(mean[c])
        a = w[c] * rstd[c]
        line[c], line[channels + c], line[2 * channels + c] = m, a, b[c] - a * (mean[c] - m)
    return line


@kernel("void(r1, i, i, r1, r1, rd1, rd1, r1, i, i, w1, i)")
def _normalise(x, step, rows, w, b, mean, rstd, residual, residual_step, kind, y, threads):
    """Write y; a residual_step of 0 means that there is no residual."""
    channels = mean.shape[0]
    line = _line(w, b, mean, rstd)
    for thread in prange(threads):
        last = (thread + 1) * rows // threads
        for row in range(thread * rows // threads, last):
            for c in range(0, channels, LANES):
                left = channels - c
                centred = load_some(x, row * step + c, left) - load_some(line, c, left)
                z = fma(centred, load_some(line, channels + c, left), load_some(line, 2 * channels + c, left))
                if residual_step:
                    z = z + load_some(residual, row * residual_step + c, left)
                store_some(y, row * channels + c, fused(kind, z), left)


@kernel("void(r1, i, r1, i, i, r1, r1, rd1, rd1, i, wd1, wd1, wd1, i)")
def _sums(dy, dy_step, x, step, rows, w, b, mean, rstd, kind, sums, dw, db, threads):
    """Measure db and dw; sums holds zeros, two rows of C for each thread."""
    channels = mean.shape[0]
    line = _line(w, b, mean, rstd)
    for thread in prange(threads):
        at = 2 * channels * thread
        last = (thread + 1) * rows // threads
        for block in range(thread * rows // threads, last, ROWS):
            for c in range(0, channels, LANES):
                left = channels - c
                m, a = load_some(line, c, left), load_some(line, channels + c, left)
                shift = load_some(line, 2 * channels + c, left)
                total, product = load_some(sums, at + c, left), load_some(sums, at + channels + c, left)
                for row in range(block, min(block + ROWS, last)):
                    centred = load_some(x, row * step + c, left) - m
                    dz = load_some(dy, row * dy_step + c, left) * fused_slope(kind, fma(centred, a, shift))
                    wide = widen(dz)
                    total = total + wide
                    product = fma(wide, widen(centred), product)
                store_some(sums, at + c, total, left)
                store_some(sums, at + channels + c, product, left)
    for c in range(channels):
        total, product = 0.0, 0.0
        for thread in range(threads):
            total += sums[2 * channels * thread + c]
            product += sums[2 * channels * thread + channels + c]
        db[c] = total
        dw[c] = rstd[c] * (product - (mean[c] - np.float32(mean[c])) * total)


@kernel("void(r1, i, r1, i, i, r1, r1, rd1, rd1, i, rd1, rd1, i, w1, i)")
def _input_gradient(dy, dy_step, x, step, rows, w, b, mean, rstd, kind, dw, db, training, dx, threads):
    """Write dx; in evaluation mean and rstd are constants and only the first term is left."""
    channels = mean.shape[0]
    line = _line(w, b, mean, rstd)
    rest = np.empty(2 * channels, np.float32)  # p and q
    for c in range(channels):
        p = -w[c] * rstd[c] * rstd[c] * dw[c] / rows
        rest[c] = p
        rest[channels + c] = -w[c] * rstd[c] * db[c] / rows - p * (mean[c] - np.float32(mean[c]))
    for thread in prange(threads):
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            for c in range(0, channels, LANES):
                left = channels - c
                centred = load_some(x, row * step + c, left) - load_some(line, c, left)
                a = load_some(line, channels + c, left)
                z = fma(centred, a, load_some(line, 2 * channels + c, left))
                result = load_some(dy, row * dy_step + c, left) * fused_slope(kind, z) * a
                if training:
                    result = result + fma(centred, load_some(rest, c, left), load_some(rest, channels + c, left))
                store_some(dx, row * channels + c, result, left)


def _rows_like(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Allocate a result of the shape of x, channels-last, and return it with its memory as one row."""
    memory = _backend.empty((x.size,), x.dtype, like=x)
    if x.ndim == 2:
        return memory.reshape(x.shape), memory
    n, c, h, width = x.shape
    return memory.reshape(n, h, width, c).transpose(0, 3, 1, 2), memory


@door
def batch_norm(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, eps: float, activation: str | None, residual: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalise every channel of x by its own mean and variance: y, mean (C,), rstd (C,)."""
    channels = x.shape[1]
    memory, step = strided_rows(x)
    mean, rstd = np.empty(channels), np.empty(channels)
    _statistics(memory, step, x.size // channels, eps, _zeros(channels), mean, rstd)
    return batch_norm_eval(x, w, b, mean, rstd, activation, residual), mean, rstd


@door
def batch_norm_eval(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    mean: np.ndarray,
    rstd: np.ndarray,
    activation: str | None,
    residual: np.ndarray | None,
) -> np.ndarray:
    """Normalise x by a given mean and rstd: y = activation(w·(x - mean)·rstd + b + residual)."""
    channels = x.shape[1]
    memory, step = strided_rows(x)
    added, added_step = (memory, 0) if residual is None else strided_rows(residual)
    y, target = _rows_like(x)
    line = (*map(np.ascontiguousarray, (w, b, mean, rstd)),)
    _normalise(memory, step, x.size // channels, *line, added, added_step, FUSED[activation], target)
    return y


def _zeros(channels: int) -> np.ndarray:
    return np.zeros(2 * channels * get_num_threads())


def _grads(
    dy: np.ndarray, x: np.ndarray, line: tuple[np.ndarray, ...], activation: str | None, training: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    channels, kind = x.shape[1], FUSED[activation]
    memory, step = strided_rows(x)
    given, given_step = strided_rows(dy)
    line = (*map(np.ascontiguousarray, line),)
    dw, db = np.empty(channels), np.empty(channels)
    dx, target = _rows_like(x)
    arguments = (given, given_step, memory, step, x.size // channels, *line, kind)
    _sums(*arguments, _zeros(channels), dw, db)
    _input_gradient(*arguments, dw, db, int(training), target)
    return dx, dw.astype(x.dtype), db.astype(x.dtype)


@door
def batch_norm_grads(
    dy: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    mean: np.ndarray,
    rstd: np.ndarray,
    activation: str | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return dx, dw and db of `batch_norm` without a residual."""
    return _grads(dy, x, (w, b, mean, rstd), activation, True)


@door
def batch_norm_eval_grads(
    dy: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    mean: np.ndarray,
    rstd: np.ndarray,
    activation: str | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return dx, dw and db of `batch_norm_eval` without a residual."""
    return _grads(dy, x, (w, b, mean, rstd), activation, False)

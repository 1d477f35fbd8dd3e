"""Softmax and its cross-entropy, row by row: the largest logit, the exponentials, their sum.

The rows are the channels of a pixel, or what lies along the last axis, and stay in the cache from the first step to the
last.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _backend
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import pixels, plain, rows
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.functions import exp
from minidl.kernels.cpu.simd.load_store import load, load_some, store, store_some
from minidl.kernels.cpu.simd.vector import LANES, fma, largest_of, maximum, splat, sum_of, widen


@inline
def largest(x, at, m):
    """Return the largest of the m numbers from `at` on; a NaN may be overlooked, the sum of exponentials has it."""
    if m < LANES:
        most = x[at]
        for i in range(at + 1, at + m):
            most = max(most, x[i])
        return most
    mosts = load(x, at + m - LANES)
    for i in range(at, at + m - LANES, LANES):
        mosts = maximum(mosts, load(x, i))
    return largest_of(mosts)


@inline
def exponentials(x, at, m, less, y):
    """Write e^(x - less) for the m numbers from `at` on, to the same places of y, and return their sum."""
    totals, whole, total = splat(0.0), at + m // LANES * LANES, 0.0
    for i in range(at, whole, LANES):
        e = exp(load(x, i) - splat(less))
        store(y, i, e)
        totals = totals + widen(e)
    if whole < at + m:
        left = at + m - whole
        store_some(y, whole, exp(load_some(x, whole, left) - splat(less)), left)
        for i in range(whole, at + m):
            total += y[i]
    return total + sum_of(totals)


@inline
def _log_softmax(x, at, m, log_p):
    """Write x - max - log Σ e^(x - max) for the m numbers from `at` on."""
    most = largest(x, at, m)
    log_total = splat(np.float32(np.log(exponentials(x, at, m, most, log_p))))
    for i in range(0, m, LANES):
        away = fma(load_some(x, at + i, m - i), splat(np.float32(1)), splat(-most))  # `-` may be put in another order
        store_some(log_p, at + i, away - log_total, m - i)


@kernel("void(r2, i, w2, i)")
def _softmax(x, logarithm, y, threads):
    n, m = x.shape
    x, y = x.reshape(-1), y.reshape(-1)
    for thread in prange(threads):
        for row in range(thread * n // threads, (thread + 1) * n // threads):
            if logarithm:
                _log_softmax(x, row * m, m, y)
            else:
                total = exponentials(x, row * m, m, largest(x, row * m, m), y)
                share = splat(np.float32(1 / total))
                for i in range(row * m, (row + 1) * m, LANES):
                    left = (row + 1) * m - i
                    store_some(y, i, load_some(y, i, left) * share, left)


@kernel("void(r2, r2, i, w2, i)")
def _softmax_dx(dy, y, logarithm, dx, threads):
    n, m = y.shape
    dy, y, dx = dy.reshape(-1), y.reshape(-1), dx.reshape(-1)
    for thread in prange(threads):
        for row in range(thread * n // threads, (thread + 1) * n // threads):
            total = 0.0
            for i in range(row * m, (row + 1) * m):
                total += dy[i] if logarithm else dy[i] * y[i]
            for i in range(row * m, (row + 1) * m, LANES):
                left = (row + 1) * m - i
                d, v, s = load_some(dy, i, left), load_some(y, i, left), splat(np.float32(total))
                store_some(dx, i, d - exp(v) * s if logarithm else v * (d - s), left)


@kernel("void(r2, r2, w2, wd1, i)")
def _cross_entropy(x, t, log_p, losses, threads):
    n, m = x.shape
    x, t, log_p = x.reshape(-1), t.reshape(-1), log_p.reshape(-1)
    for row in prange(n):
        _log_softmax(x, row * m, m, log_p)
        loss = 0.0
        for i in range(row * m, (row + 1) * m):
            if t[i] != 0:  # a class of weight 0 costs nothing, even where log p is -inf
                loss -= t[i] * log_p[i]
        losses[row] = loss


@kernel("void(r2, r2, f, w2, i)")
def _cross_entropy_dx(log_p, t, factor, dx, threads):
    n, m = log_p.shape
    log_p, t, dx = log_p.reshape(-1), t.reshape(-1), dx.reshape(-1)
    for row in prange(n):
        total = 0.0
        for i in range(row * m, (row + 1) * m):
            total += t[i]
        s = splat(np.float32(total))
        for i in range(row * m, (row + 1) * m, LANES):
            left = (row + 1) * m - i
            d = fma(exp(load_some(log_p, i, left)), s, splat(np.float32(0)) - load_some(t, i, left))
            store_some(dx, i, d * splat(factor), left)


def _along_rows(x: np.ndarray, axis: int) -> bool:
    return (axis == 1 and x.ndim == 4) or axis in (x.ndim - 1, -1)


def _rows(x: np.ndarray, axis: int) -> np.ndarray:
    """Return x as rows along an axis: the last one, or the channels of pictures."""
    return rows(x) if axis == 1 else plain(x).reshape(-1, x.shape[-1])


def _result(x: np.ndarray, axis: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Allocate a result of the shape of x, and return it with its rows."""
    if x.ndim == 2 or axis != 1:
        y = _backend.empty((x.size,), x.dtype, like=x).reshape(x.shape)
        return y, y.reshape(-1, x.shape[-1])
    y = _backend.empty_channels_last(x.shape, x.dtype)
    return y, pixels(y).reshape(-1, x.shape[1])


def _forward(x: np.ndarray, axis: int, logarithm: int) -> np.ndarray:
    if not _along_rows(x, axis):
        return NotImplemented
    y, target = _result(x, axis)
    _softmax(_rows(x, axis), logarithm, target)
    return y


def _backward(dy: np.ndarray, y: np.ndarray, axis: int, logarithm: int) -> np.ndarray:
    if not _along_rows(y, axis):
        return NotImplemented
    dx, target = _result(y, axis)
    _softmax_dx(_rows(dy, axis), _rows(y, axis), logarithm, target)
    return dx


@door("x (...)")
def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """y = eˣ / Σ eˣ along the channels or the last axis."""
    return _forward(x, axis, 0)


@door("dy (...), y (...)")
def softmax_dx(dy: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """dx = y·(dy - Σ dy·y)."""
    return _backward(dy, y, axis, 0)


@door("x (...)")
def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """y = x - log Σ eˣ along the channels or the last axis."""
    return _forward(x, axis, 1)


@door("dy (...), y (...)")
def log_softmax_dx(dy: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    """dx = dy - eʸ·Σ dy."""
    return _backward(dy, y, axis, 1)


@door("x (N M ...), t (N M ...)")
def cross_entropy(x: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the rows of -Σ t·log p: the loss (), and log p (N, M) or (N, M, H, W) for the gradient."""
    if x.ndim not in (2, 4):
        return NotImplemented
    (log_p, target), losses = _result(x), np.empty(x.size // x.shape[1])
    _cross_entropy(rows(x), rows(t), target, losses)
    loss = _backend.empty((), x.dtype, like=x)
    loss[...] = losses.mean()
    return loss, log_p


@door("dy (), log_p (N M ...), t (N M ...)")
def cross_entropy_dx(dy: np.ndarray, log_p: np.ndarray, t: np.ndarray) -> np.ndarray:
    """dx = (p·Σt - t) · dy / rows."""
    if log_p.ndim not in (2, 4):
        return NotImplemented
    dx, target = _result(log_p)
    _cross_entropy_dx(rows(log_p), rows(t), float(dy) / (log_p.size // log_p.shape[1]), target)
    return dx

"""Layer norm: a row is normalised while it is in the cache, and its gradients are made of one visit to dy and x.

The formulas are the book's (`kernels/textbook/own_norm.py`). A row of a transformer has a thousand numbers, which lie
in the first-level cache after the first look, so the sums are taken one after the other, as doubles: the mean, then the
squares around it. As in batch norm, m is the mean rounded to a float; what rounding has left over, times rstd, is
`rest`, so that x̂ = (x - m)·rstd + rest is as exact as x.

Going back, dx wants sums along rows, dw and db sums across them. So ROWS rows are taken at a time: row by row for dx,
and then, still near, sixteen columns of all of them for dw and db. Every thread has its own dw and db, added in order.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl._memory import POOL
from minidl._threads import get_num_threads
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import plain
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.load_store import load, load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, fma, splat, sum_of, widen

ROWS = 16
PIECE = 2**9
F, D = np.float32, np.float64
ZERO = F(0)


@inline
def _moments(x, at, m, eps):
    """Return mean and rstd of the m numbers from `at` on."""
    whole, total, sums = at + m // LANES * LANES, splat(D(0)), 0.0
    for i in range(at, whole, LANES):
        total = total + widen(load(x, i))
    for i in range(whole, at + m):
        sums += x[i]
    mean = (sums + sum_of(total)) / m
    middle, squares, sums = splat(mean), splat(D(0)), 0.0
    for i in range(at, whole, LANES):
        away = widen(load(x, i)) - middle
        squares = fma(away, away, squares)
    for i in range(whole, at + m):
        sums += (x[i] - mean) * (x[i] - mean)
    return mean, 1 / np.sqrt((sums + sum_of(squares)) / m + eps)


@kernel("void(r1, i2, r1, r1, d, w1, wd1, wd1, i)")
def _layer_norm(x, shape, w, b, eps, y, mean, rstd, threads):
    rows, m = shape
    for thread in prange(threads):
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            at = row * m
            middle, scale = _moments(x, at, m, eps)
            mean[row], rstd[row] = middle, scale
            near, factor = splat(F(middle)), splat(F(scale))
            rest = splat(F((F(middle) - middle) * scale))
            for i in range(0, m, LANES):
                left = m - i
                x_hat = fma(load_some(x, at + i, left) - near, factor, rest)
                store_some(y, at + i, fma(x_hat, load_some(w, i, left), load_some(b, i, left)), left)


@inline
def _sums(dy, x, w, at, m, near, factor, rest):
    """Return Σ g and Σ g · x̂ of one row, a PIECE of it added up as floats at a time."""
    total, product = 0.0, 0.0
    for begin in range(0, m, PIECE):
        some, other = splat(ZERO), splat(ZERO)
        for i in range(begin, min(begin + PIECE, m), LANES):
            left = m - i
            g = load_some(dy, at + i, left) * load_some(w, i, left)
            some = some + g
            other = fma(g, fma(load_some(x, at + i, left) - near, factor, rest), other)
        total += sum_of(some)
        product += sum_of(other)
    return total, product


@kernel("void(r1, r1, i2, r1, rd1, rd1, w1, wd1, i)")
def _layer_norm_grads(dy, x, shape, w, mean, rstd, dx, sums, threads):
    """Write dx, and add db and dw of every thread to the zeros of sums, a row of m numbers each."""
    rows, m = shape
    for thread in prange(threads):
        db, dw, last = 2 * thread * m, (2 * thread + 1) * m, (thread + 1) * rows // threads
        for block in range(thread * rows // threads, last, ROWS):
            end = min(block + ROWS, last)
            for row in range(block, end):
                at, near, scale = row * m, splat(F(mean[row])), F(rstd[row])
                factor, rest = splat(scale), splat(F((F(mean[row]) - mean[row]) * rstd[row]))
                total, product = _sums(dy, x, w, at, m, near, factor, rest)
                of_g, of_gx = splat(F(total / m)), splat(F(-product / m))
                for i in range(0, m, LANES):
                    left = m - i
                    x_hat = fma(load_some(x, at + i, left) - near, factor, rest)
                    g = load_some(dy, at + i, left) * load_some(w, i, left)
                    store_some(dx, at + i, factor * (fma(x_hat, of_gx, g) - of_g), left)
            for c in range(0, m, LANES):
                left, some, other = m - c, splat(ZERO), splat(ZERO)
                for row in range(block, end):
                    above = load_some(dy, row * m + c, left)
                    rest = splat(F((F(mean[row]) - mean[row]) * rstd[row]))
                    x_hat = fma(load_some(x, row * m + c, left) - splat(F(mean[row])), splat(F(rstd[row])), rest)
                    some, other = some + above, fma(above, x_hat, other)
                store_some(sums, db + c, load_some(sums, db + c, left) + widen(some), left)
                store_some(sums, dw + c, load_some(sums, dw + c, left) + widen(other), left)


def _ends_in(x: np.ndarray, *lines: np.ndarray) -> bool:
    """Tell whether these have the sizes of the last axes of x, of which the norm is."""
    axes = lines[0].ndim
    return 0 < axes <= x.ndim and all(line.shape == x.shape[x.ndim - axes :] for line in lines)


@door("x (...), w (*), b (*)")
def layer_norm(x: np.ndarray, w: np.ndarray, b: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalise x (..., D) along the axes D of w and b: y, mean (..., 1) and rstd (..., 1)."""
    if not _ends_in(x, w, b):
        return NotImplemented
    shape = x.shape[: x.ndim - w.ndim] + (1,) * w.ndim
    y, mean, rstd = POOL.empty(x.shape, x.dtype), np.empty(x.size // w.size), np.empty(x.size // w.size)
    lines = (plain(line).reshape(-1) for line in (w, b))
    _layer_norm(plain(x).reshape(-1), (mean.size, w.size), *lines, eps, y.reshape(-1), mean, rstd)
    return y, mean.reshape(shape), rstd.reshape(shape)


@door("dy (...), x (...), w (*), mean (*) double, rstd (*) double")
def layer_norm_grads(
    dy: np.ndarray, x: np.ndarray, w: np.ndarray, mean: np.ndarray, rstd: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return dx, dw and db."""
    shape = x.shape[: x.ndim - w.ndim] + (1,) * w.ndim
    if not _ends_in(x, w) or not mean.shape == rstd.shape == shape:
        return NotImplemented
    dx, sums = POOL.empty(x.shape, x.dtype), np.zeros((get_num_threads(), 2, w.size))
    given = (plain(dy).reshape(-1), plain(x).reshape(-1), (x.size // w.size, w.size), plain(w).reshape(-1))
    numbers = (plain(each).reshape(-1) for each in (mean, rstd))
    _layer_norm_grads(*given, *numbers, dx.reshape(-1), sums.reshape(-1))
    db, dw = (total.reshape(w.shape).astype(x.dtype) for total in sums.sum(axis=0))
    return dx, dw, db

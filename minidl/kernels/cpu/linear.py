"""Linear layers: three matrix products, shared among the threads so that every weight is read or written once.

    y = x @ wᵀ + b          x (N, M)  w (O, M)  y (N, O)        threads share the columns of y, or its rows
    dx = dy @ w             dx (N, M)                           likewise
    dw = dyᵀ @ x            dw (O, M)                           threads share the rows of dw

At batch 8 a layer with 100 million weights does 16 operations for every four bytes that come from memory: it waits for
memory, and nothing helps but to read w once. So threads share w: each makes some columns of the result. Where there are
more rows than weights to share, they share the rows. b is what the sum begins with.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _backend
from minidl._threads import get_num_threads
from minidl.kernels.cpu.compile import door, kernel
from minidl.kernels.cpu.gemm import product

ROWS = 64  # for each thread, from which on rows are shared


@kernel("void(r2, r2, i, w2, i, i)")
def _times(x, w, transposed, y, by_rows, threads):
    """Add x @ w to y, or x @ wᵀ where w is transposed."""
    rows, inner = x.shape
    columns = y.shape[1]
    x, w, y = x.reshape(-1), w.reshape(-1), y.reshape(-1)
    for thread in prange(threads):
        size = rows if by_rows else columns
        first, last = thread * size // threads, (thread + 1) * size // threads
        row, count = (first, last - first) if by_rows else (0, rows)
        column, wide = (0, columns) if by_rows else (first, last - first)
        if count > 0 and wide > 0:
            at = column * inner if transposed else column
            step = inner if transposed else columns
            target = y[row * columns + column :]
            product(count, wide, inner, x[row * inner :], inner, False, w[at:], step, transposed, 1, target, columns)


@kernel("void(r2, r2, w2, i)")
def _weight_gradient(dy, x, dw, threads):
    n, m = x.shape
    o = dy.shape[1]
    dy, x, dw = dy.reshape(-1), x.reshape(-1), dw.reshape(-1)
    for thread in prange(threads):
        first, last = thread * o // threads, (thread + 1) * o // threads
        if last > first:
            product(last - first, m, n, dy[first:], o, True, x, m, False, 0, dw[first * m :], m)


def _multiplied(x: np.ndarray, w: np.ndarray, transposed: bool, start: np.ndarray | float) -> np.ndarray:
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    y = _backend.empty((x.shape[0], w.shape[0] if transposed else w.shape[1]), x.dtype, like=x)
    y[...] = start
    _times(x, w, int(transposed), y, int(len(x) >= ROWS * get_num_threads()))
    return y


@door
def linear(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """y = x @ wᵀ + b."""
    return _multiplied(x, w, True, 0 if b is None else b)


@door
def linear_dx(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """dx = dy @ w."""
    return _multiplied(dy, w, False, 0)


@door
def linear_dw(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dw = dyᵀ @ x."""
    dy, x = np.ascontiguousarray(dy), np.ascontiguousarray(x)
    dw = _backend.empty((dy.shape[1], x.shape[1]), x.dtype, like=x)
    _weight_gradient(dy, x, dw)
    return dw

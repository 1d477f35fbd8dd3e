"""Linear layers: three matrix products, shared among the threads so that every weight is read or written once.

    y = x @ wᵀ + b          x (N, M)  w (O, M)  y (N, O)        threads share the columns of y, or its rows
    dx = dy @ w             dx (N, M)                           likewise
    dw = dyᵀ @ x            dw (O, M)                           threads share the rows of dw

At batch 8 a layer with 100 million weights does 16 operations for every four bytes that come from memory: it waits for
memory, and nothing helps but to read w once. So threads share w: each makes some columns of the result. Where there are
more rows than weights to share, they share the rows. b is what the sum begins with.

For a few pictures y is made without a matrix product, whose rearranging of w costs more than it saves. Every number
of y is a dot product of a row of x and a row of w, and eight rows of w are read side by side: memory answers eight
questions at once several times as fast as one after the other. A piece of the eight rows serves all rows of x while it
is in the first-level cache.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _backend
from minidl._threads import get_num_threads
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.workspace import floats
from minidl.kernels.cpu.simd.accumulators import EIGHT, add_acc, eightfold, fma_vectors
from minidl.kernels.cpu.simd.compile import kernel
from minidl.kernels.cpu.simd.gemm import product
from minidl.kernels.cpu.simd.load_store import load, store
from minidl.kernels.cpu.simd.vector import LANES, splat, sum_of

ROWS = 64  # for each thread, from which on rows are shared
FEW = 12  # rows of x, up to which they are multiplied one by one
BESIDE = EIGHT.count  # rows of w that are read side by side
PIECE = 2**9  # numbers of each of them: with their part of x half a first-level cache


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


@kernel("void(r2, r2, w2, w2, i)")
def _dots(x, w, y, totals, threads):
    """Add x @ wᵀ to y."""
    (rows, inner), o = x.shape, w.shape[0]
    whole, blocks = inner // LANES * LANES, (o + BESIDE - 1) // BESIDE
    x, w, y = x.reshape(-1), w.reshape(-1), y.reshape(-1)
    for thread in prange(threads):
        own = totals[thread]
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            new = block * BESIDE
            first = min(new, o - BESIDE)  # the last block begins with rows that are done already
            for i in range(rows * BESIDE):
                store(own, i * LANES, splat(np.float32(0)))
            for begin in range(0, whole, PIECE):
                for row in range(rows):
                    acc, place = eightfold(splat(np.float32(0))), row * BESIDE * LANES
                    for k in range(begin, min(begin + PIECE, whole), LANES):
                        acc = fma_vectors(acc, w, first * inner + k, inner, load(x, row * inner + k))
                    add_acc(own, place, LANES, acc, BESIDE, LANES)
            for row in range(rows):
                for output in range(new, min(new + BESIDE, o)):
                    total = sum_of(load(own, (row * BESIDE + output - first) * LANES))
                    for k in range(whole, inner):
                        total += x[row * inner + k] * w[output * inner + k]
                    y[row * o + output] += total


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
    if transposed and len(x) <= FEW and len(w) >= BESIDE:
        _dots(x, w, y, floats(get_num_threads(), len(x) * BESIDE * LANES))
    else:
        _times(x, w, int(transposed), y, int(len(x) >= ROWS * get_num_threads()))
    return y


@door("x (N M), w (O M), b (O)?")
def linear(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """y = x @ wᵀ + b."""
    return _multiplied(x, w, True, 0 if b is None else b)


@door("dy (N O), w (O M)")
def linear_dx(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """dx = dy @ w."""
    return _multiplied(dy, w, False, 0)


@door("dy (N O), x (N M)")
def linear_dw(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dw = dyᵀ @ x."""
    dy, x = np.ascontiguousarray(dy), np.ascontiguousarray(x)
    dw = _backend.empty((dy.shape[1], x.shape[1]), x.dtype, like=x)
    _weight_gradient(dy, x, dw)
    return dw

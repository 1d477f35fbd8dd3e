"""Linear layers and stacks of matrices: products shared among threads so that every weight is read or written once.

    y = x @ wᵀ + b          x (N, M)  w (O, M)  y (N, O)        threads share the columns of y, or its rows
    dx = dy @ w             dx (N, M)                           likewise
    dw = dyᵀ @ x            dw (O, M)                           threads share the rows of dw

At batch 8 a layer with 100 million weights does 16 operations for every four bytes that come from memory: it waits for
memory, and nothing helps but to read w once. So threads share w: each makes some columns of the result. Where there are
more rows than weights to share, they share the rows. b is what the sum begins with.

    y = a @ b               a (..., N, M)  b (..., M, O)    threads share the pairs of matrices

Matrices of a stack are multiplied where they lie, turned over or not, and those that broadcasting repeats once for each
partner; nothing is copied but what has no rows and no columns in one piece.

For a few pictures y is made without a matrix product, whose rearranging of w costs more than it saves. Every number
of y is a dot product of a row of x and a row of w, and eight rows of w are read side by side: memory answers eight
questions at once several times as fast as one after the other. A piece of the eight rows serves all rows of x while it
is in the first-level cache.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from minidl import _backend
from minidl._threads import get_num_threads
from minidl.kernels._launches import copy
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import plain
from minidl.kernels.cpu.memory.stacks import rows_are_runs, stacked, turned
from minidl.kernels.cpu.memory.workspace import floats
from minidl.kernels.cpu.simd.accumulators import add_acc, fma_vectors, fold
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.gemm import product
from minidl.kernels.cpu.simd.load_store import load, load_some, store, store_some
from minidl.kernels.cpu.simd.registers import fitting
from minidl.kernels.cpu.simd.vector import LANES, splat, sum_of

ROWS = 64  # for each thread, from which on rows are shared
FEW = 12  # rows of x, up to which they are multiplied one by one
BESIDE = fitting(8, 6)  # rows of w that are read side by side
begin_with = fold(BESIDE)
PIECE = 2**9  # numbers of each of them: with their part of x half a first-level cache


@inline
def _begin(y, row, rows, column, columns, width, start):
    """Let some numbers of y begin with `start`, one for each column."""
    for i in range(row, row + rows):
        for j in range(column, column + width, LANES):
            left = column + width - j
            store_some(y, i * columns + j, load_some(start, j, left), left)


@kernel("void(r2, r2, i, r1, w2, i, i)")
def _times(x, w, transposed, start, y, by_rows, threads):
    """Write x @ w, or x @ wᵀ where w is transposed; added to start, if that has numbers."""
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
            beta = min(len(start), 1)
            if beta:
                _begin(y, row, count, column, columns, wide, start)
            product(count, wide, inner, x[row * inner :], inner, False, w[at:], step, transposed, beta, target, columns)


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
                    acc, place = begin_with(splat(np.float32(0))), row * BESIDE * LANES
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


@kernel("void(r1, r1, ri1, i3, i3, w1, i)")
def _matmul(a, b, places, sizes, inside, y, threads):
    """Write all products; threads share the pairs of matrices, or the rows of each where there are few."""
    (count, n, o), (m, a_turned, b_turned) = sizes, inside
    parts = 1 if count >= 4 * threads else min(threads, n)
    for thread in prange(threads):
        for unit in range(thread * count * parts // threads, (thread + 1) * count * parts // threads):
            pair, part = unit // parts, unit % parts
            row, rows = n * part // parts, n * (part + 1) // parts - n * part // parts
            a_step, b_step = places[0], places[count + 1]
            of_a = places[1 + pair] + row * (1 if a_turned else a_step)
            of_b, to_y = places[count + 2 + pair], (pair * n + row) * o
            product(rows, o, m, a[of_a:], a_step, a_turned, b[of_b:], b_step, b_turned, 0, y[to_y:], o)


NOTHING = np.zeros(0, np.float32)  # what is begun with where there is no bias


def _multiplied(x: np.ndarray, w: np.ndarray, transposed: bool, start: np.ndarray = NOTHING) -> np.ndarray:
    x, w, start = plain(x), plain(w), plain(start)
    y = _backend.empty((x.shape[0], w.shape[0] if transposed else w.shape[1]), x.dtype, like=x)
    if transposed and len(x) <= FEW and len(w) >= BESIDE:
        copy(y, start if start.size else 0)
        _dots(x, w, y, floats(get_num_threads(), len(x) * BESIDE * LANES))
    else:
        _times(x, w, int(transposed), start, y, int(len(x) >= ROWS * get_num_threads()))
    return y


@door("x (N M), w (O M), b (O)?")
def linear(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """y = x @ wᵀ + b."""
    return _multiplied(x, w, True, NOTHING if b is None else b)


@door("dy (N O), w (O M)")
def linear_dx(dy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """dx = dy @ w."""
    return _multiplied(dy, w, False)


@door("dy (N O), x (N M)")
def linear_dw(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dw = dyᵀ @ x."""
    dy, x = plain(dy), plain(x)
    dw = _backend.empty((dy.shape[1], x.shape[1]), x.dtype, like=x)
    _weight_gradient(dy, x, dw)
    return dw


@door("a (...), b (*)")
def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = a @ b, over the last two axes."""
    if min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2]:
        return NotImplemented
    try:
        before = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:  # which the book says as NumPy does
        return NotImplemented
    (n, m), o, count = a.shape[-2:], b.shape[-1], math.prod(before)
    a_turned, b_turned = turned(a), turned(b)
    y = _backend.empty((count * n, o), a.dtype, like=NOTHING)
    given, places = zip(*(_stack(x, before, flip) for x, flip in ((a, a_turned), (b, b_turned))))
    _matmul(*given, np.concatenate(places), (count, n, o), (m, int(a_turned), int(b_turned)), y.reshape(-1))
    return y.reshape(*before, n, o)


def _stack(x: np.ndarray, before: tuple[int, ...], flip: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return memory and places of x, or of xᵀ, once for every pair."""
    matrices = x.swapaxes(-1, -2) if flip else x
    matrices = matrices if rows_are_runs(matrices) else plain(matrices)
    return stacked(np.broadcast_to(matrices, (*before, *matrices.shape[-2:])))

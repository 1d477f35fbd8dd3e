"""Attention: every thread takes heads of its own, some rows of them at a time, and some keys of these.

The steps are the book's (`kernels/textbook/attention.py`). A block of scores, of at most ROWS rows and KEYS keys, stays
in the second-level cache from the first product to the last, so the memory does not grow with the length at all. The
way back knows log Σ eˢ and takes the blocks as they come. The way forward does not: it keeps for each row the largest
score so far, m, and what is made of it, Σ e^(s - m) and Σ e^(s - m) v; where a later block has a larger one, m', both
are multiplied with e^(m - m'). Nothing is divided before the end, where E numbers of a row are left and not S.

Queries, keys and values are read where they lie, and results lie in memory as q, k and v do: heads are slices of
tokens, and nobody copies them.

A mask is read where it lies, too: a row of it for each row of scores, or one for all. (Its gradient is left to the
textbook.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from minidl import _backend
from minidl._threads import get_num_threads
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.loss import exponentials, largest
from minidl.kernels.cpu.memory.layout import plain
from minidl.kernels.cpu.memory.stacks import stacked
from minidl.kernels.cpu.memory.workspace import floats
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.functions import exp
from minidl.kernels.cpu.simd.gemm import product, scaled_product
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, splat, where

ROWS = KEYS = 256
ADDS, HIDES = 1, 2
NO_NUMBERS, NO_MARKS = np.zeros(1, np.float32), np.zeros(1, np.uint8)
ZERO, LOWEST = np.float32(0), np.float32(-np.inf)


@inline
def _masked(scores, at, keys, mask, marks, mask_at, kind):
    """Add the numbers of a mask to one row of scores, or hide what has no mark."""
    for j in range(0, keys, LANES):
        left, s = keys - j, load_some(scores, at + j, keys - j)
        if kind == HIDES:
            s = where(load_some(marks, mask_at + j, left) > splat(ZERO), s, splat(LOWEST))
        else:
            s = s + load_some(mask, mask_at + j, left)
        store_some(scores, at + j, s, left)


@inline
def _scale(x, at, m, factor):
    """Multiply the m numbers from `at` on."""
    for i in range(0, m, LANES):
        store_some(x, at + i, load_some(x, at + i, m - i) * splat(factor), m - i)


@kernel("void(r1, r1, r1, r1, rb1, ri1, i3, i3, d, w1, w1, w2, i)")
def _attention(q, k, v, mask, marks, places, sizes, widths, scale, y, log_sums, space, threads):
    (heads, length, keys), (d, e, kind), each = sizes, widths, sizes[0] + 1
    steps, blocks = places[::each], (length + ROWS - 1) // ROWS
    q_step, k_step, v_step, y_step, mask_step = steps[0], steps[1], steps[2], steps[3], steps[4]
    for thread in prange(threads):
        scores, most, sums = space[thread, 2 * ROWS :], space[thread, :ROWS], space[thread, ROWS : 2 * ROWS]
        for unit in range(thread * heads * blocks // threads, (thread + 1) * heads * blocks // threads):
            head, block = unit // blocks, unit % blocks
            row, rows = length * block // blocks, length * (block + 1) // blocks - length * block // blocks
            of_q, of_k, of_v = places[1 + head], places[1 + each + head], places[1 + 2 * each + head]
            of_y, of_mask = places[1 + 3 * each + head] + row * y_step, places[1 + 4 * each + head] + row * mask_step
            of_q += row * q_step
            most[:rows], sums[:rows] = LOWEST, 0
            for first in range(0, keys, KEYS):
                some = min(KEYS, keys - first)
                these, values = k[of_k + first * k_step :], v[of_v + first * v_step :]
                scaled_product(scale, rows, some, d, q[of_q:], q_step, False, these, k_step, True, 0, scores, some)
                for i in range(rows):
                    if kind:
                        _masked(scores, i * some, some, mask, marks, of_mask + i * mask_step + first, kind)
                    larger = max(most[i], largest(scores, i * some, some))
                    less = ZERO if larger == LOWEST else larger  # no key at all: e⁰ would be 1, and e^(-∞) is 0
                    total = exponentials(scores, i * some, some, less, scores)
                    if first and larger != most[i]:
                        factor = np.float32(np.exp(most[i] - less))
                        _scale(y, of_y + i * y_step, e, factor)
                        sums[i] *= factor
                    most[i] = larger
                    sums[i] += total
                product(rows, e, some, scores, some, False, values, v_step, False, min(first, 1), y[of_y:], y_step)
            for i in range(rows):
                total = 1.0 if sums[i] == 0 else sums[i]
                _scale(y, of_y + i * y_step, e, np.float32(1 / total))
                log_sums[head * length + row + i] = (ZERO if most[i] == LOWEST else most[i]) + np.log(total)


@inline
def _gradients_of_scores(p, ds, at, keys, log_sum, less, mask, marks, mask_at, kind):
    """Turn one row of S into P = e^(S - log Σ eˢ), and of dP into dS = P · (dP - D)."""
    if kind:
        _masked(p, at, keys, mask, marks, mask_at, kind)
    for j in range(at, at + keys, LANES):
        left = at + keys - j
        weight = exp(load_some(p, j, left) - splat(log_sum))
        store_some(p, j, weight, left)
        store_some(ds, j, weight * (load_some(ds, j, left) - splat(less)), left)


@inline
def _dots(a, a_at, a_step, b, b_at, b_step, rows, m, dots):
    """Write Σ a · b of every row."""
    for i in range(rows):
        total, one, other = 0.0, a_at + i * a_step, b_at + i * b_step
        for j in range(m):
            total += a[one + j] * b[other + j]
        dots[i] = total


@kernel("void(r1, r1, r1, r1, r1, r1, rb1, ri1, i3, i3, d, r1, w1, w1, w1, w2, i)")
def _attention_grads(q, k, v, dy, y, mask, marks, places, sizes, widths, scale, log_sums, dq, dk, dv, space, threads):
    (heads, length, keys), (d, e, kind), each = sizes, widths, sizes[0] + 1
    steps, blocks, half = places[::each], (length + ROWS - 1) // ROWS, (space.shape[1] - ROWS) // 2
    q_step, k_step, v_step, dy_step, y_step = steps[0], steps[1], steps[2], steps[3], steps[4]
    mask_step, dq_step, dk_step, dv_step = steps[5], steps[6], steps[7], steps[8]
    for thread in prange(threads):
        less, p, ds = space[thread, :ROWS], space[thread, ROWS : ROWS + half], space[thread, ROWS + half :]
        for head in range(thread * heads // threads, (thread + 1) * heads // threads):
            at = places[1 + head :: each]
            for block in range(blocks):
                row, rows = length * block // blocks, length * (block + 1) // blocks - length * block // blocks
                queries, above = q[at[0] + row * q_step :], dy[at[3] + row * dy_step :]
                _dots(dy, at[3] + row * dy_step, dy_step, y, at[4] + row * y_step, y_step, rows, e, less)
                for first in range(0, keys, KEYS):
                    some, later = min(KEYS, keys - first), min(block, 1)
                    these, values = k[at[1] + first * k_step :], v[at[2] + first * v_step :]
                    to_k, to_v = dk[at[6 + 1] + first * dk_step :], dv[at[6 + 2] + first * dv_step :]
                    scaled_product(scale, rows, some, d, queries, q_step, False, these, k_step, True, 0, p, some)
                    product(rows, some, e, above, dy_step, False, values, v_step, True, 0, ds, some)
                    for i in range(rows):
                        mask_at, total = at[5] + (row + i) * mask_step + first, log_sums[head * length + row + i]
                        _gradients_of_scores(p, ds, i * some, some, total, less[i], mask, marks, mask_at, kind)
                    product(some, e, rows, p, some, True, above, dy_step, False, later, to_v, dv_step)
                    to_q = dq[at[6] + row * dq_step :]
                    again = min(first, 1)
                    scaled_product(scale, rows, d, some, ds, some, False, these, k_step, False, again, to_q, dq_step)
                    scaled_product(scale, some, d, rows, ds, some, True, queries, q_step, False, later, to_k, dk_step)


def _served(mask: Any, *given: Any) -> bool:
    """Tell whether these are heads, and the mask may be broadcast to their scores."""
    q, k = given[:2]
    if not all(isinstance(x, np.ndarray) and x.ndim == q.ndim for x in given) or not 2 <= q.ndim <= 4:
        return False
    if mask is None:
        return True
    if not isinstance(mask, np.ndarray) or mask.dtype not in (np.float32, np.bool_) or not 0 < mask.ndim <= q.ndim:
        return False
    return all(size in (1, of) for size, of in zip(mask.shape[::-1], (k.shape[-2], *q.shape[-2::-1])))


def _four(x: np.ndarray) -> np.ndarray:
    """Return a view of x (..., L, D) with four axes."""
    return x.reshape((1,) * (4 - x.ndim) + x.shape)


def _mask(mask: np.ndarray | None, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return a mask as numbers or marks, where its matrices lie, and what it does to scores (N, H, L, S)."""
    if mask is None:
        return NO_NUMBERS, NO_MARKS, np.zeros(1 + shape[0] * shape[1], np.int64), 0
    rows = _four(mask.view(np.uint8) if mask.dtype == bool else mask)
    if rows.shape[3] != shape[3]:
        rows = plain(np.broadcast_to(rows, (*rows.shape[:3], shape[3])))
    memory, places = stacked(np.broadcast_to(rows, (*shape[:2], *rows.shape[2:])))
    if rows.shape[2] == 1:
        places[0] = 0
    return (NO_NUMBERS, memory, places, HIDES) if mask.dtype == bool else (memory, NO_MARKS, places, ADDS)


def _like(x: np.ndarray, width: int) -> np.ndarray:
    """Allocate a result (N, H, L, width) whose heads lie in memory as those of x (N, H, L, D) do."""
    order = sorted(range(3), key=lambda axis: -x.strides[axis])
    block = _backend.empty((*(x.shape[axis] for axis in order), width), x.dtype, like=x[..., 0])
    return block.transpose(*(order.index(axis) for axis in range(3)), 3)


def _space(rows: int, keys: int, blocks: int, lines: int) -> np.ndarray:
    """Lend every thread some blocks of scores, and some numbers for each row of them."""
    return floats(get_num_threads(), blocks * min(rows, ROWS) * min(keys, KEYS) + lines * ROWS)


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Y = softmax(Q Kᵀ / √D) V, and log Σ eˢ of every row."""
    return _of_heads(*map(_four, (q, k, v)), mask, q.shape[:-1]) if _served(mask, q, k, v) else NotImplemented


@door("q (N H L D), k (N H S D), v (N H S E)", name="attention")
def _of_heads(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None, rows: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    (n, h, length, d), (keys, e) = q.shape, v.shape[2:]
    y, log_sums = _like(q, e), floats(n * h * length)
    *given, target = (stacked(x) for x in (q, k, v, y))
    numbers, marks, of_mask, kind = _mask(mask, (n, h, length, keys))
    places = np.concatenate([*(places for _, places in (*given, target)), of_mask])
    memory = (*(array for array, _ in given), numbers, marks, places, (n * h, length, keys), (d, e, kind), d**-0.5)
    _attention(*memory, target[0], log_sums, _space(length, keys, 1, 2))
    return y.reshape(*rows, e), log_sums.reshape(rows)


def attention_grads(
    dy: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: np.ndarray | None,
    y: np.ndarray,
    log_sums: np.ndarray,
    with_mask: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, None]:
    """Return dq, dk and dv; a mask that wants its gradient is left to the textbook."""
    served = _served(mask, q, k, v, dy, y) and not (with_mask and mask is not None)
    if not served or not isinstance(log_sums, np.ndarray) or log_sums.shape != q.shape[:-1]:
        return NotImplemented
    found = _grads_of_heads(*map(_four, (dy, q, k, v, y)), log_sums.reshape(_four(q).shape[:3]), mask)
    if found is NotImplemented:
        return found
    dq, dk, dv = found
    return dq.reshape(q.shape), dk.reshape(k.shape), dv.reshape(v.shape), None


@door("dy (N H L E), q (N H L D), k (N H S D), v (N H S E), y (N H L E), log_sums (N H L)", name="attention_grads")
def _grads_of_heads(
    dy: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    y: np.ndarray,
    log_sums: np.ndarray,
    mask: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    (n, h, length, d), (keys, e) = q.shape, v.shape[2:]
    results = [_like(x, x.shape[3]) for x in (q, k, v)]
    given, targets = [stacked(x) for x in (q, k, v, dy, y)], [stacked(x) for x in results]
    numbers, marks, of_mask, kind = _mask(mask, (n, h, length, keys))
    places = np.concatenate([*(at for _, at in given), of_mask, *(at for _, at in targets)])
    memory = (*(array for array, _ in given), numbers, marks, places, (n * h, length, keys), (d, e, kind), d**-0.5)
    lines = plain(log_sums).reshape(-1)
    _attention_grads(*memory, lines, *(array for array, _ in targets), _space(length, keys, 2, 1))
    return results[0], results[1], results[2]

"""Attention without a mask: every thread takes heads of its own, and rows of them a block at a time.

The steps are the book's (`kernels/textbook/attention.py`). A block of ROWS rows of scores and their gradients lie in
the second-level cache from the first product to the last, and every product is one thread's.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _backend
from minidl._threads import get_num_threads
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.loss import exponentials
from minidl.kernels.cpu.memory.workspace import floats
from minidl.kernels.cpu.simd.compile import kernel
from minidl.kernels.cpu.simd.functions import exp
from minidl.kernels.cpu.simd.gemm import product
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, splat

ROWS = 64


@kernel("void(r3, r3, r3, w3, w2, w2, i)")
def _attention(q, k, v, y, log_sums, space, threads):
    (heads, length, d), keys, e = q.shape, k.shape[1], v.shape[2]
    q, k, v, y, sums = q.reshape(-1), k.reshape(-1), v.reshape(-1), y.reshape(-1), log_sums.reshape(-1)
    for thread in prange(threads):
        scores = space[thread]
        for head in range(thread * heads // threads, (thread + 1) * heads // threads):
            for row in range(head * length, (head + 1) * length, ROWS):
                rows = min(ROWS, (head + 1) * length - row)
                product(rows, keys, d, q[row * d :], d, False, k[head * keys * d :], d, True, 0, scores, keys)
                for i in range(rows):
                    largest, total = exponentials(scores, i * keys, keys, scores)
                    sums[row + i] = largest + np.log(total)
                    share = splat(np.float32(1 / total))
                    for j in range(0, keys, LANES):
                        at, left = i * keys + j, keys - j
                        store_some(scores, at, load_some(scores, at, left) * share, left)
                product(rows, e, keys, scores, keys, False, v[head * keys * e :], e, False, 0, y[row * e :], e)


@kernel("void(r3, r3, r3, r3, r3, r2, w3, w3, w3, w2, i)")
def _attention_grads(dy, q, k, v, y, log_sums, dq, dk, dv, space, threads):
    (heads, length, d), keys, e = q.shape, k.shape[1], v.shape[2]
    dy, q, k, v, y, sums = (
        dy.reshape(-1),
        q.reshape(-1),
        k.reshape(-1),
        v.reshape(-1),
        y.reshape(-1),
        log_sums.reshape(-1),
    )
    dq, dk, dv = dq.reshape(-1), dk.reshape(-1), dv.reshape(-1)
    for thread in prange(threads):
        p, ds = space[thread, : ROWS * keys], space[thread, ROWS * keys :]
        for head in range(thread * heads // threads, (thread + 1) * heads // threads):
            of_k, of_v = head * keys * d, head * keys * e
            for row in range(head * length, (head + 1) * length, ROWS):
                rows = min(ROWS, (head + 1) * length - row)
                product(rows, keys, d, q[row * d :], d, False, k[of_k:], d, True, 0, p, keys)
                product(rows, keys, e, dy[row * e :], e, False, v[of_v:], e, True, 0, ds, keys)
                for i in range(rows):
                    mean = 0.0
                    for j in range((row + i) * e, (row + i + 1) * e):
                        mean += dy[j] * y[j]
                    less, total = splat(np.float32(mean)), splat(sums[row + i])
                    for j in range(0, keys, LANES):
                        at, left = i * keys + j, keys - j
                        weight = exp(load_some(p, at, left) - total)
                        store_some(p, at, weight, left)
                        store_some(ds, at, weight * (load_some(ds, at, left) - less), left)
                product(keys, e, rows, p, keys, True, dy[row * e :], e, False, 1, dv[of_v:], e)
                product(rows, d, keys, ds, keys, False, k[of_k:], d, False, 0, dq[row * d :], d)
                product(keys, d, rows, ds, keys, True, q[row * d :], d, False, 1, dk[of_k:], d)


def _heads(x: np.ndarray) -> np.ndarray:
    """Return x (N, H, L, D) as (N·H, L, D), dense."""
    return np.ascontiguousarray(x).reshape(-1, *x.shape[2:])


def _scaled(q: np.ndarray) -> np.ndarray:
    return _heads(q * q.dtype.type(q.shape[-1] ** -0.5))


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Y = softmax(Q Kᵀ / √D) V, and log Σ eˢ of every row."""
    return NotImplemented if mask is not None or np.ndim(q) != 4 else _of_heads(q, k, v)


@door("q (N H L D), k (N H S D), v (N H S E)", name="attention")
def _of_heads(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    given = [_scaled(q), _heads(k), _heads(v)]
    (heads, length, _), (_, keys, e) = given[0].shape, given[2].shape
    y = _backend.empty((heads, length, e), q.dtype, like=given[0])
    log_sums = floats(heads, length)
    _attention(*given, y, log_sums, floats(get_num_threads(), ROWS * keys))
    return y.reshape(*q.shape[:3], e), log_sums.reshape(q.shape[:3])


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
    """Return dq, dk and dv."""
    return NotImplemented if mask is not None or np.ndim(q) != 4 else _grads_of_heads(dy, q, k, v, y, log_sums)


@door("dy (N H L E), q (N H L D), k (N H S D), v (N H S E), y (N H L E), log_sums (N H L)", name="attention_grads")
def _grads_of_heads(
    dy: np.ndarray, q: np.ndarray, k: np.ndarray, v: np.ndarray, y: np.ndarray, log_sums: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, None]:
    given = [_heads(dy), _scaled(q), _heads(k), _heads(v), _heads(y)]
    dq, dk, dv = (_backend.full(x.shape, 0, x.dtype, like=x) for x in given[1:4])
    rows = np.ascontiguousarray(log_sums).reshape(dq.shape[:2])
    _attention_grads(*given, rows, dq, dk, dv, floats(get_num_threads(), 2 * ROWS * k.shape[2]))
    dq *= dq.dtype.type(q.shape[-1] ** -0.5)
    return dq.reshape(q.shape), dk.reshape(k.shape), dv.reshape(v.shape), None

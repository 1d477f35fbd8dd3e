"""Activations: one pass over memory each, whatever the memory order."""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _backend
from minidl.kernels.cpu.compile import door, kernel
from minidl.kernels.cpu.layout import alike, dense, flat
from minidl.kernels.cpu.vector import LANES, load, maximum, splat, store, where_positive


@kernel("void(r1, w1, i)")
def _relu(x, y, threads):
    n = x.shape[0]
    blocks = n // LANES
    for thread in prange(threads):
        zero = splat(np.float32(0))
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            store(y, LANES * block, maximum(load(x, LANES * block), zero))
    for i in range(LANES * blocks, n):
        y[i] = np.float32(0) if x[i] <= 0 else x[i]


@door
def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    x = dense(x)
    y = _backend.empty(x.shape, x.dtype, like=x)
    _relu(flat(x), flat(y))
    return y


@kernel("void(r1, r1, w1, i)")
def _relu_dx(dy, y, dx, threads):
    n = y.shape[0]
    blocks = n // LANES
    for thread in prange(threads):
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            store(dx, LANES * block, where_positive(load(y, LANES * block), load(dy, LANES * block)))
    for i in range(LANES * blocks, n):
        dx[i] = dy[i] if y[i] > 0 else np.float32(0)


@door
def relu_dx(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dy where y > 0, else 0."""
    y = dense(y)
    dx = _backend.empty(y.shape, y.dtype, like=y)
    _relu_dx(flat(alike(dy, y)), flat(y), flat(dx))
    return dx

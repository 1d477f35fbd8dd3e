"""Elementwise kernels: one pass over memory each, whatever the memory order.

Their arithmetic costs nothing beside the memory: a core adds sixteen floats in the time in which it reads one or two.
So all that counts is to touch every array once. NumPy's `x * mask * scale` reads and writes three arrays more than
that, with one thread.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _backend
from minidl.kernels.cpu import functions
from minidl.kernels.cpu.compile import door, kernel
from minidl.kernels.cpu.functions import activated, fused, slope
from minidl.kernels.cpu.layout import alike, dense, flat
from minidl.kernels.cpu.vector import LANES, load_some, splat, store_some


@kernel("void(r1, w1, i, f, i)")
def _activate(x, y, kind, a, threads):
    n = x.shape[0]
    blocks = (n + LANES - 1) // LANES
    for thread in prange(threads):
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            at = LANES * block
            store_some(y, at, activated(kind, load_some(x, at, n - at), a), n - at)


@kernel("void(r1, r1, w1, i, f, i)")
def _activate_dx(dy, v, dx, kind, a, threads):
    n = v.shape[0]
    blocks = (n + LANES - 1) // LANES
    for thread in prange(threads):
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            at = LANES * block
            store_some(dx, at, load_some(dy, at, n - at) * slope(kind, load_some(v, at, n - at), a), n - at)


def _forward(x: np.ndarray, kind: int, a: float = 0.0) -> np.ndarray:
    x = dense(x)
    y = _backend.empty(x.shape, x.dtype, like=x)
    _activate(flat(x), flat(y), kind, a)
    return y


def _backward(dy: np.ndarray, v: np.ndarray, kind: int, a: float = 0.0) -> np.ndarray:
    v = dense(v)
    dx = _backend.empty(v.shape, v.dtype, like=v)
    _activate_dx(flat(alike(dy, v)), flat(v), flat(dx), kind, a)
    return dx


@door
def relu(x: np.ndarray) -> np.ndarray:
    """y = max(x, 0)."""
    return _forward(x, functions.RELU)


@door
def relu_dx(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy where y > 0, else 0."""
    return _backward(dy, y, functions.RELU)


@door
def relu6(x: np.ndarray) -> np.ndarray:
    """y = min(max(x, 0), 6)."""
    return _forward(x, functions.RELU6)


@door
def relu6_dx(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy where 0 < y < 6, else 0."""
    return _backward(dy, y, functions.RELU6)


@door
def leaky_relu(x: np.ndarray, negative_slope: float) -> np.ndarray:
    """y = max(x, a·x)."""
    return _forward(x, functions.LEAKY_RELU, negative_slope)


@door
def leaky_relu_dx(dy: np.ndarray, y: np.ndarray, negative_slope: float) -> np.ndarray:
    """dx = dy where y > 0, else a·dy."""
    return _backward(dy, y, functions.LEAKY_RELU, negative_slope)


@door
def silu(x: np.ndarray) -> np.ndarray:
    """y = x·σ(x)."""
    return _forward(x, functions.SILU)


@door
def silu_dx(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dx = dy·σ·(1 + x·(1 - σ))."""
    return _backward(dy, x, functions.SILU)


@door
def hardswish(x: np.ndarray) -> np.ndarray:
    """y = x·relu6(x + 3) / 6."""
    return _forward(x, functions.HARDSWISH)


@door
def hardswish_dx(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dx = dy·(h + x·h') with h = hardsigmoid(x)."""
    return _backward(dy, x, functions.HARDSWISH)


@door
def sigmoid(x: np.ndarray) -> np.ndarray:
    """y = 1 / (1 + e⁻ˣ)."""
    return _forward(x, functions.SIGMOID)


@door
def sigmoid_dx(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy·y·(1 - y)."""
    return _backward(dy, y, functions.SIGMOID)


@door
def tanh(x: np.ndarray) -> np.ndarray:
    """y = tanh x."""
    return _forward(x, functions.TANH)


@door
def tanh_dx(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy·(1 - y²)."""
    return _backward(dy, y, functions.TANH)


@door
def scaled_tanh(x: np.ndarray) -> np.ndarray:
    """y = 1.7159·tanh(2x/3)."""
    return _forward(x, functions.SCALED_TANH)


@door
def scaled_tanh_dx(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy·2/3·(1.7159 - y²/1.7159)."""
    return _backward(dy, y, functions.SCALED_TANH)


@door
def hardsigmoid(x: np.ndarray) -> np.ndarray:
    """y = relu6(x + 3) / 6."""
    return _forward(x, functions.HARDSIGMOID)


@door
def hardsigmoid_dx(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy/6 where 0 < y < 1, else 0."""
    return _backward(dy, y, functions.HARDSIGMOID)


@kernel("void(r1, r1, w1, i, i)")
def _add(a, b, y, kind, threads):
    n = a.shape[0]
    blocks = (n + LANES - 1) // LANES
    for thread in prange(threads):
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            at = LANES * block
            total = load_some(a, at, n - at) + load_some(b, at, n - at)
            store_some(y, at, fused(kind, total), n - at)


def _sum(a: np.ndarray, b: np.ndarray, kind: int) -> np.ndarray:
    if a.shape != b.shape:
        return NotImplemented  # broadcasting is the textbook's
    a = dense(a)
    y = _backend.empty(a.shape, a.dtype, like=a)
    _add(flat(a), flat(alike(b, a)), flat(y), kind)
    return y


@door
def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = a + b."""
    return _sum(a, b, functions.IDENTITY)


@door
def add_relu(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = max(a + b, 0)."""
    return _sum(a, b, functions.RELU)


@kernel("void(r1, rb1, f, w1, i)")
def _dropout(x, keep, scale, y, threads):
    n = x.shape[0]
    blocks = (n + LANES - 1) // LANES
    for thread in prange(threads):
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            at = LANES * block
            store_some(y, at, load_some(x, at, n - at) * load_some(keep, at, n - at) * splat(scale), n - at)


@kernel("void(r1, r1, w1, i)")
def _scale_pictures(x, factors, y, threads):
    pictures = factors.shape[0]
    size = x.shape[0] // pictures
    for picture in prange(pictures):
        for i in range(0, size, LANES):
            at = picture * size + i
            store_some(y, at, load_some(x, at, size - i) * splat(factors[picture]), size - i)


@door
def dropout(x: np.ndarray, keep: np.ndarray, scale: float) -> np.ndarray:
    """y = scale·x where keep, else 0; keep has the shape of x, or one number for each picture or for all of them."""
    x = dense(x)
    y = _backend.empty(x.shape, x.dtype, like=x)
    if keep.shape == x.shape:
        _dropout(flat(x), flat(alike(keep, x)).view(np.uint8), scale, flat(y))
    elif keep.size == keep.shape[0]:
        factors = keep.reshape(-1).astype(x.dtype) * x.dtype.type(scale)
        _scale_pictures(flat(x), np.broadcast_to(factors, len(x)).copy(), flat(y))
    else:
        return NotImplemented
    return y

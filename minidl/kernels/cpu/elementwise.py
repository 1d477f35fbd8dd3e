"""Elementwise kernels: one pass over memory each, whatever the memory order.

Their arithmetic costs nothing beside the memory: a core adds sixteen floats in the time in which it reads one or two.
So all that counts is to touch every array once. NumPy's `x * mask * scale` reads and writes three arrays more than
that, with one thread.

All arrays of a call are read as rows of equally many numbers: one long row where they lie alike and without gaps, the
channels of a pixel where one of them is a slice of a wider block, which is read where it lies.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl.kernels._launches import note_made
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import (
    alike,
    dense,
    empty_dense,
    flat,
    lies_in_rows,
    plain,
    result_over,
    rows_alike,
    strided_rows,
)
from minidl.kernels.cpu.simd import functions
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.functions import activated, activated_dx, fused
from minidl.kernels.cpu.simd.load_store import load, load_some, store, store_some
from minidl.kernels.cpu.simd.vector import LANES, splat, where

ZERO = np.float32(0)  # of what a mask leaves out: it selects, and does not multiply


@inline
def _row(block, last, width):
    """Return row and column at which a vector begins, and how many numbers are left up to `last` or the row's end."""
    each = (width + LANES - 1) // LANES
    row, column = block // each, block % each * LANES
    return row, column, min(width - column, (last - block) * LANES)


@kernel("void(r1, i, w1, i, i, i, f, i)")
def _activate(x, x_step, y, rows, width, kind, a, threads):
    blocks = rows * ((width + LANES - 1) // LANES)
    for thread in prange(threads):
        block, last = thread * blocks // threads, (thread + 1) * blocks // threads
        while block < last:
            row, column, count = _row(block, last, width)
            source, target = row * x_step + column, row * width + column
            whole = count // LANES * LANES
            for i in range(0, whole, LANES):
                store(y, target + i, activated(kind, load(x, source + i), a))
            if whole < count:
                left = count - whole
                store_some(y, target + whole, activated(kind, load_some(x, source + whole, left), a), left)
            block += (count + LANES - 1) // LANES


@kernel("void(r1, i, r1, i, w1, i, i, i, f, i)")
def _activate_dx(dy, dy_step, v, v_step, dx, rows, width, kind, a, threads):
    blocks = rows * ((width + LANES - 1) // LANES)
    for thread in prange(threads):
        block, last = thread * blocks // threads, (thread + 1) * blocks // threads
        while block < last:
            row, column, count = _row(block, last, width)
            given, source, target = row * dy_step + column, row * v_step + column, row * width + column
            for i in range(0, count, LANES):
                above, at = load_some(dy, given + i, count - i), load_some(v, source + i, count - i)
                store_some(dx, target + i, activated_dx(kind, above, at, a), count - i)
            block += (count + LANES - 1) // LANES


def _forward(x: np.ndarray, kind: int, a: float = 0.0) -> np.ndarray:
    [source], rows, width = rows_alike(x)
    y = empty_dense(x)
    _activate(*source, flat(y), rows, width, kind, a)
    return y


def _backward(dy: np.ndarray, v: np.ndarray, kind: int, a: float = 0.0, *, over: bool) -> np.ndarray:
    [source, given], rows, width = rows_alike(v, dy)
    dx = result_over(dy, v, over)
    _activate_dx(*given, *source, flat(dx), rows, width, kind, a)
    return dx


@door("x (...)")
def relu(x: np.ndarray) -> np.ndarray:
    """y = max(x, 0)."""
    return _forward(x, functions.RELU)


@door("dy (...), y (...)")
def relu_dx(dy: np.ndarray, y: np.ndarray, *, over: bool = False) -> np.ndarray:
    """dx = dy where y > 0, else 0."""
    return _backward(dy, y, functions.RELU, over=over)


@door("x (...)")
def relu6(x: np.ndarray) -> np.ndarray:
    """y = min(max(x, 0), 6)."""
    return _forward(x, functions.RELU6)


@door("dy (...), y (...)")
def relu6_dx(dy: np.ndarray, y: np.ndarray, *, over: bool = False) -> np.ndarray:
    """dx = dy where 0 < y < 6, else 0."""
    return _backward(dy, y, functions.RELU6, over=over)


@door("x (...)")
def leaky_relu(x: np.ndarray, negative_slope: float) -> np.ndarray:
    """y = max(x, a·x), and without 0 · ∞ where a is 0."""
    if negative_slope == 0:
        return relu(x)
    return _forward(x, functions.LEAKY_RELU, negative_slope)


@door("dy (...), y (...)")
def leaky_relu_dx(dy: np.ndarray, y: np.ndarray, negative_slope: float, *, over: bool = False) -> np.ndarray:
    """dx = dy where y > 0, else a·dy."""
    if negative_slope == 0:
        return relu_dx(dy, y, over=over)
    return _backward(dy, y, functions.LEAKY_RELU, negative_slope, over=over)


@door("x (...)")
def silu(x: np.ndarray) -> np.ndarray:
    """y = x·σ(x)."""
    return _forward(x, functions.SILU)


@door("dy (...), x (...)")
def silu_dx(dy: np.ndarray, x: np.ndarray, *, over: bool = False) -> np.ndarray:
    """dx = dy·σ·(1 + x·(1 - σ))."""
    return _backward(dy, x, functions.SILU, over=over)


@door("x (...)")
def hardswish(x: np.ndarray) -> np.ndarray:
    """y = x·relu6(x + 3) / 6."""
    return _forward(x, functions.HARDSWISH)


@door("dy (...), x (...)")
def hardswish_dx(dy: np.ndarray, x: np.ndarray, *, over: bool = False) -> np.ndarray:
    """dx = dy·(h + x·h') with h = hardsigmoid(x)."""
    return _backward(dy, x, functions.HARDSWISH, over=over)


@door("x (...)")
def gelu(x: np.ndarray, approximate: str) -> np.ndarray:
    """y = x·Φ(x)."""
    return _forward(x, functions.GELU_TANH if approximate == "tanh" else functions.GELU)


@door("dy (...), x (...)")
def gelu_dx(dy: np.ndarray, x: np.ndarray, approximate: str, *, over: bool = False) -> np.ndarray:
    """dx = dy·(Φ + x·φ)."""
    return _backward(dy, x, functions.GELU_TANH if approximate == "tanh" else functions.GELU, over=over)


@door("x (...)")
def sigmoid(x: np.ndarray) -> np.ndarray:
    """y = 1 / (1 + e⁻ˣ)."""
    return _forward(x, functions.SIGMOID)


@door("dy (...), y (...)")
def sigmoid_dx(dy: np.ndarray, y: np.ndarray, *, over: bool = False) -> np.ndarray:
    """dx = dy·y·(1 - y)."""
    return _backward(dy, y, functions.SIGMOID, over=over)


@door("x (...)")
def tanh(x: np.ndarray) -> np.ndarray:
    """y = tanh x."""
    return _forward(x, functions.TANH)


@door("dy (...), y (...)")
def tanh_dx(dy: np.ndarray, y: np.ndarray, *, over: bool = False) -> np.ndarray:
    """dx = dy·(1 - y²)."""
    return _backward(dy, y, functions.TANH, over=over)


@door("x (...)")
def scaled_tanh(x: np.ndarray) -> np.ndarray:
    """y = 1.7159·tanh(2x/3)."""
    return _forward(x, functions.SCALED_TANH)


@door("dy (...), y (...)")
def scaled_tanh_dx(dy: np.ndarray, y: np.ndarray, *, over: bool = False) -> np.ndarray:
    """dx = dy·2/3·(1.7159 - y²/1.7159)."""
    return _backward(dy, y, functions.SCALED_TANH, over=over)


@door("x (...)")
def hardsigmoid(x: np.ndarray) -> np.ndarray:
    """y = relu6(x + 3) / 6."""
    return _forward(x, functions.HARDSIGMOID)


@door("dy (...), y (...)")
def hardsigmoid_dx(dy: np.ndarray, y: np.ndarray, *, over: bool = False) -> np.ndarray:
    """dx = dy/6 where 0 < y < 1, else 0."""
    return _backward(dy, y, functions.HARDSIGMOID, over=over)


@kernel("void(r1, i, r1, i, w1, i, i, i, i, i)")
def _add(a, a_step, b, b_step, y, y_step, rows, width, kind, threads):
    blocks = rows * ((width + LANES - 1) // LANES)
    for thread in prange(threads):
        block, last = thread * blocks // threads, (thread + 1) * blocks // threads
        while block < last:
            row, column, count = _row(block, last, width)
            one, other, target = row * a_step + column, row * b_step + column, row * y_step + column
            for i in range(0, count, LANES):
                total = load_some(a, one + i, count - i) + load_some(b, other + i, count - i)
                store_some(y, target + i, fused(kind, total), count - i)
            block += (count + LANES - 1) // LANES


def _sum(a: np.ndarray, b: np.ndarray, kind: int) -> np.ndarray:
    if a.shape != b.shape:
        return NotImplemented  # broadcasting is the textbook's
    [one, other], rows, width = rows_alike(a, b)
    y = empty_dense(a)
    _add(*one, *other, flat(y), width, rows, width, kind)
    return y


@door("a (...), b (*)")
def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = a + b."""
    return _sum(a, b, functions.IDENTITY)


@door("a (...), b (*)")
def add_relu(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = max(a + b, 0)."""
    return _sum(a, b, functions.RELU)


@kernel("void(r2, w1, i, i, i)")
def _add_repeated(x, y, step, pixels, threads):
    """Add to every pixel of a picture the same C numbers of x (N, C)."""
    width = x.shape[1]
    rows, x = x.shape[0] * pixels, x.reshape(-1)
    for thread in prange(threads):
        for row in range(thread * rows // threads, (thread + 1) * rows // threads):
            source, target = row // pixels * width, row * step
            for c in range(0, width, LANES):
                total = load_some(y, target + c, width - c) + load_some(x, source + c, width - c)
                store_some(y, target + c, total, width - c)


@door("x (...), y (...)")
def add_to(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """y = y + x, into y; a picture of which all pixels are one, as an average's gradient, is read once."""
    if not y.flags.writeable or not lies_in_rows(y):
        return NotImplemented
    if x.ndim == 4 and x.strides[2:] == (0, 0) and not y.flags.c_contiguous:
        memory, step = strided_rows(y)
        _add_repeated(plain(x[:, :, 0, 0]), memory, step, x.shape[2] * x.shape[3])
        return y
    [total, given], rows, width = rows_alike(y, x)
    _add(*total, *given, *total, rows, width, functions.IDENTITY)
    return y


@kernel("void(r1, rb1, f, w1, i)")
def _dropout(x, keep, scale, y, threads):
    n = x.shape[0]
    blocks = (n + LANES - 1) // LANES
    for thread in prange(threads):
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            at = LANES * block
            kept = load_some(keep, at, n - at) > splat(ZERO)
            store_some(y, at, where(kept, load_some(x, at, n - at) * splat(scale), splat(ZERO)), n - at)


@kernel("void(r1, r1, w1, i)")
def _scale_pictures(x, factors, y, threads):
    pictures = factors.shape[0]
    size = x.shape[0] // pictures
    for picture in prange(pictures):
        for i in range(0, size, LANES):
            at = picture * size + i
            scaled = load_some(x, at, size - i) * splat(factors[picture])
            store_some(y, at, scaled if factors[picture] else splat(ZERO), size - i)


def _factors(keep: np.ndarray, scale: float, count: int) -> np.ndarray:
    """Return what each picture is multiplied by, which is one number for all of them or one for each."""
    return np.broadcast_to(keep.reshape(-1).astype(np.float32) * np.float32(scale), count).copy()


@door("x (...), keep (*) marks")
def dropout(x: np.ndarray, keep: np.ndarray, scale: float, *, over: bool = False) -> np.ndarray:
    """y = scale·x where keep, else 0; keep has the shape of x, or one number for each picture or for all of them."""
    x, alone = dense(x), (1,) * (x.ndim - 1)
    y = result_over(x, x, over)
    if keep.shape == x.shape:
        _dropout(flat(x), flat(alike(keep, x)).view(np.uint8), scale, flat(y))
    elif keep.shape in ((len(x), *alone), (1, *alone)):
        factors = note_made(_factors(keep, scale, len(x)), _factors, keep, scale, len(x))
        _scale_pictures(flat(x), factors, flat(y))
    else:
        return NotImplemented
    return y

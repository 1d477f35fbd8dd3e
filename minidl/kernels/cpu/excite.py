"""The gates of squeeze-and-excitation: two products with one vector each, and what is between and behind them.

A picture has a thousand channels, and fifty numbers in the narrow place: both products together are a few microseconds,
which is less than what every operation around them costs. Here they are one call. The first product sums along the
rows of w1. The second would sum along those of w2, which are short: its weights are read the other way round, in the
order in which they lie, and sixteen channels are sixteen lanes. Memory brings the weights of large gates more slowly
than one thread multiplies them; then all threads read their part.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl._checks import check_choice
from minidl._threads import get_num_threads
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.simd import functions
from minidl.kernels.cpu.simd.compile import kernel
from minidl.kernels.cpu.simd.functions import activated
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, fma, splat, sum_of

ZERO = np.float32(0)
ENOUGH = 2**14  # multiply-adds of each product, for which it pays to wake the other threads
GATES = {"sigmoid": functions.SIGMOID, "hardsigmoid": functions.HARDSIGMOID}


@kernel("void(r1, r1, r1, r1, r1, w1, w1, i2, i3, i)")
def _excite(s, w1, b1, w2, b2, hidden, y, kinds, sharing, threads):
    """Write the gates; a job is a picture and a part of the rows of w1, then of the channels."""
    (n, parts, pieces), (activation, gate) = sharing, kinds
    jobs, c, m = n * parts, s.shape[0] // n, hidden.shape[0] // n
    for piece in prange(pieces):
        for job in range(piece * jobs // pieces, (piece + 1) * jobs // pieces):
            picture, part = job // parts, job % parts
            for row in range(part * m // parts, (part + 1) * m // parts):
                total = splat(ZERO)
                for first in range(0, c, LANES):
                    left = c - first
                    total = fma(load_some(s, picture * c + first, left), load_some(w1, row * c + first, left), total)
                one = activated(activation, splat(sum_of(total) + b1[row]), ZERO)
                store_some(hidden, picture * m + row, one, 1)
    blocks = (c + LANES - 1) // LANES
    for piece in prange(pieces):
        for job in range(piece * jobs // pieces, (piece + 1) * jobs // pieces):
            picture, part = job // parts, job % parts
            begin, end = part * blocks // parts * LANES, min(c, (part + 1) * blocks // parts * LANES)
            at = picture * c
            for first in range(begin, end, LANES):
                store_some(y, at + first, load_some(b2, first, c - first), c - first)
            for row in range(m):
                one = splat(hidden[picture * m + row])
                for first in range(begin, end, LANES):
                    left = c - first
                    total = fma(one, load_some(w2, row * c + first, left), load_some(y, at + first, left))
                    store_some(y, at + first, total, left)
            for first in range(begin, end, LANES):
                left = c - first
                store_some(y, at + first, activated(gate, load_some(y, at + first, left), ZERO), left)


@door("s (N C), w1 (M C), b1 (M)?, w2 (C M), b2 (C)?")
def excite(
    s: np.ndarray,
    w1: np.ndarray,
    b1: np.ndarray | None,
    w2: np.ndarray,
    b2: np.ndarray | None,
    activation: str,
    gate: str,
) -> np.ndarray:
    """g = gate(w2 · activation(w1 · s + b1) + b2)."""
    check_choice("excite", "activation", activation, tuple(name for name in functions.FUSED if name))
    check_choice("excite", "gate", gate, tuple(GATES))
    (n, c), m = s.shape, len(w1)
    y = np.empty((n, c), np.float32)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in (s, w1, w2.T)]
    biases = [
        np.zeros(size, np.float32) if bias is None else np.ascontiguousarray(bias) for bias, size in ((b1, m), (b2, c))
    ]
    hidden, kinds = np.empty(n * m, np.float32), (functions.FUSED[activation], GATES[gate])
    parts = get_num_threads() if n * c * m >= ENOUGH else 1
    sharing = n, parts, n * parts if parts > 1 else 1
    _excite(flat[0], flat[1], biases[0], flat[2], biases[1], hidden, y.reshape(-1), kinds, sharing)
    return y

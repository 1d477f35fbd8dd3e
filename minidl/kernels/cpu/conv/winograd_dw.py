"""The gradient of the weights by Winograd's way: the adjoint of what `winograd.py` does, read off its formula.

y = Aᵀ [ (G g) ⊙ (Bᵀ d) ] is linear in g: multiply G g by the numbers Bᵀ d, then by Aᵀ. Its adjoint takes the same
three steps backwards, dg = Gᵀ [ (A dy) ⊙ (Bᵀ d) ], on a picture in both directions and summed over all tiles t:

    dU[point, o, c] = Σ_t Y[point, t, o]·V[point, t, c]      Y = A dy Aᵀ,  V = Bᵀ d B,  dw = Gᵀ dU G

The matrices are those of `points.py`.

Work is shared in one of two ways. Where dU is small, or tiles are many, each thread has a dU of its own and takes tiles
of its own, some at a time, whose V and Y stay in its cache; in the end what the threads have is added up. Otherwise all
threads transform tiles for all, and each does its part of dU.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import prange

from minidl._threads import get_num_threads
from minidl.kernels.cpu.conv.geometry import Geometry
from minidl.kernels.cpu.conv.packing import blocks_of, unpack
from minidl.kernels.cpu.conv.points import POINTS, SIDE, six, to_weights
from minidl.kernels.cpu.conv.winograd import (
    FEW,
    GAP,
    grid_of,
    room,
    tile_of_each_thread,
    tiling_of,
    transform_tiles,
)
from minidl.kernels.cpu.memory.workspace import floats
from minidl.kernels.cpu.simd.accumulators import fma_numbers, fold, put_acc
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.load_store import load, store
from minidl.kernels.cpu.simd.registers import PAIR, fitting
from minidl.kernels.cpu.simd.vector import LANES, splat

OWN, SHARED = 42, 98  # tiles that a thread takes at a time for itself, and that all take together
SMALL = 2**18  # floats of a dU that each thread has for itself: a second-level cache holds it
MANY = 512  # tiles of a thread, for which that pays with any dU
COLUMNS = fitting(8, 4)
begin_with = fold(COLUMNS)


@inline
def transform_gradient(target, y, first, last, origin, size, grid, t):
    """Y of some tiles of dy, of one of two sides that the compiler knows."""
    if grid.side == 4:
        transform_tiles(target, y, first, last, origin, size, grid, 4, t)
    else:
        transform_tiles(target, y, first, last, origin, size, grid, 2, t)


@inline
def add_units(v, y, du, units, count, c, o, size, adding):
    """dU[point, o, c] (+)= Σ_t Y[point, t, o]·V[point, t, c] of some tiles, for some units: points, pairs, eight c."""
    chunks, pairs, zero = c // COLUMNS, (o // LANES + PAIR - 1) // PAIR, splat(np.float32(0))
    chunk, point, block = units[0] % chunks, units[0] // chunks // pairs, units[0] // chunks % pairs * PAIR
    for _ in range(units[0], units[1]):
        q = chunk * COLUMNS
        two = PAIR == 2 and block + 1 < o // LANES
        d = point * (o * size + GAP) + block * LANES * size
        at = point * (c * size + GAP) + q // LANES * LANES * size + q % LANES
        acc, other = begin_with(zero), begin_with(zero)
        if two:
            for i in range(count):
                acc = fma_numbers(acc, v, at + i * LANES, 1, load(y, d + i * LANES))
                other = fma_numbers(other, v, at + i * LANES, 1, load(y, d + (size + i) * LANES))
        else:
            for i in range(count):
                acc = fma_numbers(acc, v, at + i * LANES, 1, load(y, d + i * LANES))
        here = point * (o * c + GAP) + block * LANES * c + q * LANES
        put_acc(du, here, LANES, acc, COLUMNS, LANES, adding)
        if two:
            put_acc(du, here + c * LANES, LANES, other, COLUMNS, LANES, adding)
        chunk += 1
        if chunk == chunks:
            chunk, block = 0, block + PAIR
        if block >= o // LANES:
            block, point = 0, point + 1


@kernel("void(r4, r4, w2, i3, i, w2, w2, w2, i)")
def _winograd_dw(source, target, du, corner, size, vs, ys, own, threads):
    c, (n, h, width, o) = source.shape[3], target.shape
    seen, made = grid_of(h, width, corner), grid_of(h, width, (0, 0, corner[2]))
    every, units = n * made.tiles, POINTS * ((o // LANES + PAIR - 1) // PAIR) * (c // COLUMNS)
    if du.shape[0] > 1:
        for thread in prange(threads):
            t, v, y = own[thread], vs[thread], ys[thread]
            begin, end = thread * every // threads, (thread + 1) * every // threads
            for first in range(begin, end, size):
                last = min(first + size, end)
                transform_tiles(source, v, first, last, first, size, seen, SIDE, t)
                transform_gradient(target, y, first, last, first, size, made, t)
                add_units(v, y, du[thread], (0, units), last - first, c, o, size, first - begin)
        return
    for origin in range(0, every, size):
        count = min(size, every - origin)
        for thread in prange(threads):
            first, last = origin + thread * count // threads, origin + (thread + 1) * count // threads
            transform_tiles(source, vs[0], first, last, origin, size, seen, SIDE, own[thread])
            transform_gradient(target, ys[0], first, last, origin, size, made, own[thread])
        for thread in prange(threads):
            mine = thread * units // threads, (thread + 1) * units // threads
            add_units(vs[0], ys[0], du[0], mine, count, c, o, size, origin)


@inline
def back_to_taps(du, at, point, taps, packed, w, tap, t):
    """Gᵀ dU G of one vector of every point, the sum of those of all threads, to w, w + tap, and so on."""
    for j in range(SIDE):
        here, below = at + j * point, SIDE * point
        g = to_weights(six(du[0], here, below), taps)
        for number in range(1, du.shape[0]):
            more = to_weights(six(du[number], here, below), taps)
            g = g[0] + more[0], g[1] + more[1], g[2] + more[2], g[3] + more[3], g[4] + more[4]
        for row in range(taps):
            store(t, (SIDE * row + j) * LANES, g[row])
    for row in range(taps):
        g = to_weights(six(t, SIDE * row * LANES, LANES), taps)
        for column in range(taps):
            store(packed, w + (taps * row + column) * tap, g[column])


@kernel("void(r2, w1, i, i, i, w2, i)")
def _transform_back(du, packed, blocks, k, taps, own, threads):
    """packed[block, tap, k, lane] from dU[point, block, k, lane]."""
    tap, point = k * LANES, blocks * k * LANES + GAP
    for thread in prange(threads):
        for i in range(thread * blocks * k // threads, (thread + 1) * blocks * k // threads):
            w = (i // k * taps * taps * k + i % k) * LANES
            if taps == 3:  # a number that the compiler knows
                back_to_taps(du, i * LANES, point, 3, packed, w, tap, own[thread])
            else:
                back_to_taps(du, i * LANES, point, 5, packed, w, tap, own[thread])


def weight_gradient(sizes: Geometry) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what makes dw (O, C, K, K) of the blocks dy (N, OH, OW, O) and x (N, H, W, C)."""
    (corner, per_picture), threads = tiling_of(sizes.forward()), get_num_threads()
    c, o, taps, tiles = sizes.c, sizes.o, sizes.kh, sizes.n * per_picture
    each = tiles // threads
    own = threads > 1 and each >= FEW and (POINTS * c * o <= SMALL or each >= MANY)
    size, several = min(tiles, OWN if own else SHARED), threads if own else 1

    def gradient(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        du, v, y = (floats(several, room(numbers)) for numbers in (c * o, size * c, size * o))
        _winograd_dw(x, dy, du, corner, size, v, y, tile_of_each_thread())
        del v, y  # nothing is held longer than it is needed: in some networks this is when most memory is in use
        packed = floats(taps * taps * o * c)
        _transform_back(du, packed, blocks_of(o), c, taps, tile_of_each_thread())
        del du
        return unpack(packed, sizes.w_shape, 1)

    return gradient

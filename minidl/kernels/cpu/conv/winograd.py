"""Winograd's convolutions F(4×4, 3×3) and F(2×2, 5×5): a fourth, or a third, of the multiplications.

The idea, on a line. Six pixels d and three weights g make four results, y[a] = Σ_i g[i]·d[a + i], with twelve
multiplications. Fewer are enough, by a detour over polynomials. Multiplying the polynomials g (degree 2) and u
(degree 3) gives one of degree 5, which its values at six points determine: at each point p one multiplication,
g(p)·u(p). That is a map u -> g·u, linear in u; what we need is its adjoint (a sum over outputs becomes a sum over
inputs), and the adjoint of "evaluate u, multiply by g(p), interpolate" is the same three steps backwards:

    y = Aᵀ [ (G g) ⊙ (Bᵀ d) ]           six multiplications instead of twelve

A evaluates u, G evaluates g and B interpolates (`points.py` has the matrices). The six points are the same for
two results of five weights each, since there, too, the product has degree 5: six multiplications instead of ten.

On a picture this is done along rows and along columns: a tile of 6×6 pixels makes 4×4 results with 36 multiplications
instead of 144, or 2×2 results with 36 instead of 100. With many channels each of the 36 points is a matrix product of
its own, over all tiles t:

    M[point, t, o] = Σ_c V[point, t, c]·U[point, c, o]      U = G g Gᵀ,  V = Bᵀ d B,  y = Aᵀ M A

Each thread takes tiles of its own from the picture to the results, some at a time, whose V and M stay in its cache:
what another core has written comes slowly. Where tiles are few, all weights would be read for a handful of them. Then
threads share the outputs instead.

The way back to the picture is the same with the flipped kernel (`packing.py` hands it over flipped). What is lost: in
float32 a result is about seven times less exact than a direct sum; an infinity or NaN makes its whole tile NaN (∞ - ∞).
Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308. For the gradient of the
weights see `winograd_dw.py`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from minidl._threads import get_num_threads
from minidl.kernels.cpu.conv.epilogue import PLAIN, Epilogue, Prepared, Run, activated
from minidl.kernels.cpu.conv.geometry import Indexing
from minidl.kernels.cpu.conv.packing import blocks_of, padded
from minidl.kernels.cpu.conv.points import (
    POINTS,
    RESULTS,
    SIDE,
    from_gradient,
    from_pixels,
    from_weights,
    six,
    six_inside,
    to_results,
)
from minidl.kernels.cpu.memory.borrowing import FLAG, borrow, borrowed, give_back, lay_out
from minidl.kernels.cpu.memory.workspace import floats, scratch
from minidl.kernels.cpu.simd.accumulators import fma_numbers, fold, plus_some, put_acc, store_acc
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.crew import PARTS
from minidl.kernels.cpu.simd.load_store import load, prefetch, prefetch_to_write, store
from minidl.kernels.cpu.simd.registers import PAIR, fitting
from minidl.kernels.cpu.simd.vector import LANES, splat

ROWS, MORE = fitting(7, 6), fitting(8, 6)
begin_with, begin_with_more = fold(ROWS), fold(MORE)
TILES = 14  # that are worked on at a time, with weights of up to 256×256; larger ones shall be read less often
# Points a multiple of 4 kB apart have the same few lines of a cache, and 36 of them push each other out: so they lie a
# vector further apart than their numbers.
GAP = LANES
DEPTH = 128  # channels whose transformed weights, for a pair of blocks, stay in the second-level cache
MOST_TURNS = 16  # with the same weights, for which it pays to ask for the next ones
FEW = 32  # tiles of a thread, for which it does not pay to read all weights


@inline
def transform_taps(packed, w, tap, taps, u, place, point, t):
    """U = G g Gᵀ of the taps×taps vectors at w, w + tap, …, to place, place + point, and so on."""
    for j in range(taps):
        v = from_weights(packed, w + j * tap, taps * tap, taps)
        for row in range(SIDE):
            store(t, (taps * row + j) * LANES, v[row])
    for row in range(SIDE):
        v = from_weights(t, taps * row * LANES, LANES, taps)
        for column in range(SIDE):
            store(u, place + (SIDE * row + column) * point, v[column])


@kernel("void(r1, w1, i, i, i, w2, i)")
def _transform_weights(packed, u, blocks, k, taps, own, threads):
    """U[point, block, k, lane] from packed[block, tap, k, lane]."""
    for thread in prange(threads):
        t = own[thread]
        for i in range(thread * blocks * k // threads, (thread + 1) * blocks * k // threads):
            w = (i // k * taps * taps * k + i % k) * LANES
            transform_taps(packed, w, k * LANES, taps, u, i * LANES, blocks * k * LANES + GAP, t)


class Grid(NamedTuple):
    """How many tiles a row and a picture of results have, where in x the first begins, and the side of its results."""

    in_row: int
    tiles: int
    top: int
    left: int
    side: int


@inline
def grid_of(h, width, corner):
    """Return the grid of h×width results."""
    top, left, side = corner
    in_row = (width + side - 1) // side
    return Grid(in_row, (h + side - 1) // side * in_row, top, left, side)


@inline
def transform_tiles(source, v, first, last, origin, size, grid, side, t):
    """V[point, block, tile, lane] of some tiles of source (N, H, W, C), which has places for `size` from `origin` on.

    Tiles of side 6 are pixels and become Bᵀ d B; smaller ones are a gradient and become A d Aᵀ.
    """
    h, width, c = source.shape[1:]
    x = source.reshape(-1)
    point = c * size + GAP
    for tile in range(first, last):
        picture, row = tile // grid.tiles, tile % grid.tiles // grid.in_row * grid.side + grid.top
        column = tile % grid.in_row * grid.side + grid.left
        inside = row >= 0 and row + side <= h and column >= 0 and column + side <= width
        for block in range(c // LANES):
            place = ((picture * h + row) * width + column) * c + block * LANES
            for j in range(side):
                visible = h if 0 <= column + j < width else 0
                at, below = place + j * c, width * c
                if side < SIDE:
                    d = from_gradient(six_inside(x, at, below, row, min(visible, row + side)), side)
                elif inside:
                    d = from_pixels(six(x, at, below))
                else:
                    d = from_pixels(six_inside(x, at, below, row, visible))
                for i in range(SIDE):
                    store(t, (SIDE * i + j) * LANES, d[i])
            out = (block * size + tile - origin) * LANES
            for i in range(SIDE):
                d = six(t, SIDE * i * LANES, LANES)
                d = from_gradient(d, side) if side < SIDE else from_pixels(d)
                for j in range(SIDE):
                    store(v, out + (SIDE * i + j) * point, d[j])


@inline
def multiply_rows(acc, v, u, m, start, weights, out, rows, size, k, blocks, adding, early, late):
    """Multiply as many rows as there are accumulators, which begin with zeros; see `multiply`."""
    other, w = acc, weights
    for block in range(k // LANES):
        for i in range(early, late):
            prefetch(u, w + (PAIR * k + i) * LANES)
            if PAIR == 2:
                prefetch(u, w + (3 * k + i) * LANES)
        at = start + block * size * LANES
        if PAIR == 2 and blocks == 2:
            for i in range(LANES):
                acc = fma_numbers(acc, v, at + i, LANES, load(u, w))
                other = fma_numbers(other, v, at + i, LANES, load(u, w + k * LANES))
                w += LANES
        else:
            for i in range(LANES):
                acc = fma_numbers(acc, v, at + i, LANES, load(u, w))
                w += LANES
    put_acc(m, out, LANES, acc, rows, LANES, adding)
    if PAIR == 2 and blocks == 2:
        put_acc(m, out + size * LANES, LANES, other, rows, LANES, adding)


@inline
def multiply(v, u, m, start, weights, out, rows, size, k, blocks, adding):
    """M[block, row, lane] (+)= Σ_k V[k, row]·U[block, k, lane] for one pair of blocks, V in blocks of sixteen k.

    Rows are taken by seven, or by eight where that makes fewer turns; by six where registers are short. A few turns are
    over before memory brings the weights of the next pair, so each asks for its share of them.
    """
    zero, few, fewer = splat(np.float32(0)), (rows + ROWS - 1) // ROWS, (rows + MORE - 1) // MORE
    turns, row = min(few, fewer), 0
    share = LANES / turns if turns <= MOST_TURNS else 0.0
    for turn in range(turns):
        early, late = int(turn * share), int((turn + 1) * share)
        here, there, left = start + row * LANES, out + row * LANES, rows - row
        if fewer < few:
            acc = begin_with_more(zero)
            multiply_rows(acc, v, u, m, here, weights, there, left, size, k, blocks, adding, early, late)
            row += MORE
        else:
            acc = begin_with(zero)
            multiply_rows(acc, v, u, m, here, weights, there, left, size, k, blocks, adding, early, late)
            row += ROWS


@inline
def write_tiles(m, bias, residual, epilogue, target, first, last, size, grid, side, channel, blocks, t):
    """y = Aᵀ M A + b of some tiles, for some blocks of sixteen channels from `channel` on, which M has."""
    h, width, o = target.shape[1:]
    y, (added, kind) = target.reshape(-1), epilogue
    point = blocks * LANES * size + GAP
    for tile in range(first, last):
        picture, row = tile // grid.tiles, tile % grid.tiles // grid.in_row * side
        column = tile % grid.in_row * side
        columns = min(side, width - column)
        for block in range(blocks):
            start, b = (block * size + tile - first) * LANES, load(bias, channel + block * LANES)
            for j in range(SIDE):
                at, below = start + j * point, SIDE * point
                r = to_results(six(m, at, below), side)
                for i in range(side):
                    store(t, (SIDE * i + j) * LANES, r[i])
            for i in range(min(side, h - row)):
                r = to_results(six(t, SIDE * i * LANES, LANES), side)
                r = r[0] + b, r[1] + b, r[2] + b, r[3] + b
                out = ((picture * h + row + i) * width + column) * o + channel + block * LANES
                for j in range(side):  # the next block is written next, and a store waits for its line
                    prefetch_to_write(y, out + j * o + LANES)
                if added:
                    r = plus_some(r, residual, out, o, columns, LANES)
                    for j in range(side):
                        prefetch(residual, out + j * o + LANES)
                store_acc(y, out, o, activated(kind, r), columns, LANES)


@inline
def write_results(m, bias, residual, epilogue, target, first, last, size, grid, channel, blocks, t):
    """Do so with one of two sides that the compiler knows."""
    if grid.side == 4:
        write_tiles(m, bias, residual, epilogue, target, first, last, size, grid, 4, channel, blocks, t)
    else:
        write_tiles(m, bias, residual, epilogue, target, first, last, size, grid, 2, channel, blocks, t)


@kernel("void(r4, r1, r1, r1, i2, w4, i3, i4, w2, i)")
def _winograd(source, u, bias, residual, epilogue, target, corner, sharing, rooms, threads):
    """Some tiles after the other; each piece of work borrows room for V and M of some, and for what lies between."""
    c, (n, h, width, o) = source.shape[3], target.shape
    grid, blocks, (chunks, pieces, size, floats_v) = grid_of(h, width, corner), o // LANES, sharing
    every = n * grid.tiles
    turns = (every + ROWS - 1) // ROWS
    lay_out(rooms)
    for piece in prange(pieces):
        lent = borrow(rooms)
        t = rooms[lent, FLAG:]
        v = t[POINTS * LANES :]
        m = v[floats_v:]
        for chunk in range(piece * chunks // pieces, (piece + 1) * chunks // pieces):
            first, last = chunk * turns // chunks * ROWS, min((chunk + 1) * turns // chunks * ROWS, every)
            transform_tiles(source, v, first, last, first, size, grid, SIDE, t)
            for point in range(POINTS):
                start, there, weights = point * (c * size + GAP), point * (o * size + GAP), point * (o * c + GAP)
                for block in range(0, blocks, PAIR):
                    w, out, pair = weights + block * LANES * c, there + block * LANES * size, min(PAIR, blocks - block)
                    multiply(v, u, m, start, w, out, last - first, size, c, pair, 0)
            write_results(m, bias, residual, epilogue, target, first, last, size, grid, 0, blocks, t)
        give_back(rooms, lent)


@kernel("void(r4, r1, i, r1, r1, i2, w4, i3, i, w1, w2, w2, w2, i)")
def _winograd_few(source, weights, are_u, bias, residual, epilogue, target, corner, size, v, u, m, own, threads):
    """All tiles at once; weights that are not yet U are transformed for a pair of blocks and DEPTH k at a time."""
    c, (n, h, width, o) = source.shape[3], target.shape
    grid, pairs, taps = grid_of(h, width, corner), (o // LANES + PAIR - 1) // PAIR, SIDE + 1 - corner[2]
    count = n * grid.tiles
    for thread in prange(threads):
        begin, end = thread * count // threads, (thread + 1) * count // threads
        transform_tiles(source, v, begin, end, 0, size, grid, SIDE, own[thread])
    for thread in prange(threads):
        t, own_u, own_m = own[thread], u[thread], m[thread]
        begin, end = thread * pairs // threads * PAIR, min(o // LANES, (thread + 1) * pairs // threads * PAIR)
        each = end - begin if are_u else PAIR
        for channel in range(begin, end, each):
            blocks = min(each, end - channel)
            for first in range(0, c, c if are_u else DEPTH):
                k = c if are_u else min(DEPTH, c - first)
                for i in range(0 if are_u else blocks * k):
                    w = ((channel + i // k) * taps * taps * c + first + i % k) * LANES
                    transform_taps(weights, w, c * LANES, taps, own_u, i * LANES, blocks * k * LANES + GAP, t)
                for point in range(POINTS):
                    start, out = point * (c * size + GAP) + first * size, point * (blocks * size * LANES + GAP)
                    if are_u:
                        for block in range(0, blocks, PAIR):
                            w, there = point * (o * c + GAP) + (begin + block) * LANES * c, out + block * LANES * size
                            multiply(v, weights, own_m, start, w, there, count, size, c, min(PAIR, blocks - block), 0)
                    else:
                        w = point * (blocks * k * LANES + GAP)
                        multiply(v, own_u, own_m, start, w, out, count, size, k, blocks, first)
            write_results(own_m, bias, residual, epilogue, target, 0, count, size, grid, channel * LANES, blocks, t)


def tiles_of(n: int, rows: int, columns: int, taps: int) -> int:
    """Return how many tiles cover the results of n pictures."""
    side = RESULTS[taps]
    return n * -(-rows // side) * -(-columns // side)


def are_few(tiles: int, o: int) -> bool:
    """Tell whether tiles are so few that each thread had better read weights of its own; pairs must go round."""
    threads = get_num_threads()
    return tiles <= FEW * threads and o >= 4 * LANES * threads


def room(numbers: int) -> int:
    """Return how many floats so many numbers of every point take, with those behind them that a turn reads in vain."""
    return POINTS * (numbers + GAP) + MORE * LANES


def chunked(tiles: int, c: int, o: int) -> tuple[int, int]:
    """Return in how many chunks tiles are worked on, and how many a chunk has: always about as many, in whole turns.

    Each thread has as many chunks, if there are enough turns.
    """
    threads, turns, most = get_num_threads(), -(-tiles // ROWS), TILES * max(1, math.isqrt(c * o) // 128)
    chunks = min(turns, max(1, round(tiles / (threads * most))) * threads)
    return chunks, -(-turns // chunks) * ROWS


def floats_needed(tiles: int, c: int, o: int) -> int:
    """Return how many floats U, V and M take."""
    return room(c * o) + get_num_threads() * room((c + o) * chunked(tiles, c, o)[1])


def tile_of_each_thread() -> np.ndarray:
    """Return room for what a thread has of a tile between its rows and its columns."""
    return scratch(get_num_threads(), POINTS * LANES)


def transform_weights(packed: np.ndarray, o: int, c: int, taps: int) -> np.ndarray:
    """Return U of packed weights of taps×taps from c to o channels."""
    u = floats(room(o * c))
    _transform_weights(packed, u, blocks_of(o), c, taps, tile_of_each_thread())
    return u


def tiling_of(indexing: Indexing) -> tuple[tuple[int, int, int], int]:
    """Return where in x the first tile begins with the side of its results, and how many tiles a picture has."""
    rows, columns = indexing
    corner = rows.first, columns.first, RESULTS[rows.taps]
    return corner, tiles_of(1, rows.windows, columns.windows, rows.taps)


def prepare(n: int, c: int, o: int, indexing: Indexing) -> Prepared:
    """Return what makes (N, H, W, O) of n pictures (N, H, W, C) with U of weights."""
    corner, each = tiling_of(indexing)
    if are_few(n * each, o):
        return prepare_few(n, c, o, indexing, are_u=True)
    (chunks, size), threads = chunked(n * each, c, o), get_num_threads()
    floats_v = room(size * c)
    sharing = chunks, min(chunks, PARTS * threads), size, floats_v

    def prepared(u: np.ndarray, b: np.ndarray | None) -> Run:
        bias = padded(b, 1, o)

        def run(source: np.ndarray, target: np.ndarray, epilogue: Epilogue = PLAIN) -> None:
            rooms = borrowed(threads, POINTS * LANES + floats_v + room(size * o))
            _winograd(source, u, bias, *epilogue, target, corner, sharing, rooms)

        return run

    return prepared


def prepare_few(n: int, c: int, o: int, indexing: Indexing, are_u: bool = False) -> Prepared:
    """Return the same as `prepare`, for few tiles, and weights that are only packed, or are U."""
    (corner, each), threads = tiling_of(indexing), get_num_threads()
    size = -(-n * each // ROWS) * ROWS
    pairs = -(-o // (PAIR * LANES * threads)) if are_u else 1
    size_u, size_m = 0 if are_u else room(PAIR * LANES * DEPTH), room(PAIR * LANES * pairs * size)

    def prepared(weights: np.ndarray, b: np.ndarray | None) -> Run:
        bias = padded(b, 1, o)

        def run(source: np.ndarray, target: np.ndarray, epilogue: Epilogue = PLAIN) -> None:
            v, u, m = floats(room(size * c)), floats(threads, size_u), floats(threads, size_m)
            given = weights, int(are_u), bias, *epilogue, target, corner, size
            _winograd_few(source, *given, v, u, m, tile_of_each_thread())

        return run

    return prepared

"""Convolution of small maps: the pictures of a batch stand side by side, and no border is multiplied.

    y[n, p, o] = b[o] + Σ_t Σ_c w[o, t, c]·x[n, q(p, t), c]           t runs over the taps that see a pixel q from p

A row of a 2×2 map has two windows. Seven accumulators side by side (`direct.py`) would be busy with two of them, and of
the nine taps of a 3×3 convolution each window sees four pixels and five zeros of the border: of eight multiplications
one would be wanted. So the windows that are side by side here are those of one place p of eight pictures. They see the
same taps, and what is border to one is border to all and is left out. There is no tile to be cut: the same pixel of the
next picture lies H·W·C floats further on.

The same kernel goes back to the picture (`geometry.py`), as that of `direct.py` does, with weights in the same order,
and sums are cut into pieces of as many products.

Work is shared by pictures that a cache holds, then by pairs of vectors of output channels, so that weights serve all
places of these pictures, and where that makes few jobs, by rows of places as well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from minidl._threads import get_num_threads
from minidl.kernels.cpu.conv.blocking import even_share
from minidl.kernels.cpu.conv.epilogue import PLAIN, Epilogue, Prepared, Run, activated
from minidl.kernels.cpu.conv.geometry import Geometry, Indexing
from minidl.kernels.cpu.conv.input_tile import seeing
from minidl.kernels.cpu.conv.packing import blocks_of, padded
from minidl.kernels.cpu.conv.turns import PIECE, Factors
from minidl.kernels.cpu.simd.accumulators import fma_numbers, fold, plus, plus_some, store_acc
from minidl.kernels.cpu.simd.compile import inline, kernel, part
from minidl.kernels.cpu.simd.crew import PARTS
from minidl.kernels.cpu.simd.load_store import load
from minidl.kernels.cpu.simd.registers import PAIR, fitting
from minidl.kernels.cpu.simd.vector import LANES, splat

PICTURES = fitting(8, 4)
begin_with = fold(PICTURES)
NEAR = 2**18  # floats of the pictures that are worked on together: a second-level cache
TO_BEGIN = 4  # products that take as long as it takes to begin a run of them


class Seen(NamedTuple):
    """What all windows of a place see: rows of taps, in runs of neighbouring products.

    Attributes:
        at: the pixel of the first tap, in the first picture.
        w: its weights, from those of the first tap of all.
        rows, runs, length: rows of taps, runs of a row, and products of a run.
    """

    at: int
    w: int
    rows: int
    runs: int
    length: int


class Steps(NamedTuple):
    """From a picture to the next, from a row of taps to the next and from a run to the next: in x, and of weights."""

    picture: int
    below: int
    beside: int
    row: int
    run: int


@inline
def multiply(acc, other, x, at, step, factors, w, length):
    """Add a run of products: to `acc` those of the weights at w, to `other` those of the next vector of outputs."""
    weights, next_w = factors.weights, w + factors.k * LANES
    for first in range(0, length, PIECE):
        last = min(first + PIECE, length)
        some, more = begin_with(splat(np.float32(0))), begin_with(splat(np.float32(0)))
        if PAIR == 2 and factors.two:
            for q in range(first, last):
                some = fma_numbers(some, x, at + q, step, load(weights, w + q * LANES))
                more = fma_numbers(more, x, at + q, step, load(weights, next_w + q * LANES))
            other = plus(other, more)
        else:
            for q in range(first, last):
                some = fma_numbers(some, x, at + q, step, load(weights, w + q * LANES))
        acc = plus(acc, some)
    return acc, other


@part
def convolve_place(x, seen, steps, pictures, factors, y, out, to_next, lanes, residual, epilogue):
    """Write the windows of a place of some pictures, from `out` on, for a pair of vectors of output channels."""
    (first, last), (added, kind), two = pictures, epilogue, factors.two
    for picture in range(first, last, PICTURES):
        # The last turn begins with pictures that are done already, or that another thread does now, to the same bits.
        picture = min(picture, last - PICTURES)
        acc, other, here = begin_with(factors.one_b), begin_with(factors.two_b), out + picture * to_next
        for i in range(seen.rows):
            at, w = seen.at + picture * steps.picture + i * steps.below, factors.at + seen.w + i * steps.row
            for _ in range(seen.runs):
                acc, other = multiply(acc, other, x, at, steps.picture, factors, w, seen.length)
                at += steps.beside
                w += steps.run
        if added:
            acc = plus_some(acc, residual, here, to_next, PICTURES, lanes)
        store_acc(y, here, to_next, activated(kind, acc), PICTURES, lanes)
        if PAIR == 2 and two:
            if added:
                other = plus_some(other, residual, here + LANES, to_next, PICTURES, lanes - LANES)
            store_acc(y, here + LANES, to_next, activated(kind, other), PICTURES, lanes - LANES)


@kernel("void(r4, r1, r1, r1, i2, w4, ri1, ri1, i4, i)")
def _small(source, weights, bias, residual, epilogue, target, rows, columns, sharing, threads):
    """Convolve place by place; a job is some pictures, a group, a pair of vectors of its outputs, and some rows."""
    n, source_h, source_width, c = source.shape
    h, width, o = target.shape[1:]
    x, y = source.reshape(-1), target.reshape(-1)
    windows, taps, top, step, spacing, place, stride = rows
    windows_w, taps_w, left, step_w, spacing_w, place_w, stride_w = columns
    several, groups, parts, pieces = sharing
    channels, outputs = c // groups, o // groups
    blocks, k = (outputs + LANES - 1) // LANES, taps * taps_w * channels
    pairs = (blocks + PAIR - 1) // PAIR
    line, run = source_width * c, channels * LANES
    steps = Steps(source_h * line, spacing * line, spacing_w * c, taps_w * run, run)
    joined = spacing_w == 1 and groups == 1  # then the taps of a row, and their channels, are one run
    jobs = (n + several - 1) // several * groups * pairs * parts
    for piece in prange(pieces):
        for job in range(piece * jobs // pieces, (piece + 1) * jobs // pieces):
            part, pair, group = job % parts, job // parts % pairs, job // parts // pairs % groups
            picture = job // parts // pairs // groups * several
            number, lanes = group * blocks + pair * PAIR, outputs - pair * PAIR * LANES
            two = PAIR == 2 and lanes > LANES
            one_b = load(bias, number * LANES)
            two_b = load(bias, (number + 1) * LANES) if two else one_b
            factors = Factors(weights, number * k * LANES, k, two, one_b, two_b)
            for a in range(part * windows // parts, (part + 1) * windows // parts):
                i, below = seeing(top + step * a, spacing, taps, source_h)
                row = (top + step * a + i * spacing) * source_width
                out = (place + a * stride) * width
                for b in range(windows_w):
                    j, beside = seeing(left + step_w * b, spacing_w, taps_w, source_width)
                    at = (row + left + step_w * b + j * spacing_w) * c + group * channels
                    runs, length = (1, beside * channels) if joined else (beside, channels)
                    seen = Seen(at, (i * taps_w + j) * run, below, runs, length)
                    here = (out + place_w + b * stride_w) * o + group * outputs + pair * PAIR * LANES
                    pictures = picture, min(n, picture + several)
                    convolve_place(x, seen, steps, pictures, factors, y, here, h * width * o, lanes, residual, epilogue)


def prepare(n: int, c: int, o: int, indexing: Indexing, groups: int) -> Prepared:
    """Return what makes (N, H, W, O) of n pictures (N, H, W, C), PICTURES or more, with packed weights."""
    fit = NEAR // max(1, indexing.rows.size * indexing.columns.size * c)
    several = even_share(-(-n // PICTURES), max(1, fit // PICTURES)) * PICTURES
    jobs = -(-n // several) * groups * -(-blocks_of(o // groups) // PAIR)
    pieces = PARTS * get_num_threads()  # more than threads, so that who is done helps
    parts = min(indexing.rows.windows, -(-pieces // jobs))
    (rows, columns), sharing = indexing.arrays, (several, groups, parts, pieces)

    def prepared(weights: np.ndarray, b: np.ndarray | None) -> Run:
        bias = padded(b, groups, o // groups)

        def run(source: np.ndarray, target: np.ndarray, epilogue: Epilogue = PLAIN) -> None:
            _small(source, weights, bias, *epilogue, target, rows, columns, sharing)

        return run

    return prepared


def products(sizes: Geometry, step: str) -> int:
    """Return how many products a pass takes for one output channel, in whole turns of pictures, and what runs cost."""
    channels, total = (sizes.o if step == "dx" else sizes.c) // sizes.groups, 0
    for rows, columns in sizes.passing(step):
        runs = columns.windows if columns.spacing == 1 and sizes.groups == 1 else columns.seen
        total += rows.seen * (columns.seen * channels + runs * TO_BEGIN)
    return -(-sizes.n // PICTURES) * PICTURES * total

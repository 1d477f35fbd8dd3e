"""Windows that are pixels, each the neighbour of the last, where registers are short: nearly all 1×1 convolutions.

    y[p, o] = b[o] + Σ_c w[o, c]·x[p, c]

Nothing about them needs looking up, so little is left to do around the innermost loop. Pixels of one line take their
turn three at a time, with two vectors of output channels (`convolve_pairs`): for twelve multiply-adds of AVX2 the
processor then loads three numbers and four halves of vectors, where six pixels and one vector need six and two, and to
load is what such a loop waits for. That takes every register that there is (`fma_crosswise`).

What is widened (`widened.py`) is written to lines with a frame around them: a turn may end in the next one. Where a
last vector is alone there, six pixels take their turn (`convolve_pixels`). Sums are cut into pieces as in `turns.py`,
and are the same, to the bit.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.cpu.conv.coming import ask_for
from minidl.kernels.cpu.conv.epilogue import activated
from minidl.kernels.cpu.conv.turns import FEW, PIECE, WINDOWS, around, begin_with, share_of, six
from minidl.kernels.cpu.simd.accumulators import fma_crosswise, fma_numbers, fold, plus, plus_some, store_acc
from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.load_store import load, prefetch, prefetch_to_write
from minidl.kernels.cpu.simd.vector import LANES, splat

VECTORS = 2  # of outputs, of a line of pixels; others take their turn with PAIR of them
PIXELS = 3
begin_three = fold(PIXELS)


@inline
def first_block(part, parts, blocks, at_once):
    """Return with which vector of outputs a part begins, where so many are worked on at once; all of them behind."""
    return min(blocks, part * ((blocks + at_once - 1) // at_once) // parts * at_once)


@inline
def _add_crosswise(acc, x, at, step, weights, w, next_w, first, last):
    """Add the products of some channels to three pixels, for two vectors of outputs.

    Two channels a round: so little is between them that the loop itself would show.
    """
    for c in range(first, last - 1, 2):
        acc = fma_crosswise(acc, x, at + c, step, weights, w + c * LANES, next_w + c * LANES)
        acc = fma_crosswise(acc, x, at + c + 1, step, weights, w + (c + 1) * LANES, next_w + (c + 1) * LANES)
    if (last - first) % 2:
        c = last - 1
        acc = fma_crosswise(acc, x, at + c, step, weights, w + c * LANES, next_w + c * LANES)
    return acc


@inline
def convolve_pairs(source, target, beside, lines, across, factors, lanes, kind, near, residual, fresh, later):
    """Write lines of at least PIXELS pixels, which follow each other in the source, for two vectors of output channels.

    The second vector of a pixel is written `beside` floats from the first. Each turn asks for its share of the weights
    that follow, where they are `fresh`, for the pixels of the next turn, and for what is needed `later`. Where `lines`
    or `later` is None, there is one line, or nothing, and the compiler leaves out what others are for.
    """
    x, y, weights, k, step, ahead = source.array, target.array, factors.weights, factors.k, source.step, target.step
    count = across if lines is None else lines * across
    turns, line, column, column_later = (count + PIXELS - 1) // PIXELS, 0, 0, 0
    share, at_row, w, next_w = share_of(turns), 0 if later is None else later.at, factors.at, factors.at + k * LANES
    for turn in range(turns):
        if turn + 1 == turns:  # the first of them were there before
            line, column = 0 if lines is None else lines - 1, across - PIXELS
        at, here = source.at + (line * across + column) * step, target.at + line * target.row + column * ahead
        column += PIXELS
        if lines is None:
            for i in range(PIXELS):  # a store waits for its line, and the stores behind it wait, too
                if near:
                    prefetch(residual, here + i * ahead)
                    prefetch(residual, here + i * ahead + LANES)
                prefetch_to_write(y, here + i * ahead + 2 * LANES)
                prefetch_to_write(y, here + i * ahead + 3 * LANES)
        if fresh:
            for ask in range(at + PIXELS * step, at + 2 * PIXELS * step, LANES):
                prefetch(x, ask)
        if later is not None:
            at_row, column_later = ask_for(later.rows, at_row, column_later, later.lines)
        acc = begin_three(factors.one_b) + begin_three(factors.two_b)
        if k <= FEW:
            acc = _add_crosswise(acc, x, at, step, weights, w, next_w, 0, k)
        else:
            for first in range(0, k, PIECE):
                for c in range(first + turn * share, first + (turn + 1) * share):
                    prefetch(weights, next_w + (k + c) * LANES)
                    prefetch(weights, next_w + (2 * k + c) * LANES)
                zero, last = begin_three(splat(np.float32(0))), min(first + PIECE, k)
                acc = plus(acc, _add_crosswise(zero + zero, x, at, step, weights, w, next_w, first, last))
        one, other = acc[:PIXELS], acc[PIXELS:]
        if lines is None:
            if near:
                one = plus_some(one, residual, here, ahead, PIXELS, lanes)
                other = plus_some(other, residual, here + beside, ahead, PIXELS, lanes - LANES)
            store_acc(y, here, ahead, activated(kind, one), PIXELS, lanes)
            store_acc(y, here + beside, ahead, activated(kind, other), PIXELS, lanes - LANES)
        else:
            made = six(here, ahead)
            if column >= across:  # the line ends here
                made = around(made, across - column + PIXELS, target.row - across * ahead)
                line, column = line + 1, column - across
            store_acc(y, made[:PIXELS], 0, activated(kind, one), PIXELS, lanes)
            store_acc(y, made[:PIXELS], beside, activated(kind, other), PIXELS, lanes - LANES)


@inline
def _add_pixels(acc, x, at, step, weights, w, first, last):
    """Add the products of some channels to six pixels."""
    for c in range(first, last):
        acc = fma_numbers(acc, x, at + c, step, load(weights, w + c * LANES))
    return acc


@inline
def convolve_pixels(source, target, lines, across, factors, kind):
    """Write lines of at least WINDOWS pixels, which follow each other in the source, for one vector of channels."""
    x, weights, k, w, step, ahead = source.array, factors.weights, factors.k, factors.at, source.step, target.step
    turns, line, column = (lines * across + WINDOWS - 1) // WINDOWS, 0, 0
    share = share_of(turns)
    for turn in range(turns):
        if turn + 1 == turns:  # the first of them were there before
            line, column = lines - 1, across - WINDOWS
        at, here = source.at + (line * across + column) * step, target.at + line * target.row + column * ahead
        acc = begin_with(factors.one_b)
        if k <= FEW:
            acc = _add_pixels(acc, x, at, step, weights, w, 0, k)
        else:
            for first in range(0, k, PIECE):
                for c in range(first + turn * share, first + (turn + 1) * share):
                    prefetch(weights, w + (k + c) * LANES)
                some, last = begin_with(splat(np.float32(0))), min(first + PIECE, k)
                acc = plus(acc, _add_pixels(some, x, at, step, weights, w, first, last))
        column += WINDOWS
        made = six(here, ahead)
        if column >= across:  # the line ends here
            made = around(made, across - column + WINDOWS, target.row - across * ahead)
            line, column = line + 1, column - across
        store_acc(target.array, made, 0, activated(kind, acc), WINDOWS, LANES)

"""Turns: the windows of an area, as many at a time as registers hold sums.

    y[p, o] = b[o] + Σ_k w[o, k]·x[p, k]

Where a register holds sixteen floats, seven neighbouring windows of a row take their turn with two vectors of output
channels, or fourteen with one: maps are 7, 14, 28 or 56 pixels wide, so turns end where rows end (`convolve_rows`).
Where registers are short, six windows and one vector are all, and of a row of seven pixels the second turn would be a
sixth of one. So any six take their turn there, wherever they lie: six addresses take no more registers than one and
its distance to the others (`convolve_spots`). Windows that are pixels and follow each other have turns of their own
there (`pixels.py`). Each sum is the same, to the bit.

Every PIECE products the accumulators are added to those of the pieces before: what is added to a large sum is rounded
with it, and so sums of short sums keep three to seven times the digits of a long one.

An area of few windows is done with its weights sooner than memory brings the next ones. So these are asked for ahead,
a few lines at a time, while the windows take their turns. So are the pixels of the next turn, a line with each product,
where the picture itself is the tile and nobody has read it yet: six or seven are read side by side, and from that no
processor guesses what comes next.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.kernels.cpu.conv.coming import Rows, ask_for
from minidl.kernels.cpu.conv.epilogue import activated, apply_epilogue
from minidl.kernels.cpu.simd.accumulators import fma_numbers, fold, plus, plus_some, put_acc
from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.load_store import load, prefetch, prefetch_to_write
from minidl.kernels.cpu.simd.registers import PAIR, fitting
from minidl.kernels.cpu.simd.vector import LANES, splat

WINDOWS = fitting(7, 6)
ALONE = PAIR * WINDOWS  # of a turn with a single vector of weights
begin_with = fold(WINDOWS)
PIECE = 128  # products that are summed up in one go
FEW = 192  # that are so, too, where there are no more
MOST_TURNS = 64  # with the same weights, for which it pays to ask for the next ones


def turn_for(blocks: int) -> int:
    """Return how many windows take their turn together, where outputs have so many vectors."""
    return WINDOWS if blocks > 1 else ALONE


def least_windows(blocks: int) -> int:
    """Return how many windows a row must have, where nothing may be read behind them."""
    return WINDOWS if blocks % 2 == 0 else ALONE


@inline
def turns_of(lines, across, at_once):
    """Return how many turns the windows of some lines take."""
    if PAIR == 1 and across >= at_once:  # they need not lie in one row
        return (lines * across + at_once - 1) // at_once
    return lines * ((across + at_once - 1) // at_once)


@inline
def share_of(turns):
    """Return how many vectors of the weights that follow a turn asks for with each PIECE: the same in every turn."""
    return PIECE // turns + 1 if turns <= MOST_TURNS else 0


class Factors(NamedTuple):
    """One or two vectors of output channels: k packed weights of one, then k of the other, and their biases."""

    weights: np.ndarray
    at: int
    k: int
    two: bool
    one_b: Any
    two_b: Any


class Taps(NamedTuple):
    """How the products of a window are found, in rows of taps, which are runs of neighbouring products.

    Attributes:
        rows: rows of taps.
        runs: runs of a row: one, where the taps of a row and their channels lie behind each other.
        length: products of a run.
        below, beside: from the pixel of a tap to that of the tap below, and to the next run.
        row, run: from the weights of a row of taps to those of the next, and of a run.
    """

    rows: int
    runs: int
    length: int
    below: int
    beside: int
    row: int
    run: int


class Later(NamedTuple):
    """What is needed after the windows of an area, and asked for with them.

    Attributes:
        fresh: whether the pixels of the next turn lie in memory, where nobody has read them yet.
        rows, at, lines: rows of the next area, where to begin, and how many lines to ask for with each turn.
    """

    fresh: bool
    rows: Rows
    at: int
    lines: int


@inline
def only(fresh, array):
    """Return that nothing but the pixels of the next turn may be asked for."""
    return Later(fresh, Rows(array, 1, 1, 0), 0, 0)


class NextTurn(NamedTuple):
    """What is asked for ahead: where the pixels of the next turn begin, and how far on to go with each product."""

    at: int
    pace: int


@inline
def _multiply(acc, other, source, at, factors, w, length, early, late, coming):
    """Add the products of one run: to `acc` those of the first weights, to `other` those of the next, or windows.

    Where there are FEW of them in all runs together, they need no pieces.
    From `early` to `late` of each piece, the weights of the outputs that follow are asked for, and with each product a
    part of what is `coming`.
    """
    tile, step, weights, k = source.array, source.step, factors.weights, factors.k
    next_w, beside, follower = w + k * LANES, at + WINDOWS * step, w + 2 * k * LANES
    if factors.two and k <= FEW:
        for q in range(length):
            prefetch(tile, coming.at + q * coming.pace)
            acc = fma_numbers(acc, tile, at + q, step, load(weights, w + q * LANES))
            other = fma_numbers(other, tile, at + q, step, load(weights, next_w + q * LANES))
        return acc, other
    for first in range(0, length, PIECE):
        last = min(first + PIECE, length)
        for q in range(first + early, first + late):
            prefetch(weights, follower + q * LANES)
            prefetch(weights, follower + (k + q) * LANES)
        some, more = begin_with(splat(np.float32(0))), begin_with(splat(np.float32(0)))
        if factors.two:
            for q in range(first, last):
                prefetch(tile, coming.at + q * coming.pace)
                some = fma_numbers(some, tile, at + q, step, load(weights, w + q * LANES))
                more = fma_numbers(more, tile, at + q, step, load(weights, next_w + q * LANES))
        else:
            for q in range(first, last):
                prefetch(tile, coming.at + q * coming.pace)
                one = load(weights, w + q * LANES)
                some = fma_numbers(some, tile, at + q, step, one)
                more = fma_numbers(more, tile, beside + q, step, one)
        acc, other = plus(acc, some), plus(other, more)
    return acc, other


@inline
def _ask_ahead(y, residual, here, ahead, two, near):
    """Ask for what is added to the windows of a turn, and for the lines of the next channels, which are written next.

    A store waits for its line, and the stores behind it wait, too.
    """
    for i in range(WINDOWS):
        one = here + i * ahead
        other = one + LANES if two else one + WINDOWS * ahead
        beyond = PAIR * LANES if two else LANES
        if near:
            prefetch(residual, one)
            prefetch(residual, other)
        prefetch_to_write(y, one + beyond)
        prefetch_to_write(y, other + beyond)


@inline
def convolve_rows(
    source, target, beside, extent, factors, taps, lanes, channel, kind, near, ends, residual, epilogue, whole, later
):
    """Write all windows of an area, in turns of WINDOWS for two vectors of output channels, or twice as many for one.

    The second vector of a window is written `beside` floats from the first. What the channels before `channel` have
    left is added to. A residual is added to the sums where it is `near`, or in the end, where this `ends` the channels.
    With `whole`, nothing may be read behind the windows, of which there are enough for a turn then. Each turn asks for
    its share of the weights that follow, and for what is needed `later`.
    """
    (pictures, down, across), (fresh, rows, at_row, lines) = extent, later
    column = 0
    at_once, y, ahead, turn = WINDOWS if factors.two else ALONE, target.array, target.step, 0
    turns = turns_of(pictures * down, across, at_once)
    share = share_of(turns)
    for line in range(pictures * down):
        number, a = line // down, line % down
        seen = source.at + number * source.picture + a * source.row
        out = target.at + number * target.picture + a * target.row
        for b in range(0, across, at_once):
            if whole:
                b = min(b, across - at_once)
            early, late, turn = turn * share, (turn + 1) * share, turn + 1
            here, left_of = out + b * ahead, across - b
            _ask_ahead(y, residual, here, ahead, factors.two, near)
            at_row, column = ask_for(rows, at_row, column, lines)
            acc, other = begin_with(factors.one_b), begin_with(factors.two_b)
            coming = NextTurn(seen + (b + fresh * at_once) * source.step, fresh * LANES)
            for i in range(taps.rows):
                at, w = seen + b * source.step + i * taps.below, factors.at + i * taps.row
                for _ in range(taps.runs):
                    acc, other = _multiply(acc, other, source, at, factors, w, taps.length, early, late, coming)
                    at += taps.beside
                    w += taps.run
            if near:
                acc = plus_some(acc, residual, here, ahead, left_of, lanes)
                if factors.two:
                    other = plus_some(other, residual, here + beside, ahead, left_of, lanes - LANES)
                else:
                    other = plus_some(other, residual, here + WINDOWS * ahead, ahead, left_of - WINDOWS, lanes)
            acc, other = activated(kind, acc), activated(kind, other)
            put_acc(y, here, ahead, acc, left_of, lanes, channel)
            if factors.two:
                put_acc(y, here + beside, ahead, other, left_of, lanes - LANES, channel)
            else:
                put_acc(y, here + WINDOWS * ahead, ahead, other, left_of - WINDOWS, lanes, channel)
        if ends:
            apply_epilogue(y, out, ahead, across, min(lanes, PAIR * LANES), residual, epilogue)


@inline
def _next_row(windows, row, down, across):
    """Return how far it is from behind the last window of a row to the first of the next, or of the next picture."""
    behind = windows.row if row + 1 < down else windows.picture - row * windows.row
    return behind - across * windows.step


@inline
def six(at, step):
    """Return where six windows lie side by side."""
    return at, at + step, at + 2 * step, at + 3 * step, at + 4 * step, at + 5 * step


@inline
def around(places, in_row, jump):
    """Return six places, of which those behind the first `in_row` are a jump away."""
    one, two, three, four, five, six = places
    two, three = two + (jump if in_row < 2 else 0), three + (jump if in_row < 3 else 0)
    four, five = four + (jump if in_row < 4 else 0), five + (jump if in_row < 5 else 0)
    return one, two, three, four, five, six + (jump if in_row < 6 else 0)


@inline
def _add_products(acc, tile, spots, weights, w, first, last, ahead, pace):
    """Add some products to six windows: those of the numbers first to last behind each spot; ask for what is ahead."""
    if pace:
        for q in range(first, last):
            prefetch(tile, ahead + q * pace)
            acc = fma_numbers(acc, tile, spots, q, load(weights, w + q * LANES))
    else:  # to ask for nothing would take as long as to ask for something
        for q in range(first, last):
            acc = fma_numbers(acc, tile, spots, q, load(weights, w + q * LANES))
    return acc


@inline
def _multiply_spots(acc, tile, spots, beyond, factors, w, length, early, late, coming):
    """Add the products of one run to six windows, which begin `beyond` floats behind their spots; see `_multiply`."""
    weights, k, end = factors.weights, factors.k, beyond + length
    ahead, w = coming.at - beyond * coming.pace, w - beyond * LANES
    if k <= FEW:
        return _add_products(acc, tile, spots, weights, w, beyond, end, ahead, coming.pace)
    for first in range(beyond, end, PIECE):
        for q in range(first + early, first + late):
            prefetch(weights, w + (k + q) * LANES)
        some = begin_with(splat(np.float32(0)))
        last = min(first + PIECE, end)
        acc = plus(acc, _add_products(some, tile, spots, weights, w, first, last, ahead, coming.pace))
    return acc


@inline
def convolve_spots(
    source, target, beside, extent, factors, taps, lanes, channel, kind, near, ends, residual, epilogue, whole, later
):
    """Write all windows of an area as `convolve_rows` does, for one vector: six in a turn, wherever they lie.

    There is no second vector `beside` the first, and nothing is read behind the windows, so they need not be `whole`.
    """
    (pictures, down, across), (fresh, rows, at_row, asked) = extent, later
    y, lines, each, line, row, column, column_later = target.array, pictures * down, min(WINDOWS, across), 0, 0, 0, 0
    turns, at, out, left = turns_of(lines, across, WINDOWS), source.at, target.at, lines * across
    share = share_of(turns)
    for turn in range(turns):
        early, late, in_row, some = turn * share, (turn + 1) * share, across - column, min(each, left)
        seen, made = six(at, source.step), six(out, target.step)
        at, out, column, left = at + each * source.step, out + each * target.step, column + each, left - each
        if in_row <= WINDOWS:  # the row ends here
            jump, jump_y = _next_row(source, row, down, across), _next_row(target, row, down, across)
            # Where no row follows, or too short ones, what is read a second time is not written.
            last = line + 1 == lines or across < WINDOWS
            seen = around(seen, in_row, -across * source.step if last else jump)
            made = around(made, in_row, jump_y)
            at, out, column, line, row = at + jump, out + jump_y, column - across, line + 1, row + 1
            row = row if row < down else 0
        for here in made:  # see `_ask_ahead`
            if near:
                prefetch(residual, here)
            prefetch_to_write(y, here + LANES)
        at_row, column_later = ask_for(rows, at_row, column_later, asked)
        acc, coming = begin_with(factors.one_b), NextTurn(at, fresh * LANES)
        for i in range(taps.rows):
            beyond, w = i * taps.below, factors.at + i * taps.row
            for _ in range(taps.runs):
                acc = _multiply_spots(acc, source.array, seen, beyond, factors, w, taps.length, early, late, coming)
                beyond += taps.beside
                w += taps.run
        if near:
            acc = plus_some(acc, residual, made, 0, some, lanes)
        put_acc(y, made, 0, activated(kind, acc), some, lanes, channel)
    if ends:
        for line in range(lines):
            out = target.at + line // down * target.picture + line % down * target.row
            apply_epilogue(y, out, target.step, across, min(lanes, LANES), residual, epilogue)


convolve_area = convolve_rows if PAIR == 2 else convolve_spots

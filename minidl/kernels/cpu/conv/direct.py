"""Convolution without columns: seven pixels times thirty-two output channels in registers.

    y[p, o] = b[o] + Σ_k w[o, k]·x[p, k]                    k runs over the taps (i, j) and the channels c of the group

Written as a matrix product this asks for the columns of x, KH·KW times as large as x. They need not exist: what column
k of window p holds lies in the input tile (`input_tile.py`) at a place that is easy to compute, for a run of k even at
neighbouring places. So for seven neighbouring windows and two vectors of output channels, fourteen accumulators stay in
registers while k runs; each step loads two vectors of weights and seven numbers of the tile and does fourteen
multiply-adds, as many as the processor can begin in seven cycles. Who is worked on together is told in `turns.py`.

The same kernel goes back to the picture (`geometry.py`): dx is such a sum over dy, phase by phase.

Work is shared by areas (`blocking.py`): some rows of windows of some pictures, for all or some of their output
channels. Where a tile of all channels would be too large, the channels come in several parts, and what the first has
left in y, the next ones add to. Where windows are pixels (1×1), a tile would be a mere copy: the picture itself serves
as one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from minidl import _threads
from minidl.kernels.cpu.conv.blocking import (
    ENOUGH,
    LARGEST,
    Area,
    Windows,
    choose_area,
    corner_of,
    even_share,
    windows_for,
)
from minidl.kernels.cpu.conv.epilogue import PLAIN, Epilogue, Prepared, Run
from minidl.kernels.cpu.conv.geometry import Geometry, Indexing
from minidl.kernels.cpu.conv.input_tile import cut
from minidl.kernels.cpu.conv.packing import blocks_of, padded
from minidl.kernels.cpu.conv.pixels import VECTORS, convolve_pairs, first_block
from minidl.kernels.cpu.conv.turns import (
    ALONE,
    WINDOWS,
    Factors,
    Taps,
    convolve_area,
    least_windows,
    only,
    turn_for,
    turns_of,
)
from minidl.kernels.cpu.memory.borrowing import FLAG, borrow, borrowed, give_back, lay_out
from minidl.kernels.cpu.memory.workspace import limit
from minidl.kernels.cpu.simd.compile import kernel
from minidl.kernels.cpu.simd.crew import PARTS, divided
from minidl.kernels.cpu.simd.functions import IDENTITY
from minidl.kernels.cpu.simd.load_store import load
from minidl.kernels.cpu.simd.registers import PAIR
from minidl.kernels.cpu.simd.vector import LANES, splat

FEWEST = 4  # pairs of vectors of outputs, or single ones, of a part: each piece of work cuts a tile of its own


class Tile(NamedTuple):
    """Where the pixels that an area sees lie: the first, rows of a picture, pixels of a row, floats of a pixel."""

    corner: int
    height: int
    span: int
    pixel: int


@kernel("void(r4, r1, r1, r1, i2, w4, ri1, ri1, ri1, i4, w2, i)")
def _direct(source, weights, bias, residual, epilogue, target, rows, columns, area, sharing, tiles, threads):
    """Convolve area by area; a job is an area, a group, and one of the parts of its output channels.

    There are more pieces of work than threads, so that who is done helps; each borrows a tile, where one is needed.
    """
    (n, source_h, source_width, c), (h, width, o) = source.shape, target.shape[1:]
    x, y = source.reshape(-1), target.reshape(-1)
    windows, rows_of_taps, top, step, spacing, place, stride = rows
    windows_w, taps_w, left, step_w, spacing_w, place_w, stride_w = columns
    several, band, strip, depth = area
    (groups, parts, in_place, pieces), (added, kind) = sharing, epilogue
    channels, outputs = c // groups, o // groups
    blocks, k = (outputs + LANES - 1) // LANES, rows_of_taps * taps_w * channels
    bands, strips = (windows + band - 1) // band, (windows_w + strip - 1) // strip
    jobs = (n + several - 1) // several * bands * strips * groups * parts
    whole = depth >= channels and spacing_w == 1  # then the taps of a row, and their channels, are one run
    at_once = VECTORS if in_place and n * windows == 1 else PAIR
    # What is added comes before the activation: to sums in registers, where these are whole, or to what is written.
    zero, near, later = splat(np.float32(0)), added and depth >= channels, depth < channels
    now = IDENTITY if later else kind
    lay_out(tiles)
    for piece in prange(pieces):
        lent = 0 if in_place else borrow(tiles)
        pixels = x if in_place else tiles[lent, FLAG:]
        for job in range(piece * jobs // pieces, (piece + 1) * jobs // pieces):
            part, group, here = job % parts, job // parts % groups, job // parts // groups
            picture, first, first_w = corner_of(here, area, bands, strips)
            pictures, down = min(several, n - picture), min(band, windows - first)
            across, up, start = min(strip, windows_w - first_w), top + step * first, left + step_w * first_w
            row = ((picture * h + place + first * stride) * width + place_w + first_w * stride_w) * o + group * outputs
            for channel in range(0, max(1, channels), depth):
                some, at = min(depth, channels - channel), group * channels + channel
                if in_place:  # the picture itself is the tile
                    tile = Tile(((picture * source_h + up) * source_width + start) * c + at, source_h, source_width, c)
                else:
                    height = step * (down - 1) + spacing * max(0, rows_of_taps - 1) + 1
                    tile = Tile(0, height, step_w * (strip - 1) + spacing_w * max(0, taps_w - 1) + 1, some)
                    if part == 0 or depth < channels or job == piece * jobs // pieces:
                        for number in range(pictures):
                            own = tiles[lent, FLAG + number * height * tile.span * some :]
                            cut(own, source, picture + number, up, height, start, tile.span, at, some, some)
                runs, length = (1, taps_w * channels) if whole else (taps_w, some)
                line, run = tile.span * tile.pixel, channels * LANES
                taps = Taps(rows_of_taps, runs, length, spacing * line, spacing_w * tile.pixel, taps_w * run, run)
                seen = Windows(pixels, tile.corner, tile.height * line, step * line, step_w * tile.pixel)
                ends = later and (added or kind) and channel + depth >= channels
                begin, end = first_block(part, parts, blocks, at_once), first_block(part + 1, parts, blocks, at_once)
                for block in range(begin, end, at_once):
                    number, two = group * blocks + block, at_once == 2 and block + 1 < blocks
                    one_b = load(bias, number * LANES) if channel == 0 else zero
                    two_b = load(bias, (number + two) * LANES) if channel == 0 else zero
                    factors = Factors(weights, (number * k + channel) * LANES, k, two, one_b, two_b)
                    out = Windows(y, row + block * LANES, h * width * o, stride * width * o, stride_w * o)
                    extent, lanes = (pictures, down, across), outputs - LANES * block
                    fresh = in_place and groups == 1 and block == begin
                    if PAIR < VECTORS and two:
                        convolve_pairs(seen, out, LANES, None, across, factors, lanes, now, near, residual, fresh, None)
                    else:
                        given = seen, out, LANES, extent, factors, taps, lanes, channel, now, near
                        convolve_area(*given, ends, residual, epilogue, in_place, only(fresh, pixels))
        if not in_place:
            give_back(tiles, lent)


def divided_outputs(jobs: int, blocks: int, at_once: int, threads: int) -> tuple[int, int]:
    """Return in how many parts and pieces (`divided`) jobs are worked on, of whose outputs so many vectors at once."""
    return divided(jobs, -(-blocks // at_once), threads, FEWEST * PAIR // at_once)


class Shares(NamedTuple):
    """How the work of a convolution is shared: what the kernel is told of it, and the floats of a thread's tile."""

    area: np.ndarray
    sharing: tuple[int, int, int, int]
    tile: int


def shared(n: int, c: int, o: int, indexing: Indexing, groups: int, threads: int, most: int) -> Shares:
    """Share the convolution of n pictures from c to o channels among threads, whose tiles have `most` floats in all."""
    channels, blocks, at_once = c // groups, blocks_of(o // groups), _at_once(n, indexing)
    k = indexing.rows.taps * indexing.columns.taps * channels
    windows = windows_for(indexing, channels, groups * blocks * LANES * k)
    every = n * indexing.rows.windows * indexing.columns.windows
    if groups == 1 and _are_uneven(blocks, at_once, every, threads) and every < PARTS * threads * windows:
        windows = even_share(every, windows, threads)
    elif k > channels and every >= PARTS * threads * ENOUGH and groups == 1:
        windows = min(windows, even_share(every, windows, PARTS * threads))  # then no two threads cut the same tile
    area = choose_area(indexing, channels, n, windows, min(LARGEST, most // threads), threads)
    parts, pieces = divided_outputs(area.jobs(indexing, n) * groups, blocks, at_once, threads)
    in_place = _needs_no_tile(indexing, area, blocks)
    if in_place:
        area = area._replace(depth=max(1, channels))
    tile = 1 if in_place else (area.pixels + ALONE * indexing.columns.step) * min(channels, area.depth) + LANES
    return Shares(area.array, (groups, parts, int(in_place), pieces), tile)


def products(sizes: Geometry, step: str) -> int:
    """Return how many products a pass takes for one output channel, in whole turns of windows."""
    channels, outputs = (it // sizes.groups for it in ((sizes.o, sizes.c) if step == "dx" else (sizes.c, sizes.o)))
    at_once = turn_for(blocks_of(outputs))
    turns = (
        turns_of.py_func(rows.windows, columns.windows, at_once) * rows.taps * columns.taps
        for rows, columns in sizes.passing(step)
    )
    return sizes.n * at_once * channels * sum(turns)


def prepare(n: int, c: int, o: int, indexing: Indexing, groups: int) -> Prepared:
    """Return what makes (N, H, W, O) of n pictures (N, H, W, C) with packed weights."""
    threads, (rows, columns) = _threads.get_num_threads(), indexing.arrays
    area, sharing, tile = shared(n, c, o, indexing, groups, threads, limit())

    def prepared(weights: np.ndarray, b: np.ndarray | None) -> Run:
        bias = padded(b, groups, o // groups)

        def run(source: np.ndarray, target: np.ndarray, epilogue: Epilogue = PLAIN) -> None:
            room = borrowed(threads, tile)
            _direct(source, weights, bias, *epilogue, target, rows, columns, area, sharing, room)

        return run

    return prepared


def _at_once(n: int, indexing: Indexing) -> int:
    """Return how many vectors of outputs are worked on at once: VECTORS where all pixels lie in one line."""
    in_line = indexing.rows.taps == indexing.columns.taps == n * indexing.rows.windows == 1
    return VECTORS if in_line else PAIR


def _are_uneven(blocks: int, at_once: int, every: int, threads: int) -> bool:
    """Tell whether threads had better share the windows than the outputs, which do not go round.

    It pays to read all weights in every thread for many windows, or where some threads had little or nothing to do.
    """
    units = -(-blocks // at_once)
    least = ENOUGH // 2 if units >= 2 * threads else 2 * WINDOWS
    return blocks % (at_once * threads) > 0 and every >= threads * least


def _needs_no_tile(indexing: Indexing, area: Area, blocks: int) -> bool:
    """Tell whether a tile would be a mere copy: windows are pixels, and there are enough to be worked on at a time."""
    rows, columns = indexing
    narrowest = columns.windows - (-(-columns.windows // area.strip) - 1) * area.strip
    enough = narrowest >= least_windows(blocks)
    return rows.taps == columns.taps == 1 and rows.stays_inside and columns.stays_inside and enough

"""Convolution without columns: seven pixels times thirty-two output channels in registers.

    y[p, o] = b[o] + Σ_k w[o, k]·x[p, k]                    k runs over the taps (i, j) and the channels c of the group

Written as a matrix product this asks for the columns of x, KH·KW times as large as x. They need not exist: what column
k of window p holds lies in the slab (`input_tile.py`) at a place that is easy to compute, for a run of k even at
neighbouring places. So for seven neighbouring windows and two vectors of output channels, fourteen sums stay in
registers while k runs; each step loads two vectors of weights and seven numbers of the slab and does fourteen
multiply-adds, as many as the processor can begin in seven cycles. Where a group has no second vector, fourteen windows
take its place.

Every PIECE products the sums are added to those of the pieces before: what is added to a large sum is rounded with it,
and so sums of short sums keep three to seven times the digits of a long one.

The same kernel walks back to the picture (`geometry.py`): dx is such a sum over dy, phase by phase.

Work is shared by areas (`blocking.py`): some rows of windows of some pictures, for all or some of their output
channels. Where a slab of all channels would be too large, the channels come in several parts, and what the first has
left in y, the next ones add to. Where windows are pixels (1×1), a slab would be a mere copy: the picture itself serves
as one.

An area of few windows is done with its weights sooner than memory brings the next ones. So these are asked for ahead,
a few lines at a time, while the windows take their turns.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _threads
from minidl.kernels.cpu.conv.blocking import ENOUGH, LARGEST, Area, choose_area, corner_of, even_share, windows_for
from minidl.kernels.cpu.conv.epilogue import PLAIN, Finish, Run, activated, finish
from minidl.kernels.cpu.conv.geometry import Walk
from minidl.kernels.cpu.conv.input_tile import cut
from minidl.kernels.cpu.conv.packing import blocks_of, padded
from minidl.kernels.cpu.memory.workspace import scratch
from minidl.kernels.cpu.simd.accumulators import SEVEN, fma_numbers, plus, put_sums, sevenfold
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.functions import IDENTITY
from minidl.kernels.cpu.simd.vector import LANES, fetch, load, splat

WINDOWS = SEVEN.count
PIECE = 64  # products that are summed up in one go
FEW = 3 * PIECE
MOST_TURNS = 64  # with the same weights, for which it pays to ask for the next ones


@inline
def multiply(sums, other, slab, at, step, weights, w, k, length, two, early, late):
    """Add the products of one run: to `sums` those of the first weights, to `other` those of the next, or windows.

    Where there are FEW of them in all runs together, they need no pieces.
    From `early` to `late` of each piece, the weights of the outputs that follow are asked for.
    """
    next_w, beside, follower = w + k * LANES, at + WINDOWS * step, w + 2 * k * LANES
    if two and k <= FEW:
        for q in range(length):
            sums = fma_numbers(sums, slab, at + q, step, load(weights, w + q * LANES))
            other = fma_numbers(other, slab, at + q, step, load(weights, next_w + q * LANES))
        return sums, other
    for begin in range(0, length, PIECE):
        for q in range(begin + early, begin + late):
            fetch(weights, follower + q * LANES)
            fetch(weights, follower + (k + q) * LANES)
        some, more = sevenfold(splat(np.float32(0))), sevenfold(splat(np.float32(0)))
        if two:
            for q in range(begin, min(begin + PIECE, length)):
                some = fma_numbers(some, slab, at + q, step, load(weights, w + q * LANES))
                more = fma_numbers(more, slab, at + q, step, load(weights, next_w + q * LANES))
        else:
            for q in range(begin, min(begin + PIECE, length)):
                one = load(weights, w + q * LANES)
                some = fma_numbers(some, slab, at + q, step, one)
                more = fma_numbers(more, slab, beside + q, step, one)
        sums, other = plus(sums, some), plus(other, more)
    return sums, other


@kernel("void(r4, r1, r1, r1, i, i, w4, ri1, ri1, i, ri1, i, i, w2, i)")
def _direct(
    source, weights, bias, residual, added, kind, target, rows, columns, groups, area, parts, there, slabs, threads
):
    n, source_h, source_width, c = source.shape
    h, width, o = target.shape[1:]
    x, y = source.reshape(-1), target.reshape(-1)
    windows, taps, top, step, spacing, place, stride = rows
    windows_w, taps_w, left, step_w, spacing_w, place_w, stride_w = columns
    several, band, strip, depth = area
    channels, outputs = c // groups, o // groups
    blocks, k = (outputs + LANES - 1) // LANES, taps * taps_w * channels
    pairs = (blocks + 1) // 2
    bands, strips = (windows + band - 1) // band, (windows_w + strip - 1) // strip
    jobs = (n + several - 1) // several * bands * strips * groups * parts
    whole = depth >= channels and spacing_w == 1  # then the taps of a row, and their channels, are one run
    zero, later = splat(np.float32(0)), added or depth < channels  # what is added comes before the activation
    now = IDENTITY if later else kind
    for thread in prange(threads):
        slab = x if there else slabs[thread]
        for job in range(thread * jobs // threads, (thread + 1) * jobs // threads):
            part, group, here = job % parts, job // parts % groups, job // parts // groups
            picture, first, first_w = corner_of(here, area, bands, strips)
            pictures, down = min(several, n - picture), min(band, windows - first)
            across = min(strip, windows_w - first_w)
            up, start = top + step * first, left + step_w * first_w
            row = ((picture * h + place + first * stride) * width + place_w + first_w * stride_w) * o + group * outputs
            for channel in range(0, max(1, channels), depth):
                some, at = min(depth, channels - channel), group * channels + channel
                if there:  # the picture itself is the slab
                    height, span, pixel = source_h, source_width, c
                    corner = ((picture * source_h + up) * source_width + start) * c + at
                else:
                    height = step * (down - 1) + spacing * max(0, taps - 1) + 1
                    span, pixel, corner = step_w * (strip - 1) + spacing_w * max(0, taps_w - 1) + 1, some, 0
                    if part == 0 or depth < channels or job == thread * jobs // threads:
                        for number in range(pictures):
                            skip = number * height * span * some
                            own = slabs[thread, skip:]
                            cut(own, source, picture + number, up, height, start, span, at, some, some)
                runs, length = (1, taps_w * channels) if whole else (taps_w, some)
                for pair in range(part * pairs // parts, (part + 1) * pairs // parts):
                    block = 2 * pair
                    two = block + 1 < blocks
                    one_w = ((group * blocks + block) * k + channel) * LANES
                    one_b, two_b = zero, zero
                    if channel == 0:
                        one_b = load(bias, (group * blocks + block) * LANES)
                        two_b = load(bias, (group * blocks + block + 1) * LANES) if two else one_b
                    lanes, ahead, at_once = outputs - LANES * block, stride_w * o, WINDOWS if two else 2 * WINDOWS
                    turns, turn = pictures * down * ((across + at_once - 1) // at_once), 0
                    share = PIECE / turns if turns <= MOST_TURNS else 0.0
                    for line in range(pictures * down):
                        number, a = line // down, line % down
                        out = row + (number * h + a * stride) * width * o + block * LANES
                        seen = corner + (number * height + a * step) * span * pixel
                        for b in range(0, across, at_once):
                            if there:  # nothing may be read behind the picture
                                b = min(b, across - at_once)
                            early, late, turn = int(turn * share), int((turn + 1) * share), turn + 1
                            sums, other = sevenfold(one_b), sevenfold(two_b)
                            for i in range(taps):
                                w = one_w + i * taps_w * channels * LANES
                                at = seen + (i * spacing * span + b * step_w) * pixel
                                for _ in range(runs):
                                    sums, other = multiply(
                                        sums, other, slab, at, step_w * pixel, weights, w, k, length, two, early, late
                                    )
                                    at += spacing_w * pixel
                                    w += channels * LANES
                            here, left_of = out + b * ahead, across - b
                            sums, other = activated(now, sums), activated(now, other)
                            put_sums(y, here, ahead, sums, left_of, lanes, channel)
                            if two:
                                put_sums(y, here + LANES, ahead, other, left_of, lanes - LANES, channel)
                            else:
                                put_sums(y, here + WINDOWS * ahead, ahead, other, left_of - WINDOWS, lanes, channel)
                        if later and (added or kind) and channel + depth >= channels:
                            finish(y, out, ahead, across, min(lanes, 2 * LANES), residual, added, kind)


def prepare(weights: np.ndarray, b: np.ndarray | None, n: int, c: int, o: int, walk: Walk, groups: int) -> Run:
    """Return what walks over n pictures (N, H, W, C) and writes (N, H, W, O); packed weights, b (O,) or None."""
    threads = _threads.get_num_threads()
    channels, outputs = c // groups, o // groups
    k = walk.rows.taps * walk.columns.taps * channels
    windows, every = windows_for(walk, channels, weights.size), n * walk.rows.windows * walk.columns.windows
    if blocks_of(outputs) % (2 * threads) and threads * ENOUGH // 2 <= every < 4 * threads * windows and groups == 1:
        windows = even_share(every, windows, threads)  # outputs cannot be shared evenly, windows can
    elif k > channels and every >= 4 * threads * ENOUGH and groups == 1:
        windows = min(windows, even_share(every, windows, 4 * threads))  # then no two threads cut the same slab
    area = choose_area(walk, channels, n, windows, LARGEST)
    parts = 1 if area.jobs(walk, n) * groups >= 4 * threads else min(threads, -(-blocks_of(outputs) // 2))
    there = _needs_no_slab(walk, area, blocks_of(outputs))
    if there:
        area = area._replace(depth=max(1, channels))
    slab = 1 if there else (area.pixels + 2 * WINDOWS * walk.columns.step) * min(channels, area.depth) + LANES
    bias, numbers = padded(b, groups, outputs), (*walk.arrays, groups, area.array, parts, int(there))

    def run(source: np.ndarray, target: np.ndarray, end: Finish = PLAIN) -> None:
        _direct(source, weights, bias, *end, target, *numbers, scratch(threads, slab))

    return run


def _needs_no_slab(walk: Walk, area: Area, blocks: int) -> bool:
    """Tell whether a slab would be a mere copy: windows are pixels, and there are enough to be worked on at a time."""
    rows, columns = walk
    narrowest = columns.windows - (-(-columns.windows // area.strip) - 1) * area.strip
    enough = narrowest >= (WINDOWS if blocks % 2 == 0 else 2 * WINDOWS)
    return rows.taps == columns.taps == 1 and rows.stays_inside and columns.stays_inside and enough

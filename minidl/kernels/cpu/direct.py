"""Convolution without columns: seven pixels times thirty-two output channels in registers.

    y[p, o] = b[o] + Σ_k w[o, k]·x[p, k]                    k runs over the taps (i, j) and the channels c of the group

Written as a matrix product this asks for the columns of x, KH·KW times as large as x. They need not exist: what column
k of window p holds lies in the slab (`slab.py`) at a place that is easy to compute, for a run of k even at neighbouring
places. So for seven neighbouring windows and two vectors of output channels, fourteen sums stay in registers while k
runs; each step loads two vectors of weights and seven numbers of the slab and does fourteen multiply-adds, as many as
the processor can begin in seven cycles. Where a group has no second vector, fourteen windows take its place.

Every PIECE products the sums are added to those of the pieces before: what is added to a large sum is rounded with it,
and so sums of short sums keep three to seven times the digits of a long one.

The same kernel walks back to the picture (`walk.py`): dx is such a sum over dy, phase by phase.

Work is shared by areas (`area.py`): some rows of windows of some pictures, for all or some of their output channels.
Where a slab of all channels would be too large, the channels come in several parts, and what the first has left in y,
the next ones add to.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _threads
from minidl.kernels.cpu.area import ENOUGH, choose_area, even_share, windows_for
from minidl.kernels.cpu.compile import inline, kernel
from minidl.kernels.cpu.finish import PLAIN, Finish, Run, activated, finish
from minidl.kernels.cpu.functions import IDENTITY
from minidl.kernels.cpu.packing import blocks_of, padded
from minidl.kernels.cpu.slab import cut
from minidl.kernels.cpu.sums import SEVEN, fma_numbers, plus, put_sums, sevenfold
from minidl.kernels.cpu.vector import LANES, load, splat
from minidl.kernels.cpu.walk import Walk
from minidl.kernels.cpu.workspace import scratch

WINDOWS = SEVEN.count
PIECE = 64  # products that are summed up in one go


@inline
def multiply(sums, other, slab, at, step, weights, w, next_w, length, two):
    """Add the products of one run: to `sums` those of the first weights, to `other` those of the next, or windows."""
    for begin in range(0, length, PIECE):
        some, more = sevenfold(splat(np.float32(0))), sevenfold(splat(np.float32(0)))
        if two:
            for q in range(begin, min(begin + PIECE, length)):
                some = fma_numbers(some, slab, at + q, step, load(weights, w + q * LANES))
                more = fma_numbers(more, slab, at + q, step, load(weights, next_w + q * LANES))
        else:
            beside = at + WINDOWS * step
            for q in range(begin, min(begin + PIECE, length)):
                one = load(weights, w + q * LANES)
                some = fma_numbers(some, slab, at + q, step, one)
                more = fma_numbers(more, slab, beside + q, step, one)
        sums, other = plus(sums, some), plus(other, more)
    return sums, other


@kernel("void(r4, r1, r1, r1, i, i, w4, ri1, ri1, i, ri1, i, w2, i)")
def _direct(source, weights, bias, residual, added, kind, target, rows, columns, groups, area, parts, slabs, threads):
    n, c = source.shape[0], source.shape[3]
    h, width, o = target.shape[1:]
    y = target.reshape(-1)
    windows, taps, top, step, spacing, place, stride = rows
    windows_w, taps_w, left, step_w, spacing_w, place_w, stride_w = columns
    several, band, strip, depth = area
    channels, outputs = c // groups, o // groups
    blocks = (outputs + LANES - 1) // LANES
    pairs = (blocks + 1) // 2
    span = step_w * (strip - 1) + spacing_w * max(0, taps_w - 1) + 1
    k = taps * taps_w * channels
    bands, strips = (windows + band - 1) // band, (windows_w + strip - 1) // strip
    jobs = (n + several - 1) // several * bands * strips * groups * parts
    whole = depth >= channels and spacing_w == 1  # then the taps of a row, and their channels, are one run
    zero, later = splat(np.float32(0)), added or depth < channels  # what is added comes before the activation
    now = IDENTITY if later else kind
    for thread in prange(threads):
        slab = slabs[thread]
        for job in range(thread * jobs // threads, (thread + 1) * jobs // threads):
            part, group = job % parts, job // parts % groups
            picture, here = job // parts // groups // (bands * strips) * several, job // parts // groups
            first, first_w = here % (bands * strips) // strips * band, here % strips * strip
            last, last_w = min(first + band, windows), min(first_w + strip, windows_w)
            pictures = min(several, n - picture)
            height = step * (last - first - 1) + spacing * max(0, taps - 1) + 1
            for channel in range(0, max(1, channels), depth):
                pixel = min(depth, channels - channel)
                runs, length = (1, taps_w * channels) if whole else (taps_w, pixel)
                if part == 0 or depth < channels or job == thread * jobs // threads:
                    up, start, at = top + step * first, left + step_w * first_w, group * channels + channel
                    for number in range(pictures):
                        skip = number * height * span * pixel
                        cut(slab[skip:], source, picture + number, up, height, start, span, at, pixel, pixel)
                for pair in range(part * pairs // parts, (part + 1) * pairs // parts):
                    block = 2 * pair
                    two = block + 1 < blocks
                    one_w = ((group * blocks + block) * k + channel) * LANES
                    one_b, two_b = zero, zero
                    if channel == 0:
                        one_b = load(bias, (group * blocks + block) * LANES)
                        two_b = load(bias, (group * blocks + block + 1) * LANES) if two else one_b
                    lanes = outputs - LANES * block
                    for line in range(pictures * (last - first)):
                        number, a = line // (last - first), line % (last - first)
                        row = ((picture + number) * h + place + (first + a) * stride) * width + place_w
                        row = row * o + group * outputs + block * LANES
                        corner = (number * height + a * step) * span
                        for b in range(first_w, last_w, WINDOWS if two else 2 * WINDOWS):
                            sums, other = sevenfold(one_b), sevenfold(two_b)
                            for i in range(taps):
                                w = one_w + i * taps_w * channels * LANES
                                at = (corner + i * spacing * span + (b - first_w) * step_w) * pixel
                                for _ in range(runs):
                                    sums, other = multiply(
                                        sums, other, slab, at, step_w * pixel, weights, w, w + k * LANES, length, two
                                    )
                                    at += spacing_w * pixel
                                    w += channels * LANES
                            out, ahead = row + b * stride_w * o, stride_w * o
                            sums, other = activated(now, sums), activated(now, other)
                            put_sums(y, out, ahead, sums, last_w - b, lanes, channel)
                            if two:
                                put_sums(y, out + LANES, ahead, other, last_w - b, lanes - LANES, channel)
                            else:
                                put_sums(y, out + WINDOWS * ahead, ahead, other, last_w - b - WINDOWS, lanes, channel)
                        if later and (added or kind) and channel + depth >= channels:
                            begin, ahead = row + first_w * stride_w * o, stride_w * o
                            finish(y, begin, ahead, last_w - first_w, min(lanes, 2 * LANES), residual, added, kind)


def prepare(weights: np.ndarray, b: np.ndarray | None, n: int, c: int, o: int, walk: Walk, groups: int) -> Run:
    """Return what walks over n pictures (N, H, W, C) and writes (N, H, W, O); packed weights, b (O,) or None."""
    threads = _threads.get_num_threads()
    channels, outputs = c // groups, o // groups
    windows, every = windows_for(walk, channels, weights.size), n * walk.rows.windows * walk.columns.windows
    if blocks_of(outputs) % (2 * threads) and threads * ENOUGH // 2 <= every < 4 * threads * windows and groups == 1:
        windows = even_share(every, windows, threads)  # outputs cannot be shared evenly, windows can
    area = choose_area(walk, channels, n, windows)
    parts = 1 if area.jobs(walk, n) * groups >= 4 * threads else min(threads, -(-blocks_of(outputs) // 2))
    pixel = min(channels, area.depth)
    slab = (area.pixels + 2 * WINDOWS * walk.columns.step) * pixel + LANES
    bias, numbers = padded(b, groups, outputs), (*walk.arrays, groups, area.array, parts)

    def run(source: np.ndarray, target: np.ndarray, end: Finish = PLAIN) -> None:
        _direct(source, weights, bias, *end, target, *numbers, scratch(threads, slab))

    return run

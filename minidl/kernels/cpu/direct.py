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

Work is shared by bands: some rows of windows of one picture, for all or some of its output channels.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _threads
from minidl.kernels.cpu.compile import kernel
from minidl.kernels.cpu.finish import PLAIN, Finish, Run, finish
from minidl.kernels.cpu.packing import blocks_of, padded
from minidl.kernels.cpu.slab import cut
from minidl.kernels.cpu.sums import SEVEN, fma_numbers, plus, sevenfold, store_sums
from minidl.kernels.cpu.vector import LANES, load, splat
from minidl.kernels.cpu.walk import Walk
from minidl.kernels.cpu.workspace import floats, limit

WINDOWS = SEVEN.count
PIECE = 64  # products that are summed up in one go
SLAB = 2**16  # floats of one slab: a quarter of a second-level cache


@kernel("void(r4, r1, r1, r1, i, i, w4, ri1, ri1, i, i, i, i, w2, i)")
def _direct(
    source, weights, bias, residual, added, kind, target, rows, columns, groups, band, strip, parts, slabs, threads
):
    n, c = source.shape[0], source.shape[3]
    h, width, o = target.shape[1:]
    y = target.reshape(-1)
    windows, taps, top, step, spacing, place, stride = rows
    windows_w, taps_w, left, step_w, spacing_w, place_w, stride_w = columns
    channels, outputs = c // groups, o // groups
    blocks = (outputs + LANES - 1) // LANES
    pairs = (blocks + 1) // 2
    span = step_w * (strip - 1) + spacing_w * max(0, taps_w - 1) + 1
    runs, length = (1, taps_w * channels) if spacing_w == 1 else (taps_w, channels)
    k = taps * taps_w * channels
    bands, strips = (windows + band - 1) // band, (windows_w + strip - 1) // strip
    jobs = n * bands * strips * groups * parts
    zero = splat(np.float32(0))
    for thread in prange(threads):
        slab = slabs[thread]
        for job in range(thread * jobs // threads, (thread + 1) * jobs // threads):
            part, group = job % parts, job // parts % groups
            picture, area = job // parts // groups // (bands * strips), job // parts // groups % (bands * strips)
            first, first_w = area // strips * band, area % strips * strip
            last, last_w = min(first + band, windows), min(first_w + strip, windows_w)
            if part == 0 or job == thread * jobs // threads:
                height = step * (last - first - 1) + spacing * max(0, taps - 1) + 1
                start = left + step_w * first_w
                cut(
                    slab, source, picture, top + step * first, height, start, span, group * channels, channels, channels
                )
            for pair in range(part * pairs // parts, (part + 1) * pairs // parts):
                block = 2 * pair
                two = block + 1 < blocks
                one_w = (group * blocks + block) * k * LANES
                one_b = load(bias, (group * blocks + block) * LANES)
                two_b = load(bias, (group * blocks + block + 1) * LANES) if two else one_b
                lanes = outputs - LANES * block
                for a in range(first, last):
                    row = ((picture * h + place + a * stride) * width + place_w) * o + group * outputs + block * LANES
                    for b in range(first_w, last_w, WINDOWS if two else 2 * WINDOWS):
                        sums, other = sevenfold(one_b), sevenfold(two_b)
                        w = one_w
                        for i in range(taps):
                            at = (((a - first) * step + i * spacing) * span + (b - first_w) * step_w) * channels
                            for _ in range(runs):
                                for begin in range(0, length, PIECE):
                                    end = min(begin + PIECE, length)
                                    piece, second = sevenfold(zero), sevenfold(zero)
                                    if two:
                                        for q in range(at + begin, at + end):
                                            piece = fma_numbers(piece, slab, q, step_w * channels, load(weights, w))
                                            another = load(weights, w + k * LANES)
                                            second = fma_numbers(second, slab, q, step_w * channels, another)
                                            w += LANES
                                    else:
                                        beside = WINDOWS * step_w * channels
                                        for q in range(at + begin, at + end):
                                            one = load(weights, w)
                                            piece = fma_numbers(piece, slab, q, step_w * channels, one)
                                            second = fma_numbers(second, slab, beside + q, step_w * channels, one)
                                            w += LANES
                                    sums, other = plus(sums, piece), plus(other, second)
                                at += spacing_w * channels
                        out, ahead = row + b * stride_w * o, stride_w * o
                        store_sums(y, out, ahead, sums, last_w - b, lanes)
                        if two:
                            store_sums(y, out + LANES, ahead, other, last_w - b, lanes - LANES)
                        else:
                            store_sums(y, out + WINDOWS * ahead, ahead, other, last_w - b - WINDOWS, lanes)
                    if added or kind:
                        left_lanes = min(lanes, 2 * LANES)
                        begin, ahead = row + first_w * stride_w * o, stride_w * o
                        finish(y, begin, ahead, last_w - first_w, left_lanes, residual, added, kind)


def area(walk: Walk, channels: int) -> tuple[int, int]:
    """Return how many rows and columns of windows a slab serves: whole rows if they fit, all rows if they do."""
    rows, columns = walk
    most = min(SLAB, limit() // _threads.get_num_threads())
    band, strip = rows.windows, columns.windows
    while band > 1 and rows.reach(band) * columns.span * channels > most:
        band = (band + 1) // 2
    while band == 1 and strip > 1 and rows.reach(1) * columns.reach(strip) * channels > 4 * most:
        strip = (strip + 1) // 2
    return band, strip


def prepare(weights: np.ndarray, b: np.ndarray | None, n: int, c: int, o: int, walk: Walk, groups: int) -> Run:
    """Return what walks over n pictures (N, H, W, C) and writes (N, H, W, O); packed weights, b (O,) or None."""
    threads = _threads.get_num_threads()
    channels, outputs = c // groups, o // groups
    band, strip = area(walk, channels)
    jobs = n * groups * -(-walk.rows.windows // band) * -(-walk.columns.windows // strip)
    parts = 1 if jobs >= 4 * threads else min(threads, -(-blocks_of(outputs) // 2))
    slack = 2 * WINDOWS * walk.columns.step * channels
    slab = walk.rows.reach(band) * walk.columns.reach(strip) * channels + slack + LANES
    bias = padded(b, groups, outputs)

    def run(source: np.ndarray, target: np.ndarray, end: Finish = PLAIN) -> None:
        slabs = floats(threads, slab)
        _direct(source, weights, bias, *end, target, *walk.arrays, groups, band, strip, parts, slabs)

    return run

"""Convolution without columns: seven pixels times thirty-two output channels in registers.

    y[p, o] = b[o] + Σ_k w[o, k]·x[p, k]                    k runs over the taps (i, j) and the channels c of the group

Written as a matrix product this asks for the columns of x, KH·KW times as large as x. They need not exist: what column
k of window p holds lies in the slab (`slab.py`) at a place that is easy to compute, for a run of k even at neighbouring
places. So for seven neighbouring windows and two vectors of output channels, fourteen sums stay in registers while k
runs; each step loads two vectors of weights and seven numbers of the slab and does fourteen multiply-adds, as many as
the processor can begin in seven cycles. Where a group has no second vector, fourteen windows take its place.

The same kernel walks back to the picture (`walk.py`): dx is such a sum over dy, phase by phase.

Work is shared by bands: some rows of windows of one picture, for all or some of its output channels.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _memory, _threads
from minidl.kernels.cpu.compile import kernel
from minidl.kernels.cpu.packing import blocks_of
from minidl.kernels.cpu.slab import cut
from minidl.kernels.cpu.sums import SEVEN, fma_numbers, sevenfold, store_sums
from minidl.kernels.cpu.vector import LANES, load
from minidl.kernels.cpu.walk import Walk

WINDOWS = SEVEN.count
SLAB = 2**16  # floats of one slab: a quarter of a second-level cache


@kernel("void(r4, r1, r1, w4, ri1, ri1, i, i, i, w2, i)")
def _direct(source, weights, bias, target, rows, columns, groups, band, parts, slabs, threads):
    n, c = source.shape[0], source.shape[3]
    h, width, o = target.shape[1:]
    y = target.reshape(-1)
    windows, taps, top, step, spacing, place, stride = rows
    windows_w, taps_w, left, step_w, spacing_w, place_w, stride_w = columns
    channels, outputs = c // groups, o // groups
    blocks = (outputs + LANES - 1) // LANES
    pairs = (blocks + 1) // 2
    span = step_w * (windows_w - 1) + spacing_w * max(0, taps_w - 1) + 1
    runs, length = (1, taps_w * channels) if spacing_w == 1 else (taps_w, channels)
    k = taps * taps_w * channels
    bands = (windows + band - 1) // band
    jobs = n * bands * groups * parts
    for thread in prange(threads):
        slab = slabs[thread]
        for job in range(thread * jobs // threads, (thread + 1) * jobs // threads):
            part, group = job % parts, job // parts % groups
            picture, first = job // parts // groups // bands, job // parts // groups % bands * band
            last = min(first + band, windows)
            if part == 0 or job == thread * jobs // threads:
                height = step * (last - first - 1) + spacing * max(0, taps - 1) + 1
                cut(slab, source, picture, top + step * first, height, left, span, group * channels, channels, channels)
            for pair in range(part * pairs // parts, (part + 1) * pairs // parts):
                block = 2 * pair
                two = block + 1 < blocks
                one_w = (group * blocks + block) * k * LANES
                start, other_start = load(bias, (group * blocks + block) * LANES), load(bias, 0)
                if two:
                    other_start = load(bias, (group * blocks + block + 1) * LANES)
                lanes = outputs - LANES * block
                for a in range(first, last):
                    row = ((picture * h + place + a * stride) * width + place_w) * o + group * outputs + block * LANES
                    for b in range(0, windows_w, WINDOWS if two else 2 * WINDOWS):
                        sums, other = sevenfold(start), sevenfold(other_start if two else start)
                        w = one_w
                        for i in range(taps):
                            at = (((a - first) * step + i * spacing) * span + b * step_w) * channels
                            for _ in range(runs):
                                if two:
                                    for q in range(length):
                                        sums = fma_numbers(sums, slab, at + q, step_w * channels, load(weights, w))
                                        second = load(weights, w + k * LANES)
                                        other = fma_numbers(other, slab, at + q, step_w * channels, second)
                                        w += LANES
                                else:
                                    beside = WINDOWS * step_w * channels
                                    for q in range(length):
                                        one = load(weights, w)
                                        sums = fma_numbers(sums, slab, at + q, step_w * channels, one)
                                        other = fma_numbers(other, slab, at + beside + q, step_w * channels, one)
                                        w += LANES
                                at += spacing_w * channels
                        out, ahead = row + b * stride_w * o, stride_w * o
                        store_sums(y, out, ahead, sums, windows_w - b, lanes)
                        if two:
                            store_sums(y, out + LANES, ahead, other, windows_w - b, lanes - LANES)
                        else:
                            store_sums(y, out + WINDOWS * ahead, ahead, other, windows_w - b - WINDOWS, lanes)


def convolve(
    source: np.ndarray, weights: np.ndarray, b: np.ndarray | None, target: np.ndarray, walk: Walk, groups: int
) -> None:
    """Walk over source (N, H, W, C) and write target (N, H, W, O), with packed weights and b (O,) or None."""
    threads = _threads.get_num_threads()
    channels, outputs = source.shape[3] // groups, target.shape[3] // groups
    pixel = walk.columns.span * channels
    band = walk.rows.windows
    while band > 1 and walk.rows.reach(band) * pixel > SLAB:
        band = (band + 1) // 2
    jobs = len(source) * groups * -(-walk.rows.windows // band)
    parts = 1 if jobs >= 4 * threads else min(threads, -(-blocks_of(outputs) // 2))
    slack = 2 * WINDOWS * walk.columns.step * channels
    slabs = _memory.POOL.empty((threads, walk.rows.reach(band) * pixel + slack + LANES), np.float32)
    bias = np.zeros((groups, blocks_of(outputs) * LANES), np.float32)
    if b is not None:
        bias[:, :outputs] = b.reshape(groups, outputs)
    _direct(source, weights, bias.reshape(-1), target, *walk.arrays, groups, band, parts, slabs)

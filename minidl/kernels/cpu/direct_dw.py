"""The gradient of the weights without columns: eight rows of them times thirty-two output channels in registers.

    dw[o, k] = Σ_p dy[p, o]·x[p, k]                         k runs over the taps (i, j) and the channels c of the group

The other matrix product of a convolution, and built like the first (`direct.py`): for eight neighbouring k and two
vectors of output channels, sixteen sums stay in registers while the windows p of a band run by; each step loads two
vectors of dy and eight numbers of the slab. The sums of a band are then added to dw, in the packed order
(`packing.py`). Short sums that are added up are more exact than one long one.

Work is shared by rows of dw, not by pictures: every thread walks over all bands for its own part of dw. It cuts slabs
that others cut as well, which is little against what it does with them, but no thread needs a dw of its own, and the
result does not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _threads
from minidl.kernels.cpu.compile import inline, kernel
from minidl.kernels.cpu.direct import area
from minidl.kernels.cpu.packing import blocks_of, unpack
from minidl.kernels.cpu.slab import cut, zeros
from minidl.kernels.cpu.sums import EIGHT, add_sums, eightfold, fma_numbers
from minidl.kernels.cpu.vector import LANES, load, load_first, splat, store
from minidl.kernels.cpu.walk import Geometry
from minidl.kernels.cpu.workspace import floats

ROWS = EIGHT.count


@inline
def gather(gradient, y, place, row, ahead, rows, windows, lanes):
    """Write the next 32 channels of dy beside each other, window by window: what one pair of vectors needs."""
    at = 0
    for a in range(rows):
        for b in range(windows):
            here = place + a * row + b * ahead
            store(gradient, at, load_first(y, here, min(LANES, lanes)))
            store(gradient, at + LANES, load_first(y, here + LANES, max(0, min(LANES, lanes - LANES))))
            at += 2 * LANES


@kernel("void(r4, r4, w1, ri1, ri1, i, i, i, w2, w2, i)")
def _direct_dw(source, target, packed, rows, columns, groups, band, strip, slabs, gradients, threads):
    n, c = source.shape[0], source.shape[3]
    h, width, o = target.shape[1:]
    y = target.reshape(-1)
    windows, taps, top, step, spacing = rows[:5]
    windows_w, taps_w, left, step_w, spacing_w = columns[:5]
    channels, outputs = c // groups, o // groups
    blocks = (outputs + LANES - 1) // LANES
    pairs = (blocks + 1) // 2
    span = step_w * (strip - 1) + spacing_w * (taps_w - 1) + 1
    runs, length = (1, taps_w * channels) if spacing_w == 1 else (taps_w, channels)
    k = taps * taps_w * channels
    chunks = (length + ROWS - 1) // ROWS
    each = taps * runs * chunks  # units of one pair: eight k or fewer
    bands, strips = (windows + band - 1) // band, (windows_w + strip - 1) // strip
    zero = splat(np.float32(0))
    for thread in prange(threads):
        begin, end = thread * groups * pairs * each // threads, (thread + 1) * groups * pairs * each // threads
        slab, gradient = slabs[thread], gradients[thread]
        for job in range(n * bands * strips):
            picture, first, first_w = job // strips // bands, job // strips % bands * band, job % strips * strip
            last, last_w = min(first + band, windows), min(first_w + strip, windows_w)
            height = step * (last - first - 1) + spacing * (taps - 1) + 1
            for pair in range(begin // each, (end + each - 1) // each):
                group, block = pair // pairs, pair % pairs * 2
                if pair == begin // each or block == 0:
                    start, at = left + step_w * first_w, group * channels
                    cut(slab, source, picture, top + step * first, height, start, span, at, channels, channels)
                two = block + 1 < blocks
                place = ((picture * h + first) * width + first_w) * o + group * outputs + block * LANES
                gather(gradient, y, place, width * o, o, last - first, last_w - first_w, outputs - LANES * block)
                for unit in range(max(begin, pair * each) - pair * each, min(end, (pair + 1) * each) - pair * each):
                    i, run, q = unit // chunks // runs, unit // chunks % runs, unit % chunks * ROWS
                    sums, other = eightfold(zero), eightfold(zero)
                    d = 0
                    for a in range(last - first):
                        at = (((a * step + i * spacing) * span) + run * spacing_w) * channels + q
                        if two:
                            for _ in range(last_w - first_w):
                                sums = fma_numbers(sums, slab, at, 1, load(gradient, d))
                                other = fma_numbers(other, slab, at, 1, load(gradient, d + LANES))
                                at += step_w * channels
                                d += 2 * LANES
                        else:
                            for _ in range(last_w - first_w):
                                sums = fma_numbers(sums, slab, at, 1, load(gradient, d))
                                at += step_w * channels
                                d += 2 * LANES
                    here = ((group * blocks + block) * k + (i * runs + run) * length + q) * LANES
                    add_sums(packed, here, LANES, sums, length - q, LANES)
                    if two:
                        add_sums(packed, here + k * LANES, LANES, other, length - q, LANES)


@kernel("void(w1, i)")
def _clear(target, threads):
    n = target.shape[0]
    for thread in prange(threads):
        zeros(target, thread * n // threads, (thread + 1) * n // threads - thread * n // threads)


def weight_gradient(dy: np.ndarray, x: np.ndarray, w_shape: tuple[int, ...], geometry: Geometry) -> np.ndarray:
    """Return dw (O, C/G, KH, KW) from the blocks dy (N, OH, OW, O) and x (N, H, W, C)."""
    threads = _threads.get_num_threads()
    walk, groups = geometry.forward(), geometry.groups
    channels, outputs = w_shape[1], w_shape[0] // groups
    band, strip = area(walk, max(channels, 2 * LANES))
    slabs = floats(threads, walk.rows.reach(band) * walk.columns.reach(strip) * channels + LANES)
    gradients = floats(threads, band * strip * 2 * LANES)
    k = w_shape[1] * w_shape[2] * w_shape[3]
    packed = floats(groups * blocks_of(outputs) * k * LANES)
    _clear(packed)
    _direct_dw(x, dy, packed, *walk.arrays, groups, band, strip, slabs, gradients)
    return unpack(packed, w_shape, groups)

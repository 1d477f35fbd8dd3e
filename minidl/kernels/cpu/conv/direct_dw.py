"""The gradient of the weights without columns: eight rows of them times thirty-two output channels in registers.

    dw[o, k] = Σ_p dy[p, o]·x[p, k]                         k runs over the taps (i, j) and the channels c of the group

The other matrix product of a convolution, and built like the first (`direct.py`): for eight neighbouring k and two
vectors of output channels, sixteen sums stay in registers while the windows p of an area run by; each step loads two
vectors of dy and eight numbers of the slab. The sums of an area are then added to dw, in the packed order
(`packing.py`). Short sums that are added up are more exact than one long one.

What runs by must lie close together, or the nearest cache does not hold it. So the channels of dy are gathered by
thirty-two, and those of the slab lie in planes of sixteen: a plane has all pixels of sixteen channels. (Pictures of few
channels have one plane, and the eight k of a step are neighbours in a row of pixels.)

Of a 1×1 convolution with a stride, the pixels that are seen are copied first: a slab would hold all the others, too.

Work is shared in one of two ways. Where dw is small, each thread has a dw of its own and walks over its part of the
areas; in the end they are added up. Where dw is large, all threads walk over all areas, each for its own rows of dw: it
cuts slabs that others cut as well, which is little against what it does with them.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl import _threads
from minidl.kernels.cpu.conv.blocking import ENOUGH, SLAB, choose_area, corner_of
from minidl.kernels.cpu.conv.geometry import Geometry
from minidl.kernels.cpu.conv.input_tile import cut, cut_planes
from minidl.kernels.cpu.conv.packing import blocks_of, unpack
from minidl.kernels.cpu.memory.copies import copied
from minidl.kernels.cpu.memory.layout import one_row
from minidl.kernels.cpu.memory.workspace import floats
from minidl.kernels.cpu.simd.accumulators import EIGHT, eightfold, fma_numbers, put_sums
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.vector import LANES, fetch, load, load_first, splat, store

ROWS = EIGHT.count
SMALL = 2**16  # floats of a dw that each thread has for itself
AT_ONCE = 8  # pairs of vectors of dy that are gathered together, for a row of pixels is read at once or slowly


@inline
def gather(gradient, at, points, y, place, row, ahead, rows, windows, lanes, pairs):
    """Write the next channels of dy, 32 for each of the pairs of vectors, window by window; `points` for each pair."""
    whole = pairs if lanes >= pairs * 2 * LANES else pairs - 1
    for a in range(rows):
        for b in range(windows):
            here, there = place + a * row + b * ahead, at
            for _ in range(whole):
                store(gradient, there, load(y, here))
                store(gradient, there + LANES, load(y, here + LANES))
                here += 2 * LANES
                there += points * 2 * LANES
            if whole < pairs:
                left = lanes - whole * 2 * LANES
                store(gradient, there, load_first(y, here, min(LANES, left)))
                store(gradient, there + LANES, load_first(y, here + LANES, max(0, left - LANES)))
            at += 2 * LANES


@inline
def fetch_ahead(array, place, end, lines):
    """Ask memory for the next lines of a part of an array, and return where to go on."""
    for at in range(place, min(end, place + lines * LANES), LANES):
        fetch(array, at)
    return place + lines * LANES


@inline
def begin_of(array, picture, row, column):
    """Return the flat index of a pixel of array (N, H, W, C)."""
    return ((picture * array.shape[1] + row) * array.shape[2] + column) * array.shape[3]


@inline
def sum_up(slab, at, gradient, d, pictures, rows, windows, height, step, line, ahead, two):
    """Return the sums over the windows of an area: of eight k times one vector of dy, and times the next."""
    sums, other = eightfold(splat(np.float32(0))), eightfold(splat(np.float32(0)))
    for a in range(pictures * rows):
        here = at + (a // rows * height + a % rows * step) * line
        if two:
            for _ in range(windows):
                sums = fma_numbers(sums, slab, here, 1, load(gradient, d))
                other = fma_numbers(other, slab, here, 1, load(gradient, d + LANES))
                here += ahead
                d += 2 * LANES
        else:
            for _ in range(windows):
                sums = fma_numbers(sums, slab, here, 1, load(gradient, d))
                here += ahead
                d += 2 * LANES
    return sums, other


@kernel("void(r4, r4, w2, ri1, ri1, i, ri1, w2, w2, i)")
def _direct_dw(source, target, packed, rows, columns, groups, area, slabs, gradients, threads):
    n, c, o = source.shape[0], source.shape[3], target.shape[3]
    x, y = source.reshape(-1), target.reshape(-1)
    windows, taps, top, step, spacing = rows[:5]
    windows_w, taps_w, left, step_w, spacing_w = columns[:5]
    several, band, strip, depth = area
    channels, outputs = c // groups, o // groups
    blocks = (outputs + LANES - 1) // LANES
    pairs = (blocks + 1) // 2
    span = step_w * (strip - 1) + spacing_w * (taps_w - 1) + 1
    in_planes = channels >= ROWS
    pixel = LANES if in_planes else channels
    runs, length = (1, taps_w * channels) if not in_planes and spacing_w == 1 else (taps_w, channels)
    k, plane = taps * runs * length, slabs.shape[1] // ((depth + LANES - 1) // LANES)
    bands, strips = (windows + band - 1) // band, (windows_w + strip - 1) // strip
    jobs = (n + several - 1) // several * bands * strips
    for thread in prange(threads):
        slab, gradient = slabs[thread], gradients[thread]
        by_area = packed.shape[0] > 1
        dw, parts = packed[thread % packed.shape[0]], 1 if by_area else threads
        part = thread % parts
        first_job, last_job = (thread * jobs // threads, (thread + 1) * jobs // threads) if by_area else (0, jobs)
        for channel in range(0, channels, depth):
            some = min(depth, channels - channel)
            each = ((some if in_planes else length) + ROWS - 1) // ROWS * taps * runs  # units of one pair: eight k each
            begin, end = part * groups * pairs * each // parts, (part + 1) * groups * pairs * each // parts
            for job in range(first_job, last_job):
                picture, first, first_w = corner_of(job, area, bands, strips)
                across, along = min(band, windows - first), min(strip, windows_w - first_w)
                pictures, height = min(several, n - picture), step * (across - 1) + spacing * (taps - 1) + 1
                up, start, points = top + step * first, left + step_w * first_w, pictures * across * along

                # What the next area needs is asked for while this one is worked on.
                next_x, next_y, end_x, end_y, lines = 0, 0, 0, 0, 0
                if job + 1 < last_job and depth >= c:
                    follower, row, column = corner_of(job + 1, area, bands, strips)
                    next_y = begin_of(target, follower, row, column)
                    next_x = begin_of(source, follower, max(0, top + step * row), max(0, left + step_w * column))
                    end_y = min(y.shape[0], next_y + points * o)
                    end_x = min(x.shape[0], next_x + (height if several == 1 else several * source.shape[1]) * span * c)
                    lines = (max(end_x - next_x, end_y - next_y) // LANES) // (end - begin) + 1

                gathered = 0
                for pair in range(begin // each, (end + each - 1) // each):
                    group, block = pair // pairs, pair % pairs * 2
                    two = block + 1 < blocks
                    fresh = pair == begin // each or block == 0  # a group begins
                    if fresh or gathered == AT_ONCE:
                        gathered = 0
                    for number in range(pictures):
                        at, skip = group * channels + channel, number * height * span * pixel
                        if fresh and in_planes:
                            cut_planes(slab, skip, plane, source, picture + number, up, height, start, span, at, some)
                        elif fresh:
                            cut(slab[skip:], source, picture + number, up, height, start, span, at, some, some)
                        if gathered == 0:
                            at, lanes = number * across * along * 2 * LANES, outputs - LANES * block
                            place = begin_of(target, picture + number, first, first_w) + group * outputs + block * LANES
                            together, line = min(AT_ONCE, pairs - pair % pairs), target.shape[2] * o
                            gather(gradient, at, points, y, place, line, o, across, along, lanes, together)
                    for unit in range(max(begin, pair * each) - pair * each, min(end, (pair + 1) * each) - pair * each):
                        next_x = fetch_ahead(x, next_x, end_x, lines)
                        next_y = fetch_ahead(y, next_y, end_y, lines)
                        chunk, i, run = unit // runs // taps, unit // runs % taps, unit % runs
                        at = (i * spacing * span + run * spacing_w) * pixel
                        at += chunk // 2 * plane + chunk % 2 * ROWS if in_planes else chunk * ROWS
                        d, line, ahead = gathered * points * 2 * LANES, span * pixel, step_w * pixel
                        sums, other = sum_up(
                            slab, at, gradient, d, pictures, across, along, height, step, line, ahead, two
                        )
                        q = channel + chunk * ROWS
                        place = ((group * blocks + block) * k + (i * runs + run) * length + q) * LANES
                        put_sums(dw, place, LANES, sums, length - q, LANES, job > first_job)
                        if two:
                            put_sums(dw, place + k * LANES, LANES, other, length - q, LANES, job > first_job)
                    gathered += 1


def weight_gradient(dy: np.ndarray, x: np.ndarray, w_shape: tuple[int, ...], geometry: Geometry) -> np.ndarray:
    """Return dw (O, C/G, KH, KW) from the blocks dy (N, OH, OW, O) and x (N, H, W, C)."""
    threads = _threads.get_num_threads()
    groups, channels = geometry.groups, w_shape[1]
    outputs = w_shape[0] // groups
    if w_shape[2:] == (1, 1) and max(geometry.stride) > 1 and not any(map(any, geometry.padding)):
        x, geometry = _seen(x, geometry)
    row = geometry.as_one_row()
    if row is not geometry:
        x, dy = one_row(x), one_row(dy)
    walk = row.forward()
    area = choose_area(walk, channels, len(x), ENOUGH, SLAB)
    planes = blocks_of(min(channels, area.depth))
    slabs = floats(threads, planes * (area.pixels + 1) * (LANES if channels >= ROWS else channels) + LANES)
    gradients = floats(threads, area.windows * AT_ONCE * 2 * LANES)
    size = groups * blocks_of(outputs) * w_shape[1] * w_shape[2] * w_shape[3] * LANES
    packed = floats(threads if size <= SMALL else 1, size)
    if area.jobs(walk, len(x)) < 4 * threads:
        packed = packed[:1]
    _direct_dw(x, dy, packed, *walk.arrays, groups, area.array, slabs, gradients)
    return unpack(packed[0] if len(packed) == 1 else packed.sum(0), w_shape, groups)


def _seen(x: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, Geometry]:
    """Return the pixels of x that windows of one pixel see, and the sizes of a convolution that sees them all."""
    seen = x[:, :: geometry.stride[0], :: geometry.stride[1]][:, : geometry.oh, : geometry.ow]
    return copied(seen, floats(*seen.shape)), geometry._replace(h=geometry.oh, width=geometry.ow, stride=(1, 1))

"""The gradient of the weights without columns: eight rows of them times thirty-two output channels in registers.

    dw[o, k] = Σ_p dy[p, o]·x[p, k]                         k runs over the taps (i, j) and the channels c of the group

The other matrix product of a convolution, and built like the first (`direct.py`): for eight neighbouring k and two
vectors of output channels, sixteen acc stay in registers while the windows p of an area run by; each step loads two
vectors of dy and eight numbers of the tile. The acc of an area are then added to dw, in the packed order
(`packing.py`). Short acc that are added up are more exact than one long one. Where registers are short
(`registers.py`), six k and one vector are all.

What runs by must lie close together, or the nearest cache does not hold it. So the channels of dy are gathered by
thirty-two, and those of the tile lie in planes of sixteen, or of twelve: a plane has all pixels of twice as many
channels as there are k. (Pictures of few channels have one plane, and the k are neighbours in a row of pixels.)

From some windows a tap sees the border. All of one row or column do so together, and are left out (of few channels,
whose row of taps is one run, the rows alone): 5 of 9 products of 2×2 pixels under 3×3 weights. And as rows of such maps
are short, the walk over windows has the pictures innermost.

Of a 1×1 convolution with a stride, the pixels that are seen are copied first: a tile would hold all the others, too.
One side may be read through a norm that was never written (`affine.py`): it is mapped where it was cut or gathered to.

Work is shared in one of two ways. Where dw is small, each thread has a dw of its own and takes its part of the areas;
in the end they are added up. Where dw is large, all threads take all areas, each for its own rows of dw: it cuts tiles
that others cut as well, which is little against what it does with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import prange

from minidl import _threads
from minidl.kernels.cpu.affine import NOT_MAPPED, Mapping, map_column
from minidl.kernels.cpu.conv.blocking import ENOUGH, TILE, Windows, choose_area, corner_of
from minidl.kernels.cpu.conv.coming import ask_for_both, begin_of, nothing, what_comes
from minidl.kernels.cpu.conv.geometry import Geometry
from minidl.kernels.cpu.conv.input_tile import cut, cut_planes, seeing
from minidl.kernels.cpu.conv.packing import blocks_of, unpack, unpack_turned
from minidl.kernels.cpu.memory.copies import copied
from minidl.kernels.cpu.memory.layout import one_row
from minidl.kernels.cpu.memory.workspace import floats, limit, scratch_for_each
from minidl.kernels.cpu.simd.accumulators import fma_numbers, fold, put_acc
from minidl.kernels.cpu.simd.compile import inline, kernel, part
from minidl.kernels.cpu.simd.load_store import load, load_first, store
from minidl.kernels.cpu.simd.registers import PAIR, fitting
from minidl.kernels.cpu.simd.vector import LANES, splat

ROWS = fitting(8, 6)
begin_with = fold(ROWS)
PER_PLANE = 2
PLANE = PER_PLANE * ROWS  # channels
ENOUGH_FOR_PLANES = 8  # channels
SMALL = 2**16  # floats of a dw that each thread has for itself
AT_ONCE = 16 // PAIR  # pairs of vectors of dy, or single ones, gathered together, or a row of pixels is read slowly


class Tile(NamedTuple):
    """An input tile: rows of a picture, pixels of a row, floats of a pixel, and of a plane, if it lies in planes."""

    height: int
    span: int
    pixel: int
    plane: int
    in_planes: bool


class Weights(NamedTuple):
    """The rows of dw: of groups, with so many inputs and outputs, in blocks of a vector of outputs and pairs of these.

    Attributes:
        taps: rows of taps.
        runs: runs of a row of taps: one, where its taps and channels lie behind each other.
        length: weights of a run.
        below, beside: from the pixel of a tap to that of the tap below, and to the next run.
    """

    groups: int
    channels: int
    outputs: int
    blocks: int
    pairs: int
    taps: int
    runs: int
    length: int
    below: int
    beside: int


class Share(NamedTuple):
    """What a thread does of dw, in units of ROWS: from begin to end; a pair has `each`, by chunk, tap and run."""

    begin: int
    end: int
    each: int
    last: int  # of the rows of a run: another thread may be at those behind it


class Border(NamedTuple):
    """Where an area begins to look, up and left, the steps of windows and the spacing of taps, and where x ends."""

    up: int
    left: int
    step: int
    step_w: int
    spacing: int
    spacing_w: int
    h: int
    width: int


class Sides(NamedTuple):
    """Both pictures, and through what they are read."""

    x: np.ndarray
    dy: np.ndarray
    of_x: Mapping
    of_dy: Mapping


class Patch(NamedTuple):
    """An area: its tile, where its windows see it, the first of them in dy, how many there are, and its border."""

    tile: Tile
    seen: Windows
    first: tuple[int, int, int]
    extent: tuple[int, int, int]
    border: Border


class Walk(NamedTuple):
    """Three loops over the windows of an area: how often, and how far in x and in dy.

    Innermost are the pictures or the windows of a row, whichever are more.
    """

    times: tuple[int, int, int]
    in_x: tuple[int, int, int]
    in_dy: tuple[int, int, int]


@inline
def walk_of(patch, i, run, one_tap):
    """Return where in x and in dy the windows begin that see a pixel at a run of taps, and the walk over them.

    Where a run is not one tap but a row of them, it is the rows of windows alone that are left out.
    """
    (pictures, rows, windows), seen, border = patch.extent, patch.seen, patch.border
    first, across = 0, windows
    top, down = seeing(border.up + i * border.spacing, border.step, rows, border.h)
    if one_tap:
        first, across = seeing(border.left + run * border.spacing_w, border.step_w, windows, border.width)
    turn, row, picture = PAIR * LANES, windows * PAIR * LANES, rows * windows * PAIR * LANES
    if across < pictures:
        walk = Walk((down, across, pictures), (seen.row, seen.step, seen.picture), (row, turn, picture))
    else:
        walk = Walk((pictures, down, across), (seen.picture, seen.row, seen.step), (picture, row, turn))
    return top * seen.row + first * seen.step, top * row + first * turn, walk


@inline
def sum_up(x, at, gradient, d, walk, two):
    """Return the sums over some windows: of some k times one vector of dy, and times the next."""
    acc, other = begin_with(splat(np.float32(0))), begin_with(splat(np.float32(0)))
    (outer, middle, inner), (x0, x1, x2), (d0, d1, d2) = walk.times, walk.in_x, walk.in_dy
    for i in range(outer):
        for j in range(middle):
            here, there = at + i * x0 + j * x1, d + i * d0 + j * d1
            if two:
                for _ in range(inner):
                    acc = fma_numbers(acc, x, here, 1, load(gradient, there))
                    other = fma_numbers(other, x, here, 1, load(gradient, there + LANES))
                    here += x2
                    there += d2
            else:
                for _ in range(inner):
                    acc = fma_numbers(acc, x, here, 1, load(gradient, there))
                    here += x2
                    there += d2
    return acc, other


@part
def cut_tiles(own, tile, source, corner, pictures, channel, some):
    """Cut the input tile of an area: `some` channels of some pictures, from `channel` on."""
    picture, up, start = corner
    for number in range(pictures):
        skip = number * tile.height * tile.span * tile.pixel
        if tile.in_planes:
            where = source, picture + number, up, tile.height, start, tile.span, channel, some
            cut_planes(own, skip, tile.plane, PLANE, *where)
        else:
            cut(own[skip:], source, picture + number, up, tile.height, start, tile.span, channel, some, some)


@inline
def gather(gradient, target, corner, extent, channel, lanes, pairs):
    """Write the next channels of dy, 32 for each of the pairs of vectors, window by window."""
    (picture, first, first_w), (pictures, rows, windows) = corner, extent
    y, width, c = target.reshape(-1), target.shape[2], target.shape[3]
    whole, points, at = pairs if lanes >= pairs * PAIR * LANES else pairs - 1, pictures * rows * windows, 0
    for number in range(pictures):
        place = begin_of(target, picture + number, first, first_w) + channel
        for a in range(rows):
            for b in range(windows):
                here, there = place + a * width * c + b * c, at
                for _ in range(whole):
                    store(gradient, there, load(y, here))
                    if PAIR == 2:
                        store(gradient, there + LANES, load(y, here + LANES))
                    here += PAIR * LANES
                    there += points * PAIR * LANES
                if whole < pairs:
                    left = lanes - whole * PAIR * LANES
                    store(gradient, there, load_first(y, here, min(LANES, left)))
                    if PAIR == 2:
                        store(gradient, there + LANES, load_first(y, here + LANES, max(0, left - LANES)))
                at += PAIR * LANES


@part
def map_planes(own, tile, mapping, pixel, count, channel, some):
    """Map the planes of an area of `count` pixels of one row, from number `pixel` on."""
    for block in range((some + PLANE - 1) // PLANE):
        map_column(own, block * tile.plane, PLANE, count, mapping, pixel, channel + block * PLANE)


@part
def map_gathered(gradient, mapping, pixel, count, channel, pairs):
    """Map what was gathered of the same, for pairs of vectors of channels."""
    for block in range(pairs * PAIR):
        at = block // PAIR * count * PAIR * LANES + block % PAIR * LANES
        map_column(gradient, at, PAIR * LANES, count, mapping, pixel, channel + block * LANES)


@inline
def add_pair(dw, weights, share, pair, patch, gradient, d, channel, adding, x, y, coming):
    """Write the sums of an area to the rows of a pair, from `channel` on, or add them; return what is still to come.

    Windows that see nothing but border at a tap are left out.
    """
    group, block, each = pair // weights.pairs, pair % weights.pairs * PAIR, share.each
    taps, runs, length, two = weights.taps, weights.runs, weights.length, PAIR == 2 and block + 1 < weights.blocks
    seen, tile = patch.seen.array, patch.tile
    k, first = taps * runs * length, max(share.begin, pair * each) - pair * each
    chunk, i, run = first // runs // taps, first // runs % taps, first % runs
    for _ in range(first, min(share.end, (pair + 1) * each) - pair * each):
        coming = ask_for_both(coming, x, y, weights.channels, weights.outputs)
        at = i * weights.below + run * weights.beside
        at += chunk // PER_PLANE * tile.plane + chunk % PER_PLANE * ROWS if tile.in_planes else chunk * ROWS
        in_x, in_dy, walk = walk_of(patch, i, run, length == weights.channels)
        acc, other = sum_up(seen, at + in_x, gradient, d + in_dy, walk, two)
        q = channel + chunk * ROWS
        place = ((group * weights.blocks + block) * k + (i * runs + run) * length + q) * LANES
        put_acc(dw, place, LANES, acc, share.last - q, LANES, adding)
        if two:
            put_acc(dw, place + k * LANES, LANES, other, share.last - q, LANES, adding)
        run += 1
        if run == runs:
            i, run = i + 1, 0
        if i == taps:
            chunk, i = chunk + 1, 0
    return coming


@part
def add_area(dw, sides, own, gradient, weights, share, patch, channel, some, adding, coming):
    """Write the sums of an area to the rows of a thread's share, from `channel` on, or add them to what is there."""
    source, target, of_x, of_dy = sides
    x, y, gathered = source.reshape(-1), target.reshape(-1), 0
    first, extent, corner = patch.first, patch.extent, (patch.first[0], patch.border.up, patch.border.left)
    points = extent[0] * extent[1] * extent[2]
    behind = (share.end + share.each - 1) // share.each
    for pair in range(share.begin // share.each, behind):
        group, block = pair // weights.pairs, pair % weights.pairs * PAIR
        new = pair == share.begin // share.each or block == 0  # a group begins
        if new:
            cut_tiles(own, patch.tile, source, corner, extent[0], group * weights.channels + channel, some)
            if of_x.lines.shape[0]:
                map_planes(own, patch.tile, of_x, first[2], points, channel, some)
        if new or gathered == AT_ONCE:
            gathered = 0
            together = min(AT_ONCE, behind - pair, weights.pairs - pair % weights.pairs)
            output = group * weights.outputs + block * LANES
            gather(gradient, target, first, extent, output, weights.outputs - LANES * block, together)
            if of_dy.lines.shape[0]:
                map_gathered(gradient, of_dy, first[2], points, output, together)
        d = gathered * points * PAIR * LANES
        coming = add_pair(dw, weights, share, pair, patch, gradient, d, channel, adding, x, y, coming)
        gathered += 1


@kernel("void(r4, r4, w2, ri1, ri1, i, ri1, r1, r1, i3, w2, w2, i)")
def _direct_dw(
    source, target, packed, rows, columns, groups, area, lines_x, lines_dy, mapped, tiles, gradients, threads
):
    """Sum up dw: a thread does its part of the areas for all of dw, or all areas for its part of dw.

    Where there are lines for x, or for dy, it has so many channels, and is read through that mapping (`affine.py`).
    """
    n, (every, alike, kind) = source.shape[0], mapped
    c, o = every if lines_x.shape[0] else source.shape[3], every if lines_dy.shape[0] else target.shape[3]
    sides = Sides(source, target, Mapping(lines_x, every, alike, kind), Mapping(lines_dy, every, alike, kind))
    windows, taps, top, step, spacing = rows[:5]
    windows_w, taps_w, left, step_w, spacing_w = columns[:5]
    several, band, strip, depth = area
    channels, outputs = c // groups, o // groups
    blocks = (outputs + LANES - 1) // LANES
    pairs = (blocks + PAIR - 1) // PAIR
    span = step_w * (strip - 1) + spacing_w * (taps_w - 1) + 1
    in_planes = channels >= ENOUGH_FOR_PLANES
    pixel = PLANE if in_planes else channels
    runs, length = (1, taps_w * channels) if not in_planes and spacing_w == 1 else (taps_w, channels)
    line, plane = span * pixel, tiles.shape[1] // ((depth + PLANE - 1) // PLANE)
    bands, strips = (windows + band - 1) // band, (windows_w + strip - 1) // strip
    jobs = (n + several - 1) // several * bands * strips
    by_area = packed.shape[0] > 1
    for thread in prange(threads):
        own, gradient, dw = tiles[thread], gradients[thread], packed[thread % packed.shape[0]]
        parts, part = (1, 0) if by_area else (threads, thread)
        begin, end = (thread * jobs // threads, (thread + 1) * jobs // threads) if by_area else (0, jobs)
        weights = Weights(
            groups, channels, outputs, blocks, pairs, taps, runs, length, spacing * line, spacing_w * pixel
        )
        for channel in range(0, channels, depth):
            some = min(depth, channels - channel)
            each = ((some if in_planes else length) + ROWS - 1) // ROWS * taps * runs
            units = groups * pairs * each
            last = channel + some if in_planes else length
            share = Share(part * units // parts, (part + 1) * units // parts, each, last)
            for job in range(begin, end):
                picture, first, first_w = corner_of(job, area, bands, strips)
                extent = min(several, n - picture), min(band, windows - first), min(strip, windows_w - first_w)
                height = step * (extent[1] - 1) + spacing * (taps - 1) + 1
                tile = Tile(height, span, pixel, plane, in_planes)
                seen = Windows(own, 0, height * line, step * line, step_w * pixel)
                coming = nothing()
                if job + 1 < end and depth >= c:  # it is asked for while this one is worked on
                    pixels = (height if several == 1 else several * source.shape[1]) * span
                    corner, there = corner_of(job + 1, area, bands, strips), share.end - share.begin
                    coming = what_comes(source, target, corner, rows, columns, extent, pixels, there, c, o)
                up, start = top + step * first, left + step_w * first_w
                border = Border(up, start, step, step_w, spacing, spacing_w, source.shape[1], source.shape[2])
                patch = Patch(tile, seen, (picture, first, first_w), extent, border)
                add_area(dw, sides, own, gradient, weights, share, patch, channel, some, job > begin, coming)


class Plan(NamedTuple):
    """How the gradient of the weights of a convolution is summed up.

    Attributes:
        one_row: whether both pictures are seen as one row of pixels.
        turned: whether x and dy change places: the side with fewer channels is cut into planes.
        rows, columns, area: what the kernel is told of the windows, and of an area of them.
        tile, gathered: floats of a thread's input tile, and of its channels of dy.
        room, size: for how many dw there is memory, and the floats of each.
        by_area: whether each thread has one of its own, for its part of the areas.
    """

    one_row: bool
    turned: bool
    rows: np.ndarray
    columns: np.ndarray
    area: np.ndarray
    tile: int
    gathered: int
    room: int
    size: int
    by_area: bool


def planned(sizes: Geometry, threads: int, most: int) -> Plan:
    """Plan the gradient of the weights of a convolution for so many threads, whose tiles have `most` floats in all."""
    row = sizes.as_one_row()
    groups, channels, outputs = sizes.groups, sizes.c // sizes.groups, sizes.o // sizes.groups
    turned = row is not sizes and groups == 1 and channels > outputs
    if turned:
        channels, outputs = outputs, channels
    indexing = row.forward()
    area = choose_area(indexing, channels, row.n, ENOUGH, min(TILE, most // threads), threads)
    planes = -(-min(channels, area.depth) // PLANE)  # one of few channels
    tile = planes * (area.pixels + 1) * (PLANE if channels >= ENOUGH_FOR_PLANES else channels) + LANES
    size = groups * blocks_of(outputs) * channels * sizes.kh * sizes.kw * LANES
    room, by_area = threads if size <= SMALL else 1, area.jobs(indexing, row.n) >= 4 * threads
    gathered = area.windows * AT_ONCE * PAIR * LANES
    return Plan(row is not sizes, turned, *indexing.arrays, area.array, tile, gathered, room, size, by_area)


def weight_gradient(sizes: Geometry) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what makes dw (O, C/G, KH, KW) of the blocks dy (N, OH, OW, O) and x (N, H, W, C)."""
    if (sizes.kh, sizes.kw) == (1, 1) and max(sizes.stride) > 1 and not any(map(any, sizes.padding)):
        return _of_what_is_seen(sizes)
    threads = _threads.get_num_threads()
    plan = planned(sizes, threads, limit())

    def gradient(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        if plan.one_row:
            x, dy = one_row(x), one_row(dy)
        if plan.turned:  # a product like any other
            x, dy = dy, x
        packed = floats(plan.room, plan.size)[: None if plan.by_area else 1]
        given = packed, plan.rows, plan.columns, sizes.groups, plan.area, *NOT_MAPPED
        _direct_dw(x, dy, *given, *scratch_for_each(threads, plan.tile, plan.gathered))
        return unpack_turned(packed, sizes.w_shape) if plan.turned else unpack(packed, sizes.w_shape, sizes.groups)

    return gradient


def _of_what_is_seen(sizes: Geometry) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return the same for windows of one pixel that leave some out, which are left out of x before."""
    (down, across), oh, ow = sizes.stride, sizes.oh, sizes.ow
    every = weight_gradient(sizes._replace(h=oh, width=ow, stride=(1, 1)))

    def gradient(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        seen = x[:, ::down, ::across][:, :oh, :ow]
        return every(dy, copied(seen, floats(*seen.shape)))

    return gradient

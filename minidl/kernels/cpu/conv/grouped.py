"""Depthwise convolutions, and groups of two, four or eight channels: sixteen channels are sixteen lanes.

With one channel a group, each lane of a vector is a convolution of its own, and a tap is one multiply-add of vectors:

    y[p, c] = b[c] + Σ_tap w[c, tap]·x[p + tap, c]

With groups of `width` channels that see each other, sixteen lanes are 16/width groups, and each lane needs all channels
of its group. So the tile (`input_tile.py`) is cut in `width` copies; in copy number i every lane holds channel i of its
group. Then again all is vectors, with width times as many taps:

    y[p, c] = b[c] + Σ_i Σ_tap w[c, i, tap]·copy_i[p + tap, c]

Seven pixels are worked on at a time (`simd/accumulators.py`). The weights lie as (block, i, tap, lane); the way back to
the picture is the same sum over dy (`geometry.py`), with the two roles of a weight's channels exchanged; and

    dw[c, i, tap] = Σ_p dy[p, c]·copy_i[p + tap, c]

runs over the same copies. Each thread sums up a dw of its own, for its part of the rows. Of 3×3 taps all nine sums stay
in registers, of 5×5 those of a row of taps, and run along a row of windows: a pixel is loaded once for all taps
of its row that see it, and dy once for all sums.

What comes from memory is read once in the order in which it lies, some rows of all channels, before sixteen channels at
a time are taken out of it: to be asked for 64 bytes of each pixel makes memory three times as slow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import prange

from minidl import _backend, _threads
from minidl.kernels._launches import make, note_made
from minidl.kernels.cpu.conv import packing
from minidl.kernels.cpu.conv.blocking import fitting_band
from minidl.kernels.cpu.conv.epilogue import PLAIN, Epilogue, Prepared, Run, activated, apply_epilogue
from minidl.kernels.cpu.conv.geometry import Geometry, Indexing
from minidl.kernels.cpu.conv.input_tile import frame, inside
from minidl.kernels.cpu.conv.packing import blocks_of, padded, weight_rows
from minidl.kernels.cpu.memory.borrowing import FLAG, borrow, borrowed, give_back, lay_out
from minidl.kernels.cpu.memory.layout import plain
from minidl.kernels.cpu.memory.workspace import floats, scratch_for_each
from minidl.kernels.cpu.simd.accumulators import fma_pairs, fma_vectors, fold, store_acc
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.crew import divided
from minidl.kernels.cpu.simd.functions import IDENTITY
from minidl.kernels.cpu.simd.load_store import load, load_first, load_some, prefetch_to_write, store, zeros
from minidl.kernels.cpu.simd.registers import WIDE
from minidl.kernels.cpu.simd.vector import LANES, fma, repeater, splat

WINDOWS = 7
begin_with = fold(WINDOWS)
WIDTHS = (1, 2, 4, 8)
SUM = 128  # windows whose products are added up in one go
NEAR = 3 * 2**11  # floats of x and dy that all taps read before the next: three quarters of a first-level cache
FAR = 2**19  # floats of a map that is not in a cache any more when it is read
PICTURE = 2**17  # floats of all channels of the rows that are worked on: half a second-level cache

first_of_2, second_of_2 = repeater(2, 0), repeater(2, 1)
first_of_4, second_of_4, third_of_4, fourth_of_4 = (repeater(4, i) for i in range(4))
first_of_8, second_of_8, third_of_8, fourth_of_8 = (repeater(8, i) for i in range(4))
fifth_of_8, sixth_of_8, seventh_of_8, eighth_of_8 = (repeater(8, i) for i in range(4, 8))


@inline
def store_copies(tile, at, ahead, v, width):
    """Write the copies of one vector, `ahead` floats from one to the next."""
    if width == 1:
        store(tile, at, v)
    elif width == 2:
        store(tile, at, first_of_2(v))
        store(tile, at + ahead, second_of_2(v))
    elif width == 4:
        store(tile, at, first_of_4(v))
        store(tile, at + ahead, second_of_4(v))
        store(tile, at + 2 * ahead, third_of_4(v))
        store(tile, at + 3 * ahead, fourth_of_4(v))
    else:
        store(tile, at, first_of_8(v))
        store(tile, at + ahead, second_of_8(v))
        store(tile, at + 2 * ahead, third_of_8(v))
        store(tile, at + 3 * ahead, fourth_of_8(v))
        store(tile, at + 4 * ahead, fifth_of_8(v))
        store(tile, at + 5 * ahead, sixth_of_8(v))
        store(tile, at + 6 * ahead, seventh_of_8(v))
        store(tile, at + 7 * ahead, eighth_of_8(v))


@inline
def fetch(tile, source, picture, top, rows):
    """Read some rows of a picture once in the order in which they lie, if memory has to bring them."""
    h, w, c = source.shape[1:]
    x, (above, below), total = source.reshape(-1), inside(top, rows, h), splat(np.float32(0))
    if x.shape[0] >= FAR:
        for at in range((picture * h + top + above) * w * c, (picture * h + top + below) * w * c - LANES + 1, LANES):
            total = total + load(x, at)
        store(tile, 0, total)  # or the compiler would see that nobody wants it


@inline
def cut_lanes(tile, source, picture, top, rows, left, span, channel, width):
    """Cut rows × span pixels of sixteen channels, with a border of zeros, in `width` copies."""
    h, w, c = source.shape[1:]
    x = source.reshape(-1)
    ahead, lanes = rows * span * LANES, c - channel
    (above, below), (before, after) = inside(top, rows, h), inside(left, span, w)
    for i in range(width):
        frame(tile, i * ahead, rows, span, (above, below), (before, after))
    for row in range(above, below):
        at = row * span * LANES
        place = ((picture * h + top + row) * w + left + before) * c + channel
        if lanes >= LANES:
            for column in range(before, after):
                store_copies(tile, at + column * LANES, ahead, load(x, place), width)
                place += c
        else:
            for column in range(before, after):
                store_copies(tile, at + column * LANES, ahead, load_first(x, place, lanes), width)
                place += c


@inline
def two(acc, tile, at, step, weights, w):
    """Add two neighbouring taps; what both read is loaded once, as the compiler sees where it knows the step."""
    acc = fma_vectors(acc, tile, at, step, load(weights, w))
    return fma_vectors(acc, tile, at + LANES, step, load(weights, w + LANES))


@inline
def add_row(acc, tile, at, taps, spacing, step, weights, w):
    """Add a row of taps `spacing` floats apart for windows `step` floats apart.

    Where they lie beside each other, and registers hold what they share, three at a time, and then what is left.
    """
    if WIDE and spacing == LANES:
        for _ in range(taps // 3):
            acc = two(acc, tile, at, step, weights, w)
            acc = fma_vectors(acc, tile, at + 2 * LANES, step, load(weights, w + 2 * LANES))
            at += 3 * LANES
            w += 3 * LANES
        taps %= 3
        if taps == 2:
            return two(acc, tile, at, step, weights, w)
    for _ in range(taps):
        acc = fma_vectors(acc, tile, at, step, load(weights, w))
        at += spacing
        w += LANES
    return acc


@inline
def convolve_row(tile, at, copies, ahead, taps, line, columns, weights, w, start, y, out, step, lanes, kind):
    """Write one row of windows of sixteen channels, which begins at `at` of the tile.

    There are so many copies of the tile, `ahead` floats from one to the next, with so many rows of taps, `line` floats
    apart; the columns are how many windows there are, taps, and floats from one of each to the next.
    """
    windows, across, step_w, spacing = columns
    for b in range(0, windows, WINDOWS):
        acc, weight = begin_with(start), w
        for i in range(WINDOWS):  # the next sixteen channels are written next, and a store waits for its line
            prefetch_to_write(y, out + (b + i) * step + LANES)
        for i in range(copies):
            row = at + i * ahead + b * step_w
            for _ in range(taps):
                if step_w == LANES:  # a step that the compiler knows needs no arithmetic
                    acc = add_row(acc, tile, row, across, spacing, LANES, weights, weight)
                elif step_w == 2 * LANES:
                    acc = add_row(acc, tile, row, across, spacing, 2 * LANES, weights, weight)
                else:
                    acc = add_row(acc, tile, row, across, spacing, step_w, weights, weight)
                weight += across * LANES
                row += line
        acc = activated(kind, acc)
        store_acc(y, out + b * step, step, acc, windows - b, lanes)


@kernel("void(r4, r1, r1, r1, i2, w4, ri1, ri1, i, i3, w2, i)")
def _grouped(source, weights, bias, residual, epilogue, target, rows, columns, width, sharing, tiles, threads):
    (n, h, target_width, c), (band, parts, pieces) = target.shape, sharing
    y, (added, kind) = target.reshape(-1), epilogue
    windows, taps, top, step, spacing, place, stride = rows
    windows_w, taps_w, left, step_w, spacing_w, place_w, stride_w = columns
    blocks, bands = (c + LANES - 1) // LANES, (windows + band - 1) // band
    span = step_w * (windows_w - 1) + spacing_w * max(0, taps_w - 1) + 1
    across, now = (windows_w, taps_w, step_w * LANES, spacing_w * LANES), IDENTITY if added else kind
    jobs = n * bands * parts
    lay_out(tiles)
    for piece in prange(pieces):
        lent = borrow(tiles)
        tile = tiles[lent, FLAG:]
        for job in range(piece * jobs // pieces, (piece + 1) * jobs // pieces):
            part, picture, first = job % parts, job // parts // bands, job // parts % bands * band
            last = min(first + band, windows)
            height = step * (last - first - 1) + spacing * max(0, taps - 1) + 1
            fetch(tile, source, picture, top + step * first, height)
            for block in range(part * blocks // parts, (part + 1) * blocks // parts):
                cut_lanes(tile, source, picture, top + step * first, height, left, span, block * LANES, width)
                start, each, lanes = load(bias, block * LANES), width * taps * taps_w * LANES, c - block * LANES
                for a in range(first, last):
                    row = ((picture * h + place + a * stride) * target_width + place_w) * c + block * LANES
                    at = (a - first) * step * span * LANES
                    axes = width, height * span * LANES, taps, spacing * span * LANES, across
                    convolve_row(tile, at, *axes, weights, block * each, start, y, row, stride_w * c, lanes, now)
                    if added:
                        apply_epilogue(y, row, stride_w * c, windows_w, min(LANES, lanes), residual, epilogue)
        give_back(tiles, lent)


@inline
def add_nine(tile, at, line, step, y, d, row, pixel, rows, windows, lanes, dw, place, skips):
    """Add some rows of windows to the sums of 3×3 taps: nine sums in registers, what windows share is loaded once.

    Rows of the tile that taps read are `line` floats apart, those of windows `step`, rows of y `row` and its pixels
    `pixel`. With `skips`, windows are two pixels apart.
    """
    zero = splat(np.float32(0))
    a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = a8 = zero
    for r in range(rows):
        p, q = at + r * step, d + r * row
        u0, v0, w0 = load(tile, p), load(tile, p + line), load(tile, p + 2 * line)
        p += LANES
        u1, v1, w1 = load(tile, p), load(tile, p + line), load(tile, p + 2 * line)
        for _ in range(windows):
            g = load_some(y, q, lanes)
            if skips:
                u1, v1, w1 = load(tile, p), load(tile, p + line), load(tile, p + 2 * line)
            p += LANES
            u2, v2, w2 = load(tile, p), load(tile, p + line), load(tile, p + 2 * line)
            a0, a1, a2 = fma(g, u0, a0), fma(g, u1, a1), fma(g, u2, a2)
            a3, a4, a5 = fma(g, v0, a3), fma(g, v1, a4), fma(g, v2, a5)
            a6, a7, a8 = fma(g, w0, a6), fma(g, w1, a7), fma(g, w2, a8)
            if skips:
                u0, v0, w0 = u2, v2, w2
                p += LANES
            else:
                u0, v0, w0, u1, v1, w1 = u1, v1, w1, u2, v2, w2
            q += pixel
    for a in (a0, a1, a2, a3, a4, a5, a6, a7, a8):
        store(dw, place, load(dw, place) + a)
        place += LANES


@inline
def add_five(tile, at, step, y, d, row, pixel, rows, windows, lanes, dw, place, skips):
    """Add some rows of windows to the sums of five taps of a row, as `add_nine` does to those of 3×3."""
    zero = splat(np.float32(0))
    a0 = a1 = a2 = a3 = a4 = zero
    for r in range(rows):
        p, q = at + r * step, d + r * row
        u0, u1, u2, u3 = load(tile, p), load(tile, p + LANES), load(tile, p + 2 * LANES), load(tile, p + 3 * LANES)
        p += 3 * LANES
        for _ in range(windows):
            g = load_some(y, q, lanes)
            if skips:
                u3 = load(tile, p)
            p += LANES
            u4 = load(tile, p)
            a0, a1, a2, a3, a4 = fma(g, u0, a0), fma(g, u1, a1), fma(g, u2, a2), fma(g, u3, a3), fma(g, u4, a4)
            if skips:
                u0, u1, u2 = u2, u3, u4
                p += LANES
            else:
                u0, u1, u2, u3 = u1, u2, u3, u4
            q += pixel
    for a in (a0, a1, a2, a3, a4):
        store(dw, place, load(dw, place) + a)
        place += LANES


@inline
def add_taps(tile, span, windows, taps, steps, gradient, near, dw, place):
    """Add rows of windows to the sums of all taps of one copy of the tile, tap by tap."""
    zero, (rows, windows_w), (step, step_w, spacing, spacing_w) = splat(np.float32(0)), windows, steps
    sevens = windows_w // WINDOWS
    for top in range(0, rows, near):
        for tap in range(taps[0] * taps[1]):
            start = (tap // taps[1] * spacing * span + tap % taps[1] * spacing_w) * LANES
            acc, rest = begin_with(zero), zero
            for a in range(top, min(top + near, rows)):
                at, d = start + a * step * span * LANES, a * windows_w * LANES
                for _ in range(sevens):
                    acc = fma_pairs(acc, tile, at, step_w * LANES, gradient, d, LANES)
                    at += WINDOWS * step_w * LANES
                    d += WINDOWS * LANES
                for _ in range(windows_w - WINDOWS * sevens):
                    rest = fma(load(tile, at), load(gradient, d), rest)
                    at += step_w * LANES
                    d += LANES
            total = (acc[0] + acc[1]) + (acc[2] + acc[3]) + (acc[4] + acc[5]) + (acc[6] + rest)
            unit = place + tap * LANES
            store(dw, unit, load(dw, unit) + total)


@kernel("void(r4, r4, w2, ri1, ri1, i, i, w2, w2, i)")
def _grouped_dw(source, target, packed, rows, columns, width, band, tiles, gradients, threads):
    """Sum up dw: a thread has one of its own, for its part of the bands of rows."""
    n, c, oh, ow = source.shape[0], source.shape[3], target.shape[1], target.shape[2]
    y = target.reshape(-1)
    windows, taps, top, step, spacing = rows[:5]
    windows_w, taps_w, left, step_w, spacing_w = columns[:5]
    blocks, bands = (c + LANES - 1) // LANES, (windows + band - 1) // band
    each, span = taps * taps_w * LANES, step_w * (windows_w - 1) + spacing_w * (taps_w - 1) + 1
    known = taps if WIDE and taps == taps_w and spacing == 1 and spacing_w == 1 and step_w <= 2 else 0
    few, near = max(1, SUM // windows_w), max(1, NEAR // (LANES * (step * span + windows_w)))
    jobs = n * bands
    for thread in prange(threads):
        tile, gradient, dw = tiles[thread], gradients[thread], packed[thread]
        zeros(dw, 0, dw.shape[0])
        for job in range(thread * jobs // threads, (thread + 1) * jobs // threads):
            picture, first = job // bands, job % bands * band
            last = min(first + band, windows)
            height = step * (last - first - 1) + spacing * (taps - 1) + 1
            line, ahead = span * LANES, height * span * LANES
            fetch(tile, source, picture, top + step * first, height)
            fetch(tile, target, picture, first, last - first)
            for block in range(blocks):
                cut_lanes(tile, source, picture, top + step * first, height, left, span, block * LANES, width)
                lanes = c - block * LANES
                if known not in (3, 5):
                    cut_lanes(gradient, target, picture, first, last - first, 0, windows_w, block * LANES, 1)
                for i in range(width):
                    place, own = (block * width + i) * each, tile[i * ahead :]
                    if known in (3, 5):
                        for a in range(first, last, few):
                            at, d = (a - first) * step * line, ((picture * oh + a) * ow * c) + block * LANES
                            pixels = step * line, y, d, ow * c, c, min(few, last - a), windows_w, lanes, dw
                            if known == 3 and step_w == 1:
                                add_nine(own, at, line, *pixels, place, False)
                            elif known == 3:
                                add_nine(own, at, line, *pixels, place, True)
                            else:
                                for tap in range(5):
                                    if step_w == 1:
                                        add_five(own, at + tap * line, *pixels, place + tap * 5 * LANES, False)
                                    else:
                                        add_five(own, at + tap * line, *pixels, place + tap * 5 * LANES, True)
                    else:
                        steps = step, step_w, spacing, spacing_w
                        add_taps(own, span, (last - first, windows_w), (taps, taps_w), steps, gradient, near, dw, place)
    for number in range(1, threads):
        for at in range(0, packed.shape[1], LANES):
            store(packed[0], at, load(packed[0], at) + load(packed[number], at))


def band_of(indexing: Indexing, channels: int, width: int) -> int:
    """Return how many rows of windows are worked on at a time."""
    return fitting_band(indexing, max(channels, 4 * LANES * width), PICTURE)


def pack(w: np.ndarray, indexing: Indexing, backward: bool) -> np.ndarray:
    """Return the weights w (C, width, KH, KW) as (block, i, tap, lane), the taps in the order of the indexing."""
    (c, width, kh, kw), (rows, columns) = w.shape, indexing
    seen = np.s_[:, rows.tap :: rows.tap_step, columns.tap :: columns.tap_step]
    if width == 1:
        taps = packing.pack(w, 1).reshape(-1, kh, kw, LANES)[seen]
        return plain(taps[:, : rows.taps, : columns.taps]).reshape(-1)
    w = weight_rows(w).reshape(c, kh, kw, width)[seen]
    return note_made(_packed(w, indexing, backward), _packed, w, indexing, backward)


def _packed(w: np.ndarray, indexing: Indexing, backward: bool) -> np.ndarray:
    """Return weights (C, taps, taps, width), as far as they are seen, as `pack` does."""
    c, _, _, width = w.shape
    rows, columns = indexing
    w = w[:, : rows.taps, : columns.taps].reshape(c, rows.taps * columns.taps, width)
    if backward:  # the sum runs over the outputs of a group, and lanes are its inputs
        w = w.reshape(c // width, width, w.shape[1], width).transpose(0, 3, 2, 1).reshape(w.shape)
    packed = np.zeros((blocks_of(c) * LANES, *w.shape[1:]), np.float32)
    packed[:c] = w
    return packed.reshape(blocks_of(c), LANES, *w.shape[1:]).transpose(0, 3, 2, 1).reshape(-1)


def prepare(n: int, c: int, width: int, indexing: Indexing) -> Prepared:
    """Return what makes as many of n pictures (N, H, W, C), in groups of `width` channels, with packed weights."""
    threads, (rows, columns) = _threads.get_num_threads(), indexing.arrays
    band = band_of(indexing, c, width)
    sharing = band, *divided(n * -(-indexing.rows.windows // band), blocks_of(c), threads)
    tile = (width * indexing.rows.reach(band) * indexing.columns.span + 8 * indexing.columns.step) * LANES

    def prepared(weights: np.ndarray, b: np.ndarray | None) -> Run:
        bias = padded(b, 1, c)

        def run(source: np.ndarray, target: np.ndarray, epilogue: Epilogue = PLAIN) -> None:
            tiles = borrowed(threads, tile)
            _grouped(source, weights, bias, *epilogue, target, rows, columns, width, sharing, tiles)

        return run

    return prepared


def _unpacked(packed: np.ndarray, w_shape: tuple[int, ...]) -> np.ndarray:
    """Return weights (C, width, KH, KW) that lie as `pack` lays them."""
    c, *rest = w_shape
    return packed.reshape(-1, *rest, LANES).transpose(0, 4, 1, 2, 3).reshape(-1, *rest)[:c]


def weight_gradient(sizes: Geometry) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what makes dw (C, width, KH, KW) of the blocks dy (N, OH, OW, C) and x (N, H, W, C)."""
    threads, indexing, w_shape = _threads.get_num_threads(), sizes.forward(), sizes.w_shape
    c, width, kh, kw = w_shape
    band = min(band_of(indexing, c, width), -(-sizes.n * indexing.rows.windows // (2 * threads)))
    tile = (width * indexing.rows.reach(band) * indexing.columns.span + 2) * LANES
    gathered, size = band * indexing.columns.windows * LANES, blocks_of(c) * width * kh * kw * LANES
    rows, columns = indexing.arrays

    def gradient(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        packed = floats(threads, size)
        _grouped_dw(x, dy, packed, rows, columns, width, band, *scratch_for_each(threads, tile, gathered))
        if width == 1:
            return packing.unpack(packed[0], w_shape, 1)
        dw = _backend.empty_channels_last(w_shape, np.float32)
        make(dw, _unpacked, packed[0], w_shape)
        return dw

    return gradient

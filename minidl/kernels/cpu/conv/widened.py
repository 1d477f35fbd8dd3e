"""Widening and a depthwise convolution in one: what is widened never leaves the cache.

A block of MobileNetV2 widens a map sixfold, looks at each channel alone, and makes it narrow again:

    x (N, H, W, C)  ── 1×1 ──>  (N, H, W, 6C)  ── 3×3, depthwise ──>  (N, OH, OW, 6C)  ── 1×1 ──>  …

The wide map is read once, at once, and it is the largest of the network: to write it to memory and to read it from
there takes longer than all the arithmetic. So a band of rows is widened two vectors of channels at a time
(`direct.py`), right into the tile that the depthwise convolution is made of (`grouped.py`):

    for a band of rows, for each pair of vectors:      tile = act(w₁·x + b₁)      y = act(w₂ ∗ tile + b₂)

Rows that two bands see are widened twice. Every sum is that of the two kernels by themselves, to the bit.

There is no operation of that name. Where a network is planned as a whole (`kernels/_launches.py`), it is seen that one
kernel is started right behind the other and that nobody else asks for what lies between (`shortened.py`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numba import prange

from minidl import _threads
from minidl._sharing import owner
from minidl.kernels._launches import Launch
from minidl.kernels.cpu.conv.blocking import TILE, Windows, fitting_band
from minidl.kernels.cpu.conv.direct import _direct
from minidl.kernels.cpu.conv.geometry import Axis, Indexing
from minidl.kernels.cpu.conv.grouped import _grouped, convolve_row
from minidl.kernels.cpu.conv.input_tile import frame, inside
from minidl.kernels.cpu.conv.packing import blocks_of
from minidl.kernels.cpu.conv.pixels import VECTORS, convolve_pairs, convolve_pixels, first_block
from minidl.kernels.cpu.conv.turns import Factors, Taps, convolve_area, least_windows, only
from minidl.kernels.cpu.memory.borrowing import FLAG, borrow, borrowed, give_back, lay_out
from minidl.kernels.cpu.simd.compile import kernel
from minidl.kernels.cpu.simd.crew import divided
from minidl.kernels.cpu.simd.load_store import load
from minidl.kernels.cpu.simd.registers import PAIR
from minidl.kernels.cpu.simd.vector import LANES


@kernel("void(r4, r1, r1, i, r1, r1, i, w4, ri1, ri1, i3, w2, i)")
def _widened(source, wide, wide_b, wide_kind, weights, bias, kind, target, rows, columns, sharing, tiles, threads):
    """Widen source (N, H, W, C) and write its depthwise convolution; a job is a band and a part of the channels."""
    (n, h, width, c), (oh, ow, o), (band, parts, pieces) = source.shape, target.shape[1:], sharing
    x, y = source.reshape(-1), target.reshape(-1)
    windows, taps, top, step, spacing = rows[:5]
    windows_w, taps_w, left, step_w, spacing_w = columns[:5]
    span = step_w * (windows_w - 1) + spacing_w * (taps_w - 1) + 1
    blocks, bands = (o + LANES - 1) // LANES, (windows + band - 1) // band
    jobs, across = n * bands * parts, inside(left, span, width)
    all_columns = windows_w, taps_w, step_w * LANES, spacing_w * LANES
    axes, each = (1, 0, taps, spacing * span * LANES, all_columns), taps * taps_w * LANES
    lay_out(tiles)
    for piece in prange(pieces):
        lent = borrow(tiles)
        tile = tiles[lent, FLAG:]
        for job in range(piece * jobs // pieces, (piece + 1) * jobs // pieces):
            part, picture, first = job % parts, job // parts // bands, job // parts % bands * band
            last = min(first + band, windows)
            height, up = step * (last - first - 1) + spacing * (taps - 1) + 1, top + step * first
            plane, down = height * span * LANES, inside(up, height, h)
            for number in range(VECTORS):
                frame(tile, number * plane, height, span, down, across)
            seen = Windows(x, ((picture * h + up + down[0]) * width + left + across[0]) * c, 0, width * c, c)
            inner = Windows(tile, (down[0] * span + across[0]) * LANES, 0, span * LANES, LANES)
            extent = 1, down[1] - down[0], across[1] - across[0]
            follows = PAIR == 2 or extent[2] == width  # no column is left out: rows follow each other
            at_once = VECTORS if follows else PAIR
            begin, end = first_block(part, parts, blocks, VECTORS), first_block(part + 1, parts, blocks, VECTORS)
            for block in range(begin, end, at_once):
                two = at_once == 2 and block + 1 < blocks
                one_b = load(wide_b, block * LANES)
                two_b = load(wide_b, (block + 1) * LANES) if two else one_b
                factors, one = Factors(wide, block * c * LANES, c, two, one_b, two_b), Taps(1, 1, c, 0, 0, 0, 0)
                if PAIR < VECTORS and two:
                    lines = seen, inner, plane, extent[1], width, factors, 2 * LANES, wide_kind
                    convolve_pairs(*lines, False, bias, False, None)
                elif PAIR < VECTORS and follows:
                    convolve_pixels(seen, inner, extent[1], width, factors, wide_kind)
                else:
                    given = seen, inner, plane, extent, factors, one, 2 * LANES, 0, wide_kind
                    convolve_area(*given, False, False, bias, (0, 0), True, only(False, x))
                for number in range(block, min(block + at_once, blocks)):
                    start, w, lanes = load(bias, number * LANES), number * each, o - number * LANES
                    for a in range(first, last):
                        at = (number - block) * plane + (a - first) * step * span * LANES
                        out = ((picture * oh + a) * ow) * o + number * LANES
                        convolve_row(tile, at, *axes, weights, w, start, y, out, o, lanes, kind)
        give_back(tiles, lent)


def joined(first: Launch, second: Launch, readers: Counter[int]) -> Launch | None:
    """Return the launch that does the work of both, if they are such a pair and nobody else sees what is between."""
    if first.run is not _direct or second.run is not _grouped:
        return None
    row, wide, wide_b, _, (added, wide_kind), between, rows, columns, _, (groups, *_), _ = first.arguments
    source, weights, bias, _, (added_later, kind), target, *axes, copies, _, _ = second.arguments
    if (rows[1], columns[1], groups, added, added_later, copies) != (1, 1, 1, 0, 0, 1) or row.size == 0:
        return None
    if between.size != source.size or not np.may_share_memory(between, source) or readers[id(owner(between))] != 2:
        return None
    n, h, width, _ = source.shape
    if row.shape[:3] != (1, 1, n * h * width) or tuple(axes[0][5:7]) != (0, 1):
        return None
    return _launch(row.reshape(n, h, width, -1), (wide, wide_b, wide_kind, weights, bias, kind, target, *axes))


def _launch(x: np.ndarray, rest: tuple[Any, ...]) -> Launch | None:
    """Share the work, and return its launch; None where a row has too few windows."""
    threads, (n, h, width, _), (*_, target, rows, columns) = _threads.get_num_threads(), x.shape, rest
    down, across = (Axis(*[*axis.tolist(), 0, 1, size]) for axis, size in ((rows, h), (columns, width)))
    first, last = inside.py_func(across.first, across.span, width)
    blocks = blocks_of(target.shape[3])
    if last - first < least_windows(blocks):
        return None
    band = fitting_band(Indexing(down, across), VECTORS * LANES, TILE)
    sharing = band, *divided(n * -(-down.windows // band), -(-blocks // VECTORS), threads)
    room = borrowed(threads, (VECTORS * down.reach(band) * across.span + 8 * across.step) * LANES)
    return _widened.launch(x, *rest, sharing, room)

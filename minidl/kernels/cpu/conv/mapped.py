"""A map of each channel and the 1×1 convolution behind it in one: what lies between is never written to memory.

In a DenseNet every convolution of one pixel reads what a norm and a relu have made of all maps before it, and in an
EfficientNet what the gates of squeeze-and-excitation have scaled:

    x (N·H·W, C)  ── z = activation(a·(x - m) + shift), or z = s·x ──>  z (N·H·W, C)  ── 1×1 ──>  y (N·H·W, O)

z is as large as x and is read once, at once: to write it to memory and to read it from there takes four times as long
as to compute it. So some rows of x are mapped into a tile that stays in the cache, and the windows of the convolution
are the rows of that tile (`turns.py`). s·x is such a map, too, with m = 0 and shift = -0, to the bit.

There is no operation of that name. Where a network is planned as a whole, it is seen that one kernel is started right
behind the other and that nobody else asks for what lies between (`shortened.py`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numba import prange

from minidl import _threads
from minidl._sharing import owner
from minidl.kernels._launches import Launch, address
from minidl.kernels.cpu.affine import affine, draw
from minidl.kernels.cpu.channels import _scale
from minidl.kernels.cpu.conv.blocking import TILE, Windows, even_share
from minidl.kernels.cpu.conv.direct import FEWEST, _direct
from minidl.kernels.cpu.conv.packing import blocks_of
from minidl.kernels.cpu.conv.turns import ALONE, WINDOWS, Factors, Taps, convolve_area
from minidl.kernels.cpu.memory.borrowing import FLAG, borrow, borrowed_behind, give_back, lay_out
from minidl.kernels.cpu.norm import _normalise
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.crew import PARTS, divided
from minidl.kernels.cpu.simd.functions import IDENTITY, fused
from minidl.kernels.cpu.simd.load_store import load, load_some, store_some
from minidl.kernels.cpu.simd.registers import PAIR
from minidl.kernels.cpu.simd.vector import LANES

LEAST = 48  # rows for which it pays to load all weights
NONE, NONE_DOUBLE = np.zeros(0, np.float32), np.zeros(0)


@inline
def _draw_scales(lines, s, channels):
    """Write a line for each picture, of which each channel is multiplied by its number of s."""
    for at in range(s.shape[0]):
        line = at // channels * 3 * channels + at % channels
        lines[line], lines[line + channels], lines[line + 2 * channels] = 0.0, s[at], -0.0


@inline
def _map(x, first, some, sizes, lines, kind, tile):
    """Write what the map makes of some rows of x."""
    c, step, alike = sizes
    for row in range(some):
        line = lines[(first + row) // alike * 3 * c :]
        for at in range(0, c, LANES):
            _, z = affine(load_some(x, (first + row) * step + at, c - at), line, at, c, c - at)
            store_some(tile, row * c + at, fused(kind, z), c - at)


@kernel("void(r1, i3, r1, r1, rd1, rd1, w1, i, r1, r1, r1, i2, w4, i3, w2, i)")
def _mapped(
    x, sizes, w, b, mean, rstd, lines, map_kind, weights, bias, residual, epilogue, target, sharing, tiles, threads
):
    """Convolve what the map makes of rows of x, of which so many are mapped alike; a job is rows and a part of outputs.

    Without a mean, w is what channels are multiplied by, picture by picture.
    """
    (rows, o), c, y = target.shape[2:], sizes[0], target.reshape(-1)
    (each, parts, pieces), (added, kind) = sharing, epilogue
    blocks, jobs = (o + LANES - 1) // LANES, (rows + each - 1) // each * parts
    pairs, taps = (blocks + PAIR - 1) // PAIR, Taps(1, 1, c, 0, 0, 0, 0)
    if mean.shape[0]:
        draw(lines, w, b, mean, rstd, c)
    else:
        _draw_scales(lines, w, c)
    lay_out(tiles)
    for piece in prange(pieces):
        lent = borrow(tiles)
        tile = tiles[lent, FLAG:]
        for job in range(piece * jobs // pieces, (piece + 1) * jobs // pieces):
            part, first = job % parts, job // parts * each
            some = min(each, rows - first)
            if part == 0 or job == piece * jobs // pieces:
                _map(x, first, some, sizes, lines, map_kind, tile)
            seen = Windows(tile, 0, 0, 0, c)
            for block in range(part * pairs // parts * PAIR, (part + 1) * pairs // parts * PAIR, PAIR):
                two = PAIR == 2 and block + 1 < blocks
                one_b = load(bias, block * LANES)
                two_b = load(bias, (block + 1) * LANES) if two else one_b
                factors = Factors(weights, block * c * LANES, c, two, one_b, two_b)
                out = Windows(y, first * o + block * LANES, 0, 0, o)
                given = seen, out, LANES, (1, 1, some), factors, taps, o - LANES * block, 0, kind, added
                convolve_area(*given, False, residual, epilogue, False, False)
        give_back(tiles, lent)


def joined(first: Launch, second: Launch, readers: Counter[int]) -> Launch | None:
    """Return the launch that does the work of both, if they are such a pair and nobody else sees what is between."""
    if second.run is not _direct or first.run not in (_normalise, _scale):
        return None
    between, weights, bias, residual, epilogue, target, rows, columns, _, (groups, *_), _ = second.arguments
    made, whole = first.arguments[max(first.writes)], (between.shape[2], 1, 0, 1, 1, 0, 1)
    if groups != 1 or tuple(rows) != (1, *whole[1:]) or tuple(columns) != whole or not between.size:
        return None
    if (address(made), made.size) != (address(between), between.size) or readers[id(owner(between))] != 2:
        return None
    found = _of_norm(first) if first.run is _normalise else _of_scale(first)
    return None if found is None else _launch(found, weights, bias, residual, epilogue, target)


Map = tuple[Any, ...]  # x, sizes, w, b, mean, rstd, activation


def _of_norm(launch: Launch) -> Map | None:
    """Return the map that a norm is; None where a residual is added."""
    x, step, _, width, w, b, mean, rstd, _, residual_step, kind, _, _ = launch.arguments
    several = width // mean.size
    rows = launch.arguments[2] * several
    return None if residual_step else (x, (mean.size, step // several, rows), w, b, mean, rstd, kind)


def _of_scale(launch: Launch) -> Map:
    """Return the map that multiplies each channel of a picture."""
    x, s, _ = launch.arguments
    sizes = x.shape[3], x.shape[3], x.shape[1] * x.shape[2]
    return x.reshape(-1), sizes, s.reshape(-1), NONE, NONE_DOUBLE, NONE_DOUBLE, IDENTITY


def _launch(found: Map, weights: np.ndarray, bias: np.ndarray, *rest: Any) -> Launch:
    """Share the work, and return its launch."""
    *before, kind = found
    (c, _, alike), (rows, o), threads = before[1], rest[-1].shape[2:], _threads.get_num_threads()
    each = min(max(LEAST, TILE // c), max(LEAST, -(-rows // (PARTS * threads))))
    each = -(-even_share(rows, each) // WINDOWS) * WINDOWS
    sharing = each, *divided(-(-rows // each), -(-blocks_of(o) // PAIR), threads, FEWEST)
    lines, room = borrowed_behind(rows // alike * 3 * c, threads, (each + ALONE) * c)
    return _mapped.launch(*before, lines, kind, weights, bias, *rest, sharing, room)

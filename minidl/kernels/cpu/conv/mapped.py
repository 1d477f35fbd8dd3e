"""A map of each channel and the 1×1 convolution behind it in one: what lies between is never written to memory.

In a DenseNet every convolution of one pixel reads what a norm and a relu have made of all maps before it, and in an
EfficientNet what the gates of squeeze-and-excitation have scaled:

    x (N·H·W, C)  ── z = activation(a·(x - m) + shift), or z = s·x ──>  z (N·H·W, C)  ── 1×1 ──>  y (N·H·W, O)

z is as large as x and is read once, at once: to write it to memory and to read it from there takes four times as long
as to compute it. So some rows of x are mapped into a tile that stays in the cache, and the windows of the convolution
are the rows of that tile (`turns.py`).

There is no operation of that name. Where a network is planned as a whole, it is seen that one kernel is started right
behind the other and that nobody else asks for what lies between (`shortened.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from minidl import _threads
from minidl._sharing import owner
from minidl.kernels._launches import Launch, address
from minidl.kernels.cpu.affine import NONE, Mapping, draw, draw_scales, line_of, through
from minidl.kernels.cpu.channels import _scale
from minidl.kernels.cpu.conv.blocking import TILE, Windows, even_share
from minidl.kernels.cpu.conv.coming import Rows
from minidl.kernels.cpu.conv.direct import _direct, divided_outputs
from minidl.kernels.cpu.conv.direct_dw import ENOUGH_FOR_PLANES, _direct_dw
from minidl.kernels.cpu.conv.packing import blocks_of
from minidl.kernels.cpu.conv.pixels import PIXELS, VECTORS, convolve_pairs, first_block
from minidl.kernels.cpu.conv.turns import ALONE, WINDOWS, Factors, Later, Taps, convolve_area
from minidl.kernels.cpu.memory.borrowing import FLAG, borrow, borrowed_behind, give_back, lay_out
from minidl.kernels.cpu.norm import _normalise
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.cpu.simd.crew import PARTS
from minidl.kernels.cpu.simd.functions import IDENTITY
from minidl.kernels.cpu.simd.load_store import load, load_some, store_some
from minidl.kernels.cpu.simd.registers import PAIR
from minidl.kernels.cpu.simd.vector import LANES

LEAST = 48  # rows for which it pays to load all weights
NONE_DOUBLE = np.zeros(0)
ONE_BY_ONE = 1, 0, 1, 1, 0, 1  # taps, first, step, spacing, place, stride


@inline
def _map(x, step, first, some, mapping, tile):
    """Write what the map makes of some rows of x."""
    c = mapping.channels
    for row in range(some):
        line = line_of(mapping, first + row)
        for at in range(0, c, LANES):
            z = through(mapping, line, load_some(x, (first + row) * step + at, c - at), at)
            store_some(tile, row * c + at, z, c - at)


@kernel("void(r1, i3, r1, r1, rd1, rd1, w1, i, r1, r1, r1, i2, w4, i3, w2, i)")
def _mapped(
    x, sizes, w, b, mean, rstd, lines, map_kind, weights, bias, residual, epilogue, target, sharing, tiles, threads
):
    """Convolve what the map makes of rows of x, of which so many are mapped alike; a job is rows and a part of outputs.

    Without a mean, w is what channels are multiplied by, picture by picture.
    """
    (rows, o), (c, step, alike), y = target.shape[2:], sizes, target.reshape(-1)
    (each, parts, pieces), (added, kind) = sharing, epilogue
    blocks, jobs = (o + LANES - 1) // LANES, (rows + each - 1) // each * parts
    taps = Taps(1, 1, c, 0, 0, 0, 0)
    if mean.shape[0]:
        draw(lines, w, b, mean, rstd, c)
    else:
        draw_scales(lines, w, c)
    mapping = Mapping(lines, c, alike, map_kind)
    # All blocks together ask for the rows of the next area, each turn for some lines of them.
    asked = (c + LANES - 1) // LANES * WINDOWS * PAIR // blocks + 1
    lay_out(tiles)
    for piece in prange(pieces):
        lent = borrow(tiles)
        tile = tiles[lent, FLAG:]
        for job in range(piece * jobs // pieces, (piece + 1) * jobs // pieces):
            part, first = job % parts, job // parts * each
            some = min(each, rows - first)
            if part == 0 or job == piece * jobs // pieces:
                _map(x, step, first, some, mapping, tile)
            seen = Windows(tile, 0, 0, 0, c)
            behind = min(rows, first + 2 * each) if job + parts < (piece + 1) * jobs // pieces else 0
            later = Rows(x, c, step, behind * step)
            at_once = VECTORS if some >= PIXELS else PAIR
            begin, end = first_block(part, parts, blocks, at_once), first_block(part + 1, parts, blocks, at_once)
            for block in range(begin, end, at_once):
                two = at_once == 2 and block + 1 < blocks
                one_b = load(bias, block * LANES)
                two_b = load(bias, (block + 1) * LANES) if two else one_b
                factors = Factors(weights, block * c * LANES, c, two, one_b, two_b)
                out = Windows(y, first * o + block * LANES, 0, 0, o)
                ahead, lanes = first + each + block * some // blocks, o - LANES * block
                coming = Later(False, later, ahead * step, asked if behind else 0)
                if PAIR < VECTORS and two:
                    line = seen, out, LANES, None, some, factors, lanes, kind, added
                    convolve_pairs(*line, residual, False, coming)
                else:
                    given = seen, out, LANES, (1, 1, some), factors, taps, lanes, 0, kind, added
                    convolve_area(*given, False, residual, epilogue, False, coming)
        give_back(tiles, lent)


class Map(NamedTuple):
    """What a norm, or a scale, makes of rows of channels.

    Attributes:
        x: the memory that it reads.
        sizes: channels, numbers from row to row, and rows that are mapped alike.
        numbers: w, b, mean and rstd; of a scale, its numbers and nothing else.
        kind: the activation.
        z: what it makes.
    """

    x: np.ndarray
    sizes: tuple[int, int, int]
    numbers: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    kind: int
    z: np.ndarray

    @property
    def read(self) -> tuple[np.ndarray, ...]:
        """All that it reads."""
        return self.x, *self.numbers

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.z.size // self.sizes[0]


def map_of(launch: Launch) -> Map | None:
    """Return the map that a launch makes, if it is a norm to which nothing is added, or a scale."""
    if launch.run is _normalise:
        x, step, rows, width, w, b, mean, rstd, _, residual_step, kind, _, z = launch.arguments
        several = width // max(1, mean.size)
        sizes = mean.size, step // several, rows * several
        return None if residual_step else Map(x, sizes, (w, b, mean, rstd), kind, z)
    if launch.run is _scale:
        picture, s, z = launch.arguments
        sizes = picture.shape[3], picture.shape[3], picture.shape[1] * picture.shape[2]
        return Map(picture.reshape(-1), sizes, (s.reshape(-1), NONE, NONE_DOUBLE, NONE_DOUBLE), IDENTITY, z)
    return None


def joined(first: Launch, second: Launch, readers: Counter[int]) -> Launch | None:
    """Return the launch that does the work of both, if they are such a pair and nobody else sees what is between."""
    found = map_of(first)
    return None if found is None or readers[id(owner(found.z))] != 2 else _convolution(found, second)


def reading(found: Map, launches: Sequence[Any]) -> list[Launch] | None:
    """Return launches that do the same without z, a convolution first; None where one needs it."""
    if not launches or launches[0] is None or launches[0].run is not _direct:
        return None
    lines = np.empty(found.rows // found.sizes[2] * 3 * found.sizes[0], np.float32)  # the first writes, all read them
    made = list[Launch]()
    for launch in launches:
        one = launch and (_convolution(found, launch, lines) or _gradient(found, launch, lines))
        if one is None:
            return None
        made.append(one)
    return made


def _is(array: np.ndarray, z: np.ndarray) -> bool:
    """Tell whether an array is all of z."""
    return (address(array), array.size) == (address(z), z.size)


def _others(launch: Launch, z: np.ndarray, place: int) -> bool:
    """Tell whether a launch sees z at another place, too."""
    arrays = (it for number, it in enumerate(launch.arguments) if number != place and isinstance(it, np.ndarray))
    return any(owner(it) is owner(z) for it in arrays)


def _sees_pixels(rows: np.ndarray, columns: np.ndarray, count: int) -> bool:
    """Tell whether windows are the pixels of one row of so many."""
    return tuple(rows[:7]) == (1, *ONE_BY_ONE) and tuple(columns[:7]) == (count, *ONE_BY_ONE)


def _convolution(found: Map, launch: Launch, lines: np.ndarray | None = None) -> Launch | None:
    """Return the launch of a convolution that reads through the map; None where it is no other one of z."""
    if launch.run is not _direct:
        return None
    z, weights, bias, residual, epilogue, target, rows, columns, area, (groups, *_), _ = launch.arguments
    if area[3] < z.shape[3]:  # it adds the channels up in several parts
        return None
    if groups != 1 or not z.size or not _is(z, found.z) or not _sees_pixels(rows, columns, found.rows):
        return None
    if _others(launch, z, 0):
        return None
    (c, _, alike), o, threads = found.sizes, target.shape[3], _threads.get_num_threads()
    each = min(max(LEAST, TILE // c), max(LEAST, -(-found.rows // (PARTS * threads))))
    each = -(-even_share(found.rows, each) // WINDOWS) * WINDOWS
    sharing = each, *divided_outputs(-(-found.rows // each), blocks_of(o), VECTORS, threads)
    own, room = borrowed_behind(found.rows // alike * 3 * c if lines is None else 0, threads, (each + ALONE) * c)
    before = found.x, found.sizes, *found.numbers, own if lines is None else lines, found.kind
    return _mapped.launch(*before, weights, bias, residual, epilogue, target, sharing, room)


def _gradient(found: Map, launch: Launch, lines: np.ndarray) -> Launch | None:
    """Return the launch of a gradient of weights that reads through the map; None where it is no other one of z."""
    if launch.run is not _direct_dw or (x := _picture(found)) is None:
        return None
    given = list(launch.arguments)
    place = 0 if _is(given[0], found.z) else 1
    rows, columns, groups = given[3:6]
    if groups != 1 or not _is(given[place], found.z) or not _sees_pixels(rows, columns, found.rows):
        return None
    if _others(launch, found.z, place) or (place == 0 and found.sizes[0] < ENOUGH_FOR_PLANES):
        return None
    c, _, alike = found.sizes
    given[place], given[7 + place], given[9] = x, lines, (c, alike, found.kind)
    return launch._replace(arguments=tuple(given))


def _picture(found: Map) -> np.ndarray | None:
    """Return the memory of x as pixels (1, 1, rows, step); None where the last of them ends behind it."""
    memory, step, below = found.x, found.sizes[1], found.x.base
    while below is not None:
        memory, below = below if isinstance(below, np.ndarray) else memory, getattr(below, "base", None)
    at = address(found.x) - address(memory)
    if not memory.flags.c_contiguous or at + found.rows * step * found.x.itemsize > memory.nbytes:
        return None
    return np.ndarray((1, 1, found.rows, step), np.float32, memory, at)

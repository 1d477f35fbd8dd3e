"""Tiles that threads borrow: one for each that is at work, whoever that is.

What a kernel cuts out of a picture stays in the cache of the processor that has cut it, so it has as many tiles as
threads, and no more. But work is handed out in more pieces than that, so that who is done helps, and nobody knows
before who does which piece (`simd/crew.py`). So a piece borrows a tile and gives it back. Each tile has a flag on a
line of its own in front of it, and is taken by the one who turns that from 0 to 1:

    tiles = borrowed(threads, floats)

    lay_out(tiles)                                             # in the kernel, before work is shared
    for piece in prange(pieces):
        place = borrow(tiles)
        tile = tiles[place, FLAG:]
        ...
        give_back(tiles, place)

As a rule no more pieces are at work than there are tiles, and who takes one piece after the other finds the tile that
it has just given back. Where there were more threads when work began than when it was divided, some wait for a tile
that is in use; who uses it waits for nobody.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.cpu.memory.workspace import scratch
from minidl.kernels.cpu.simd.atomics import address_in, get, put, swap
from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.vector import LANES

FLAG = LANES  # floats: a line


def borrowed(threads: int, size: int) -> np.ndarray:
    """Return memory for the tiles of so many threads, of so many floats each, with their flags.

    Example:
        >>> borrowed(2, 100).shape
        (2, 128)
    """
    return borrowed_behind(0, threads, size)[1]


def borrowed_behind(front: int, threads: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return memory for so many floats that all threads read, and for such tiles.

    Example:
        >>> [each.shape for each in borrowed_behind(5, 2, 100)]
        [(5,), (2, 128)]
    """
    start, each = -(-front // LANES) * LANES, FLAG + -(-size // LANES) * LANES
    memory = scratch(start + threads * each)
    return memory[:front], memory[start:].reshape(threads, each)


@inline
def lay_out(tiles):
    """Make all tiles free."""
    for place in range(tiles.shape[0]):
        put(address_in(tiles, place * tiles.shape[1]), 0)


@inline
def borrow(tiles):
    """Return the number of a tile that nobody has now."""
    place = 0
    while True:
        flag = address_in(tiles, place * tiles.shape[1])
        if get(flag) == 0 and swap(flag, 0, 1):  # to look first disturbs nobody
            return place
        place = (place + 1) % tiles.shape[0]


@inline
def give_back(tiles, place):
    """Make a tile free again."""
    put(address_in(tiles, place * tiles.shape[1]), 0)

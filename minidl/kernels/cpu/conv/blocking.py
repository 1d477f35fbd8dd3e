"""Blocking: how much of a convolution is done at a time.

An area is a part of the windows together with the channels that they see of it. What it needs of the pictures, its
input tile (`input_tile.py`), must stay in a cache (which one, the caller says by its size), and its windows must be
many enough that weights, once loaded, serve a while. Where both is not to be had with all channels, the channels come
in several parts; where pictures have few windows, several pictures make one area.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.kernels.cpu.conv.geometry import Indexing
from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.vector import LANES

TILE = 2**16  # floats of one tile: a quarter of a second-level cache
LARGEST = 2**20  # floats of one tile that is read in order again and again: the third-level cache serves that
ENOUGH = 196  # windows for which it pays to load weights from the second-level cache
MANY = 2**20  # weights that come from further away


class Area(NamedTuple):
    """How much is done at a time, and how much memory that takes.

    Attributes:
        several: so many pictures,
        band: so many rows of windows,
        strip: so many columns of windows,
        depth: so many channels of a group.
        windows: the most windows that an area of this layer has, whatever the batch.
        pixels: the most pixels that they see, gaps and borders included.
    """

    several: int
    band: int
    strip: int
    depth: int
    windows: int
    pixels: int

    @property
    def array(self) -> np.ndarray:
        """Return the first four numbers, for kernels."""
        return np.array(self[:4])

    def jobs(self, indexing: Indexing, n: int) -> int:
        """Return how many areas n pictures have, whatever their channels."""
        bands, strips = -(-indexing.rows.windows // self.band), -(-indexing.columns.windows // self.strip)
        return -(-n // self.several) * bands * strips


class Windows(NamedTuple):
    """Where windows read or write: window b of row a of picture p at array[at + p·picture + a·row + b·step]."""

    array: np.ndarray
    at: int
    picture: int
    row: int
    step: int


def even_share(total: int, most: int, multiple: int = 1) -> int:
    """Return the size of equal parts of `total`, none larger than `most`; their number is a multiple of `multiple`.

    Example:
        >>> even_share(56, 18)
        14
    """
    number = -(-total // max(1, most))
    return -(-total // (-(-number // multiple) * multiple))


def windows_for(indexing: Indexing, channels: int, weights: int) -> int:
    """Return how many windows an area should have: those whose tile fits, but enough for so many weights."""
    enough = ENOUGH if weights < MANY else 2 * ENOUGH
    return max(enough, TILE // (max(1, channels) * indexing.rows.step * indexing.columns.step))


def fitting_band(indexing: Indexing, channels: int, most: int) -> int:
    """Return how many rows of windows see at most so many floats, of so many channels: all, or a half, and so on."""
    rows, columns = indexing
    band = rows.windows
    while band > 1 and rows.reach(band) * columns.span * channels > most:
        band = (band + 1) // 2
    return band


def choose_area(indexing: Indexing, channels: int, n: int, windows: int, most: int, threads: int) -> Area:
    """Choose areas of so many windows and tiles of so many floats, at most, for n pictures with so many channels."""
    rows, columns = indexing
    one_row = n * rows.windows == 1 and columns.windows > 4 * windows  # then each thread shall have as many areas
    strip = even_share(columns.windows, windows, threads if one_row else 1)
    band = even_share(rows.windows, windows // strip)
    several = min(n, max(1, windows // (band * strip))) if band == rows.windows else 1
    pixels = several * rows.reach(band) * columns.reach(min(windows, columns.windows) if one_row else strip)
    depth = max(1, channels)
    if pixels * channels > most:
        depth = min(depth, max(LANES, most // pixels // LANES * LANES))
    return Area(even_share(n, several), band, strip, depth, max(windows, several * band * strip), pixels)


@inline
def corner_of(job, area, bands, strips):
    """Return where area number `job` begins: its first picture, and its first row and column of windows."""
    several, band, strip, _ = area
    return job // strips // bands * several, job // strips % bands * band, job % strips * strip

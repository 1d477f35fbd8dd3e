"""Areas: how much of a convolution is done at a time.

An area is a part of the windows together with the channels that they see of it. What it needs of the pictures, its slab
(`slab.py`), must stay in the cache of one processor, and its windows must be many enough that weights, once fetched,
serve a while. Where both is not to be had with all channels, the channels come in several parts; where pictures have
few windows, several pictures make one area.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl import _threads
from minidl.kernels.cpu.vector import LANES
from minidl.kernels.cpu.walk import Walk
from minidl.kernels.cpu.workspace import limit

SLAB = 2**16  # floats of one slab: a quarter of a second-level cache
ENOUGH = 196  # windows for which it pays to fetch weights


class Area(NamedTuple):
    """So many pictures, rows and columns of windows, and channels of each group."""

    several: int
    band: int
    strip: int
    depth: int

    def pixels(self, walk: Walk) -> int:
        """Return how many pixels its windows see, gaps and borders included."""
        return self.several * walk.rows.reach(self.band) * walk.columns.reach(self.strip)

    def jobs(self, walk: Walk, n: int) -> int:
        """Return how many areas there are, whatever their channels."""
        sizes = (n, self.several), (walk.rows.windows, self.band), (walk.columns.windows, self.strip)
        return int(np.prod([-(-size // part) for size, part in sizes]))


def even_share(total: int, most: int, multiple: int = 1) -> int:
    """Return the size of equal parts of `total`, none larger than `most`; their number is a multiple of `multiple`.

    Example:
        >>> even_share(56, 18)
        14
    """
    number = -(-total // max(1, most))
    return -(-total // (-(-number // multiple) * multiple))


def choose_area(walk: Walk, channels: int, n: int, enough: int = 0) -> Area:
    """Choose areas for n pictures whose windows see so many channels; `enough` windows if more are of no use."""
    rows, columns = walk
    threads = _threads.get_num_threads()
    most = min(SLAB, limit() // threads)
    windows = enough or max(ENOUGH, most // (max(1, channels) * rows.step * columns.step))
    one_row = n * rows.windows == 1  # of many windows: then each thread shall have as many
    strip = even_share(columns.windows, windows, threads if one_row and columns.windows > 4 * windows else 1)
    band = even_share(rows.windows, windows // strip)
    several = even_share(n, windows // (band * strip)) if band == rows.windows else 1
    area = Area(several, band, strip, max(1, channels))
    pixels = area.pixels(walk)
    if pixels * channels > most:
        area = area._replace(depth=min(channels, max(LANES, most // pixels // LANES * LANES)))
    return area

"""Many small pictures in one plot: numbers become colours; tiles lie in rows, with gaps that show the ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl._checks import to_numbers
from minidl._heat import shrink


def to_picture(op: str, name: str, x: Any) -> np.ndarray:
    """Return a picture (C, H, W), judged: numbers, three axes, none of them empty.

    Raises:
        ValueError: if it has other axes, or an empty one.
        TypeError: if it holds no numbers.
    """
    x = to_numbers(op, name, x)
    if x.ndim != 3 or not x.size:
        raise ValueError(f"{op}: {name} must be a picture (C, H, W), no axis of it empty; it has the shape {x.shape}")
    return x


def enlarge(x: np.ndarray, times: int) -> np.ndarray:
    """Repeat the pixels of the last two axes, so that each becomes a square of whole pixels."""
    return x.repeat(times, axis=-2).repeat(times, axis=-1)


def fit(x: np.ndarray, side: int) -> np.ndarray:
    """Bring the longer of the last two axes near to `side` and not above: by averages, or by whole multiples.

    Example:
        >>> fit(np.array([[1.0, 2.0]]), 5)
        array([[1., 1., 2., 2.],
               [1., 1., 2., 2.]])
    """
    x = shrink(x, side)
    return enlarge(x, side // max(x.shape[-2:]))


def centred(tile: np.ndarray, side: int) -> np.ndarray:
    """Put a tile (H, W, 4) into the middle of a transparent square."""
    h, width = tile.shape[:2]
    square = np.zeros((side, side, 4))
    top, left = (side - h) // 2, (side - width) // 2
    square[top : top + h, left : left + width] = tile
    return square


def mosaic(tiles: Sequence[np.ndarray], columns: int, gap: int = 2) -> np.ndarray:
    """Lay out tiles of one size in rows; gaps, and places that stay free, are transparent.

    Args:
        tiles: RGBA from 0 to 1, each (H, W, 4).
        columns: tiles in a row.
        gap: pixels between two tiles.

    Returns:
        RGBA (rows·(H + gap) - gap, columns·(W + gap) - gap, 4).

    Example:
        >>> mosaic([np.ones((2, 2, 4))] * 3, columns=2, gap=1)[..., 3]
        array([[1., 1., 0., 1., 1.],
               [1., 1., 0., 1., 1.],
               [0., 0., 0., 0., 0.],
               [1., 1., 0., 0., 0.],
               [1., 1., 0., 0., 0.]])
    """
    h, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (width + gap) - gap, 4))
    for index, tile in enumerate(tiles):
        top, left = index // columns * (h + gap), index % columns * (width + gap)
        sheet[top : top + h, left : left + width] = tile
    return sheet


def opaque(rgb: np.ndarray) -> np.ndarray:
    """Add full opacity to colours from 0 to 1: (…, 3) -> (…, 4)."""
    return np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1)

"""Many small pictures in one: numbers become colours, and tiles are laid out in rows with gaps that show the ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl._checks import to_numbers


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


def as_rgb(x: np.ndarray) -> np.ndarray:
    """Return a picture as a viewer would show it.

    Args:
        x: (C, H, W), C = 3 for red, green and blue; other numbers of channels are averaged to grey. uint8 is shown as
            it is, floats from 0 to 1 likewise; other numbers are stretched from their least to their greatest.

    Returns:
        uint8 (H, W, 3).

    Example:
        >>> as_rgb(np.array([[[-2.0, 0.0, 2.0]]]))[0, :, 0]
        array([  0, 128, 255], dtype=uint8)
    """
    x = np.asarray(x)
    if x.dtype != np.uint8:
        x = np.nan_to_num(x.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = (0.0, 1.0) if x.min() >= 0 and x.max() <= 1 else (x.min(), x.max())
        x = 255 * (x - low) / ((high - low) or 1.0)
    if len(x) != 3:
        x = np.repeat(x.mean(axis=0, keepdims=True), 3, axis=0)
    return np.rint(x).astype(np.uint8).transpose(1, 2, 0)


def shrink(x: np.ndarray, most: int) -> np.ndarray:
    """Average windows of the last two axes, so that neither has more than `most`; small ones stay as they are.

    Example:
        >>> shrink(np.arange(8.0).reshape(1, 2, 4), 2)
        array([[[2.5, 4.5]]])
    """
    h, width = x.shape[-2:]
    factor = -(-max(h, width) // most)
    if factor <= 1:
        return x
    rows, columns = np.arange(0, h, factor), np.arange(0, width, factor)
    sums = np.add.reduceat(np.add.reduceat(x.astype(np.float64), rows, axis=-2), columns, axis=-1)
    heights, widths = np.diff([*rows, h]), np.diff([*columns, width])  # the last window may be smaller
    return (sums / np.outer(heights, widths)).astype(x.dtype)


def enlarge(x: np.ndarray, least: int) -> np.ndarray:
    """Repeat the pixels of (…, H, W) by a whole number, so that the longer side has at least `least`."""
    factor = max(1, -(-least // max(x.shape[-2:])))
    return x.repeat(factor, axis=-2).repeat(factor, axis=-1)


def fit(x: np.ndarray, side: int) -> np.ndarray:
    """Bring the longer of the last two axes to `side`: large pictures are averaged, pixels of small ones repeated.

    Example:
        >>> fit(np.array([[1.0, 2.0]]), 4)
        array([[1., 1., 2., 2.],
               [1., 1., 2., 2.]])
    """
    x = shrink(x, side)
    h, width = (max(1, round(size * side / max(x.shape[-2:]))) for size in x.shape[-2:])
    return x[..., np.arange(h)[:, None] * x.shape[-2] // h, np.arange(width) * x.shape[-1] // width]


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

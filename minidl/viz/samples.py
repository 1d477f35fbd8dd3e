"""Many pictures side by side: what a network has made."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl._checks import to_int, to_numbers
from minidl._heat import as_rgb
from minidl.viz._figure import check_format, new_sheet, put, save, top_for
from minidl.viz._tiles import enlarge, mosaic, opaque

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILE = 64  # pixels that a small picture is enlarged to, or nearly
GAP = 4
BORDER = 8


def sheet(pictures: Any, columns: int | None = None) -> np.ndarray:
    """Lay pictures out in rows, each pixel of a small one a square of whole pixels: RGBA, gaps are transparent.

    Args:
        pictures: (N, C, H, W), from 0 to 1 or uint8; three channels are colours, others are averaged to grey.
        columns: pictures in a row; None (default) makes it about as wide as high.

    Returns:
        Numbers from 0 to 1, (rows, columns of pixels, 4).

    Raises:
        ValueError: if there are other axes, an empty one, or floats that are not from 0 to 1.

    Example:
        >>> sheet(np.zeros((6, 1, 32, 32))).shape  # two rows of three, twice as large, with gaps of 4
        (132, 200, 4)
    """
    x = to_numbers("draw_samples", "pictures", pictures)
    if x.ndim != 4 or not x.size:
        raise ValueError(
            f"draw_samples: pictures must be (N, C, H, W), no axis of it empty; they have the shape {x.shape}"
        )
    if x.dtype != np.uint8 and not (x.min() >= 0 and x.max() <= 1):  # NaN is neither
        raise ValueError(
            f"draw_samples: pictures must be from 0 to 1, or uint8; these are from {x.min():.4g} to {x.max():.4g}"
        )
    columns = math.ceil(math.sqrt(len(x))) if columns is None else columns
    columns = min(to_int("draw_samples", "columns", columns, least=1), len(x))
    times = max(1, TILE // max(x.shape[2:]))
    tiles = [opaque(enlarge(as_rgb(one).transpose(2, 0, 1), times).transpose(1, 2, 0) / 255) for one in x]
    return mosaic(tiles, columns, GAP)


def draw_samples(path: str | os.PathLike[str], pictures: Any, *, columns: int | None = None, title: str = "") -> None:
    """Draw pictures side by side into a PNG or SVG file.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        pictures: (N, C, H, W), from 0 to 1 or uint8; three channels are colours, others are averaged to grey.
        columns: pictures in a row; None (default) makes the sheet about as wide as high.
        title: stands above.

    Raises:
        ValueError: if there are other axes, an empty one, floats that are not from 0 to 1, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "samples.png")
        >>> draw_samples(path, np.random.default_rng(0).random((9, 1, 32, 32)))
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_samples", path)
    save(plot_samples(pictures, columns=columns, title=title), path)


def plot_samples(pictures: Any, *, columns: int | None = None, title: str = "") -> Figure:
    """Return the figure that `draw_samples` writes.

    Raises:
        ValueError: if there are other axes, an empty one, or floats that are not from 0 to 1.
    """
    drawn, top = sheet(pictures, columns), top_for(title)
    h, width = drawn.shape[:2]
    figure = new_sheet(width + 2 * BORDER, top + h + 2 * BORDER, title)
    put(figure, drawn, BORDER, top + BORDER)
    return figure

"""Where a network looks while it writes: a row for each symbol written, a column for each that was read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl._checks import to_names, to_numbers
from minidl.viz._figure import BLUE, SMALL, check_format, ink, new_figure, save
from minidl.viz._fonts import Lettering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 64  # symbols a side, each of which is named
PIXELS = 12  # of a cell


def draw_attention(
    path: str | os.PathLike[str], weights: np.ndarray, written: Sequence[str], read: Sequence[str], *, title: str = ""
) -> None:
    """Draw where a network looks while it writes into a PNG or SVG file.

    A row for each symbol written, a column for each that was read; the opacity of a cell is the share of the look that
    falls on it.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        weights: shares (layers, L, S), each row of which sums to 1; a plot for each layer.
        written: the L symbols that are written, one after the other.
        read: the S symbols that were read.
        title: stands above.

    Raises:
        ValueError: if the weights are no shares of that shape, there are more than 64 symbols a side, or the path ends
            in something else.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "attention.png")
        >>> draw_attention(path, np.eye(3)[None, ::-1], list("cba"), list("abc"), title="backwards")
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_attention", path)
    save(plot_attention(weights, written, read, title=title), path)


def plot_attention(weights: Any, written: Sequence[str], read: Sequence[str], *, title: str = "") -> Figure:
    """Return the figure that `draw_attention` writes, with one pair of axes for each layer.

    Raises:
        ValueError: if the weights are no shares of that shape, or there are more than 64 symbols a side.
    """
    from matplotlib.colors import to_rgb

    rows, columns = to_names("draw_attention", "written", written), to_names("draw_attention", "read", read)
    weights = _check(weights, len(rows), len(columns))
    h, width = 0.6 + 0.2 * len(rows), 0.6 + 0.2 * len(columns)
    figure = new_figure(max(2.6, width) * len(weights), max(2.4, h + 0.5), title)
    letters = {"rows": Lettering(rows), "columns": Lettering(columns)}
    for number, (axes, shares) in enumerate(zip(figure.subplots(1, len(weights), squeeze=False)[0], weights), 1):
        colours = np.empty((*shares.shape, 4))
        colours[..., :3], colours[..., 3] = to_rgb(BLUE), np.clip(shares, 0, 1)
        sharp = colours.repeat(PIXELS, axis=0).repeat(PIXELS, axis=1)  # a page smooths what it enlarges, at its edges
        extent = (-0.5, len(columns) - 0.5, len(rows) - 0.5, -0.5)
        axes.imshow(sharp, interpolation="none", aspect="equal", extent=extent)
        axes.set_yticks(range(len(rows)), [letters["rows"].show(name) for name in rows], fontsize=SMALL)
        axes.set_xticks(range(len(columns)), [letters["columns"].show(name) for name in columns], fontsize=SMALL)
        axes.set_title(f"layer {number}")
        axes.set_xlabel("read")
        axes.set_ylabel("written" if number == 1 else "")
        ink(axes)
        letters["rows"].mark(axes.get_yticklabels(), rows)
        letters["columns"].mark(axes.get_xticklabels(), columns)
        axes.tick_params(length=0)
    return figure


def _check(weights: Any, rows: int, columns: int) -> np.ndarray:
    weights = to_numbers("draw_attention", "weights", weights)
    fits = weights.ndim == 3 and len(weights) and weights.shape[1:] == (rows, columns)
    if not fits or not 1 <= max(rows, columns) <= MOST or not np.allclose(weights.sum(axis=2), 1, atol=1e-3):
        raise ValueError(
            f"draw_attention: weights must be shares (layers, written, read) = (layers, {rows}, {columns}), from 1 to "
            f"{MOST} symbols a side, each row of which sums to 1; weights.shape={weights.shape}"
        )
    return weights

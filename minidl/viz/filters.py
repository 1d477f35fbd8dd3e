"""The filters of the first layer: what a network looks for in the pixels themselves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from minidl import _backend
from minidl._checks import to_numbers
from minidl.nn import Module
from minidl.viz._figure import INK, SMALL, check_format, ink, new_sheet, put, save, top_for
from minidl.viz._tiles import enlarge, mosaic, opaque

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_FILTERS = 256
MOST_CHANNELS = 16
WIDTH = 1036  # pixels of the figure
TILE = 112  # pixels of a filter at most


def first_filters(net: Module) -> tuple[str, np.ndarray]:
    """Return the filters of a network's first convolution: the name of the parameter, and w (O, C, KH, KW).

    Raises:
        ValueError: if the network has no convolution.

    Example:
        >>> from minidl import models
        >>> name, w = first_filters(models.get_model("lenet5_modern"))
        >>> name, w.shape
        ('conv1.weight', (6, 1, 5, 5))
    """
    if not isinstance(net, Module):
        raise TypeError(f"first_filters: expects a module; received a {type(net).__name__}")
    for name, parameter in net.named_parameters():
        if len(parameter.shape) == 4:
            return name, _backend.to_numpy(parameter._data)
    raise ValueError(f"first_filters: {type(net).__name__} has no parameter of shape (O, C, KH, KW), no convolution")


def draw_filters(path: str | os.PathLike[str], w: np.ndarray, *, title: str = "") -> None:
    """Draw the filters of a layer into a PNG or SVG file.

    All filters share one scale: grey is 0, and the largest |w| of all has full colour, so that strong and weak filters
    can be told apart. Three channels are red, green and blue of one tile; any other number are grey tiles side by
    side. Each weight is a square of whole pixels. At most 256 filters and 16 channels are drawn.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        w: the weights (O, C, KH, KW); see `first_filters`.
        title: stands above.

    Raises:
        ValueError: if w has no four axes, is empty or not finite, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "filters.png")
        >>> draw_filters(path, np.random.default_rng(0).standard_normal((8, 3, 5, 5)))
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_filters", path)
    save(plot_filters(w, title=title), path)


def plot_filters(w: np.ndarray, *, title: str = "") -> Figure:
    """Return the figure that `draw_filters` writes: the filters, and the key to their colours.

    Raises:
        ValueError: if w has no four axes, is empty or not finite.
    """
    w = _check(w)
    o, c, kh, kw = w.shape
    largest = float(np.abs(w).max())
    shown = w[:MOST_FILTERS] if c == 3 else w[:MOST_FILTERS, :MOST_CHANNELS]
    sheet = _sheet(0.5 + shown / (2 * largest or 1))
    in_colours, top = c == 3, top_for(title)
    figure = new_sheet(WIDTH, top + sheet.shape[0] + (72 if in_colours else 148), title)
    filters = put(figure, sheet, (WIDTH - sheet.shape[1]) // 2, top + 8)
    text = f"{o} filter{'s' * (o > 1)} of {c} × {kh} × {kw}"
    if shown.shape != w.shape:
        text += f"; drawn are the first {shown.shape[0]}, and of each the first {shown.shape[1]} channels"
    if in_colours:
        text += f"\nred, green and blue each from {-largest:.3g} (none of it) over 0 (half) to {largest:.3g} (all)"
    else:
        _key(put(figure, np.zeros((16, WIDTH // 2, 4)), WIDTH // 4, top + sheet.shape[0] + 58), largest)
    filters.set_xlabel(text, fontsize=SMALL + 1, color=INK)
    return figure


def _sheet(shown: np.ndarray) -> np.ndarray:
    """Lay the filters (O, C, KH, KW), numbers from 0 to 1, out in rows, as large as the figure allows."""
    for times in range(max(1, TILE // max(shown.shape[2:])), 0, -1):
        h, width = _size(shown[0], times)
        columns = min(len(shown), max(1, round(np.sqrt(1.8 * len(shown) * h / width))))
        gap = max(2, min(h, width) // 8)
        if columns * (width + gap) - gap <= WIDTH - 80:
            break
    return mosaic([_tile(one, times) for one in shown], columns, gap)


def _check(w: np.ndarray) -> np.ndarray:
    w = to_numbers("draw_filters", "w", w).astype(np.float64)
    if w.ndim != 4 or not w.size:
        raise ValueError(f"draw_filters: w must have 4 axes (O, C, KH, KW), none of them empty; w.shape={w.shape}")
    if not np.isfinite(w).all():
        raise ValueError("draw_filters: w must be finite; it holds NaN or infinities")
    return w


def _size(one: np.ndarray, times: int) -> tuple[int, int]:
    """Return height and width of the tile of a filter whose weights are squares of so many pixels."""
    c, kh, kw = one.shape
    return kh * times, kw * times if c == 3 else c * (kw * times + _apart(times)) - _apart(times)


def _apart(times: int) -> int:
    """Return the pixels between the grey tiles of a filter."""
    return max(1, times // 4)


def _tile(one: np.ndarray, times: int) -> np.ndarray:
    """Turn a filter (C, KH, KW), numbers from 0 to 1, into a tile: RGBA (height, width, 4)."""
    large = enlarge(one, times)
    if len(one) == 3:
        return opaque(large.transpose(1, 2, 0))
    grey = [opaque(np.repeat(channel[..., None], 3, axis=-1)) for channel in large]
    return mosaic(grey, len(grey), gap=_apart(times))


def _key(key: Axes, largest: float) -> None:
    """Draw the scale from -largest to largest."""
    largest = largest or 1.0
    grey = np.linspace(0, 1, 256)[None]
    key.imshow(grey, cmap="gray", vmin=0, vmax=1, aspect="auto", extent=(-largest, largest, 0, 1), interpolation="none")
    key.set_yticks([])
    key.set_xticks([-largest, 0, largest], [f"{-largest:.3g}", "0", f"{largest:.3g}"])
    key.set_xlabel("weight")
    key.spines[:].set_visible(True)
    ink(key)

"""What one unit of a layer sees, drawn on the picture: the theoretical receptive field, and the empirical one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl._checks import is_int, shown, to_numbers
from minidl._heat import as_rgb
from minidl.viz._figure import BLUE, INK, ORANGE, SMALL, bare, check_format, new_figure, save
from minidl.viz._fonts import write
from minidl.viz._tiles import to_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[range, range]
DIM = 0.35  # how much is left of a picture where the unit cannot see it


def draw_field(
    path: str | os.PathLike[str],
    picture: np.ndarray,
    gradient: np.ndarray,
    expected: Box | None = None,
    *,
    title: str = "",
) -> None:
    """Draw what one unit sees of a picture: the theoretical field on the left, the gradient's strength on the right.

    The blue frame is the theoretical field, what lies outside is dimmed; the orange one is the smallest that holds
    every pixel with a gradient. On the right the colour is the root of a pixel's share of the strongest gradient,
    because it falls off quickly from the middle.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        picture: what the network saw (C, H, W), see `viz.as_rgb`.
        gradient: (H, W), how strongly each pixel acts on the unit; see `cost.empirical_field`.
        expected: rows and columns of the theoretical field, as two ranges; None (default) where it is not known.
        title: stands above.

    Raises:
        ValueError: if the shapes do not fit, the gradient is not finite, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path, rng = os.path.join(tempfile.mkdtemp(), "field.png"), np.random.default_rng(0)
        >>> gradient = np.zeros((32, 32))
        >>> gradient[10:15, 8:13] = rng.random((5, 5))
        >>> draw_field(path, rng.random((3, 32, 32)), gradient, (range(9, 16), range(7, 14)))
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_field", path)
    save(plot_field(picture, gradient, expected, title=title), path)


def plot_field(picture: np.ndarray, gradient: np.ndarray, expected: Box | None = None, *, title: str = "") -> Figure:
    """Return the figure that `draw_field` writes, with axes for the picture and for the gradient.

    Raises:
        ValueError: if the shapes do not fit, or the gradient is not finite.
    """
    picture = to_picture("draw_field", "picture", picture)
    gradient = to_numbers("draw_field", "gradient", gradient).astype(np.float64)
    if gradient.shape != picture.shape[1:]:
        raise ValueError(
            f"draw_field: gradient must be (H, W) of the picture, {picture.shape[1:]}; gradient.shape={gradient.shape}"
        )
    if not np.isfinite(gradient).all():
        raise ValueError("draw_field: gradient must be finite; it holds NaN or infinities")
    _check(expected)
    strength = np.abs(gradient)
    seen = _box(strength)
    h, width = gradient.shape
    figure = new_figure(8.4, 0.9 + 4.1 * h / width, title)
    left, right = figure.subplots(1, 2)
    rgb = as_rgb(picture) / 255
    left.imshow(_dimmed(rgb, expected), interpolation="none")
    heat = np.sqrt(strength / (strength.max() or 1))
    right.imshow(heat, cmap="viridis", vmin=0, vmax=1, interpolation="none")
    for axes in (left, right):
        bare(axes)
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(h - 0.5, -0.5)
        _frame(axes, expected, BLUE, "-")
        _frame(axes, seen, ORANGE, "--")
    _say(left, "theoretical field", expected, BLUE, "no rule for it")
    _say(right, "empirical field", seen, ORANGE, "no pixel has a gradient")
    return figure


def _dimmed(rgb: np.ndarray, box: Box | None) -> np.ndarray:
    """Return a picture that is grey and faint outside of a box."""
    if box is None:
        return rgb
    out = 0.5 + DIM * (rgb - 0.5)
    rows, columns = (slice(max(side.start, 0), max(side.stop, 0)) for side in box)
    out[rows, columns] = rgb[rows, columns]
    return out


def _box(strength: np.ndarray) -> Box | None:
    """Return the rows and columns between which all pixels with a gradient lie."""
    rows, columns = (np.flatnonzero(strength.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return range(int(rows[0]), int(rows[-1]) + 1), range(int(columns[0]), int(columns[-1]) + 1)


def _frame(axes: Axes, box: Box | None, colour: str, style: str) -> None:
    """Draw a frame around a box, white below, so that it is seen on every picture."""
    from matplotlib.patches import Rectangle

    if box is None:
        return
    rows, columns = box
    place = (columns.start - 0.5, rows.start - 0.5), len(columns), len(rows)
    for width, ink, line in ((3.2, "white", "-"), (1.6, colour, style)):
        axes.add_patch(Rectangle(*place, fill=False, edgecolor=ink, linewidth=width, linestyle=line, clip_on=False))


def _say(axes: Axes, what: str, box: Box | None, colour: str, otherwise: str) -> None:
    text = axes.set_title("", fontsize=SMALL + 1, color=colour if box else INK)
    told = otherwise if box is None else f"{len(box[0])} × {len(box[1])} pixels of the picture"
    write(text, f"{what}: {told}", 60)


def _check(expected: Any) -> None:
    pair = expected if isinstance(expected, (tuple, list)) else ()
    fits = len(pair) == 2 and all(isinstance(side, range) and is_int(side.start) and side.step == 1 for side in pair)
    if expected is not None and not fits:
        raise TypeError(f"draw_field: expected must be two ranges, of rows and columns; received {shown(expected)}")

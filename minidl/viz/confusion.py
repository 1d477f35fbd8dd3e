"""The confusion matrix: which class was taken for which."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl._checks import to_names, to_numbers
from minidl.viz._figure import BLUE, FAINT, INK, ORANGE, SMALL, check_format, ink, new_figure, save
from minidl.viz._fonts import Lettering, columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NUMBERS = 25  # classes up to which every cell shows its count
MOST_NAMES = 60  # classes up to which every row shows its name
LETTER = 0.75  # the width of a letter, and room around it, as a share of its height
LIGHT = 0.87  # cells more opaque than this have white numbers


def draw_confusion(
    path: str | os.PathLike[str], counts: np.ndarray, classes: Sequence[str], *, title: str = ""
) -> None:
    """Draw a confusion matrix into a PNG or SVG file.

    A row for each true class, a column for each answer. Right answers, on the diagonal, are blue, wrong ones orange.
    The opacity of a cell is the square root of its share of the row, so that 1 % of a class is still seen. Up to 25
    classes the cells tell their counts; up to 60 the rows tell the name and the share of right answers; more are
    numbered.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        counts: integers (classes, classes); counts[i, j] pictures of class i were taken for class j.
        classes: the names.
        title: stands above.

    Raises:
        ValueError: if counts is no square of counts with a row for each class, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "confusion.png")
        >>> draw_confusion(path, np.array([[8, 2], [1, 9]]), ("cat", "dog"))
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_confusion", path)
    save(plot_confusion(counts, classes, title=title), path)


def plot_confusion(counts: np.ndarray, classes: Sequence[str], *, title: str = "") -> Figure:
    """Return the figure that `draw_confusion` writes: the matrix, and the key to its colours.

    Raises:
        ValueError: if counts is no square of counts with a row for each class.
    """
    classes = to_names("draw_confusion", "classes", classes)
    counts = _check(counts, len(classes))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    opacity = np.sqrt(share)
    side = float(np.clip(0.42 * len(classes), 2.6, 7.6))
    figure = new_figure(side + 3.4, side + 1.9, title)
    matrix, key = figure.subplots(1, 2, width_ratios=[side, 0.36])
    matrix.imshow(_colour(opacity, np.eye(len(classes), dtype=bool)), interpolation="none", aspect="equal")
    matrix.set_xlabel("answer of the network")
    matrix.set_ylabel("true class")
    ink(matrix)
    if len(classes) <= MOST_NAMES:
        _names(matrix, classes, share, counts, side)
    else:
        matrix.set_xlabel("answer of the network (number of the class)")
        matrix.set_ylabel("true class (number)")
    if len(classes) <= MOST_NUMBERS:
        _numbers(matrix, counts, opacity)
        for line in np.arange(len(classes) - 1) + 0.5:
            matrix.axhline(line, color=INK, alpha=FAINT, linewidth=0.5)
            matrix.axvline(line, color=INK, alpha=FAINT, linewidth=0.5)
    _key(key)
    return figure


def _check(counts: Any, n: int) -> np.ndarray:
    counts = to_numbers("draw_confusion", "counts", counts)
    if n < 1 or counts.shape != (n, n) or counts.dtype.kind not in "iu" or counts.min() < 0:
        least = f", counts.min()={counts.min()}" if counts.size else ""
        raise ValueError(
            f"draw_confusion: counts must be integers >= 0 of shape (classes, classes) = ({n}, {n}), n >= 1; "
            f"counts.shape={counts.shape}, counts.dtype={counts.dtype}{least}"
        )
    return counts


def _colour(opacity: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return blue where answers are right and orange elsewhere, with that opacity: RGBA from 0 to 1."""
    from matplotlib.colors import to_rgb

    rgb = np.where(right[..., None], to_rgb(BLUE), to_rgb(ORANGE))
    return np.concatenate([rgb, opacity[..., None]], axis=-1)


def _names(axes: Axes, classes: Sequence[str], share: np.ndarray, counts: np.ndarray, side: float) -> None:
    """Name the rows and columns; at the right end of a row, its share of right answers."""
    places, lettering = np.arange(len(classes)), Lettering(classes)
    size = SMALL if len(classes) <= MOST_NUMBERS else 6
    names = [lettering.show(name) for name in classes]
    axes.set_yticks(places, names, fontsize=size)
    axes.set_xticks(places, names, fontsize=size)
    if max(map(columns, names)) * size * LETTER > 72 * side / len(classes):  # upright they would not fit
        axes.set_xticks(places, names, fontsize=size, rotation=45, ha="right", rotation_mode="anchor")
    lettering.mark(axes.get_yticklabels(), classes)
    lettering.mark(axes.get_xticklabels(), classes)
    right = axes.secondary_yaxis("right")
    totals = counts.sum(axis=1)
    shares = [f"{100 * share[i, i]:.0f} %" if totals[i] else "–" for i in places]
    right.set_yticks(places, shares, fontsize=size)
    right.tick_params(length=0, labelcolor=INK)
    right.spines[:].set_visible(False)
    right.set_ylabel("right answers", fontsize=SMALL + 1, color=INK)


def _numbers(axes: Axes, counts: np.ndarray, opacity: np.ndarray) -> None:
    size = SMALL if counts.max() < 1000 else SMALL - 2
    for row, column in zip(*np.nonzero(counts)):
        colour = "white" if opacity[row, column] > LIGHT else INK
        axes.text(column, row, str(counts[row, column]), color=colour, fontsize=size, ha="center", va="center")


def _key(axes: Axes) -> None:
    """Draw the key: opacity against share of the row, for right and for wrong answers."""
    share = np.linspace(1, 0, 128) ** 2  # evenly spaced to the eye, as the opacity is the root
    opacity = np.sqrt(np.stack([share, share], axis=1))
    right = np.broadcast_to([True, False], opacity.shape)
    axes.imshow(_colour(opacity, right), interpolation="none", aspect="auto", extent=(0, 2, 0, 1))
    marks = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
    axes.set_yticks(np.sqrt(marks), [f"{100 * mark:.0f} %" for mark in marks])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_ylabel("share of the row")
    axes.set_xticks([0.5, 1.5], ["right", "wrong"], rotation=90)
    ink(axes)

"""Boxes on pictures, and precision over recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.viz._figure import INK, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#2470ad", "#c25400", "#1b8a5a", "#a8457d", "#8a6d00", "#5b5bd6", "#5c6770", "#b3261e")
NAMED = 20  # classes that a legend has room for


def colour(label: int) -> str:
    """Return the colour of a class."""
    return COLOURS[label % len(COLOURS)]


def plot_precision(curves: Sequence[Any], classes: Sequence[str]) -> Figure:
    """Draw precision over recall, a line for each class.

    Args:
        curves: of each class, with `precision`, `recall` and `total`, as `detection.precision_recall` gives them.
        classes: their names.
    """
    figure = new_figure(6.4, 3.6)
    axes = figure.add_subplot()
    for label, (curve, name) in enumerate(zip(curves, classes)):
        if curve.total and len(curve.right):
            recall, precision = np.append(0, curve.recall), np.append(curve.falling[0], curve.falling)
            axes.step(recall, precision, where="pre", color=colour(label), label=name if label < NAMED else None)
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall", color=INK, fontsize=SMALL)
    axes.set_ylabel("precision", color=INK, fontsize=SMALL)
    if axes.get_lines():
        axes.legend(fontsize=SMALL, frameon=False)
    return figure


def plot_boxes(pictures: Sequence[tuple[np.ndarray, Any, Any]], classes: Sequence[str]) -> Figure:
    """Draw pictures in rows: with the boxes that there are on the left, and those that were answered on the right.

    Args:
        pictures: of each the pixels (3, H, W), the truth, and the answers.
        classes: the names of the classes.
    """
    figure = new_figure(8.0, 3.1 * len(pictures))
    grid = figure.subplots(len(pictures), 2, squeeze=False)
    for row, (x, truth, found) in zip(grid, pictures):
        for axes, boxes, scores in ((row[0], truth, None), (row[1], found, found.scores)):
            axes.imshow(np.moveaxis(x, 0, -1))
            axes.set_axis_off()
            draw_boxes(axes, boxes.boxes, boxes.labels, scores, classes)
    return figure


def draw_boxes(axes: Any, boxes: np.ndarray, labels: np.ndarray, scores: Any, classes: Sequence[str]) -> None:
    """Draw boxes with the names of their classes, and how sure an answer is."""
    from matplotlib.patches import Rectangle

    for at, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        label = int(labels[at])
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour(label), linewidth=1.2))
        text = classes[label] if scores is None else f"{classes[label]} {scores[at]:.2f}"
        axes.text(x1, y1, text, fontsize=5, color="white", va="top", backgroundcolor=colour(label), clip_on=True)


def plot_found(pixels: np.ndarray, found: Any, classes: Sequence[str]) -> Figure:
    """Draw one picture with the boxes that were found in it.

    Args:
        pixels: (H, W, 3).
        found: the answers.
        classes: the names of the classes.
    """
    h, width = pixels.shape[:2]
    figure = new_figure(8.0, max(1.0, 8.0 * h / width))
    axes = figure.add_subplot()
    axes.imshow(pixels)
    axes.set_axis_off()
    draw_boxes(axes, found.boxes, found.labels, found.scores, classes)
    return figure

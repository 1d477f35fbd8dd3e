"""What the planes of a network that organises itself make of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from minidl.viz._figure import INK, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_planes(picture: np.ndarray, rows: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """Return a figure: a picture (H, W), and below it the planes (K, h, w) of each layer, dark where strong.

    Example:
        >>> figure = plot_planes(np.eye(4), [("S1", np.ones((3, 4, 4))), ("C1", np.ones((3, 2, 2)))])
        >>> len(figure.axes)
        9
    """
    count = max(len(planes) for _, planes in rows)
    figure = new_figure(0.95 * (count + 1), 0.95 * (len(rows) + 1), "")
    grid = figure.subplots(len(rows) + 1, count, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for place, (name, planes) in enumerate([("", picture[None]), *rows]):
        for axes, plane in zip(grid[place], planes):
            axes.set_axis_on()
            axes.imshow(plane, cmap="gray_r", vmin=0, vmax=max(float(planes.max()), 1e-9))
            axes.set(xticks=[], yticks=[])
            for edge in axes.spines.values():
                edge.set_color(INK)
                edge.set_linewidth(0.5)
        grid[place, 0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=SMALL, color=INK)
    return figure

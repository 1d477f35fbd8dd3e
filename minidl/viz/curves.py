"""The curves of a training: loss and error, epoch by epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from minidl._files import atomic_write

COLOURS = {"train": "#888888", "val": "#0072b2"}  # distinguishable in print and for colour-blind eyes


def draw_curves(path: str | os.PathLike[str], history: Sequence[Mapping[str, Any]], *, title: str = "") -> None:
    """Draw the loss and the share of wrong answers over the epochs, both on a logarithmic scale, into a PNG file.

    Args:
        path: the file; one that exists is replaced in one go.
        history: a row for each epoch with "epoch", "train_loss", "val_loss", "train_top1" and "val_top1".
        title: stands above.

    Raises:
        ValueError: if the history is empty.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> row = {"epoch": 1, "train_loss": 2.0, "val_loss": 1.0, "train_top1": 0.3, "val_top1": 0.6}
        >>> path = os.path.join(tempfile.mkdtemp(), "curves.png")
        >>> draw_curves(path, [row, row | {"epoch": 2, "val_loss": 0.5}], title="two epochs")
        >>> os.path.getsize(path) > 1000
        True
    """
    if not history:
        raise ValueError("draw_curves: the history is empty; there is nothing to draw before the first epoch is done")
    from matplotlib.figure import Figure  # not pyplot: no window, no state shared with the user's own figures
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(9, 3.8), dpi=120, layout="constrained")
    loss, wrong = figure.subplots(1, 2)
    figure.suptitle(title)
    epochs = [row["epoch"] for row in history]
    marker = "o" if len(epochs) <= 40 else ""
    for part, colour in COLOURS.items():
        style = {"color": colour, "marker": marker, "markersize": 3, "linewidth": 1.5, "label": part}
        loss.plot(epochs, [row[f"{part}_loss"] for row in history], **style)
        # No error at all has no place on a logarithmic scale: the line ends there.
        wrong.plot(epochs, [100 * (1 - row[f"{part}_top1"]) or float("nan") for row in history], **style)
    for axes, name, unit in ((loss, "loss (mean cross-entropy)", ""), (wrong, "wrong answers", " %")):
        axes.set_title(name, fontsize="medium")
        axes.set_xlabel("epoch")
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}" + unit))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(True, which="both", color="#dddddd", linewidth=0.5)
        axes.legend()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")

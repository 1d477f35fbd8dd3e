"""The curves of a training: loss, accuracy and learning rate, epoch by epoch."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minidl._checks import NUMBERS, check_choice, shown, to_names
from minidl.viz._figure import BLUE, FAINT, INK, ORANGE, SMALL, check_format, ink, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("loss", "accuracy", "lr")
MOST_MARKERS = 40
LONGEST = 1e9  # epochs that an axis can count
NEEDED = ("epoch", "train_loss", "val_loss", "train_top1", "val_top1")
OPTIONAL = ("val_top5", "lr")
LOGARITHMIC = 10  # a loss that changes by more than this factor gets a logarithmic scale

# column of the history: the name in the legend, and how it is drawn; the kind of line tells them apart in print, too
LOSSES = {
    "train_loss": ("training", {"color": ORANGE, "linestyle": "--"}),
    "val_loss": ("validation", {"color": BLUE}),
}
ACCURACIES = {
    "train_top1": ("training", {"color": ORANGE, "linestyle": "--"}),
    "val_top1": ("validation", {"color": BLUE}),
    "val_top5": ("validation, top 5", {"color": BLUE, "linestyle": ":"}),
}
# of columns that have no style of their own
LINES: tuple[dict[str, str], ...] = (
    {"color": BLUE},
    {"color": ORANGE, "linestyle": "--"},
    {"color": INK, "linestyle": ":"},
    {"color": INK, "linestyle": "-."},
)


def draw_curves(
    path: str | os.PathLike[str],
    history: Sequence[Mapping[str, Any]],
    *,
    rates: Sequence[tuple[float, float]] = (),
    panels: Sequence[str] = PANELS,
    title: str = "",
) -> None:
    """Draw loss, accuracy and learning rate over the epochs into a PNG or SVG file.

    The best epoch, the first with the highest accuracy on the validation pictures, is marked. The legends tell the
    last numbers.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        history: a row for each epoch with "epoch", "train_loss", "val_loss", "train_top1" and "val_top1", and, where
            there are such, "val_top5" and "lr". Accuracies are shares from 0 to 1.
        rates: the learning rate of each step, as pairs: how many epochs were done before it, such as 1.25, and the
            rate. Left out, each epoch has that of its last step, which the history tells.
        panels: which of "loss", "accuracy" and "lr", in which order.
        title: stands above.

    Raises:
        ValueError: if the history is empty, or the path or a panel is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> row = {"epoch": 1, "train_loss": 2.0, "val_loss": 1.0, "train_top1": 0.3, "val_top1": 0.6, "lr": 0.1}
        >>> path = os.path.join(tempfile.mkdtemp(), "curves.png")
        >>> draw_curves(path, [row, row | {"epoch": 2, "val_loss": 0.5}], title="two epochs")
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_curves", path)
    save(plot_curves(history, rates=rates, panels=panels, title=title), path)


def plot_curves(
    history: Sequence[Mapping[str, Any]],
    *,
    rates: Sequence[tuple[float, float]] = (),
    panels: Sequence[str] = PANELS,
    title: str = "",
) -> Figure:
    """Return the figure that `draw_curves` writes, with one pair of axes for each panel.

    Raises:
        ValueError: if the history is empty, or a panel is another one.
    """
    _check(history)
    rates = _checked(rates)
    panels = to_names("draw_curves", "panels", panels)
    for panel in panels:
        check_choice("draw_curves", "panels", panel, PANELS)
    drawn = [panel for panel in panels if panel != "lr" or rates or "lr" in history[0]]
    if not drawn:
        raise ValueError(f"draw_curves: no panel is left to draw; panels={panels}, columns={list(history[0])}")
    figure = new_figure(3.4 * len(drawn), 3.4, title)
    for axes, panel in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn):
        if panel == "lr":
            _lr(axes, rates or _of_epochs(history), history[-1]["epoch"])
        else:
            {"loss": _loss, "accuracy": _accuracy}[panel](axes, history)
        _finish(axes, history, best_row(history))
    return figure


def plot_figures(
    history: Sequence[Mapping[str, Any]],
    panels: Mapping[str, Sequence[str]],
    *,
    shares: Sequence[str] = (),
    best: Mapping[str, Any] | None = None,
    title: str = "",
) -> Figure:
    """Return a figure with one pair of axes for each panel, whatever a training notes of its epochs.

    Args:
        history: a row for each epoch with "epoch" and numbers.
        panels: which columns are drawn together, by the title of their axes.
        shares: columns that are shares of 1, which are drawn in percent.
        best: the row of the best epoch, which is marked; None (default) takes the last.
        title: stands above.

    Example:
        >>> rows = [{"epoch": 1, "g_loss": 2.0}, {"epoch": 2, "g_loss": 1.5}]
        >>> [axes.get_title() for axes in plot_figures(rows, {"losses": ["g_loss"]}).axes]
        ['losses']
    """
    figure = new_figure(3.4 * len(panels), 3.4, title)
    for axes, (panel, columns) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        percent = all(column in shares for column in columns)
        styles = {column: (column.replace("_", " "), LINES[number % 4]) for number, column in enumerate(columns)}
        values = _lines(axes, history, styles, 100 if percent else 1, "{:.1f} %" if percent else "{:.4g}")
        axes.set_title(panel)
        axes.set_ylabel("%" if percent else "")
        if not percent:
            _scale(axes, values)
        _finish(axes, history, best or history[-1])
    return figure


def _check(history: Any) -> None:
    """Refuse what is no list of rows with the same columns, the necessary ones among them, and numbers in all."""
    if not isinstance(history, (list, tuple)) or not all(isinstance(row, Mapping) for row in history):
        raise TypeError(f"draw_curves: history must be a list of rows, each a dict; received {shown(history)}")
    if not history:
        raise ValueError("draw_curves: the history is empty; there is nothing to draw before the first epoch is done")
    needed = [*NEEDED, *(column for column in OPTIONAL if column in history[0])]
    for number, row in enumerate(history):
        for column in needed:
            value = row.get(column)
            if not isinstance(value, NUMBERS) or isinstance(value, bool):
                found = f"{column}={shown(value)}" if column in row else f"a row without {column!r}"
                raise ValueError(f"draw_curves: row {number} must have a number as {column!r}; received {found}")
        for column in ("epoch", *(["lr"] if "lr" in needed else [])):
            if not -LONGEST < row[column] < LONGEST:
                raise ValueError(
                    f"draw_curves: {column} must be a finite number; received {column}={shown(row[column])}"
                )


def _checked(rates: Any) -> list[tuple[float, float]]:
    """Return the pairs of `rates`, judged: finite numbers, in the order of the steps."""
    if not isinstance(rates, (list, tuple)):
        raise TypeError(f"draw_curves: rates must be a list of pairs (epochs, rate); received {shown(rates)}")
    for pair in rates:
        two: list[Any] = list(pair) if isinstance(pair, (list, tuple)) and len(pair) == 2 else [None]
        if not all(isinstance(it, NUMBERS) and not isinstance(it, bool) and -LONGEST < it < LONGEST for it in two):
            raise ValueError(
                f"draw_curves: rates must be pairs of finite numbers (epochs, rate); received {shown(pair)} among them"
            )
    if any(one[0] > two[0] for one, two in itertools.pairwise(rates)):
        raise ValueError("draw_curves: rates must be in the order of the steps; received epochs that go back")
    return [(float(t), float(rate)) for t, rate in rates]


def _of_epochs(history: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Return the rate of each epoch, from its beginning on."""
    return [(row["epoch"] - 1, row["lr"]) for row in history]


def best_row(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the first row with the highest accuracy on the validation pictures."""
    return max(history, key=lambda row: row["val_top1"])


def _loss(axes: Axes, history: Sequence[Mapping[str, Any]]) -> None:
    values = _lines(axes, history, LOSSES, 1, "{:.4g}")
    axes.set_title("loss")
    axes.set_ylabel("mean cross-entropy")
    _scale(axes, values)


def _accuracy(axes: Axes, history: Sequence[Mapping[str, Any]]) -> None:
    _lines(axes, history, ACCURACIES, 100, "{:.1f} %")
    best = best_row(history)
    label = f"best: {100 * best['val_top1']:.1f} %, epoch {best['epoch']}"
    axes.plot(best["epoch"], 100 * best["val_top1"], "o", markersize=7, markerfacecolor="none", color=INK, label=label)
    axes.set_title("accuracy")
    axes.set_ylabel("right answers (%)")


def _lr(axes: Axes, rates: Sequence[tuple[float, float]], end: float) -> None:
    """Draw the rates, each from its step to the next, on a linear axis: a step down is a step, a warm-up a slope."""
    times, values = [t for t, _ in rates], [rate for _, rate in rates]
    label = f"highest: {max(values):.3g}, last: {values[-1]:.3g}"
    axes.plot([*times, max(end, times[-1])], [*values, values[-1]], color=BLUE, drawstyle="steps-post", label=label)
    axes.set_title("learning rate")
    axes.set_ylim(0, 1.05 * max(values) or 1.0)
    axes.margins(x=0)


def _lines(
    axes: Axes,
    history: Sequence[Mapping[str, Any]],
    columns: Mapping[str, tuple[str, Mapping[str, Any]]],
    factor: float,
    number: str,
) -> list[float]:
    """Draw columns of the history, with the last number of each in the legend; return all numbers drawn."""
    epochs, drawn = [row["epoch"] for row in history], []
    marker = "o" if len(epochs) <= MOST_MARKERS else ""
    for column, (name, style) in columns.items():
        if column not in history[0]:
            continue
        values = [factor * row[column] for row in history]
        label = f"{name}: {number.format(values[-1])}"
        axes.plot(epochs, values, marker=marker, markersize=3, linewidth=1.6, label=label, **style)
        drawn += values
    return drawn


def _scale(axes: Axes, values: Sequence[float]) -> None:
    """Take a logarithmic scale where the numbers differ by orders of magnitude."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) > LOGARITHMIC * min(finite):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _finish(axes: Axes, history: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> None:
    """Set what all panels share: the epochs, the best of them, a grid, the legend."""
    from matplotlib.ticker import MaxNLocator

    first, last = history[0]["epoch"], history[-1]["epoch"]
    room = max(0.5, 0.02 * (last - first))
    left = min(0.0, first) if axes.get_title() == "learning rate" else first - room
    axes.set_xlim(left, last + room)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=8))
    axes.axvline(best["epoch"], color=INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    axes.grid(True, color=INK, alpha=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    ink(axes)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.22), frameon=False, fontsize=SMALL, labelcolor=INK, borderaxespad=0
    )

"""What lies in memory during a training step: live bytes, operation by operation."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minidl._checks import is_int, shown
from minidl.viz._figure import FAINT, INK, SMALL, check_format, ink, new_figure, save
from minidl.viz._fonts import write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# kind of bytes: its name and its colour, from the ground up; what is always there stands below what comes and goes
BANDS = {
    "parameters": ("parameters", "#2470ad"),
    "buffers": ("running statistics", "#7fb2dd"),
    "optimizer_state": ("optimiser state", "#4a5fc1"),
    "pictures": ("pictures", "#8a8f98"),
    "activations": ("activations", "#c25400"),
    "activation_gradients": ("gradients of activations", "#eda35b"),
    "gradients": ("gradients of parameters", "#3a9465"),
    "workspace": ("workspace", "#a8569e"),
}
UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "bytes"))
NARROW = 0.05  # of the plot: phases below that are not named


def draw_memory(path: str | os.PathLike[str], moments: Sequence[Mapping[str, Any]], *, title: str = "") -> None:
    """Draw the live bytes of a training step as a timeline, kind upon kind, with the peak marked.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        moments: for each operation "op", "path", "phase", and the bytes of each kind: "parameters", "buffers",
            "optimizer_state", "pictures", "activations", "activation_gradients", "gradients" and "workspace"; those of
            `cost.memory(net).moments`, by `dataclasses.asdict`.
        title: stands above.

    Raises:
        ValueError: if there are no moments, a number is missing or below 0, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> from dataclasses import asdict
        >>> from minidl import cost, models
        >>> path = os.path.join(tempfile.mkdtemp(), "memory.png")
        >>> found = cost.memory(models.get_model("lenet5_modern"), batch=8)
        >>> draw_memory(path, [asdict(moment) for moment in found.moments])
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_memory", path)
    save(plot_memory(moments, title=title), path)


def plot_memory(moments: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """Return the figure that `draw_memory` writes.

    Raises:
        ValueError: if there are no moments, or a number is missing or below 0.
    """
    _check(moments)
    live = [sum(moment[kind] for kind in BANDS) for moment in moments]
    scale, unit = next((scale, unit) for scale, unit in UNITS if max(live) >= 2 * scale or scale == 1)
    figure = new_figure(8.4, 4.4, title)
    axes = figure.subplots()
    edges = range(len(moments) + 1)  # a moment lasts from its edge to the next
    ground = [0.0] * len(edges)
    for kind, (name, colour) in BANDS.items():
        values = [moment[kind] / scale for moment in moments]
        if not any(values):
            continue
        top = [low + value for low, value in zip(ground, [*values, values[-1]])]
        axes.fill_between(edges, ground, top, step="post", color=colour, linewidth=0, label=name)
        ground = top
    _phases(axes, [str(moment["phase"]) for moment in moments], max(live) / scale)
    _peak(axes, moments, live, scale, unit)
    axes.set_xlim(0, len(moments))
    axes.set_ylabel(f"live {unit}")
    axes.set_xlabel("operation after operation")
    axes.grid(True, axis="y", color=INK, alpha=FAINT, linewidth=0.6)
    ink(axes)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False, fontsize=SMALL,
        labelcolor=INK, handlelength=1.1,
    )  # fmt: skip
    return figure


def _phases(axes: Axes, phases: Sequence[str], most: float) -> None:
    """Draw a line where another phase begins, and name those that are long enough."""
    axes.set_ylim(0, 1.22 * most or 1)
    start = 0
    for phase, run in itertools.groupby(phases):
        length = len(list(run))
        if start:
            axes.axvline(start, color=INK, linewidth=0.6, alpha=0.5)
        if length >= NARROW * len(phases):
            axes.text(start + length / 2, 1.19 * most, phase, fontsize=SMALL, color=INK, ha="center", va="top")
        start += length


def _peak(axes: Axes, moments: Sequence[Mapping[str, Any]], live: Sequence[int], scale: int, unit: str) -> None:
    """Mark the moment at which most is live, and say which it is."""
    at = max(range(len(live)), key=live.__getitem__)
    moment, most = moments[at], live[at] / scale
    axes.plot([at + 0.5], [most], "v", color=INK, markersize=5, clip_on=False)
    right = at > 0.5 * len(live)
    where = f"{most:.4g} {unit}: {moment['phase']} of {moment['op']}" + f" in {moment['path']}" * bool(moment["path"])
    text = axes.annotate(
        "", (at + 0.5, most), xytext=(-8 if right else 8, 4), textcoords="offset points", fontsize=SMALL, color=INK,
        ha="right" if right else "left", va="bottom",
    )  # fmt: skip
    write(text, where, 90)


def _check(moments: Any) -> None:
    if not isinstance(moments, (list, tuple)) or not all(isinstance(moment, Mapping) for moment in moments):
        raise TypeError(f"draw_memory: moments must be a list of rows, each a dict; received {shown(moments)}")
    if not moments:
        raise ValueError("draw_memory: there are no moments, and so nothing to draw")
    for number, moment in enumerate(moments):
        for word in ("op", "path", "phase"):
            if not isinstance(moment.get(word), str):
                raise ValueError(
                    f"draw_memory: moment {number} must have a str as {word!r}; received {shown(moment.get(word))}"
                )
        for kind in BANDS:
            value = moment.get(kind)
            if not is_int(value) or value < 0:
                raise ValueError(
                    f"draw_memory: moment {number} must have an int >= 0 as {kind!r}; received {kind}={shown(value)}"
                )

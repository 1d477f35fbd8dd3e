"""Where the cost of a network lies: parameters, multiply-adds and activations, part by part."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minidl._checks import is_int, shown
from minidl.viz._figure import INK, SMALL, check_format, ink, new_figure, save
from minidl.viz._fonts import Lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS = {"parameters": "parameters", "macs": "MACs", "activation_bytes": "activations"}
LEAST = 0.035  # of a bar: narrower pieces tell no share
NAMED = 0.09  # of a bar: wider pieces tell their name as well


def draw_cost(path: str | os.PathLike[str], parts: Sequence[Mapping[str, Any]], *, title: str = "") -> None:
    """Draw where parameters, multiply-adds and activations of a network lie, as three stacked bars.

    The parts go from left to right, from the picture to the answer; early ones are dark, late ones light. Every bar is
    100 %; how much that is stands beside it.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        parts: each with "name", "parameters", "macs" and "activation_bytes"; `cost.parts` finds them.
        title: stands above.

    Raises:
        ValueError: if there are no parts, a number is missing or below 0, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "cost.png")
        >>> conv = {"name": "conv", "parameters": 156, "macs": 117_600, "activation_bytes": 37_632}
        >>> draw_cost(path, [conv, {"name": "fc", "parameters": 850, "macs": 840, "activation_bytes": 40}])
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_cost", path)
    save(plot_cost(parts, title=title), path)


def plot_cost(parts: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """Return the figure that `draw_cost` writes.

    Raises:
        ValueError: if there are no parts, or a number is missing or below 0.
    """
    _check(parts)
    lettering = Lettering([part["name"] for part in parts], most=22)
    columns = 4
    rows = -(-len(parts) // columns)
    figure = new_figure(8.4, 2.6 + 0.2 * rows, title)
    axes = figure.subplots()
    colours = shades(len(parts))
    for y, column in enumerate(BARS):
        _bar(axes, y, [part[column] for part in parts], parts, colours, lettering)
        axes.text(1.01, y, _amount(column, sum(part[column] for part in parts)), va="center", fontsize=SMALL, color=INK)
    axes.set_yticks(range(len(BARS)), list(BARS.values()))
    axes.set_ylim(len(BARS) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    ink(axes)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=SMALL + 1)
    legend = axes.legend(
        handles=[_swatch(colour) for colour in colours],
        labels=[lettering.show(part["name"]) for part in parts],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=columns,
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        handlelength=1.1,
    )
    lettering.mark(legend.get_texts(), [part["name"] for part in parts])
    return figure


def shades(n: int) -> list[tuple[float, float, float]]:
    """Return n colours from dark blue to a light yellow-green, all of which stand out on white and on black."""
    from matplotlib import colormaps

    ramp = colormaps["viridis"]
    return [ramp(0.12 + 0.76 * (i / (n - 1) if n > 1 else 0.4))[:3] for i in range(n)]


def on(colour: Sequence[float]) -> str:
    """Return black or white, whichever can be read on a colour."""
    r, g, b = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour[:3])
    return "black" if 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 else "white"


def _bar(
    axes: Axes,
    y: int,
    values: Sequence[int],
    parts: Sequence[Mapping[str, Any]],
    colours: Sequence[Any],
    lettering: Lettering,
) -> None:
    """Draw one bar, and write into its pieces what fits."""
    total, left = sum(values) or 1, 0.0
    for value, part, colour in zip(values, parts, colours):
        share = value / total
        axes.barh(y, share, left=left, height=0.72, color=colour, linewidth=0)
        middle, ink_on = left + share / 2, on(colour)
        if share >= NAMED:
            name = lettering.show(part["name"])
            text = axes.text(middle, y - 0.13, _fitting(name, share), color=ink_on, fontsize=SMALL, **CENTRE)
            lettering.mark([text], [part["name"]])
            axes.text(middle, y + 0.15, f"{share:.0%}", color=ink_on, fontsize=SMALL, **CENTRE)
        elif share >= LEAST:
            axes.text(middle, y, f"{share:.0%}", color=ink_on, fontsize=SMALL - 1, **CENTRE)
        left += share


CENTRE: dict[str, Any] = {"ha": "center", "va": "center"}
LETTERS = 105  # letters that a whole bar holds


def _fitting(name: str, share: float) -> str:
    """Cut a name to what its piece holds."""
    most = int(LETTERS * share)
    return name if len(name) <= most else name[: most - 1] + "…"


def _swatch(colour: Any) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, linewidth=0)


def _amount(column: str, n: int) -> str:
    """Write a sum shortly: 138 M, 15.5 G, 109 MiB."""
    if column == "activation_bytes":
        for unit in ("B", "KiB", "MiB"):
            if n < 1024:
                return f"{n:.3g} {unit}"
            n /= 1024  # type: ignore[assignment]
        return f"{n:.3g} GiB"
    for unit in ("", " k", " M"):
        if n < 999.5:
            return f"{n:.3g}{unit}"
        n /= 1000  # type: ignore[assignment]
    return f"{n:.3g} G"


def _check(parts: Any) -> None:
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, Mapping) for part in parts):
        raise TypeError(f"draw_cost: parts must be a list of rows, each a dict; received {shown(parts)}")
    if not parts:
        raise ValueError("draw_cost: there are no parts, and so nothing to draw")
    for part in parts:
        if not isinstance(part.get("name"), str):
            raise ValueError(f"draw_cost: every part must have a str as 'name'; received {shown(part.get('name'))}")
        for column in BARS:
            value = part.get(column)
            if not is_int(value) or value < 0:
                raise ValueError(
                    f"draw_cost: {part['name']} must have an int >= 0 as {column!r}; received {column}={shown(value)}"
                )

"""The roofline: what every kernel reaches, and what the machine would let it.

    python -m benchmarks.roofline          # after python -m benchmarks.layers, whose numbers it draws

A kernel that does I operations for every byte it moves can be no quicker than the memory allows (the slope: I times the
bandwidth) nor than the arithmetic (the flat part: the rate of a large matrix product). Points near the roof have
nothing left to gain but a better algorithm; Winograd's is one, and stands above it, because the operations that are
counted are those of the direct convolution.

Source: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model" (2009).
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np

from benchmarks._asked import Parser, run
from benchmarks._tables import RESULTS

PICTURE = RESULTS / "roofline.svg"
LEFT, RIGHT = 0.3, 1000  # operations for each byte: the ends of the axis
SMALL: dict[str, Any] = {"fontsize": 9, "textcoords": "offset points"}
# where a name may stand, from its point: in points, and which of its ends lies there
SIDES = (
    ((7, 0), "left"),
    ((-7, 0), "right"),
    ((0, 9), "center"),
    ((0, -9), "center"),
    ((6, 8), "left"),
    ((6, -8), "left"),
)
ABOVE = (
    "Above the roof: 3×3 and 5×5 convolutions by Winograd's algorithm. It multiplies less\n"
    "than the direct convolution, whose operations are counted here whatever is done."
)
COLOURS = {"forward": "#0072b2", "dx": "#d55e00", "dw": "#009e73"}


def draw(points: list[dict[str, Any]], product: float, copy: float) -> Any:
    """Draw points with "name", "part", "intensity" (FLOP a byte) and "rate" (GFLOP/s) under the roof; return a figure.

    A name stands where it covers neither a point nor the roof nor another name, or nowhere.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    ridge = product / copy
    roof = [min(LEFT * copy, product), product, product]
    axes.plot([LEFT, ridge, RIGHT], roof, color="black", linewidth=1.5)
    axes.set(xlim=(LEFT, RIGHT), xscale="log", yscale="log", xlabel="operations for each byte moved", ylabel="GFLOP/s")
    rates = [point["rate"] for point in points]
    axes.set_ylim(min(rates) / 1.5, 2.5 * max(product, *rates))
    for part, colour in COLOURS.items():
        chosen = [(point["intensity"], point["rate"]) for point in points if point["part"] == part]
        axes.scatter(*zip(*chosen), color=colour, s=18, label=part)
    axes.annotate(f"memory: {copy:.0f} GB/s", (ridge / 4, product / 4), xytext=(-9, 4), ha="right", **SMALL)
    axes.annotate(f"matrix product: {product:.0f} GFLOP/s", (ridge, product), xytext=(0, 6), ha="center", **SMALL)
    if max(rates) > 1.02 * product:
        axes.text(0.01, 0.985, ABOVE, transform=axes.transAxes, va="top", fontsize=9)
    axes.legend(loc="lower right", fontsize=9)
    axes.grid(alpha=0.3)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # from now on every place is final
    _name(axes, points, list(zip([LEFT, ridge, RIGHT], roof)))
    return figure


def _name(axes: Any, points: list[dict[str, Any]], roof: list[tuple[float, float]]) -> None:
    """Write names beside the points of the forward pass, the quickest first."""
    dots = axes.transData.transform([(point["intensity"], point["rate"]) for point in points])
    ends = axes.transData.transform(roof)
    along = np.linspace(0, 1, 200)[:, None]
    line = np.concatenate([one + along * (two - one) for one, two in itertools.pairwise(ends)])
    taken = [text.get_window_extent() for text in axes.texts] + [axes.get_legend().get_window_extent()]
    for point in sorted(points, key=lambda point: -point["rate"]):
        if point["part"] != "forward":
            continue
        for offset, side in SIDES:
            at = point["intensity"], point["rate"]
            text = axes.annotate(point["name"], at, xytext=offset, ha=side, va="center", **(SMALL | {"fontsize": 8}))
            box = text.get_window_extent()
            fits = axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1
            if fits and not any(box.overlaps(other) for other in taken) and not _covers(box, [*dots, *line]):
                taken.append(box)
                break
            text.remove()


def _covers(box: Any, places: list[Any]) -> bool:
    """Tell whether a box lies over one of some places, or all but touches it."""
    return any(box.x0 - 3 < x < box.x1 + 3 and box.y0 - 2 < y < box.y1 + 2 for x, y in places)


def main() -> None:
    """Draw what `benchmarks.layers` has measured."""
    Parser("benchmarks.roofline", __doc__).parse_args()
    source = RESULTS / "layers.json"
    if not source.is_file():
        raise ValueError(f"there is no {source.name}; run python -m benchmarks.layers first")
    measured = json.loads(source.read_text(encoding="utf-8"))
    draw(measured["points"], measured["product"], measured["copy"]).savefig(PICTURE, metadata={"Date": None})
    print(f"drew {PICTURE}")


if __name__ == "__main__":
    run("benchmarks.roofline", main)

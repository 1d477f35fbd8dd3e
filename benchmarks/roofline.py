"""The roofline: what every kernel reaches, and what the machine would let it.

    python -m benchmarks.roofline          # after python -m benchmarks.layers, whose numbers it draws

A kernel that does I operations for every byte it moves can be no quicker than the memory allows (the slope: I times the
bandwidth) nor than the arithmetic (the flat part: the rate of a large matrix product). Points near the roof have
nothing left to gain but a better algorithm; Winograd's is one, and stands above it, because the operations that are
counted are those of the direct convolution.

Source: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model" (2009).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from benchmarks._tables import RESULTS

PICTURE = RESULTS / "roofline.svg"
COLOURS = {"forward": "#0072b2", "dx": "#d55e00", "dw": "#009e73"}


def draw(points: list[dict[str, Any]], product: float, copy: float, path: Path) -> None:
    """Draw points with "name", "part", "intensity" (FLOP a byte) and "rate" (GFLOP/s) under the roof."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    ridge = product / copy
    axes.plot([0.05, ridge, 2000], [0.05 * copy, product, product], color="black", linewidth=1.5)
    axes.annotate(f"memory: {copy:.0f} GB/s", (0.06, 0.075 * copy), rotation=45, fontsize=9)
    axes.annotate(f"matrix product: {product:.0f} GFLOP/s", (ridge * 1.1, product * 1.08), fontsize=9)
    for part, colour in COLOURS.items():
        chosen = [point for point in points if point["part"] == part]
        axes.scatter(
            [point["intensity"] for point in chosen],
            [point["rate"] for point in chosen],
            color=colour,
            s=18,
            label=part,
        )
    named: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: -point["rate"]):
        place = math.log10(point["intensity"]), math.log10(point["rate"])
        near = any(abs(place[0] - x) < 0.75 and abs(place[1] - y) < 0.07 for x, y in named)  # the names would overlap
        if point["part"] == "forward" and not near:
            named.append(place)
            at = point["intensity"], point["rate"]
            axes.annotate(point["name"], at, fontsize=8, xytext=(5, -3), textcoords="offset points")
    axes.set(xlim=(0.05, 2000), xscale="log", yscale="log", xlabel="operations for each byte moved", ylabel="GFLOP/s")
    axes.legend(loc="lower right", fontsize=9)
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Draw what `benchmarks.layers` has measured."""
    source = RESULTS / "layers.json"
    if not source.is_file():
        raise SystemExit(f"roofline: there is no {source.name}; run python -m benchmarks.layers first")
    measured = json.loads(source.read_text(encoding="utf-8"))
    draw(measured["points"], measured["product"], measured["copy"], PICTURE)
    print(f"drew {PICTURE}")


if __name__ == "__main__":
    main()

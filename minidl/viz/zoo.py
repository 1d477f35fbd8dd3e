"""All networks at once: what they cost, and how good their papers say they are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minidl._checks import NUMBERS, shown
from minidl._names import some
from minidl.viz._figure import FAINT, INK, SMALL, check_format, ink, new_figure, save
from minidl.viz._fonts import Lettering
from minidl.viz.cost import shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST = 2  # networks of one data set, to be compared with each other
PER_MILLION = 7.0  # square points of a bubble for a million parameters
SMALLEST = 9.0  # square points
KEYS = (1e6, 10e6, 100e6)  # parameters of the bubbles in the key
# Where a name may stand: from the edge of its bubble, in points, and which of its ends lies there.
SIDES = (
    ((1, 0), "left", "center"),
    ((-1, 0), "right", "center"),
    ((0, 1), "center", "bottom"),
    ((0, -1), "center", "top"),
    ((0.75, 0.75), "left", "bottom"),
    ((0.75, -0.75), "left", "top"),
    ((-0.75, 0.75), "right", "bottom"),
    ((-0.75, -0.75), "right", "top"),
    ((0.4, 1.6), "left", "bottom"),
    ((-0.4, 1.6), "right", "bottom"),
    ((0.4, -1.6), "left", "top"),
    ((-0.4, -1.6), "right", "top"),
)


def draw_zoo(path: str | os.PathLike[str], networks: Sequence[Mapping[str, Any]], *, title: str = "") -> None:
    """Draw networks as bubbles: multiply-adds to the right, the paper's accuracy upwards, parameters as area.

    Each data set has its own axes. Networks without a published accuracy, or alone with their data set, are left out
    and named below.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        networks: each with "name", "year", "macs", "parameters", "top1" (in percent) and "data" (of which data set);
            the name alone where nothing is published.
        title: stands above.

    Raises:
        ValueError: if there is nothing to compare, a number is missing or not above 0, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "zoo.png")
        >>> one = {"name": "alexnet", "year": 2012, "macs": 724_406_816, "parameters": 60_965_224, "top1": 59.3}
        >>> two = {"name": "vgg16", "year": 2014, "macs": 15_470_264_320, "parameters": 138_357_544, "top1": 73.0}
        >>> draw_zoo(path, [net | {"data": "ImageNet"} for net in (one, two)])
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_zoo", path)
    save(plot_zoo(networks, title=title), path)


def plot_zoo(networks: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """Return the figure that `draw_zoo` writes, with axes for each data set.

    Raises:
        ValueError: if there is nothing to compare, or a number is missing or no number above 0.
    """
    groups = _groups(networks)
    years = sorted({net["year"] for group in groups.values() for net in group})
    colours = dict(zip(range(years[0], years[-1] + 1), shades(years[-1] - years[0] + 1)))
    largest = max(map(len, groups.values()))
    heights = [max(2.2, 7.2 * len(group) / largest) for group in groups.values()]
    figure = new_figure(9.6, sum(heights) + 1.2 * len(groups), title)
    rows = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
    lettering = Lettering([net["name"] for net in networks], most=28)
    for axes, (data, group) in zip(rows, groups.items()):
        _bubbles(axes, data, group, colours)
    drawn = {net["name"] for group in groups.values() for net in group}
    _key(figure, rows[0], years, colours)
    left_out = [net["name"] for net in networks if net["name"] not in drawn]
    if left_out:
        figure.supxlabel(
            _broken(f"not drawn, for want of a published top-1 of just this network: {', '.join(left_out)}"), **NOTE
        )
    figure.draw_without_rendering()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # from now on every place is final
    for axes, group in zip(rows, groups.values()):
        _name(axes, group, lettering)
    return figure


NOTE: dict[str, Any] = {"fontsize": SMALL - 1, "color": INK, "x": 0.02, "ha": "left"}
LINE = 150  # letters of a line of the note


def _groups(networks: Any) -> dict[str, list[Mapping[str, Any]]]:
    """Return the networks that can be compared, by their data sets, the one with most of them first."""
    if not isinstance(networks, (list, tuple)) or not all(isinstance(net, Mapping) for net in networks):
        raise TypeError(f"draw_zoo: networks must be a list of rows, each a dict; received {shown(networks)}")
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for net in networks:
        told = net.get("top1") is not None
        for column in ("year", "macs", "parameters", "top1") if told else ():
            value = net.get(column)
            if not isinstance(value, NUMBERS) or isinstance(value, bool) or not 0 < value < 1e15:
                raise ValueError(
                    f"draw_zoo: {net.get('name')} must have a number > 0 as {column!r}; received {shown(value)}"
                )
        if told:
            groups.setdefault(str(net.get("data")), []).append(net)
    groups = {data: group for data, group in groups.items() if len(group) >= FEWEST}
    if not groups:
        names = some([str(net.get("name")) for net in networks])
        raise ValueError(f"draw_zoo: needs two networks of one data set with a published top-1; received {names}")
    return dict(sorted(groups.items(), key=lambda pair: -len(pair[1])))


def _bubbles(axes: Axes, data: str, group: Sequence[Mapping[str, Any]], colours: Mapping[int, Any]) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    group = sorted(group, key=lambda net: -net["parameters"])  # the small ones in front
    axes.scatter(
        [net["macs"] for net in group],
        [net["top1"] for net in group],
        s=[_area(net["parameters"]) for net in group],
        c=[colours[net["year"]] for net in group],
        alpha=0.75,
        linewidths=0.6,
        edgecolors=INK,
    )
    axes.set_xscale("log")
    axes.margins(0.09, 0.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("MACs for one picture")
    axes.set_ylabel("top-1 in the paper (%)")
    axes.set_title(data)
    axes.grid(True, color=INK, alpha=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    ink(axes)


def _area(parameters: float) -> float:
    return max(SMALLEST, PER_MILLION * parameters / 1e6)


def _key(figure: Figure, axes: Axes, years: Sequence[int], colours: Mapping[int, Any]) -> None:
    """Say which area is how many parameters, and which colour which year."""
    from matplotlib.lines import Line2D

    def dot(area: float, colour: Any) -> Any:
        return Line2D([], [], linestyle="", marker="o", markersize=area**0.5, color=colour, markeredgecolor=INK, **THIN)

    handles = [dot(_area(n), "none") for n in KEYS] + [dot(40, colours[year]) for year in years]
    labels = [f"{n / 1e6:.0f} M parameters" for n in KEYS] + [str(year) for year in years]
    axes.legend(
        handles, labels, loc="lower right", frameon=False, fontsize=SMALL, labelcolor=INK, labelspacing=1.1, ncols=2,
        borderpad=1.0, handletextpad=1.6,
    )  # fmt: skip


THIN: dict[str, Any] = {"markeredgewidth": 0.6}


def _name(axes: Axes, group: Sequence[Mapping[str, Any]], lettering: Lettering) -> None:
    """Write names beside their bubbles, where they cover neither a bubble nor another name; small bubbles first."""
    points = axes.figure.dpi / 72
    places = axes.transData.transform([(net["macs"], net["top1"]) for net in group])
    radii = [points * _area(net["parameters"]) ** 0.5 / 2 for net in group]
    legend = axes.get_legend()
    taken = [legend.get_window_extent()] if legend else []
    for i in sorted(range(len(group)), key=lambda i: radii[i]):
        net, away = group[i], radii[i] / points + 2.5
        best = None
        for (right, up), ha, va in SIDES:
            text = axes.annotate(
                lettering.show(net["name"]), (net["macs"], net["top1"]), xytext=(away * right, away * up), ha=ha, va=va,
                textcoords="offset points", fontsize=SMALL - 1.5, color=INK, annotation_clip=False,
            )  # fmt: skip
            lettering.mark([text], [net["name"]])
            box = text.get_window_extent()
            others = [j for j in range(len(group)) if j != i]
            crossed = _crossed(box, [places[j] for j in others], [radii[j] for j in others], taken, axes.bbox)
            if best is None or crossed < best[0]:
                if best is not None:
                    best[1].remove()
                best = (crossed, text, box)
            else:
                text.remove()
            if best[0] == 0:
                break
        if best is not None:
            taken.append(best[2])


def _crossed(box: Any, places: Sequence[Any], radii: Sequence[float], taken: Sequence[Any], whole: Any) -> float:
    """Return how much a name covers: other names most, then bubbles."""
    outside = 10 * (box.x0 < whole.x0 or box.x1 > whole.x1)
    names = 3 * sum(box.overlaps(other) for other in taken)
    covered = sum(_reaches(box, x, y, radius) for (x, y), radius in zip(places, radii))
    return outside + names + covered


def _reaches(box: Any, x: float, y: float, radius: float) -> bool:
    """Tell whether a bubble reaches into a box."""
    right, up = max(box.x0 - x, 0, x - box.x1), max(box.y0 - y, 0, y - box.y1)
    return bool(right**2 + up**2 < radius**2)


def _broken(text: str) -> str:
    """Break a text into lines."""
    import textwrap

    return "\n".join(textwrap.wrap(text, LINE, break_on_hyphens=False))

"""`minidl models`: which networks are there, and what is in one?"""

from __future__ import annotations

import inspect
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl.cli._cost import Depth, cost_as_dict, show_cost
from minidl.cli._learners import show_learner, show_learners
from minidl.cli._out import say, say_json

if TYPE_CHECKING:
    from minidl.cost import Cost
    from minidl.models import Entry, Network

TITLES = ("name", "family", "year", "parameters", "input", "weights")


class Sort(StrEnum):
    """Columns by which the list can be sorted."""

    FAMILY = "family"
    NAME = "name"
    YEAR = "year"
    PARAMETERS = "parameters"
    INPUT = "input"


def models(
    name: Annotated[str | None, typer.Argument(help="A network.", show_default="the list of all")] = None,
    part: Annotated[str | None, typer.Option("--filter", help="Only names or families with this in them.")] = None,
    family: Annotated[str | None, typer.Option(help="Only this family, such as ResNet.")] = None,
    sort: Annotated[Sort, typer.Option(help="Order of the list.")] = Sort.FAMILY,
    size: Annotated[int | None, typer.Option(min=1, help="Side of the pictures.", show_default="the paper's")] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="How many classes to tell apart.", show_default="the network's own")
    ] = None,
    width: Annotated[
        float | None, typer.Option(help="Factor of all widths, for the MobileNets and MnasNet.", show_default="1")
    ] = None,
    depth: Depth = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the listed networks as bubbles: cost and the paper's top-1. .svg or .png")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """List the networks, or show one: its paper, how it departs from it, and what each layer costs.

    Nothing is computed for that, so it takes no memory and no time, whatever the network. MACs are multiply-accumulates
    of convolutions and linear layers; FLOPs count additions and multiplications each once, in all operations.

    For example:

      minidl models --filter res --sort parameters

      minidl models vgg16

      minidl models resnet50 --depth 1 --size 320

      minidl models --plot zoo.svg
    """
    _check_options(
        name,
        {"--filter": part, "--family": family, "--plot": plot},
        {"--size": size, "--width": width, "--depth": depth},
    )
    if plot is not None:
        _draw(plot, part, family, classes)
        return 0
    if name is None:
        rows = _rows(part, family, sort, classes)
        if as_json:
            say_json(rows)
        else:
            _print_list(rows)
            if part is None and family is None:
                show_learners()
        return 0
    from minidl import cost
    from minidl.models import describe
    from minidl.models._learners import LEARNERS

    if name in LEARNERS:
        show_learner(name, size=size, depth=depth, as_json=as_json, classes=classes, width=width)
        return 0

    entry, net = describe(name), _unfilled(name, classes, width)
    found = cost.count(net, size)
    found = found if depth is None else found.at_depth(depth)
    if as_json:
        say_json(_as_dict(entry, net, found))
    else:
        _show_page(entry, net, found)
    return 0


def _check_options(name: str | None, of_list: dict[str, Any], of_one: dict[str, Any]) -> None:
    """Refuse options of the list for one network, and the other way round."""
    given = [option for option, value in (of_one if name is None else of_list).items() if value is not None]
    if given and name is None:
        raise typer.BadParameter(
            f"only for one network: {', '.join(given)}; give its name: minidl models NAME {given[0]}"
        )
    if given:
        raise typer.BadParameter(f"only for the list: {', '.join(given)}; leave out {name}")


def _unfilled(name: str, classes: int | None, width: float | None = None) -> Network:
    from minidl.models import get_model
    from minidl.nn import init

    with init.unfilled():
        return get_model(name, num_classes=classes, width_mult=width)


def _rows(part: str | None, family: str | None, sort: Sort, classes: int | None) -> list[dict[str, Any]]:
    """Return what is known of the networks that were asked for."""
    from minidl.models import describe, list_models

    entries = sorted(map(describe, list_models(part, family=family)), key=lambda entry: entry.place)
    rows = [_known(entry, _unfilled(entry.name, classes)) for entry in entries]
    if sort is not Sort.FAMILY:
        rows.sort(key=lambda row: (row["input"][-1] if sort is Sort.INPUT else row[sort], row["name"]))
    return rows


def _known(entry: Entry, net: Network) -> dict[str, Any]:
    return {
        "name": entry.name,
        "family": entry.family,
        "year": entry.year,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "input": [net.in_channels, entry.input_size, entry.input_size],
        "weights": entry.weights,
        "paper": entry.paper,
    }


def _draw(plot: Path, part: str | None, family: str | None, classes: int | None) -> None:
    """Draw the networks whose accuracy is published, and say how many these are."""
    from minidl import viz
    from minidl.cli._cost import judged
    from minidl.cli._table import counting
    from minidl.models import describe, list_models
    from minidl.viz._figure import check_format

    with judged():
        check_format("models", plot)
    entries, rows = list(map(describe, list_models(part, family=family))), list[dict[str, Any]]()
    with counting("network {done} of {all} …") as tell:
        for number, entry in enumerate(entries, 1):
            tell(number, len(entries))
            rows.append(_bubble(entry, classes))
    viz.draw_zoo(plot, rows, title="networks: what they cost, and the top-1 of their papers")
    say(f"{plot}: {sum('top1' in row for row in rows)} of {len(rows)} networks have a published top-1")


def _bubble(entry: Entry, classes: int | None) -> dict[str, Any]:
    """Return what a network costs and reaches; its name alone where nothing is published."""
    from minidl import cost

    found = entry.published
    if found is None:
        return {"name": entry.name}
    net = _unfilled(entry.name, classes)
    known = {"name": entry.name, "year": entry.year, "top1": found.top1, "data": found.data}
    macs = sum(map(cost.macs, cost.walk(net)))
    return known | {"macs": macs, "parameters": sum(parameter.numel() for parameter in net.parameters())}


def _print_list(rows: list[dict[str, Any]]) -> None:
    from minidl.cli._table import show

    cells = [
        (
            row["name"],
            row["family"],
            str(row["year"]),
            f"{row['parameters']:,}",
            "×".join(map(str, row["input"])),
            row["weights"] or "-",
        )
        for row in rows
    ]
    show(TITLES, cells, numbers=("parameters",))


def _show_page(entry: Entry, net: Network, cost: Cost) -> None:
    """Print the page of one network."""
    largest = f" to {net.largest}" if net.largest else " or more"
    facts = {
        "paper": f"{entry.paper} ({entry.year})",
        "family": entry.family,
        "variants": ", ".join(entry.file.VARIANTS),
        "input": f"{net.in_channels}×{entry.input_size}×{entry.input_size} ({net.smallest}{largest})",
        "weights": entry.weights or "none published under these names",
    }
    if entry.published is not None:
        facts["top-1"] = f"{entry.published.top1:g} % on {entry.published.data} ({entry.published.source})"
    lines = [entry.name, _text(entry.builder), "", *(f"{title:9} {text}" for title, text in facts.items())]
    say(*"\n".join([*lines, "", _text(entry.file)]).splitlines(), "")
    show_cost(cost)


def _as_dict(entry: Entry, net: Network, cost: Cost) -> dict[str, Any]:
    return {
        **_known(entry, net),
        "summary": _text(entry.builder),
        "story": _text(entry.file),
        "variants": list(entry.file.VARIANTS),
        **cost_as_dict(cost),
    }


def _text(documented: Any) -> str:
    """Return a docstring without its indentation."""
    return inspect.getdoc(documented) or ""

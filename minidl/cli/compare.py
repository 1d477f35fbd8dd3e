"""`minidl compare`: networks side by side, and what makes the second of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl.cli._cost import Batch, Depth, Dtype, Input, Json, Markdown, Measure, input_as_json, show_rows
from minidl.cli._out import say, say_json

if TYPE_CHECKING:
    from minidl.cost import Cost, Difference, Measured

SUMS = {  # title -> what of a cost it is
    "parameters": "parameters",
    "MACs for one input": "macs",
    "FLOPs for one input": "flops",
    "parameters, bytes": "parameter_bytes",
    "activations, bytes": "activation_bytes",
    "weight layers on the longest way": "depth",
}
CONVENTION = (
    "MACs are multiply-accumulates of convolutions and products, without biases; FLOPs count additions and "
    "multiplications each once, in all operations"
)


def compare(
    targets: Annotated[
        list[str], typer.Argument(help="Two networks or more, each a name or FILE.py:CLASS.", metavar="A B [C…]")
    ],
    size: Input = None,
    batch: Batch = 1,
    dtype: Dtype = None,
    depth: Depth = None,
    measure: Measure = False,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> int:
    """Put networks side by side, with their ratios to the first, and tell what changes from the first to each other.

    Layers are aligned so that the two networks have as much as possible in common; each change stands with what it
    costs, and the changes add up to the difference of the sums. FILE.py is run.

    For example:

      minidl compare alexnet zfnet

      minidl compare resnet50 resnext50_32x4d --depth 1

      minidl compare resnet18 mobilenet_v2 --measure --depth 1

      minidl compare vgg16 net.py:Net --input 3x224x224 --markdown
    """
    from minidl import cost
    from minidl.cli._cost import at_depth, judged, measured, show_measured, style_of
    from minidl.proof.student.network import network

    style = style_of(as_json, False, as_markdown)
    with judged("compare", targets):
        if len(targets) < 2:
            raise ValueError(f"compare: takes two networks or more; received {targets[0]} alone")
        (first, shape), *others = (
            network("compare", target, size=size, filled=measure, several=True) for target in targets
        )
        whole = [cost.difference(first, net, shape, dtype=dtype, batch=batch) for net, _ in others]
        every = [first, *(net for net, _ in others)]
        times = measured("compare", every, shape, batch, dtype) if measure else []
    differences = [at_depth(one, depth) for one in whole]
    costs = [whole[0].first, *(one.second for one in whole)]
    if style == "json":
        found = {"networks": list(map(_sums, costs)), "differences": list(map(_changes, differences))}
        say_json(found | ({"measured": list(map(asdict, times))} if times else {}))
        return 0
    _show_sums(costs, times, style)
    for one in differences:
        _show_difference(one, style)
    for one in times:
        show_measured(at_depth(one, depth), style)
    return 0


def _sums(cost: Cost) -> dict[str, Any]:
    """Return the sums of a network as JSON has them."""
    known = {"name": cost.name, "input": input_as_json(cost.input), "batch": cost.batch, "dtype": cost.dtype}
    return {**known, **{name: getattr(cost, name) for name in SUMS.values()}, "uncounted": cost.uncounted}


def _changes(of: Difference) -> dict[str, Any]:
    """Return a difference as JSON has it."""
    return {
        "first": of.first.name,
        "second": of.second.name,
        "alike": of.alike,
        "changes": [asdict(change) for change in of.changes],
    }


def _show_sums(costs: Sequence[Cost], times: Sequence[Measured], style: str) -> None:
    """Print a row for each sum; beside each network but the first, its ratio to the first."""
    from minidl.cost.example import written

    first, *others = costs
    names = _told_apart([cost.name for cost in costs])
    titles = ["sum", names[0], *(title for name in names[1:] for title in (name, f"{name} / {names[0]}"))]
    rows = [["input", written(first.input), *(cell for one in others for cell in (written(one.input), ""))]]
    for title, name in SUMS.items():
        base, *values = (getattr(cost, name) for cost in costs)
        ratios = (f"{value / base:.3g}" if base else "-" for value in values)
        pairs = zip((f"{value:,}" for value in values), ratios, strict=True)
        rows.append([title, f"{base:,}", *(cell for pair in pairs for cell in pair)])
    for way in ("forward", "backward") if times else ():
        base, *seconds = (getattr(one, way).seconds for one in times)
        pairs = zip((f"{1e3 * s:.3f}" for s in seconds), (f"{s / base:.3g}" for s in seconds), strict=True)
        rows.append([f"{way}, measured ms", f"{1e3 * base:.3f}", *(cell for pair in pairs for cell in pair)])
    show_rows(titles, rows, titles[1:], style)
    say("", CONVENTION)
    for cost, name in zip(costs, names, strict=True):
        if cost.uncounted:
            say(f"{name}: {cost.totals()[-1]}")


def _told_apart(names: list[str]) -> list[str]:
    """Give networks of the same name numbers."""
    return [f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names, 1)]


def _show_difference(of: Difference, style: str) -> None:
    """Print what changes from the first network to another."""
    titles, *rows, total = of.cells()
    say("", f"{'## ' * (style == 'markdown')}{of.first.name} → {of.second.name}", "")
    if not of.changes:
        say(f"all {of.alike} layers are alike")
        return
    show_rows(titles, [*rows, total], titles[-4:], style)

"""`minidl summary`: what does a network cost, layer by layer?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from minidl.cli._cost import Batch, Csv, Depth, Dtype, Input, Json, Markdown, Measure
from minidl.cli._cost_plots import FieldLayer, Optimizer, Picture, Plot, PlotField, PlotMemory, Training
from minidl.cli._out import put, say, say_json, shown

if TYPE_CHECKING:
    from minidl.cost import Cost, Measured, Memory


def summary(
    target: Annotated[str, typer.Argument(help="A network (vgg16), or FILE.py:CLASS.", metavar="MODEL|FILE.py:CLASS")],
    size: Input = None,
    batch: Batch = 1,
    dtype: Dtype = None,
    depth: Depth = None,
    measure: Measure = False,
    training: Training = False,
    optimizer: Optimizer = "sgd",
    plot: Plot = None,
    plot_memory: PlotMemory = None,
    plot_field: PlotField = None,
    picture: Picture = None,
    layer: FieldLayer = None,
    as_json: Json = False,
    as_csv: Csv = False,
    as_markdown: Markdown = False,
) -> int:
    """Count what a network costs, one of minidl's or your own, layer by layer and without computing anything.

    MACs are multiply-accumulates of convolutions and products, FLOPs additions and multiplications counted each once,
    in all operations, both for one input; below the table stands what each sum counts. FILE.py is run.

    For example:

      minidl summary vgg16

      minidl summary net.py:Net --input 3x32x32 --batch 128

      minidl summary resnet50 --depth 1 --dtype float16 --markdown

      minidl summary mobilenet_v2 --measure

      minidl summary vgg16 --batch 32 --training --optimizer adam --plot-memory memory.svg

      minidl summary alexnet --plot cost.svg --plot-field field.png --picture cat.jpg --layer pool
    """
    from minidl import cost
    from minidl.cli._cost import at_depth, judged, measured, style_of
    from minidl.cli._cost_plots import draw, field_of
    from minidl.proof.student.network import network
    from minidl.viz._figure import check_format

    style = style_of(as_json, as_csv, as_markdown)
    with judged("summary", [target]):
        for path in filter(None, (plot, plot_memory, plot_field)):
            check_format("summary", path)
        net, shape = network("summary", target, size=size, filled=measure or plot_field is not None, several=True)
        whole = cost.count(net, shape).stored(dtype, batch=batch)
        found = at_depth(whole, depth)
        if training and style == "csv":
            raise ValueError("summary: --csv has a row for each layer and no place for --training; take --json")
        step, times = None, None
        if training or plot_memory is not None:
            step = cost.memory(net, shape, batch=batch, dtype=dtype, optimizer=optimizer)
        if measure:
            times = at_depth(measured("summary", [net], shape, batch, dtype)[0], depth)
        seen = None if plot_field is None else field_of(net, whole, layer, picture)
    _show(found, step if training else None, times, style)
    said = draw(whole, step, seen, plot, plot_memory, plot_field)
    if not style and said:
        say("", *said)
    return 0


def _show(found: Cost, step: Memory | None, times: Measured | None, style: str) -> None:
    """Print the table in the form that is asked for, the memory of a training step, and what was measured."""
    from minidl.cli._cost import (
        cost_as_dict,
        cost_as_rows,
        measured_as_rows,
        put_csv,
        put_markdown,
        show_cost,
        show_measured,
        show_rows,
    )

    if style == "json":
        more = {name: asdict(one) for name, one in (("training", step), ("measured", times)) if one is not None}
        say_json(cost_as_dict(found) | more)
        return
    if style == "csv":
        rows = cost_as_rows(found)
        put_csv(rows if times is None else measured_as_rows(rows, found, times))
        return
    if style == "markdown":
        titles, *cells = found.cells()
        put_markdown(titles, cells, titles[-4:])
        put("\n" + "".join(f"- {shown(line)}\n" for line in found.totals()))
    else:
        show_cost(found)
    if step is not None:
        head, *kinds = step.cells()
        say("", *str(step).splitlines()[:1], "")
        show_rows(head, kinds, head[1:], style)
        say("", *step.notes())
    if times is not None:
        show_measured(times, style)

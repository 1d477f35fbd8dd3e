"""`minidl summary`: what does a network cost, layer by layer?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from minidl.cli._cost import Batch, Csv, Depth, Dtype, Input, Json, Markdown
from minidl.cli._cost_plots import FieldLayer, Optimizer, Picture, Plot, PlotField, PlotMemory, Training
from minidl.cli._out import put, say, say_json, shown

if TYPE_CHECKING:
    from minidl.cost import Cost, Memory


def summary(
    target: Annotated[str, typer.Argument(help="A network (vgg16), or FILE.py:CLASS.", metavar="MODEL|FILE.py:CLASS")],
    size: Input = None,
    batch: Batch = 1,
    dtype: Dtype = None,
    depth: Depth = None,
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

      minidl summary vgg16 --batch 32 --training --optimizer adam --plot-memory memory.svg

      minidl summary alexnet --plot cost.svg --plot-field field.png --picture cat.jpg --layer pool
    """
    from minidl import cost
    from minidl.cli._cost import at_depth, judged, style_of
    from minidl.cli._cost_plots import draw, field_of
    from minidl.proof.student.network import network
    from minidl.viz._figure import check_format

    style = style_of(as_json, as_csv, as_markdown)
    with judged():
        for path in filter(None, (plot, plot_memory, plot_field)):
            check_format("summary", path)
        net, shape = network("summary", target, size=size, filled=plot_field is not None)
        whole = cost.count(net, shape).stored(dtype, batch=batch)
        found = at_depth(whole, depth)
        step = None
        if training or plot_memory is not None:
            step = cost.memory(net, shape, batch=batch, dtype=dtype, optimizer=optimizer)
        seen = None if plot_field is None else field_of(net, whole, layer, picture)
    _show(found, step if training or style == "json" else None, style)
    said = draw(whole, step, seen, plot, plot_memory, plot_field)
    if not style and said:
        say("", *said)
    return 0


def _show(found: Cost, step: Memory | None, style: str) -> None:
    """Print the table in the form that is asked for, and the memory of a training step."""
    from minidl.cli._cost import cost_as_dict, cost_as_rows, put_csv, put_markdown, show_cost

    if style == "json":
        say_json(cost_as_dict(found) | ({"training": asdict(step)} if step else {}))
    elif style == "csv":
        put_csv(cost_as_rows(found))
    elif style == "markdown":
        titles, *rows = found.cells()
        put_markdown(titles, rows, titles[-4:])
        put("\n" + "".join(f"- {shown(line)}\n" for line in found.totals()))
    else:
        show_cost(found)
        if step is not None:
            say("", *str(step).splitlines())

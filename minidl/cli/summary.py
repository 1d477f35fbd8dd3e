"""`minidl summary`: what does a network cost, layer by layer?"""

from __future__ import annotations

from typing import Annotated

import typer

from minidl.cli._cost import Batch, Csv, Depth, Dtype, Input, Json, Markdown
from minidl.cli._out import put, say_json, shown


def summary(
    target: Annotated[str, typer.Argument(help="A network (vgg16), or FILE.py:CLASS.", metavar="MODEL|FILE.py:CLASS")],
    size: Input = None,
    batch: Batch = 1,
    dtype: Dtype = None,
    depth: Depth = None,
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
    """
    from minidl import cost
    from minidl.cli._cost import (
        at_depth,
        cost_as_dict,
        cost_as_rows,
        judged,
        put_csv,
        put_markdown,
        show_cost,
        style_of,
    )
    from minidl.proof.student.network import network

    style = style_of(as_json, as_csv, as_markdown)
    with judged():
        net, shape = network("summary", target, size=size)
        found = at_depth(cost.count(net, shape).stored(dtype, batch=batch), depth)
    if style == "json":
        say_json(cost_as_dict(found))
    elif style == "csv":
        put_csv(cost_as_rows(found))
    elif style == "markdown":
        titles, *rows = found.cells()
        put_markdown(titles, rows, titles[-4:])
        put("\n" + "".join(f"- {shown(line)}\n" for line in found.totals()))
    else:
        show_cost(found)
    return 0

"""What `summary`, `compare` and `models NAME` share: which network, in which form, and how its cost is shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minidl._text import columns, wide
from minidl.cli._out import put, say, shown

if TYPE_CHECKING:
    from minidl.cost import Cost

Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        help="One input: 3x224x224, or 224; 784, for a row of numbers; 20 tokens, or 20x15 of two sentences.",
        metavar="CxHxW",
        show_default="the network's own",
    ),
]
Batch = Annotated[int, typer.Option(min=1, help="How many inputs the activations are counted for.")]
Dtype = Annotated[
    str | None,
    typer.Option(help="Bytes as if stored in float8, float16, bfloat16, float32 or float64.", show_default="as it is"),
]
Depth = Annotated[
    int | None, typer.Option(min=1, help="One row for all layers that share so many parts of their path.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values, whole numbers all.")]
Measure = Annotated[
    bool, typer.Option("--measure", help="Run it here, too, and tell how long each layer takes, forward and backward.")
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print a table for a Markdown file.")]


@contextmanager
def judged(op: str = "", targets: Sequence[str] = ()) -> Iterator[None]:
    """Let what is wrong with the user's network, files or options end the command with the status 2.

    Whatever else comes out of a file of the user's becomes an error that names its line.
    """
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        error.status = 2  # type: ignore[union-attr]  # `cli.run` looks for it
        raise
    except Exception as error:
        from minidl.proof.student.network import blamed

        said = blamed(op, targets, error)
        if not said:
            raise
        mistake = ValueError(said)
        mistake.status = 2  # type: ignore[attr-defined]
        raise mistake from error


def style_of(as_json: bool, as_csv: bool, as_markdown: bool) -> str:
    """Return "json", "csv", "markdown" or "", and refuse two of them at once."""
    asked = [name for name, wanted in (("json", as_json), ("csv", as_csv), ("markdown", as_markdown)) if wanted]
    if len(asked) > 1:
        raise typer.BadParameter(f"one form at a time, not {' and '.join(f'--{name}' for name in asked)}")
    return asked[0] if asked else ""


def at_depth(found: Any, depth: int | None) -> Any:
    """Return a cost or a difference with as many rows as are asked for."""
    return found if depth is None else found.at_depth(depth)


def measured(op: str, nets: Sequence[Any], size: Any, batch: int, dtype: str | None) -> list[Any]:
    """Run networks on this machine, all against the same rates.

    Raises:
        ValueError: if a network computes in another type than is asked for, or cannot be measured.
    """
    from minidl import cost

    own = [next((str(parameter.dtype) for parameter in net.parameters()), "float32") for net in nets]
    for name in own:
        if dtype not in (None, name):
            raise ValueError(
                f"{op}: --measure runs the network in its own {name}; --dtype is a what-if; received --dtype {dtype}"
            )
    rates = {name: cost.this_machine(name) for name in dict.fromkeys(own)}
    return [cost.measure(net, size, batch=batch, of=rates[name]) for net, name in zip(nets, own, strict=True)]


def show_measured(found: Any, style: str) -> None:
    """Print how long each layer takes, forward and backward, and what the shares are of."""
    from minidl.cost.example import written

    for way in ("forward", "backward"):
        titles, *rows = found.cells(way)
        say("", f"{'## ' * (style == 'markdown')}{found.name} {way}, {found.batch} × {written(found.input)}", "")
        show_rows(titles, rows, titles[2:], style)
    say("", *found.notes())


def show_rows(titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str], style: str) -> None:
    """Print a table, for people or for Markdown."""
    from minidl.cli._table import show

    if style == "markdown":
        put_markdown(titles, rows, numbers)
    else:
        show(titles, rows, numbers=numbers)


def show_cost(cost: Cost) -> None:
    """Print what each layer costs: as the cost writes itself where there is room, else row by row."""
    from minidl.cli._table import show

    lines, room = str(cost).splitlines(), columns()
    if room is None or max(map(wide, lines)) <= room:
        say(*lines)
        return
    titles, *rows = cost.cells()
    say(lines[0], "")
    show(titles, rows, numbers=titles[-4:])
    say("", *cost.totals())


def cost_as_dict(cost: Cost) -> dict[str, Any]:
    """Return a cost as JSON has it."""
    memory = ("parameter_bytes", "gradient_bytes", "activation_bytes", "moved_bytes", "workspace_bytes")
    sums = ("parameters", "macs", "flops", "depth", "batch", "dtype", *memory)
    return {
        "name": cost.name,
        "input": input_as_json(cost.input),
        **{name: getattr(cost, name) for name in sums},
        "uncounted": cost.uncounted,
        "layers": [asdict(layer) for layer in cost.layers],
    }


def input_as_json(shape: Any) -> Any:
    """Return the shape of one input as JSON has it; where there are several, that of each by its name."""
    return {name: list(one) for name, one in shape.items()} if isinstance(shape, dict) else list(shape)


def measured_as_rows(rows: list[list[str]], cost: Cost, found: Any) -> list[list[str]]:
    """Return rows of plain values with those of a measurement behind them; what was not run has none."""
    of_a_pass = ("seconds", "flops", "moved_bytes")
    head = [f"{way}_{name}" for way in ("forward", "backward") for name in of_a_pass]
    timed, made = iter(found.layers), [[*rows[0], *head]]
    for row, layer in zip(rows[1:], cost.layers, strict=True):
        one = next(timed) if layer.output is not None else None
        passes = [None, None] if one is None else [one.forward, one.backward]
        values = ["" if way is None else plain(getattr(way, name)) for way in passes for name in of_a_pass]
        made.append([*row, *values])
    return made


def cost_as_rows(cost: Cost) -> list[list[str]]:
    """Return a cost as rows of plain values, the titles first: what a program reads."""
    from minidl.cost import Layer

    names = [field.name for field in fields(Layer)]
    return [names, *([plain(getattr(layer, name)) for name in names] for layer in cost.layers)]


def plain(value: Any) -> str:
    """Write a value for a program: a shape as 3x224x224, nothing as nothing."""
    if value is None:
        return ""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def put_csv(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as comma-separated values."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[shown(cell) for cell in row] for row in rows])
    put(text.getvalue())


def put_markdown(titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> None:
    """Print a table as Markdown has it; the columns of these titles are numbers, aligned to the right."""
    cells = [[shown(cell).replace("|", "\\|") for cell in row] for row in (titles, *rows)]
    rule = ["--:" if title in numbers else "---" for title in titles]
    put("".join(f"| {' | '.join(row)} |\n" for row in (cells[0], rule, *cells[1:])))

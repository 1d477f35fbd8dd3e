"""`minidl data`: what is in a data set?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from minidl.data import Info

app = typer.Typer(help="Look into data sets.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def info(
    where: Annotated[str, typer.Argument(help="The folder of a data set, or a name such as digits.", metavar="DIR")],
    classes: Annotated[str | None, typer.Option(help="Only these: a number, or names with commas.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="For the split, where the data set has none.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Read every picture, and tell classes, numbers, sizes and colours, and which files are broken.

    The exit status is 1 if a picture is broken.

    Example:
      minidl data info tiny-imagenet-200 --classes 10
    """
    from minidl.cli._text import encodable
    from minidl.data import describe, open_dataset

    dataset = open_dataset(where, classes, seed=seed)
    with _progress() as progress:
        found = describe(dataset, progress=progress)
    print(json.dumps(found.to_dict(), indent=2) if as_json else encodable(_text(found)))
    return 1 if found.broken else 0


def _text(found: Info) -> str:
    """Write what was found as lines of text."""
    from minidl.data._scan import printable, quoted

    kind = f"{found.kind}, " if found.kind != found.where else ""
    lines = [f"{printable(found.where)}: {kind}{len(found.classes)} classes", *found.notes]
    for name, part in (("training", found.train), ("validation", found.val)):
        sizes = [f"{c}×{h}×{width} ({n:,})" for (c, h, width), n in part.sizes.most_common(5)]
        more = f" and {len(part.sizes) - 5} more sizes" if len(part.sizes) > 5 else ""
        lines.append(f"{name:10}  {part.n:9,} pictures, {', '.join(sizes)}{more}")
    if found.statistics is not None:
        for name, numbers in (("mean", found.statistics.mean), ("deviation", found.statistics.std)):
            lines.append(f"{name:10}  {' '.join(f'{number:z9.4f}' for number in numbers)}  of the training pictures")
    ids, names = ([quoted(one) for one in group] for group in (found.ids, found.classes))
    width = max(len(one) for one in (*ids, "class"))
    lines += ["", f"{'class':{width}}  {'training':>9}  {'validation':>10}"]
    for known, name, train, val in zip(ids, names, found.train.counts, found.val.counts):
        lines.append(f"{known:{width}}  {train:9,}  {val:10,}" + (f"  {name}" if name != known else ""))
    lines.append("")
    lines += [f"broken: {printable(message)}" for message in found.broken.values()] or ["no broken files"]
    return "\n".join(lines)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how far it is: a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading pictures", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

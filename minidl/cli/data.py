"""`minidl data`: what is in a data set?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from minidl._text import draws
from minidl.cli._help import Command, Group
from minidl.cli._out import say, say_json

if TYPE_CHECKING:
    from minidl.data import Info

app = typer.Typer(cls=Group, help="Look into data sets.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        say(*context.get_help().splitlines())


@app.command(cls=Command)
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
    from minidl.data import describe, open_dataset

    dataset = open_dataset(where, classes, seed=seed)
    with _progress() as progress:
        found = describe(dataset, progress=progress)
    if as_json:
        say_json(found.to_dict())
    else:
        _show(found)
    return 1 if found.broken else 0


def _show(found: Info) -> None:
    """Print what was found."""
    from minidl._names import quoted
    from minidl.cli._table import show

    kind = f"{found.kind}, " if found.kind != found.where else ""
    say(f"{found.where}: {kind}{len(found.classes)} classes", *found.notes)
    for name, part in (("training", found.train), ("validation", found.val)):
        sizes = [f"{c}×{h}×{width} ({n:,})" for (c, h, width), n in part.sizes.most_common(5)]
        more = f" and {len(part.sizes) - 5} more sizes" if len(part.sizes) > 5 else ""
        say(f"{name:10}  {part.n:9,} pictures, {', '.join(sizes)}{more}")
    if found.statistics is not None:
        for name, numbers in (("mean", found.statistics.mean), ("deviation", found.statistics.std)):
            say(f"{name:10}  {' '.join(f'{number:z9.4f}' for number in numbers)}  of the training pictures")
    say("")
    titles, counts = ["class", "training", "validation"], (found.train.counts, found.val.counts)
    ids, names = (list(map(quoted, group)) for group in (found.ids, found.classes))
    rows = [[known, f"{train:,}", f"{val:,}"] for known, train, val in zip(ids, *counts)]
    if ids != names:
        titles.append("name")
        rows = [[*row, name if name != row[0] else ""] for row, name in zip(rows, names)]
    show(titles, rows, numbers=("training", "validation"))
    say("", *([f"broken: {message}" for message in found.broken.values()] or ["no broken files"]))


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how far it is: a bar on a terminal, nothing elsewhere."""
    if not draws(err=True):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading pictures", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

"""`minidl data`: what is in a data set, and how is it said in another layout?"""

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
    from minidl.data.boxes import BoxInfo

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
    on_error: Annotated[str, typer.Option(help="Of wrong boxes: raise, or skip.", metavar="raise|skip")] = "raise",
) -> int:
    """Read every picture, and tell classes, numbers, sizes and colours, and which files are broken.

    Pictures with boxes are known by their layout: VOC, COCO, KITTI, Open Images or YOLO. The exit status is 1 if a
    picture is broken.

    Example:
      minidl data info tiny-imagenet-200 --classes 10
    """
    from minidl.data import boxes, describe, open_dataset

    if boxes.kind_of(where):
        if classes is not None:
            raise ValueError("data info: --classes chooses among labels of pictures; of boxes all classes are told")
        dataset_of_boxes = boxes.open_boxes(where, seed=seed, on_error=on_error)
        with _progress() as progress:
            boxes_found = boxes.describe_boxes(dataset_of_boxes, progress=progress)
        say_json(boxes_found.to_dict()) if as_json else _show_boxes(boxes_found)
        return 1 if boxes_found.broken else 0
    dataset = open_dataset(where, classes, seed=seed)
    with _progress() as progress:
        found = describe(dataset, progress=progress)
    if as_json:
        say_json(found.to_dict())
    else:
        _show(found)
    return 1 if found.broken else 0


@app.command(cls=Command)
def convert(
    where: Annotated[str, typer.Argument(help="The folder of pictures with boxes.", metavar="SRC")],
    target: Annotated[str, typer.Argument(help="A new folder.", metavar="DST")],
    to: Annotated[str, typer.Option("--to", help="The layout to write.", metavar="voc|coco|yolo")],
    seed: Annotated[int, typer.Option(min=0, help="For the split, where the data set has none.")] = 0,
    on_error: Annotated[str, typer.Option(help="Of wrong boxes: raise, or skip.", metavar="raise|skip")] = "raise",
) -> None:
    """Write pictures with boxes in another layout, and tell what it has no place for.

    Example:
      minidl data convert bccd bccd-coco --to coco
    """
    from minidl.data import boxes

    dataset = boxes.open_boxes(where, seed=seed, on_error=on_error)
    with _progress("copying pictures") as progress:
        lost = boxes.convert(dataset, to, target, progress=progress)
    total = sum(map(len, dataset.parts.values()))
    say(*dataset.notes, *lost, f"{target}: {to}, {total:,} pictures, {len(dataset.classes)} classes")


def _show_boxes(found: BoxInfo) -> None:
    """Print what was found among pictures with boxes."""
    from minidl._names import quoted
    from minidl.cli._table import show

    say(f"{found.where}: {found.kind}, {len(found.classes)} classes of boxes", *found.notes)
    for name, part in found.parts.items():
        sizes = [f"{h}×{width} ({n:,})" for (h, width), n in part.pictures.most_common(5)]
        more = f" and {len(part.pictures) - 5} more sizes" if len(part.pictures) > 5 else ""
        small, medium, large = part.sizes
        say(f"{name:5}  {part.pictures.total():9,} pictures, {', '.join(sizes)}{more}; {part.empty:,} without boxes")
        marks = "".join(f", {n:,} {what}" for what, n in part.marks.items() if n)
        boxes = f"{sum(part.counts):9,} boxes: {small:,} small, {medium:,} medium, {large:,} large{marks}"
        say(f"{'':5}  {boxes}")
    say("")
    titles = ["class", *found.parts, "middle size"]
    rows = [
        [quoted(name), *(f"{part.counts[at]:,}" for part in found.parts.values()), _side(found, at)]
        for at, name in enumerate(found.classes)
    ]
    show(titles, rows, numbers=titles[1:])
    say("", *([f"broken: {message}" for message in found.broken.values()] or ["no broken files"]))


def _side(found: BoxInfo, at: int) -> str:
    """Say how large the boxes of a class are that there is to learn from."""
    width, h = found.parts["train"].sides[at]
    return "" if width != width else f"{width:.0f}×{h:.0f}"


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
def _progress(what: str = "reading pictures") -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how far it is: a bar on a terminal, nothing elsewhere."""
    if not draws(err=True):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

"""`minidl generate`: let the network of a run make pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minidl.cli._out import say


def generate(
    run: Annotated[Path, typer.Argument(help="The run folder, of a network that makes pictures.", metavar="RUN")],
    kind: Annotated[
        str | None, typer.Option("--class", help="A class, by its name or number.", show_default="all in turn")
    ] = None,
    n: Annotated[int, typer.Option("--n", help="How many pictures.")] = 64,
    steps: Annotated[int | None, typer.Option(help="Steps of the sampler.", show_default="50")] = None,
    guidance: Annotated[
        float | None, typer.Option(help="How much the class matters; 1 is as it was learnt.", show_default="3")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same pictures.")] = 0,
    like: Annotated[
        Path | None, typer.Option(help="A picture whose tokens are taken in the region.", show_default=False)
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Where: x0,y0,x1,y1 in pixels of what is made.", metavar="X0,Y0,X1,Y1", show_default=False),
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="last or best.")] = "last",
    out: Annotated[
        Path | None, typer.Option(help="A .png or .svg file.", show_default="generated.png in the run")
    ] = None,
) -> None:
    """Make pictures with the network of a run, and lay them out on a sheet.

    For example:

      minidl generate runs/dit_tiny-digits-1 --class 7

      minidl generate runs/dit_tiny-digits-1 --like three.png --region 0,0,32,16 --out threes.png
    """
    from minidl.training.generating import generate_run
    from minidl.viz import draw_samples
    from minidl.viz._figure import check_format

    file = run / "generated.png" if out is None else out
    check_format("generate", file)
    made = generate_run(
        run,
        n=n,
        kind=kind,
        steps=steps,
        guidance=guidance,
        seed=seed,
        like=like,
        region=None if region is None else _numbers(region),
        checkpoint=checkpoint,
    )
    classes = list(dict.fromkeys(made.names))
    what = (
        f"class {classes[0]}"
        if len(classes) == 1
        else f"{len(classes)} classes in turn"
        if classes
        else "without classes"
    )
    draw_samples(file, made.pictures, columns=made.columns, title=f"{made.about.config.model}: {what}")
    epochs = f"{made.about.epoch} epoch{'s' * (made.about.epoch != 1)}"
    say(file, f"{len(made.pictures)} pictures by {made.about.config.model} after {epochs}, {what}: {file}")


def _numbers(region: str) -> tuple[int, ...]:
    """Read x0,y0,x1,y1."""
    parts = [part.strip() for part in region.split(",")]
    if len(parts) != 4 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"generate: region must be four whole numbers x0,y0,x1,y1; received region={region}")
    return tuple(map(int, parts))

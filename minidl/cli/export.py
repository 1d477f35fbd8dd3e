"""`minidl export`: write a network for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from minidl.cli._out import say


class Format(StrEnum):
    """What can be written."""

    ONNX = "onnx"
    SAFETENSORS = "safetensors"


def export(
    source: Annotated[str, typer.Argument(help="A run folder, or a network's name.", metavar="RUN|MODEL")],
    out: Annotated[Path, typer.Option(help="The file; one that exists is replaced.")],
    to: Annotated[Format | None, typer.Option(help="The format.", show_default="as FILE ends")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Of a MODEL: a .safetensors, .npz or .pth file.", show_default="new weights")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="Of a RUN: best or last.")] = "best",
    size: Annotated[
        int | None, typer.Option(min=1, help="Side of the pictures.", show_default="the run's, or the paper's")
    ] = None,
) -> None:
    """Write the network of a run, or of the zoo, as ONNX or safetensors.

    ONNX (pip install 'minidl[onnx]') is run by ONNX Runtime and many others, and drawn by Netron. It takes any number
    of pictures of one size, and carries the names of the classes and how pictures are prepared.

    For example:

      minidl export runs/resnet18-pets-1 --out pets.onnx

      minidl export resnet50 --weights resnet50.pth --out resnet50.onnx
    """
    from minidl.export import export as run

    form = None if to is None else to.value
    done = run(source, out, to=form, weights_file=weights, checkpoint=checkpoint, size=size)
    pictures = "" if done.shape is None else f", for pictures of {'×'.join(map(str, done.shape))}"
    say(*done.notes, f"{done.path}: {done.model}{pictures}; weights: {done.weights}")

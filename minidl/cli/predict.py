"""`minidl predict`: what does a network see in these pictures?"""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from minidl.cli._out import json_text, put, say
from minidl.cli._table import shares

if TYPE_CHECKING:
    from minidl.predict import Prediction


def predict(
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Pictures: files, folders, patterns such as 'trip/*.jpg'. The folder of a run may stand first.",
            metavar="IMAGE",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None, typer.Option(help="A network's name.", show_default="efficientnet_lite0, or as the file says")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="A .safetensors, .npz or .pth file; a run's checkpoint brings its preparation and names.",
            show_default="those of minidl[demo]",
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(help="What the classes are called: imagenet, or a text file.", show_default="as the weights say"),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many answers for each picture.")] = 5,
    score: Annotated[float, typer.Option(help="Of boxes: how sure the network must be, 0 to 1.")] = 0.2,
    out: Annotated[
        Path | None, typer.Option(help="Of boxes: a folder for pictures with them.", show_default="nothing is drawn")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> int:
    """Name what is in pictures, with a network that was trained on ImageNet, or with that of a run; works offline.

    A run that has learnt to find things answers with boxes: their class, score and corners in pixels. Answers come in
    the order of the names. What is wrong with one keeps no other from its answer; the exit status is 1 in the end.

    For example:

      minidl predict cat.jpg dog.png --top 3

      minidl predict runs/resnet18-pets-1 holidays/
    """
    from minidl.cli._finding import find_things, is_finding
    from minidl.predict import Predictor

    run, files = _run_in_front(images)
    if run is not None and is_finding(run):
        from minidl.predict._finder import Finder

        return find_things(Finder(run), files, score, out, as_json=as_json)
    if out is not None:
        raise ValueError("predict: --out draws boxes, and this network finds none; leave it out")
    predictor = Predictor(model, weights, run=run, names=names)
    for note in predictor.notes:
        say(f"minidl: note: {note}", err=True)
    show = _Items() if as_json else _Tables()
    failed = False
    for prediction in predictor.answer(files, top=top):
        if prediction.error is not None:
            failed = True
            say(f"minidl: {prediction.error}", err=True)
        show.add(prediction)
    show.end()
    return 1 if failed else 0


def _run_in_front(images: list[Path]) -> tuple[Path | None, list[Path]]:
    """Return the run and the pictures: a folder with a config.json is a run."""
    if not (images[0] / "config.json").is_file():
        return None, images
    if len(images) == 1:
        raise typer.BadParameter(f"which pictures? minidl predict {images[0]} IMAGE", param_hint="IMAGE")
    return images[0], images[1:]


class _Tables:
    """Answers for people, each as soon as it is there; what is wrong was told already."""

    def add(self, prediction: Prediction) -> None:
        if prediction.error is None:
            shares(prediction.file, [(guess.probability, guess.name) for guess in prediction.top])

    def end(self) -> None:
        pass


class _Items:
    """One JSON list, written item by item."""

    def __init__(self) -> None:
        self.before = "[\n"

    def add(self, prediction: Prediction) -> None:
        put(self.before + indent(json_text(_as_dict(prediction)), "  "))
        self.before = ",\n"

    def end(self) -> None:
        put("[]\n" if self.before == "[\n" else "\n]\n")


def _as_dict(prediction: Prediction) -> dict[str, object]:
    top = [{"index": guess.index, "name": guess.name, "probability": guess.probability} for guess in prediction.top]
    error = {} if prediction.error is None else {"error": prediction.error}
    return {"file": prediction.file, "top": top, **error}

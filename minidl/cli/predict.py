"""`minidl predict`: what does a network see in these pictures?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from minidl.predict import Prediction


def predict(
    images: Annotated[list[Path], typer.Argument(help="Picture files.", metavar="IMAGE", show_default=False)],
    model: Annotated[
        str | None, typer.Option(help="A network's name.", show_default="efficientnet_lite0, or as the file says")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A .safetensors, .npz or .pth file.", show_default="those of minidl[demo]")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many answers for each picture.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> int:
    """Name what is in pictures, with a network that was trained on ImageNet; works offline.

    The exit status is 1 if any picture could not be read; the others are answered all the same.

    For example:

      minidl predict cat.jpg dog.png --top 3
    """
    from minidl.predict import predict as run

    failed = False
    collected = []
    for prediction in run(images, model=model, weights_file=weights, top=top):
        if prediction.error is not None:
            failed = True
            print(f"minidl: {prediction.error}", file=sys.stderr)
        elif not as_json:
            _print_table(prediction)
        collected.append(_as_dict(prediction))
    if as_json:
        print(json.dumps(collected, ensure_ascii=False, indent=2))
    return 1 if failed else 0


def _as_dict(prediction: Prediction) -> dict[str, object]:
    top = [{"index": guess.index, "name": guess.name, "probability": guess.probability} for guess in prediction.top]
    error = {} if prediction.error is None else {"error": prediction.error}
    return {"file": prediction.file, "top": top, **error}


def _print_table(prediction: Prediction) -> None:
    """Print the answers: a table on a terminal, plain aligned text elsewhere."""
    if not sys.stdout.isatty():
        print(prediction.file)
        for guess in prediction.top:
            print(f"{guess.probability:8.2%}  {guess.name}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(prediction.file), title_justify="left", show_header=False, box=None, padding=(0, 1))
    for guess in prediction.top:
        bar = "█" * round(guess.probability * 20)
        table.add_row(f"{guess.probability:.2%}", Text(guess.name), Text(bar, style="green"))
    Console().print(table)

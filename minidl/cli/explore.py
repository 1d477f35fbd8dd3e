"""`minidl explore`: see an operation at work, on a page of its own."""

from __future__ import annotations

import os
import sys
import webbrowser
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from minidl.cli._out import say


class Language(StrEnum):
    """Of the captions."""

    EN = "en"
    KO = "ko"


def explore(
    what: Annotated[
        str,
        typer.Argument(help="conv, conv-transpose, depthwise, …; a run, or a network", metavar="OPERATION|RUN|MODEL"),
    ] = "conv",
    image: Annotated[
        str | None,
        typer.Argument(help="What the network looks at: a picture, or the number of a validation picture of the run."),
    ] = None,
    input: Annotated[str | None, typer.Option(help="The input.", metavar="CxHxW")] = None,
    filters: Annotated[int | None, typer.Option(help="Kernels, which are output channels.")] = None,
    kernel: Annotated[str | None, typer.Option(help="Size of the window: 3 or 3x5.", metavar="K")] = None,
    stride: Annotated[str | None, typer.Option(help="Step of the window: 2 or 2x1.", metavar="S")] = None,
    padding: Annotated[str | None, typer.Option(help="1, 1x2 or top,bottom,left,right.", metavar="P")] = None,
    dilation: Annotated[str | None, typer.Option(help="Distance between the taps.", metavar="D")] = None,
    groups: Annotated[int | None, typer.Option(help="Groups of channels.")] = None,
    set: Annotated[
        list[str] | None,
        typer.Option(help="Any other setting, such as eps=0.001; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of the network.", show_default="new ones")] = None,
    epochs: Annotated[bool, typer.Option("--epochs", help="A slider over the checkpoints of the run.")] = False,
    of: Annotated[
        list[str] | None,
        typer.Option("--class", help="A class whose loss goes back, besides the answer; may be repeated."),
    ] = None,
    side: Annotated[
        int | None, typer.Option("--size", help="Side of the picture.", min=1, show_default="the run's, or the paper's")
    ] = None,
    lang: Annotated[Language, typer.Option(help="Of the captions.")] = Language.EN,
    out: Annotated[Path | None, typer.Option(help="The file.", show_default="OPERATION.html")] = None,
    text: Annotated[bool, typer.Option("--text", help="Step through it here, in the terminal; write no page.")] = False,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open it in a browser, where there is one.")] = True,
) -> None:
    """Show an operation, or your network on your picture, forward and backward, on a page that works offline.

    Without settings it is the worked example of a lecture: 308 - 498 + 164 + 1 = -25.

    For example:

      minidl explore conv --input 3x6x6 --filters 2 --kernel 3 --stride 2 --padding 1

      minidl explore max-pool --set ceil_mode=true

      minidl explore runs/lenet5_modern-digits-1 3

      minidl explore resnet18 cat.jpg --weights resnet18.pth
    """
    from minidl.teach import explore as show
    from minidl.teach.explorer.settings import OPERATIONS
    from minidl.teach.explorer.spelling import read

    if text and what not in OPERATIONS:
        _in_terminal(what, image, lang.value, weights_file=weights, size=side, of=of or ())
        return
    asked: dict[str, Any] = {"input": input, "filters": filters, "kernel": kernel, "stride": stride}
    asked |= {"padding": padding, "dilation": dilation, "groups": groups}
    asked = read(asked, set or ()) | ({} if side is None else {"size": side})
    page = show(what, image, lang=lang.value, weights_file=weights, epochs=epochs, of=of or (), **asked)
    if text:
        _step_through(page.scene, lang.value)
        return
    path = page.save(out or f"{Path(what).resolve().name}.html")
    if opens and _desktop():
        webbrowser.open(path.resolve().as_uri())
    say(f"{path}: {page.title}")


def _in_terminal(what: str, image: str | None, lang: str, **asked: Any) -> None:
    """Step through a network where there is a terminal; elsewhere its table is printed alone."""
    from rich.console import Console

    from minidl.teach.explorer.network import portrait_of
    from minidl.teach.explorer.network.terminal import walk

    found = portrait_of(what, image, **asked)
    walk(found, Console(), input if sys.stdin.isatty() else _nobody, lang)


def _nobody(question: str) -> str:
    raise EOFError


def _step_through(scene: Any, lang: str) -> None:
    """Print step by step what a terminal can show; a pipe gets a line a cell."""
    from rich.console import Console

    from minidl.teach.explorer.text import walk

    for piece in walk(scene, lang):
        say(piece) if isinstance(piece, str) else Console().print(piece)


def _desktop() -> bool:
    """Tell whether there is a desktop on which a page can be opened."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

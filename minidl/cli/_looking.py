"""The options that say how R-CNN looks at boxes, declared once for all commands that have them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

Network = Annotated[
    str | None, typer.Option("--network", help="One of the zoo.", show_default="the tuned one, or efficientnet_lite0")
]
Weights = Annotated[Path | None, typer.Option(help="Its weights.", show_default="the tuned ones, or minidl[demo]'s")]
Size = Annotated[int | None, typer.Option(help="The side of a window.", show_default="the network's")]
Context = Annotated[int, typer.Option(help="Pixels of a window around the box.")]
Shape = Annotated[str, typer.Option(help="How a box becomes a window.", metavar="warp|square|bare")]
Features = Annotated[str, typer.Option("--features", help="The network that makes them.")]
Look = dict[str, Any]  # what `rcnn.Look` takes


def _look(
    network: Network = None, weights: Weights = None, size: Size = None, context: Context = 16, shape: Shape = "warp"
) -> Look:
    """Return what the options that say how boxes are looked at have said."""
    return {"model": network, "weights": weights, "size": size, "context": context, "shape": shape}


def looking(**changed: tuple[Any, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `_look` in place of its argument `look`: typer finds them in the signature.

    Args:
        changed: of an option, how it is declared for this command instead, and its default.
    """
    options = [
        one if one.name not in changed else one.replace(annotation=changed[one.name][0], default=changed[one.name][1])
        for one in inspect.signature(_look, eval_str=True).parameters.values()
    ]

    def given(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())
        at = next(place for place, one in enumerate(own) if one.name == "look")
        whole = [*own[:at], *options, *own[at + 1 :]]

        @wraps(command)
        def run(**said: Any) -> None:
            command(
                **{one.name: said[one.name] for one in own if one.name != "look"},
                look=_look(*(said[one.name] for one in options)),
            )

        run.__signature__ = inspect.Signature(whole)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in whole}
        return run

    return given

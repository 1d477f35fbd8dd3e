"""A network on a picture in a terminal: a table of all layers, then one layer after the other, with its largest map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl._heat import colours, shrink
from minidl.teach.explorer.network.gather import Portrait, norm
from minidl.teach.explorer.network.windows import Window, as_maps, window_of
from minidl.teach.explorer.words import words

if TYPE_CHECKING:
    from rich.console import Console

SIDE = 28  # numbers of a map along a side, at most
KEYS = {"": 1, "n": 1, "b": -1}


def table(found: Portrait) -> Any:
    """Return all layers as a table of rich, with the norm of the gradient at each."""
    from rich.table import Table

    moment = found.moments[-1]
    label = found.subject.classes[moment.backs[0].label]
    shown = Table(title=f"{found.subject.name}, {found.subject.title}", header_style="bold")
    for name in ("", "layer", "operation", "output", "parameters", "MACs", f"‖dL/dy‖, L of {label}"):
        shown.add_column(name, justify="left" if name in ("layer", "operation") else "right", overflow="fold")
    for number, layer in enumerate(found.layers):
        y, dy = moment.way.steps[layer.step].output, moment.backs[0].way.dy.get(layer.step)
        cells = (layer.path, layer.op, _shape(y), f"{layer.parameters:,}", f"{layer.macs:,}", f"{norm(dy):.3g}")
        shown.add_row(str(number), *cells)
    return shown


def layer_lines(found: Portrait, number: int, lang: str = "en") -> Iterator[Any]:
    """Yield what a terminal shows of one layer: its facts, its largest map, and how its largest number was made.

    Args:
        found: the network on its picture.
        number: of the layer.
        lang: of the captions.
    """
    from rich.text import Text

    said, layer, moment = words(lang), found.layers[number], found.moments[-1]
    event = moment.way.steps[layer.step]
    y = as_maps(event.output)
    channel = int(np.abs(y).max(axis=(1, 2)).argmax())
    yield Text(f"{number}  {layer.path} {layer.op}  → {_shape(event.output)}".replace("  ", " "), style="bold")
    if about := said.get(f"network_op.{layer.op}"):
        yield about
    yield (
        said["network.parameters"].format(n=f"{layer.parameters:,}")
        + ", "
        + said["network.macs"].format(n=f"{layer.macs:,}")
    )
    if y[0].size > 1:
        yield said["network.map_label"].format(n=channel)
        yield drawn(shrink(y[channel], SIDE))
    window = window_of(event, channel)
    if window is not None and window.is_told():
        yield from _made(window, layer.op, said, single=y[0].size == 1)


def _made(window: Window, op: str, said: dict[str, str], *, single: bool) -> Iterator[str]:
    """Yield how the number of a window was made."""
    place = said["network.unit_n"] if single else said["network.place"]
    yield f"{place.format(n=window.channel, r=window.at[0], c=window.at[1])}: y = {window.y:.6g}"
    if window.op != "conv":
        return
    x, w, b = (window.operands[name] for name in ("x", "w", "b"))
    set_ = window.settings
    rows, columns = (
        window.cell[1 + axis] * set_["stride"][axis] + set_["dilation"][axis] * np.arange(set_["kernel"][axis])
        for axis in (0, 1)
    )
    padded = np.pad(x, ((0, 0), *map(tuple, set_["padding"])))
    parts = (padded[:, rows][:, :, columns].astype(np.float64) * w[0]).sum(axis=(1, 2))
    name = said["network.input_n" if op == "linear" else "network.channel_n"]
    lines = [f"{part:+.6g} ({name.format(n=one)})" for one, part in zip(window.channels, parts, strict=True)]
    others = [f"{window.rest:+.6g} ({said['network.all_others']})"] if window.rest else []
    bias = float(b[0]) - window.rest
    yield "  " + " ".join([*lines, *others, f"{bias:+.6g} ({said['network.bias']})"])


def drawn(plane: np.ndarray) -> Any:
    """Return a map as blocks of colour, two rows of numbers in one of letters.

    Example:
        >>> drawn(np.array([[1.0, -1.0], [0.0, 1.0]])).plain
        '▀▀'
    """
    from rich.text import Text

    rgb = colours(plane)
    if len(rgb) % 2:
        rgb = np.concatenate([rgb, rgb[-1:]])
    text = Text()
    for row in range(0, len(rgb), 2):
        for up, down in zip(rgb[row], rgb[row + 1]):
            text.append("▀", style=f"rgb({','.join(map(str, up))}) on rgb({','.join(map(str, down))})")
        if row + 2 < len(rgb):
            text.append("\n")
    return text


def walk(found: Portrait, console: Console, ask: Callable[[str], str], lang: str = "en") -> None:
    """Show the table, then one layer after the other, as far as the reader asks for it.

    Args:
        found: the network on its picture.
        console: of rich.
        ask: shows a question and returns what was typed; an EOFError ends.
        lang: of the captions.
    """
    said, number = words(lang), -1
    console.print(table(found))
    while True:
        try:
            typed = ask(said["network.step_keys"]).strip().lower()
        except EOFError:
            return
        if typed == "q":
            return
        number = int(typed) if typed.isdecimal() else number + KEYS.get(typed, 0)
        number = max(0, min(len(found.layers) - 1, number))
        for line in layer_lines(found, number, lang):
            console.print(line)


def _shape(array: Any) -> str:
    return "×".join(map(str, array.shape[1:])) or "1"

"""The plots of `minidl summary`, from what was counted."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np

    from minidl.cost import Cost, Memory
    from minidl.nn import Module

Training = Annotated[
    bool, typer.Option("--training", help="Also what a training step holds in memory, and when most of it.")
]
Optimizer = Annotated[str, typer.Option(help="The optimiser of that step: sgd, sgd+momentum, adam …")]
Plot = Annotated[Path | None, typer.Option(help="Draw where the cost lies, into a .svg or .png.", metavar="FILE")]
PlotMemory = Annotated[
    Path | None, typer.Option(help="Draw the memory of a training step as a timeline.", metavar="FILE")
]
PlotField = Annotated[Path | None, typer.Option(help="Draw what one unit sees of a picture.", metavar="FILE")]
Picture = Annotated[Path | None, typer.Option(help="The picture for --plot-field.", show_default="random numbers")]
FieldLayer = Annotated[
    str | None, typer.Option("--layer", help="The layer for --plot-field.", show_default="the last with a map")
]


def field_of(net: Module, cost: Cost, layer: str | None, picture: Path | None) -> tuple[np.ndarray, Any]:
    """Return a picture as the network takes it, and what the middle unit of a layer sees of it.

    Raises:
        ValueError: if the input is no picture, or there is no such layer.
    """
    import numpy as np

    from minidl.cost import empirical_field
    from minidl.cost.example import is_picture, written

    if not is_picture(cost.input):
        raise ValueError(f"summary: --plot-field needs a network for pictures; this one takes {written(cost.input)}")
    if layer is None:
        maps = [row.path for row in cost.layers if row.path and row.field is not None and not row.field.is_whole]
        layer = maps[-1] if maps else None
    pixels = _pixels(picture, cost.input)
    centred = (pixels - pixels.mean()) / (pixels.std() or 1)
    return pixels, empirical_field(net, cost.input, layer, picture=centred.astype(np.float32))


def _pixels(picture: Path | None, shape: tuple[int, ...]) -> np.ndarray:
    """Return a picture file in a shape (C, H, W), from 0 to 1: the middle of it, brought to size; or random numbers."""
    import numpy as np

    if picture is None:
        return np.random.default_rng(0).random(shape)
    from PIL import ImageOps

    from minidl.data.images import open_picture

    c, h, width = shape
    image = ImageOps.fit(open_picture(picture), (width, h))
    pixels = np.asarray(image, dtype=np.float64).transpose(2, 0, 1) / 255
    return pixels if c == 3 else np.repeat(pixels.mean(axis=0, keepdims=True), c, axis=0)


def draw(
    cost: Cost, step: Memory | None, seen: Any, plot: Path | None, plot_memory: Path | None, plot_field: Path | None
) -> list[str]:
    """Draw what was asked for, and return a line for each file."""
    from minidl import viz
    from minidl.cost import parts
    from minidl.cost.example import written

    said = []
    if plot is not None:
        viz.draw_cost(plot, parts(cost), title=f"{cost.name}: where its cost lies")
        said.append(f"{plot}: where parameters, MACs and activations lie")
    if plot_memory is not None and step is not None:
        shape = written(step.input)
        title = f"{step.name}: a training step, {step.batch} × {shape}, {step.dtype}, {step.optimizer}"
        viz.draw_memory(plot_memory, [asdict(moment) for moment in step.moments], title=title)
        said.append(f"{plot_memory}: live bytes of a training step")
    if plot_field is not None:
        picture, found = seen
        where = f"{cost.name}, {found.layer or 'its result'}, unit {found.unit}"
        viz.draw_field(plot_field, picture, found.gradient, found.expected, title=where)
        said.append(f"{plot_field}: what unit {found.unit} of {found.layer or 'the result'} sees of the picture")
    return said

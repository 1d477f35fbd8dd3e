"""The feature maps of one picture: what is left of it after each block of a network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minidl import _backend
from minidl._checks import shown, to_numbers
from minidl._heat import as_rgb, shrink
from minidl.nn import Module, MultiheadAttention
from minidl.tensor import Event, Tensor, no_grad, observe
from minidl.viz._figure import INK, SMALL, check_format, new_sheet, put, save, top_for
from minidl.viz._fonts import columns, write
from minidl.viz._tiles import centred, fit, mosaic, opaque, to_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BLOCKS = 20
MOST_MAPS = 8
MOST_LETTERS = 40  # of a block's path
SIDE = 112  # pixels of a map as drawn: a multiple of 56, 28, 14 and 7, as maps of ImageNet's pictures are
HEIGHT = SIDE + 20  # of a row, with the numbers of the channels
GAP = 4
LETTER = 10  # pixels of a letter of a label


class Row(NamedTuple):
    """What is drawn side by side: the label at the left, the tiles (H, W, 4), and what stands above each."""

    label: str
    tiles: list[np.ndarray]
    channels: list[str]

    def lines(self) -> list[str]:
        """Return the lines of the label."""
        return self.label.split("\n")


def feature_maps(net: Module, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each block of a network makes of one picture.

    The blocks are the parts of the network that begin with a convolution: conv1, layer1, layer2, … of a ResNet, each
    inception of GoogLeNet. Where one part holds all convolutions, such as `features` of VGG, its own parts are the
    blocks. Norms and activations belong to the convolution before them; the maps are those before a pooling. A part
    with attention is a block, too: its tokens, less the one for the class, lie where their patches did.

    Args:
        net: the network; it runs in eval mode and is put back into the mode it had.
        x: the picture (C, H, W) as the network expects it, on any device.

    Returns:
        For each block, in the order in which they run, its maps (channels, H, W).

    Raises:
        ValueError: if x has no three axes, or does not fit the network.

    Example:
        >>> from minidl import models
        >>> maps = feature_maps(models.get_model("resnet20_cifar"), np.zeros((3, 32, 32), dtype="float32"))
        >>> {name: array.shape for name, array in maps.items()}
        {'conv1': (16, 32, 32), 'layer1': (16, 32, 32), 'layer2': (32, 16, 16), 'layer3': (64, 8, 8)}
    """
    if not isinstance(net, Module) or not _backend.is_array(x):
        found = f"a {type(net).__name__} and a {type(x).__name__}"
        raise TypeError(f"feature_maps: expects a module and an array (C, H, W); received {found}")
    if len(x.shape) != 3:
        raise ValueError(f"feature_maps: x must be one picture (C, H, W); x.shape={tuple(x.shape)}")
    blocks = _blocks(net)
    parts = dict(net.named_modules())
    of_tokens = [block for block in blocks if _attends(parts[block])]
    maps: dict[str, np.ndarray] = {}
    current, grid = "", (0, 0)

    def watch(event: Event) -> None:
        nonlocal current, grid
        y, inside = event.output, next((block for block in blocks if _inside(event.module, block)), "")
        current = inside or (current if y.ndim == 4 else "")  # what follows rows or tokens is no map of that block
        if current in of_tokens:
            if grid[0] and y.ndim == 3 and y.shape[1] - grid[0] * grid[1] in (0, 1):
                maps[current] = y[0, -grid[0] * grid[1] :].T.reshape(-1, *grid)
        elif current and y.ndim == 4 and "pool" not in event.op:
            maps[current], grid = y[0], y.shape[2:]

    with net.modes_kept(), no_grad(), observe(watch):
        net.eval()(Tensor(_backend.to_device(x, _device(net))[None]))
    return {name: _backend.to_numpy(array) for name, array in maps.items()}


def _blocks(net: Module) -> list[str]:
    """Return the paths of the parts of a network that hold a convolution's weights, or attention."""
    prefix, part = "", net
    while True:
        inside = {
            name: child
            for name, child in part.named_children()
            if _attends(child) or any(len(parameter.shape) == 4 for parameter in child.parameters())
        }
        if len(inside) != 1:
            return [prefix + name for name in inside]
        ((name, part),) = inside.items()
        if not list(part.children()):
            return [prefix + name]
        prefix += f"{name}."


def _attends(part: Module) -> bool:
    return any(isinstance(module, MultiheadAttention) for module in part.modules())


def _inside(path: str, block: str) -> bool:
    return path == block or path.startswith(f"{block}.")


def _device(net: Module) -> str:
    return next((parameter.device for parameter in net.parameters()), "cpu")


def draw_feature_maps(
    path: str | os.PathLike[str],
    maps: Mapping[str, np.ndarray],
    picture: np.ndarray | None = None,
    *,
    title: str = "",
) -> None:
    """Draw the feature maps of one picture into a PNG or SVG file: a row for each block.

    Of each block the eight maps are drawn that vary most over the picture, in the order of their channels, whose
    numbers (from 0) stand above. The maps of a block share one scale, from dark blue to yellow, whose ends stand at the
    left. Beyond them lies one number in a hundred on either side, so that a single one, say at the border, does not
    make all others look alike. Maps larger than 112 pixels are averaged, each number of smaller ones is a square of
    whole pixels; of more than 20 blocks, 20 are drawn.

    Args:
        path: the file, .png or .svg; one that exists is replaced in one go.
        maps: for each block its maps (channels, H, W); see `feature_maps`.
        picture: what the network saw (C, H, W), see `viz.as_rgb`; None (default) leaves it out.
        title: stands above.

    Raises:
        ValueError: if there is no map, one has no three axes or is not finite, or the path is another one.
        OSError: if the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "maps.png")
        >>> draw_feature_maps(path, {"conv1": np.random.default_rng(0).standard_normal((6, 28, 28))})
        >>> os.path.getsize(path) > 1000
        True
    """
    check_format("draw_feature_maps", path)
    save(plot_feature_maps(maps, picture, title=title), path)


def plot_feature_maps(maps: Mapping[str, np.ndarray], picture: np.ndarray | None = None, *, title: str = "") -> Figure:
    """Return the figure that `draw_feature_maps` writes, with axes for the picture and for each block.

    Raises:
        ValueError: if there is no map, or one has no three axes or is not finite.
    """
    maps = _check(maps)
    picture = None if picture is None else to_picture("draw_feature_maps", "picture", picture)
    names = list(maps)
    if len(names) > MOST_BLOCKS:
        names = [names[i] for i in np.linspace(0, len(names) - 1, MOST_BLOCKS).round().astype(int)]
    rows = [_block(name, maps[name]) for name in names]
    if picture is not None:
        rgb = fit(as_rgb(picture).transpose(2, 0, 1), SIDE).transpose(1, 2, 0)
        rows.insert(0, Row("picture\n" + _sides(picture), [opaque(rgb / 255)], []))
    top, left = (
        top_for(title),
        24 + LETTER * max(columns(line[:MOST_LETTERS]) for row in rows for line in row.lines()),
    )
    figure = new_sheet(left + MOST_MAPS * (SIDE + GAP), top + len(rows) * HEIGHT + GAP, title)
    for number, row in enumerate(rows):
        _draw(figure, row, left, top + number * HEIGHT + HEIGHT - SIDE)
    return figure


def _check(maps: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the maps as float64, judged."""
    if not isinstance(maps, Mapping) or not all(isinstance(name, str) for name in maps):
        raise TypeError(f"draw_feature_maps: maps must be a dict, name: (channels, H, W); received maps={shown(maps)}")
    if not maps:
        raise ValueError("draw_feature_maps: there is no map to draw; maps is empty")
    found = {name: to_numbers("draw_feature_maps", "a map", one).astype(np.float64) for name, one in maps.items()}
    for name, one in found.items():
        if one.ndim != 3 or not one.size:
            raise ValueError(f"draw_feature_maps: maps must have 3 axes (channels, H, W); {name} has shape {one.shape}")
        if not np.isfinite(one).all():
            raise ValueError(f"draw_feature_maps: maps must be finite; {name} holds NaN or infinities")
    return found


def liveliest(maps: np.ndarray, most: int = MOST_MAPS) -> np.ndarray:
    """Return the channels whose maps (channels, H, W) vary most over the picture, at most so many, in their order."""
    spread = maps.std(axis=(1, 2)) if maps[0].size > 1 else np.abs(maps[:, 0, 0])
    return np.sort(np.argsort(-spread, kind="stable")[:most])


def scale_of(shown: np.ndarray) -> tuple[float, float]:
    """Return the ends of the scale of some maps: one number in a hundred lies beyond, on either side."""
    low, high = (float(end) for end in np.quantile(shown, (0.01, 0.99)))
    return (low, high) if low < high else (float(shown.min()), float(shown.max()))


def _block(name: str, maps: np.ndarray) -> Row:
    from matplotlib import colormaps

    chosen = liveliest(maps)
    shown = shrink(maps[chosen], SIDE)
    low, high = scale_of(shown)
    tiles = list(colormaps["viridis"]((fit(shown, SIDE) - low).clip(0, high - low) / ((high - low) or 1)))
    label = f"{name}\n{_sides(maps)}\n{low:.2g} … {high:.2g}"
    if shown.max() > high or shown.min() < low:
        label += f"\n(all: {shown.min():.2g} … {shown.max():.2g})"
    return Row(label, tiles, [str(channel) for channel in chosen])


def _sides(maps: np.ndarray) -> str:
    return " × ".join(map(str, maps.shape))


def _draw(figure: Figure, row: Row, left: int, top: int) -> None:
    """Draw tiles side by side, with the label of the row at the left and those of the tiles above."""
    places = [centred(tile, SIDE) for tile in row.tiles]
    axes = put(figure, mosaic(places, len(places), GAP), left, top)
    axes.set_ylabel("", rotation=0, ha="right", va="center", fontsize=SMALL - 0.5, color=INK)
    write(axes.yaxis.label, row.label, MOST_LETTERS)
    for place, (tile, channel) in enumerate(zip(row.tiles, row.channels)):
        above = (SIDE - tile.shape[0]) // 2 - 3, (SIDE - tile.shape[1]) // 2 + place * (SIDE + GAP)
        axes.text(above[1], above[0], channel, fontsize=6, color=INK, ha="left", va="bottom")

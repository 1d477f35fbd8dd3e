"""The feature maps of one picture: what is left of it after each block of a network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from minidl import _backend
from minidl._checks import shown, to_numbers
from minidl._heat import as_rgb
from minidl.nn import Module
from minidl.tensor import Event, Tensor, no_grad, observe
from minidl.viz._figure import INK, SMALL, bare, check_format, new_figure, room_for, save
from minidl.viz._fonts import write
from minidl.viz._tiles import fit, mosaic, opaque, to_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BLOCKS = 20
MOST_MAPS = 8
MOST_LETTERS = 40  # of a block's path
SIDE = 64  # pixels of a map as drawn
GAP = 2


def feature_maps(net: Module, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each block of a network makes of one picture.

    The blocks are the parts of the network that begin with a convolution: conv1, layer1, layer2, … of a ResNet, each
    inception of GoogLeNet. Where one part holds all convolutions, such as `features` of VGG, its own parts are the
    blocks. Norms and activations belong to the convolution before them; the maps are those before a pooling.

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
    maps: dict[str, np.ndarray] = {}
    current = ""

    def watch(event: Event) -> None:
        nonlocal current
        current = next((block for block in blocks if _inside(event.module, block)), current)
        if current and event.output.ndim == 4 and "pool" not in event.op:
            maps[current] = event.output[0]

    with net.modes_kept(), no_grad(), observe(watch):
        net.eval()(Tensor(_backend.to_device(x, _device(net))[None]))
    return {name: _backend.to_numpy(array) for name, array in maps.items()}


def _blocks(net: Module) -> list[str]:
    """Return the paths of the parts of a network that hold a convolution's weights."""
    prefix, part = "", net
    while True:
        inside = {
            name: child
            for name, child in part.named_children()
            if any(len(parameter.shape) == 4 for parameter in child.parameters())
        }
        if len(inside) != 1:
            return [prefix + name for name in inside]
        ((name, part),) = inside.items()
        if not list(part.children()):
            return [prefix + name]
        prefix += f"{name}."


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
    numbers (from 0) stand above. The maps of a block share one scale, from dark blue for their least number to yellow
    for their greatest. Maps larger than 64 pixels are averaged; of more than 20 blocks, 20 are drawn.

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
    rows = len(names) + (picture is not None)
    figure = new_figure(7.2, 0.86 * rows + room_for(title), title)
    all_axes = list(figure.subplots(rows, 1, squeeze=False)[:, 0])
    if picture is not None:
        c, h, width = picture.shape
        rgb = fit(as_rgb(picture).transpose(2, 0, 1), SIDE).transpose(1, 2, 0)
        _row(all_axes.pop(0), [opaque(rgb / 255)], f"picture\n{c} × {h} × {width}")
    for axes, name in zip(all_axes, names):
        _block(axes, name, maps[name])
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


def _block(axes: Axes, name: str, maps: np.ndarray) -> None:
    """Draw the row of a block."""
    from matplotlib import colormaps

    chosen = liveliest(maps)
    shown = fit(maps[chosen], SIDE)
    low, high = float(shown.min()), float(shown.max())
    tiles = list(colormaps["viridis"]((shown - low) / ((high - low) or 1)))
    c, h, width = maps.shape
    _row(axes, tiles, f"{name}\n{c} × {h} × {width}\n{low:.2g} … {high:.2g}")
    step = tiles[0].shape[1] + GAP
    for place, channel in enumerate(chosen):
        axes.text(place * step, -2, str(channel), fontsize=6, color=INK, ha="left", va="bottom")


def _row(axes: Axes, tiles: list[np.ndarray], label: str) -> None:
    """Draw tiles side by side; the row is as wide as if it were full."""
    bare(axes)
    places = [*tiles, *[np.zeros_like(tiles[0])] * (MOST_MAPS - len(tiles))]
    axes.imshow(mosaic(places, MOST_MAPS, GAP), interpolation="none")
    axes.set_ylabel("", rotation=0, ha="right", va="center", fontsize=SMALL - 0.5, color=INK)
    write(axes.yaxis.label, label, MOST_LETTERS)

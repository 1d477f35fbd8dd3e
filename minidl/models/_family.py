"""What every family of networks shares: its variants are data, and one function builds them all.

A family file holds its blocks, one network class, and a table `VARIANTS` from name to `Variant`. The builder of a
variant is one line, `return build(VARIANTS, name, settings)`. Building sets what the class cannot know, such as the
name for error messages, and loads weights if a file is given.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from minidl._checks import check_alike, check_positive, shown, to_int
from minidl._looks import Brief
from minidl.kernels.textbook.windows import output_size
from minidl.nn import Conv2d, Linear, LoadReport, Module, init
from minidl.tensor import Tensor


class Settings(TypedDict, total=False):
    """What every builder takes; left out, each network has its own defaults."""

    num_classes: int
    in_channels: int
    weights: str | os.PathLike[str] | None
    aux_logits: bool
    width_mult: float | None
    rng: np.random.Generator | None


class Network(Module):
    """Base of the networks: knows its name, and judges its pictures before the first layer has to.

    `input_size` is the side of the paper's pictures; `smallest` and `largest` are the sides of the smallest and largest
    square picture that every layer can take; None means any size, or that nothing is known.
    """

    name = ""
    in_channels = 3
    input_size: int | None = None
    smallest = 1
    largest: int | None = None
    load_report: WeightsReport | None = None

    def legal_sizes(self) -> tuple[int, int | None]:
        """Return (smallest, largest) in the present mode."""
        return self.smallest, self.largest

    def explain(self, size: int) -> str:
        """Say with its arithmetic why pictures of that side do not fit; families write their own."""
        return ""

    def check_pictures(self, x: Tensor) -> None:
        """Refuse what is not a batch of pictures with the right number of channels and a legal size."""
        name, shape = self.name or type(self).__name__, getattr(x, "shape", None)
        check_alike(name, x=x)
        if len(x.shape) != 4:
            cure = "; one picture? give it a batch axis: x[None]" if len(x.shape) == 3 else ""
            raise ValueError(f"{name}: expects pictures (N, C, H, W); x.shape={shape}{cure}")
        if x.shape[1] != self.in_channels:
            raise ValueError(
                f"{name}: expects pictures with {self.in_channels} channels, these have {x.shape[1]}; x.shape={shape}; "
                f"build the network with in_channels={x.shape[1]}, or convert the pictures"
            )
        smallest, largest = self.legal_sizes()
        for size in x.shape[2:]:
            if size < smallest or (largest is not None and size > largest):
                legal = f"at least {smallest}" if largest is None else f"{smallest} to {largest}"
                legal = f"{smallest}" if smallest == largest else legal
                why = self.explain(size)
                raise ValueError(
                    f"{name}: expects pictures of {legal} pixels a side, these are {x.shape[2]}×{x.shape[3]}; "
                    f"x.shape={shape}" + (f"; {why}" if why else "")
                )


@dataclass(frozen=True)
class Paper(Brief):
    """Where networks come from: the family's name, the year, and what to read."""

    family: str
    year: int
    citation: str


@dataclass(frozen=True)
class Variant(Brief):
    """One network of a family.

    Attributes:
        network: the class.
        paper: where it comes from.
        table: the keyword arguments of the class that make it this network: the paper's table as data.
        input_size: side of the pictures that the paper (or the published weights) used.
        smallest: side of the smallest picture on which it can be trained.
        largest: side of the largest, or None.
        num_classes: unless another number is asked for.
        in_channels: likewise.
        head: the layers whose shapes depend on num_classes.
        aux: the modules that `aux_logits=False` leaves out; () for a network without auxiliary heads.
        thinnest: channels of the thinnest layer that `width_mult` multiplies; None for a network of one width.
    """

    network: Callable[..., Network]
    paper: Paper
    table: Mapping[str, Any] = field(default_factory=dict)
    input_size: int = 224
    smallest: int = 1
    largest: int | None = None
    num_classes: int = 1000
    in_channels: int = 3
    head: tuple[str, ...] = ("fc",)
    aux: tuple[str, ...] = ()
    thinnest: int | None = None


def build(variants: Mapping[str, Variant], name: str, settings: Mapping[str, Any]) -> Network:
    """Build a network of a family.

    Args:
        variants: the family's table.
        name: a key of it.
        settings: any of num_classes, in_channels, weights (a file, or "demo"), aux_logits, width_mult and rng; None
            means the network's own default. Networks without auxiliary heads pass over aux_logits.

    Raises:
        TypeError: if a setting is unknown, or the network has no width_mult.
        ValueError: if a number is below 1, width_mult leaves no channels, or the weights do not fit.
    """
    variant = variants[name]
    unknown = [key for key in settings if key not in Settings.__annotations__]
    if unknown:
        known = ", ".join(Settings.__annotations__)
        raise TypeError(f"{name}: the settings of a network are {known}; received {', '.join(unknown)}")
    given = {key: value for key, value in settings.items() if value is not None}
    arguments: dict[str, Any] = {
        "num_classes": to_int(name, "num_classes", given.get("num_classes", variant.num_classes), least=1),
        "in_channels": to_int(name, "in_channels", given.get("in_channels", variant.in_channels), least=1),
        "rng": given.get("rng"),
    }
    if variant.aux:
        arguments["aux_logits"] = given.get("aux_logits", True)
    if "width_mult" in given:
        arguments["width_mult"] = _to_width_mult(name, given["width_mult"], variant.thinnest)

    def make() -> Network:
        net = variant.network(**variant.table, **arguments)
        net.name, net.in_channels = name, arguments["in_channels"]
        net.input_size, net.smallest, net.largest = variant.input_size, variant.smallest, variant.largest
        return net

    return make() if "weights" not in given else _load(make, given["weights"], variant.head, variant.aux)


def trail(size: int, *windows: tuple[int, ...]) -> str:
    """Return the sides of a map behind one window after the other, for `explain`; it ends at the first 0.

    Args:
        size: side of the picture.
        windows: (kernel, stride, padding) of each, with a 1 behind it if it rounds its size up.

    Example:
        >>> trail(28, (7, 2, 3), (3, 2, 1), (2, 2, 0), (2, 2, 0), (2, 2, 0))
        '28 → 14 → 7 → 3 → 1 → 0'
    """
    sides = [size]
    for kernel, stride, padding, *up in windows:
        sides.append(max(0, output_size(sides[-1], kernel, stride, (padding, padding), 1, bool(up))))
        if sides[-1] == 0:
            break
    return " → ".join(map(str, sides))


def _to_width_mult(name: str, width_mult: Any, thinnest: int | None) -> float:
    """Return the factor of all widths, or say why the network cannot be built with it."""
    if thinnest is None:
        raise TypeError(f"{name}: this network has one width; received width_mult={shown(width_mult)}; leave it out")
    check_positive(name, "width_mult", width_mult)
    if not math.isfinite(width_mult):
        raise ValueError(f"{name}: width_mult must be finite; received width_mult={width_mult}")
    if thinnest * width_mult < 1:
        raise ValueError(
            f"{name}: width_mult leaves no channels where the network has {thinnest}: {thinnest} * {width_mult} = "
            f"{thinnest * width_mult:g} < 1; received width_mult={width_mult}; take at least 1 / {thinnest} = "
            f"{1 / thinnest:g}"
        )
    return float(width_mult)


def initialise(net: Module, rng: np.random.Generator | None) -> None:
    """Draw the first weights: convolutions with He's variance over fan_out, linear layers from N(0, 0.01²), biases 0.

    The fan of a convolution in groups is that of a group, as in TensorFlow; PyTorch's is G times as large.
    """
    for layer in weighted_layers(net):
        shape = layer.weight.shape
        if isinstance(layer, Conv2d):
            layer.weight.data = init.he_normal(shape, rng, mode="fan_out", groups=layer.groups)
        else:
            layer.weight.data = init.normal(shape, 0.01, rng)
        if layer.bias is not None:
            layer.bias.data = np.zeros_like(layer.bias._data)


def weighted_layers(net: Module) -> Iterator[Any]:
    """Yield the convolutions and linear layers of a network, whose initial weights its paper may prescribe."""
    return (layer for layer in net.modules() if isinstance(layer, (Conv2d, Linear)))


class WeightsReport(LoadReport):
    """What came from a file of weights: as `LoadReport`, and which file it was; `str()` tells it in a line.

    `num_classes` is that of the file, where its head has another than the network's.
    """

    def __init__(self, name: str, file: Path, report: LoadReport, num_classes: int | None = None):
        super().__init__(report.used, report.missing, report.unexpected, report.notes)
        self.name, self.file, self.num_classes = name, file, num_classes

    def __str__(self) -> str:
        line = f"{self.name}: {len(self.used)} of {len(self.used) + len(self.missing)} arrays from {self.file.name}"
        for title, names in (("new", self.missing), ("left over", self.unexpected)):
            if names:
                line += f"; {title}: {', '.join(names[:4])}" + (f" and {len(names) - 4} more" if names[4:] else "")
        return "; ".join([line, *self.notes])


def _load(
    make: Callable[[], Network], file: str | os.PathLike[str], head: tuple[str, ...], aux: tuple[str, ...]
) -> Network:
    """Return the network that `make` builds, with the weights of a file (see `read_state`).

    The arrays of the head keep their initial values where those of the file have another shape (another number of
    classes). Auxiliary heads that only the network has keep theirs, those that only the file has are left over. All
    other names and shapes must agree, or it is a ValueError.
    """
    with init.unfilled():
        net = make()
    own = _arrays(net)
    from minidl.weights._demo import DEMO, demo_path  # here, because few who build a network load weights

    file = demo_path(net.name) if isinstance(file, str) and file == DEMO else file
    state, left_over, notes = read_state(file, own, net.name, (*head, *aux))
    new = [
        name
        for name, array in own.items()
        if (_is_part(name, aux) and name not in state)
        or (_is_part(name, head) and name in state and state[name].shape != array.shape)
    ]
    left_over += [name for name in state if _is_part(name, aux) and name not in own]
    initial = _arrays(make()) if new else {}
    fitting = {name: array for name, array in state.items() if name not in left_over}
    try:
        report = net.load_state_dict(fitting | {name: initial[name] for name in new})
    except ValueError as error:
        raise ValueError(f"{net.name}: {os.fspath(file)}: {error}") from None
    used = [name for name in report.used if name not in new]
    heads = [len(state[name]) for name in new if name in state]  # whatever a head is made of, it has a row a class
    report = LoadReport(used, new, left_over, notes)
    net.load_report = WeightsReport(net.name, Path(file), report, heads[0] if heads else None)
    return net


def read_state(
    file: str | os.PathLike[str], own: Collection[str], name: str, loose: tuple[str, ...] = ()
) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    """Read the weights of a network from a file, under the network's own names where there is no doubt which they are.

    Names that torchvision has changed, or the authors' own, are translated. A prefix goes if the network knows no name
    of the file, and all its names but those of its `loose` modules with that one prefix.

    Args:
        file: as `minidl.weights.load` takes it.
        own: the names of the network's arrays.
        name: of the network.
        loose: modules that may be missing: the head, and the auxiliary heads.

    Returns:
        Name → array; the names that are no weights of the network, such as a counter; what was done, a line each.

    Raises:
        ValueError: if the file cannot be read, or two prefixes fit.
    """
    from minidl.weights import load, names  # here, because few who build a network load one

    loaded = load(file)
    notes = loaded.notes
    state = {key: array for key, array in loaded.items() if not key.startswith("optim/")}  # the slots of a run
    state = names.present(state)
    left_over: list[str] = []
    prefix = "" if state.keys() & set(own) else names.prefix_of(state, [one for one in own if not _is_part(one, loose)])
    if prefix:
        left_over = [key for key in state if not key.startswith(prefix)]
        state, more = names.unwrap(state, prefix)
        notes = notes + more
    elif name in names.TABLES and not state.keys() & set(own):
        state = names.rename(state, name)  # they were published under their authors' names
    counters = [key for key, array in state.items() if array.ndim == 0 and "." not in key and key not in own]
    left_over += counters
    return state, left_over, notes


def _arrays(net: Network) -> dict[str, Any]:
    return {name: parameter._data for name, parameter in net.named_parameters()} | dict(net.named_buffers())


def _is_part(name: str, modules: tuple[str, ...]) -> bool:
    """Tell whether an array belongs to one of the modules (or is named itself)."""
    return any(name == module or name.startswith(module + ".") for module in modules)

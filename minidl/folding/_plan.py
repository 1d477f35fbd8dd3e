"""What can be folded into what: read off a run of the network."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from minidl.folding._layers import FoldedConv2d, FoldedSqueezeExcitation, PostponedConv2d
from minidl.nn import (
    BatchNorm2d,
    Conv2d,
    Hardsigmoid,
    Hardswish,
    Module,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    SqueezeExcitation,
)
from minidl.nn._state import is_plain
from minidl.tensor import Event

GATES = {Sigmoid: "sigmoid", Hardsigmoid: "hardsigmoid"}
ACTIVATIONS = {ReLU: "relu", ReLU6: "relu6", SiLU: "silu", Hardswish: "hardswish"}


class Step(NamedTuple):
    """A convolution, by its path, and the layer behind it that it takes in, or None."""

    conv: str
    follower: str | None
    made: tuple[Module, ...]  # what stands in their places then


class Watcher:
    """An observer that notes which operation reads which result, and keeps none of the results."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()  # operations, by the path of their module
        self.made: list[tuple[str, str]] = []  # operation and path, of every result in order
        self.readers: list[list[tuple[str, int]]] = []  # of every result: path, and which input it is
        self._results: dict[int, tuple[Any, int]] = {}  # by id: how to find it, as long as it lives, and its number

    def __call__(self, event: Event) -> None:
        """Note one operation."""
        for place, array in enumerate(event.inputs):
            find, number = self._results.get(id(array), (None, -1))
            if find is not None and array is not None and find() is array:
                self.readers[number].append((event.module, place))
        self._results[id(event.output)] = (_reference(event.output), len(self.made))
        self.runs[event.module] += 1
        self.made.append((event.op, event.module))
        self.readers.append([])


def _reference(array: Any) -> Any:
    try:
        return weakref.ref(array)
    except TypeError:  # an array of CuPy
        return lambda: array


def steps(net: Module, seen: Watcher) -> list[Step]:
    """Return what can be folded, as far as a run tells that was watched.

    A layer is taken in if the convolution's result is its own input, and no operation reads that result elsewhere, nor
    a second time; either runs once. What no operation does (a result that is returned, kept, or read as an array) is
    not seen: that takes a trial.
    """
    modules = dict(net.named_modules())
    blocks = {path: made for path, module in modules.items() if path and (made := _gated(module)) is not None}
    found = [Step(path, None, (made,)) for path, made in blocks.items() if seen.runs[f"{path}.fc1"] == 1]
    inside = tuple(f"{step.conv}." for step in found)
    for (op, path), readers in zip(seen.made, seen.readers, strict=True):
        conv = modules.get(path)
        if path.startswith(inside):
            continue
        if op != "conv2d" or not path or not is_plain(conv, Conv2d) or seen.runs[path] > 1:
            continue
        behind, place = readers[0] if len(readers) == 1 else ("", 0)
        follower = modules.get(behind) if behind and place == 0 and seen.runs[behind] == 1 else None
        if follower is not None and _is_foldable(follower):
            found.append(_pair(path, conv, behind, follower))
        else:
            found.append(alone(path, conv))
    return found


def _pair(conv_path: str, conv: Any, path: str, follower: Any) -> Step:
    """Return the step that takes a layer into the convolution before it."""
    norm = follower if isinstance(follower, BatchNorm2d) else None
    activation = follower.activation if norm else ACTIVATIONS[type(follower)]
    seal = object()
    return Step(conv_path, path, (PostponedConv2d(seal), FoldedConv2d(conv, norm, activation, seal)))


def alone(path: str, conv: Any) -> Step:
    """Return the step that makes a convolution one of constant weights."""
    return Step(path, None, (FoldedConv2d(conv),))


def _gated(block: Any) -> Module | None:
    """Return what a squeeze-and-excitation is at inference; None for all else, and where it is no plain one."""
    if not is_plain(block, SqueezeExcitation):
        return None
    activation, gate = (type(layer) for layer in (block.activation, block.scale_activation))
    layers = block.fc1, block.fc2, block.activation, block.scale_activation
    if activation not in ACTIVATIONS or gate not in GATES or not all(is_plain(one, type(one)) for one in layers):
        return None
    plain = all(type(conv) is Conv2d and conv.weight.shape[2:] == (1, 1) and conv.groups == 1 for conv in layers[:2])
    return FoldedSqueezeExcitation(block, ACTIVATIONS[activation], GATES[gate]) if plain else None


def _is_foldable(layer: Any) -> bool:
    """Tell whether a layer is an affine map of each channel, or an activation that the kernels know."""
    if is_plain(layer, BatchNorm2d):
        return layer.track_running_stats and not layer.training and layer.running_mean is not None
    return any(is_plain(layer, kind) for kind in ACTIVATIONS)


def apply(net: Module, chosen: Sequence[Step]) -> None:
    """Put folded layers into their places, under all names that these have; the order of their neighbours stays."""
    modules = dict(net.named_modules())
    new: dict[int, Module] = {}
    for step in chosen:
        for path, made in zip((step.conv, step.follower), step.made):
            new[id(modules[path or ""])] = made
    for module in modules.values():
        for name, child in module._modules.items():
            if id(child) in new:
                module._modules[name] = new[id(child)]


def largest(found: Sequence[Step], works: Callable[[Sequence[Step]], bool], kept: Sequence[Step] = ()) -> list[Step]:
    """Return as many of the steps as work together with those that are kept: all, or those of either half."""
    if not found or works([*kept, *found]):
        return list(found)
    if len(found) == 1:
        return []
    half = len(found) // 2
    first = largest(found[:half], works, kept)
    return first + largest(found[half:], works, [*kept, *first])

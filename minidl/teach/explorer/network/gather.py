"""Everything that a page shows of a network on a picture, from the engine; what is embedded fits into a budget.

A small network is embedded whole: every map, every gradient and every weight as the numbers they are. Of a larger one
the maps with the largest activations are, as bytes between the least and the largest number of each map, and larger
maps as averages over small squares. `left_out` tells how many are not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl._checks import is_int, nearest, shown
from minidl._heat import shrink
from minidl.teach.explorer.network.graph import Layer, end_of, layers_of
from minidl.teach.explorer.network.subject import Subject
from minidl.teach.explorer.network.trace import Way, follow, has_heads
from minidl.teach.explorer.network.windows import MOST_CHANNELS, Window, as_maps, window_of

MOST_UNIT_WINDOWS = 8


@dataclass(frozen=True)
class Level:
    """How much of a network is embedded.

    Attributes:
        exact: all maps as float32, and all weights.
        floats: the maps as float32, their gradients as bytes.
        side: the longest side of a map; larger ones are averaged.
        maps: of a layer, at most.
        units: of a layer of single numbers, at most.
    """

    exact: bool = False
    floats: bool = False
    side: int = 1 << 30
    maps: int = 1 << 30
    units: int = 1 << 30


def levels() -> Iterator[Level]:
    """Yield what might be embedded, the most first."""
    yield Level(exact=True, floats=True)
    yield Level(floats=True)
    yield Level()
    for side, least in ((64, 24), (56, 8), (40, 6), (28, 4), (20, 4), (14, 3), (10, 2), (7, 1)):
        for maps in (512, 256, 128, 96, 64, 48, 32, 24, 20, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1):
            if maps >= least:
                yield Level(side=side, maps=maps, units=max(16, 16 * maps))


LEAST = Level(side=4, maps=1, units=8)


@dataclass
class Back:
    """The way back of the loss for a class: of all heads, or of the main one alone."""

    label: int
    all_heads: bool
    way: Way


@dataclass
class Moment:
    """One state of the weights: the way forward, and the ways back."""

    name: str
    way: Way
    backs: list[Back]
    parameters: dict[str, np.ndarray]


@dataclass
class Portrait:
    """A network on a picture: all arrays, and what of them is shown.

    Attributes:
        subject: what was asked for.
        layers: the operations, with their places.
        moments: the states of the weights; the last is the newest.
        ends: head -> the layer that answers.
        level: how much is embedded.
        channels: for each layer the maps that are embedded, in their order.
        counts: for each layer how many there are.
    """

    subject: Subject
    layers: list[Layer]
    moments: list[Moment]
    ends: dict[str, int]
    level: Level = field(default_factory=Level)
    channels: list[np.ndarray] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """How many maps are not embedded."""
        return sum(self.counts) - sum(map(len, self.channels))

    def fit(self, budget: int | None) -> bool:
        """Choose the most that fits into a budget of bytes of text; tell whether there is less than before."""
        before = self.level
        level = next((one for one in levels() if budget is None or self.size(one) <= budget), LEAST)
        self.choose(level)
        return level != before or level != LEAST

    def choose(self, level: Level) -> None:
        """Take the maps with the largest activations of each layer, as many as a level allows."""
        self.level, self.channels, self.counts = level, [], []
        for layer in self.layers:
            y = as_maps(self.moments[-1].way.steps[layer.step].output)
            most = level.maps if y[0].size > 1 else level.units
            order = np.argsort(-np.abs(y).max(axis=(1, 2)), kind="stable")[:most]
            self.channels.append(np.sort(order))
            self.counts.append(len(y))

    def size(self, level: Level) -> int:
        """Return about how many bytes a level takes as text."""
        numbers = 0
        for layer in self.layers:
            event = self.moments[-1].way.steps[layer.step]
            y = as_maps(event.output)
            h, width = y.shape[1:]
            factor = max(1, -(-max(h, width) // level.side))
            single = h * width == 1
            kept = min(len(y), level.units if single else level.maps)
            plane = -(-h // factor) * -(-width // factor)
            backs = len(self.moments[-1].backs)
            numbers += kept * plane * ((4 if level.floats else 1) + backs * (4 if level.exact else 1))
            numbers += 3 * (1 + backs) * kept * (0 if level.exact else 4)  # the ends of each scale, and channels
            numbers += (min(kept, MOST_UNIT_WINDOWS) if single else kept) * _window_bytes(event)
            numbers += 150
        if level.exact:
            numbers += 4 * sum(p.size for p in self.moments[-1].parameters.values())
        return len(self.moments) * numbers * 4 // 3

    def windows(self, moment: Moment, number: int) -> list[Window]:
        """Return a window for each embedded map of a layer; of single numbers for the largest only."""
        event = moment.way.steps[self.layers[number].step]
        y, chosen = as_maps(event.output), self.channels[number]
        if y[0].size == 1 and len(chosen) > MOST_UNIT_WINDOWS:
            order = np.argsort(-np.abs(y[chosen, 0, 0]), kind="stable")[:MOST_UNIT_WINDOWS]
            chosen = np.sort(chosen[order])
        found = (window_of(event, int(channel)) for channel in chosen)
        return [window for window in found if window is not None and window.is_told()]


def portrait(subject: Subject, *, classes: Sequence[Any] = (), budget: int | None = None) -> Portrait:
    """Follow a picture through a network, forward and back, and choose what is shown.

    Args:
        subject: the network and the picture.
        classes: whose loss goes back, by name or number, besides the answer and, where it is known, the truth.
        budget: bytes of text for all numbers; None (default) embeds everything.

    Raises:
        ValueError: if there is no such class, or the picture does not fit the network.
    """
    moments: list[Moment] = []
    layers: list[Layer] = []
    labels: list[int] = []
    for state in reversed(subject.states):
        heads = has_heads(state.net, subject.x)
        way = follow(state.net, subject.x, labels[0] if labels else _likeliest, heads=heads)
        if not layers:
            layers = layers_of(state.net, way.steps)
            subject.classes = subject.classes or tuple(f"class {n}" for n in range(len(way.heads["main"])))
            labels = _labels(subject, way, layers, classes)
        backs = [
            Back(label, whole, follow(state.net, subject.x, label, heads=heads, all_heads=whole))
            for label in labels
            for whole in ((True, False) if heads else (True,))
            if (label, whole) != (labels[0], True)
        ]
        backs.insert(0, Back(labels[0], True, way))
        parameters = {name: np.asarray(parameter.numpy()) for name, parameter in state.net.named_parameters()}
        moments.insert(0, Moment(state.name, way, backs, parameters))
    newest = moments[-1].way
    found = Portrait(subject, layers, moments, {n: end_of(layers, newest.steps, s) for n, s in newest.ends.items()})
    found.fit(budget)
    return found


def _likeliest(logits: np.ndarray) -> int:
    return int(np.argmax(logits))


def _labels(subject: Subject, way: Way, layers: Sequence[Layer], asked: Sequence[Any]) -> list[int]:
    """Return the classes whose loss goes back: as many as it is quick for."""
    logits, work = way.heads["main"], sum(layer.macs for layer in layers)
    order = [int(label) for label in np.argsort(-logits, kind="stable")]
    most = len(order) if work <= 5e6 and len(order) <= 16 else 3 if work <= 5e8 else 2 if work <= 1e9 else 1
    first = [_label(subject.classes, one) for one in asked] + ([] if subject.truth is None else [subject.truth])
    found = list(dict.fromkeys([order[0], *first]))
    for label in order:
        if len(found) >= most:
            break
        if label not in found:
            found.append(label)
    return found


def _label(classes: Sequence[str], asked: Any) -> int:
    """Return the number of a class that is named or numbered."""
    if isinstance(asked, str) and asked in classes:
        return list(classes).index(asked)
    number = int(asked) if is_int(asked) or (isinstance(asked, str) and asked.isdecimal()) else -1
    if not 0 <= number < len(classes):
        near = f"; did you mean {nearest(asked, classes)}?" if isinstance(asked, str) else ""
        raise ValueError(
            f"explore: there is no class {shown(asked)} among {len(classes)}; give a name, or a number from 0 to "
            f"{len(classes) - 1}{near}"
        )
    return number


def _window_bytes(event: Any) -> int:
    """Return about how much text a window of a step takes."""
    if event.op == "conv2d":
        w = event.inputs[1]
        kernel = w.shape[2] * w.shape[3]
        n = min(MOST_CHANNELS, w.shape[1])
        crop = 256 if w.shape[1] <= MOST_CHANNELS else kernel
        return 4 * n * (crop + kernel) + 150
    if event.op == "linear":
        return 8 * MOST_CHANNELS + 150
    return 4 * 144 + 150 if event.op in ("max_pool2d", "avg_pool2d") else 100


def planes(array: Any, channels: np.ndarray, side: int) -> np.ndarray:
    """Return some maps of a step, averaged so that no side is longer."""
    return shrink(np.ascontiguousarray(as_maps(array)[channels]), side)


def norm(array: Any) -> float:
    """Return the Euclidean norm of an array, 0 where there is none."""
    return 0.0 if array is None else float(np.sqrt(np.square(np.asarray(array, dtype=np.float64)).sum()))

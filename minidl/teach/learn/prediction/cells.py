"""What there is to predict of a network: for each layer its cells, with the right value, the formula, and the slips.

The right values are those of `minidl.cost`; the formulas are written in the numbers of the layer, and the slips are the
same formulas with one thing, or two, done wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from minidl import cost, nn
from minidl._looks import Brief
from minidl.cost.field import Field
from minidl.teach.learn.prediction import slips
from minidl.teach.learn.prediction.answers import Answer, Value, written
from minidl.teach.learn.prediction.slips import Slips, Window
from minidl.teach.strings.learn import prediction as words
from minidl.tensor import Event

CELLS = (words.OUTPUT, words.PARAMETERS, words.MACS, words.MEMORY, words.FIELD)
MOST = 3  # slips that lead to the same number


@dataclass(frozen=True)
class Cell(Brief):
    """One thing to predict: its name, the right value, the formula, and what else comes out by which slip."""

    name: str
    value: Value
    formula: str
    slips: Slips

    @property
    def asked(self) -> str:
        """The question."""
        if self.name == words.OUTPUT and isinstance(self.value, tuple) and len(self.value) == 1:
            return words.FLAT
        return words.ASKED[self.name]

    @property
    def shown(self) -> str:
        """The right value in words; a square field is one number."""
        if self.name == words.FIELD and isinstance(self.value, tuple) and len(set(self.value)) == 1:
            return written(self.value[0])
        return written(self.value)

    def slips_to(self, answer: Answer) -> list[str]:
        """Return the slips that lead to an answer."""
        found = (what for what, value in self.slips if value != self.value and answer.is_value(value))
        return list(dict.fromkeys(found))[:MOST]

    def _words(self) -> list[str]:
        return [self.name, self.shown]


@dataclass(frozen=True)
class Row(Brief):
    """A layer: its path, what it is, and its cells."""

    path: str
    what: str
    cells: tuple[Cell, ...]

    def _words(self) -> list[str]:
        return [self.path, *(cell.name for cell in self.cells)]


def rows(net: nn.Module, size: Any = None) -> list[Row]:
    """Return the layers of a network that there is something to predict of, in the order in which they run.

    Raises:
        ValueError: if the size does not fit the network, or is missing.
    """
    events, counted = cost.walk(net, size), cost.count(net, size)
    fields = cost.receptive_fields(events)
    seen: dict[int, Field | None] = {}
    maps: dict[int, tuple[int, ...]] = {}  # rows of numbers -> the map that was flattened into them
    found = []
    for event, layer, field in zip(events, counted.layers, fields, strict=False):
        if event.op == "reshape" and event.inputs[0] is not None and event.inputs[0].ndim == 4:
            maps[id(event.output)] = event.inputs[0].shape[1:]
        cells = tuple(_cells(event, layer, field, seen.get(id(event.inputs[0])), maps.get(id(event.inputs[0]))))
        seen[id(event.output)] = field
        if cells:
            what = words.INPUT.format(what=_what(event), shape=written(_in(event)))
            found.append(Row(layer.path or counted.name, what, cells))
    return found


def _in(event: Event) -> tuple[int, ...]:
    return tuple(event.inputs[0].shape[1:])  # type: ignore[union-attr]


def _cells(
    event: Event, layer: cost.Layer, field: Field | None, before: Field | None, flat: tuple[int, ...] | None
) -> Iterator[Cell]:
    """Yield the cells of an operation; none if there is nothing to reckon."""
    out = tuple(event.output.shape[1:])
    if event.op == "conv2d":
        window = slips.window_of(event)
        yield _output(event, window)
        yield Cell(words.PARAMETERS, layer.parameters, *slips.conv_parameters(window))
        yield Cell(words.MACS, layer.macs, *slips.conv_macs(window))
        yield _memory(event, layer)
        yield from _field(window, field, before)
    elif event.op in words.KINDS:
        window = slips.window_of(event)
        yield _output(event, window)
        yield _memory(event, layer)
        yield from _field(window, field, before)
    elif event.op == "linear":
        yield Cell(words.PARAMETERS, layer.parameters, *slips.linear_parameters(event, flat))
        yield Cell(words.MACS, layer.macs, *slips.linear_macs(event, flat))
    elif event.op.startswith("batch_norm") and layer.parameters:
        yield Cell(words.PARAMETERS, layer.parameters, *slips.norm_parameters(event))
    elif event.op == "global_avg_pool2d":
        yield Cell(words.OUTPUT, out, *slips.global_output(event))
    elif event.op == "concat" and len(out) == 3:
        yield Cell(words.OUTPUT, out, *slips.concat_output(event))


def _output(event: Event, window: Window) -> Cell:
    return Cell(words.OUTPUT, tuple(event.output.shape[1:]), *slips.output(window))


def _memory(event: Event, layer: cost.Layer) -> Cell:
    numbers, before = prod(event.output.shape[1:]), prod(_in(event))
    return Cell(words.MEMORY, 4 * numbers, *slips.memory(tuple(event.output.shape[1:]), before, layer.parameters))


def _field(window: Window, field: Field | None, before: Field | None) -> Iterator[Cell]:
    """The field, where it is not the whole picture; the first layer begins with a pixel."""
    if field is not None and not field.is_whole:
        yield Cell(words.FIELD, field.size, *slips.field(window, before or Field((1, 1), (1, 1), (0, 0))))


def _what(event: Event) -> str:
    """Say what an operation is, with all the numbers that are needed."""
    if event.op in ("conv2d", *words.KINDS):
        w = slips.window_of(event)
        more = "".join(f", {one}" for one in _more(event, w))
        if event.op == "conv2d":
            return words.CONV.format(kernel=written(w.kernel), c=w.c, o=w.o, more=more)
        return words.POOL.format(kernel=written(w.kernel), kind=words.KINDS[event.op], more=more)
    if event.op == "linear":
        o, m = event.inputs[1].shape  # type: ignore[union-attr]
        bias = words.NO_BIAS if event.inputs[2] is None else words.BIAS
        return words.LINEAR.format(m=m, o=o, more=f", {bias}")
    if event.op == "concat":
        channels = [array.shape[1] for array in event.inputs if array is not None]
        return words.CONCAT.format(count=len(channels), channels=", ".join(map(str, channels)))
    return words.GLOBAL if event.op == "global_avg_pool2d" else words.NORM.format(c=_in(event)[0])


def _more(event: Event, w: Window) -> Iterator[str]:
    """Yield the settings that are not as by default."""
    if w.stride != (1, 1):
        yield words.MORE["stride"].format(_pair(w.stride))
    if w.padding != ((0, 0), (0, 0)):
        sides = _pair((w.padding[0][0], w.padding[1][0]))
        even = all(front == back for front, back in w.padding)
        yield words.MORE["padding"].format(sides if even else w.padding)
    if w.dilation != (1, 1):
        yield words.MORE["dilation"].format(_pair(w.dilation))
    if w.groups > 1:
        yield words.MORE["groups"].format(w.groups)
    if event.op == "conv2d":
        yield words.BIAS if w.bias else words.NO_BIAS
    if w.ceil:
        yield "ceil_mode"


def _pair(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else written(pair)

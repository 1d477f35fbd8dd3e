"""The operations of a network as a drawing: who feeds whom, in which column, and in which lane.

A column holds what can be computed at the same time: one more than the latest of what it is made of. A chain of
operations stays in its lane; a branch gets a lane of its own, from the column where it leaves to the one where it
joins. What only looks at the memory of its input (a reshape) is no operation here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from minidl.cost.rules import macs
from minidl.nn import Module
from minidl.tensor import Event

LOOKS = frozenset(("reshape", "reserve_channels", "to_device"))
PICTURE = -1


@dataclass
class Layer:
    """One operation of the drawing.

    Attributes:
        step: its number among all steps.
        op: the operation.
        path: of the module that ran it.
        sources: the layers it reads, PICTURE for the picture, each with the place of that input.
        weights: the names of the parameters it reads, with the place of that input.
        parameters: how many numbers they have; what another layer reads too is counted once.
        macs: multiply-accumulates for one picture.
        column: from left to right.
        lane: from top to bottom.
    """

    step: int
    op: str
    path: str
    sources: list[tuple[int, int]] = field(default_factory=list)
    weights: list[tuple[str, int]] = field(default_factory=list)
    parameters: int = 0
    macs: int = 0
    column: int = 0
    lane: int = 0


def layers_of(net: Module, steps: Sequence[Event]) -> list[Layer]:
    """Return the layers of a network that made these steps, in their order, with their places.

    Example:
        >>> import numpy as np
        >>> from minidl import models
        >>> from minidl.teach.explorer.network.trace import follow
        >>> net = models.lenet5_modern()
        >>> layers = layers_of(net, follow(net, np.zeros((1, 32, 32), "float32")).steps)
        >>> [(layer.op, layer.column) for layer in layers][:3]
        [('conv2d', 1), ('relu', 2), ('max_pool2d', 3)]
    """
    names = {id(parameter._data): name for name, parameter in net.named_parameters()}
    sizes = {name: parameter.numel() for name, parameter in net.named_parameters()}
    layers: list[Layer] = []
    made: dict[int, int] = {}  # array -> the layer that made it
    if steps:
        made[id(steps[0].inputs[0])] = PICTURE
    for number, event in enumerate(steps):
        sources = [
            (made[id(array)], place)
            for place, array in enumerate(event.inputs)
            if array is not None and id(array) in made and id(array) not in names
        ]
        if not sources:
            continue  # arithmetic among weights
        if event.op in LOOKS:
            made[id(event.output)] = sources[0][0]
            continue
        weights = [(names[id(array)], place) for place, array in enumerate(event.inputs) if id(array) in names]
        layer = Layer(number, event.op, event.module, sources, weights, macs=macs(event))
        layer.parameters = sum(sizes.pop(name, 0) for name, _ in weights)
        layer.column = 1 + max(0 if source == PICTURE else layers[source].column for source, _ in sources)
        made[id(event.output)] = len(layers)
        layers.append(layer)
    _place(layers)
    return layers


def end_of(layers: Sequence[Layer], steps: Sequence[Event], step: int) -> int:
    """Return the layer whose result a step shows: its own, or that of what it looks at."""
    numbers = {layer.step: number for number, layer in enumerate(layers)}
    made = {id(event.output): number for number, event in enumerate(steps)}
    while step not in numbers:
        step = made[id(steps[step].inputs[0])]
    return numbers[step]


def _place(layers: Sequence[Layer]) -> None:
    """Give each layer its lane: chains first, then lanes for chains, as few as there is room for."""
    chains: list[list[int]] = []
    chain_of: dict[int, int] = {}
    last = {PICTURE}  # the ends of chains that nobody has gone on with
    for number, layer in enumerate(layers):
        free = [source for source, _ in layer.sources if source in last and source != PICTURE]
        if free:
            chain = min(chain_of[source] for source in free)
            last -= {source for source in free if chain_of[source] == chain}
        else:
            chain = len(chains)
            chains.append([])
        chains[chain].append(number)
        chain_of[number] = chain
        last.add(number)
    joins: Counter[int] = Counter()  # layer -> the latest column that reads it
    for layer in layers:
        for source, _ in layer.sources:
            joins[source] = max(joins[source], layer.column)
    busy: list[list[tuple[int, int]]] = []
    for numbers in chains:
        begin, end = layers[numbers[0]].column, max(layers[numbers[-1]].column, joins[numbers[-1]] - 1)
        lane = next((n for n, spans in enumerate(busy) if all(end < a or b < begin for a, b in spans)), len(busy))
        if lane == len(busy):
            busy.append([])
        busy[lane].append((begin, end))
        for number in numbers:
            layers[number].lane = lane

"""The few parts of a network in which its cost lies: its stages, or its layers where it has no stages."""

from __future__ import annotations

from typing import Any

from minidl._checks import to_int
from minidl.cost.table import COLUMNS, Cost, Layer

ENOUGH, MOST = 5, 16  # parts that say something, and that a plot can tell apart
Part = dict[str, Any]


def parts(cost: Cost, most: int = MOST) -> list[Part]:
    """Return the parts of a network in order: "name", "parameters", "macs", "flops" and "activation_bytes".

    Paths are followed until there are five parts, but not to more of them than wanted. What has neither parameters nor
    MACs belongs to the part before it; of a network without stages, the smallest neighbours are put together.

    Args:
        cost: of `count`.
        most: how many parts at most.

    Raises:
        ValueError: if most is below 1.

    Example:
        >>> from minidl import cost, models, nn
        >>> with nn.init.unfilled():
        ...     found = cost.parts(cost.count(models.resnet18()))
        >>> [part["name"] for part in found]
        ['conv1', 'layer1', 'layer2', 'layer3', 'layer4', 'fc']
    """
    to_int("parts", "most", most, least=1)
    deepest = max((layer.path.count(".") + 1 for layer in cost.layers), default=1)
    found = _at_depth(cost, 1)
    for depth in range(2, deepest + 1):
        finer = _at_depth(cost, depth)
        if len(found) >= min(ENOUGH, most) or len(finer) > most:
            break
        found = finer
    while len(found) > most:
        found = _smallest_joined(found)
    return found


def _at_depth(cost: Cost, depth: int) -> list[Part]:
    found: list[Part] = []
    for layer in cost.at_depth(depth).layers:
        if found and (_is_plain(layer) or _is_norm(layer, found[-1])):
            for column in COLUMNS:
                found[-1][column] += getattr(layer, column)
        else:
            found.append({"name": layer.path or layer.op} | {column: getattr(layer, column) for column in COLUMNS})
    return found


def _is_plain(layer: Layer) -> bool:
    """Tell whether a layer has neither weights nor products: an activation, a pooling, a sum."""
    return not layer.parameters and not layer.macs


def _is_norm(layer: Layer, before: Part) -> bool:
    """Tell whether a layer only scales what the part before it has made: a norm."""
    return not layer.macs and layer.output is not None and bool(before["macs"])


def _smallest_joined(found: list[Part]) -> list[Part]:
    """Put the two neighbours together that have the smallest shares of all sums."""
    total = {column: sum(part[column] for part in found) or 1 for column in COLUMNS}
    share = [max(part[column] / total[column] for column in COLUMNS) for part in found]
    at = min(range(len(found) - 1), key=lambda i: share[i] + share[i + 1])
    one, two = found[at], found[at + 1]
    first, last = one["name"].split(" … ")[0], two["name"].split(" … ")[-1]
    both = {"name": f"{first} … {last}"} | {column: one[column] + two[column] for column in COLUMNS}
    return [*found[:at], both, *found[at + 2 :]]

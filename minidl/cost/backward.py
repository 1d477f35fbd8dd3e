"""The way back of an empty batch: which gradients wait for whom, and which of them lie in one memory.

The operations' own `backward` are run, on arrays without pictures, in the order of `Tensor.backward`. So the two
branches of a sum get one array, a slice is a view, and a gradient that was added up in place takes no new memory, as in
the engine itself. Only the gradients of parameters are not made: each will be as large as its parameter.
"""

from __future__ import annotations

import heapq
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._sharing import owner
from minidl.tensor import Node, Tensor


class Visit(NamedTuple):
    """One node on the way back.

    Attributes:
        node: of the graph.
        saved: what it had kept until now.
        live: the gradients that lie in memory while it is visited: those that wait, its own, and those that it makes.
        leaves: the parameters that get a share of their gradient from it.
        goes_on: whether it makes gradients for earlier nodes.
    """

    node: Node
    saved: tuple[Array, ...]
    live: list[Array]
    leaves: list[Tensor]
    goes_on: bool


def visits(outputs: list[Tensor], unwalked: Counter[str]) -> Iterator[Visit]:
    """Walk back from the results of an empty batch, the latest node first.

    Args:
        outputs: the results, each with its graph, which is freed.
        unwalked: operation -> how often its way back could not be run on an empty batch; is added to. Each gradient
            that it owes is then one new array.
    """
    sums: dict[Node, Array] = {}
    queue: list[tuple[int, Node]] = []
    for output in outputs:
        if output._node is not None:
            dy = _backend.empty(output.shape, output.dtype, like=output._data)
            _add(sums, queue, output._node, dy, [])
    while queue:
        node = heapq.heappop(queue)[1]
        waiting = [*sums.values()]
        dy, saved = sums.pop(node), node.ctx._saved  # type: ignore[union-attr]
        leaves, parents, found = _gradients(node, dy, unwalked)
        live = [*waiting, *(array for array in found if array is not None)]
        for parent, gradient in zip(parents, found, strict=True):
            if parent is not None and gradient is not None:
                live += _add(sums, queue, parent, gradient, found)
        yield Visit(node, saved, live, leaves, any(parent is not None for parent in parents))


def _gradients(node: Node, dy: Array, unwalked: Counter[str]) -> tuple[list[Tensor], list[Any], list[Any]]:
    """Run the backward half of a node without its parameters; return these, its parents, and their gradients."""
    ctx: Any = node.ctx
    leaves = [parent for parent in node.parents if isinstance(parent, Tensor)]
    parents: list[Any] = [parent if isinstance(parent, Node) else None for parent in node.parents]
    node.parents, ctx.needs = tuple(parents), tuple(parent is not None for parent in parents)
    if not any(ctx.needs):
        node.ctx = None
        return leaves, parents, [None] * len(parents)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return leaves, parents, list(node.visited(dy)[1])
    except Exception:  # somebody's own: it may not know what to do with nothing
        unwalked[node.function.op] += 1
        node.ctx, node.parents = None, ()
        like = [None if one is None else _backend.empty(one.shape, one.dtype, like=dy) for one in parents]
        return leaves, parents, like


def _add(
    sums: dict[Node, Array], queue: list[tuple[int, Node]], node: Node, gradient: Array, others: list[Any]
) -> list[Array]:
    """Add to what waits for a node; return the sum where it is a new array."""
    before = sums.get(node)
    if before is None:
        sums[node] = gradient
        heapq.heappush(queue, (-node.order, node))
        return []
    below = owner(before)
    held = [array for array in (*sums.values(), *others) if array is not None and owner(array) is below]
    if len(held) == 1 and isinstance(before, np.ndarray) and before.flags.writeable:
        return []
    sums[node] = _backend.empty(before.shape, before.dtype, like=before)
    return [sums[node]]


def tensors(result: Any) -> list[Tensor]:
    """Return the tensors of what a network gives: one, or several in a tuple, a list or a dict.

    Example:
        >>> [one.shape for one in tensors((Tensor([1.0]), {"head": Tensor([[2.0]])}))]
        [(1,), (1, 1)]
    """
    if isinstance(result, Tensor):
        return [result]
    parts = result.values() if isinstance(result, dict) else result if isinstance(result, (tuple, list)) else ()
    return [one for part in parts for one in tensors(part)]

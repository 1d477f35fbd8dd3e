"""How a plan comes about: a step is rehearsed, which computes nothing, and what was noted is tried.

Both are done by twins of the network, which nobody else sees. In the rehearsal all numbers are 0, those of parameters
and running statistics, too. The trial compares the plan with the network bit by bit, on random pictures and a random
gradient, in memory that was filled with NaN before: y, all gradients, running statistics, and what was drawn. What the
notes have left out, such as a sum of NumPy's, is NaN in it, or what it was in the rehearsal. Parameters whose numbers
are all the same are random in it, as are small ones: the zeros that a new bias or the last norm of a block begins with
would hide what is multiplied by them.
"""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl import kernels
from minidl._backend import outer_first
from minidl._memory import POOL, Apart, apart
from minidl._random import drawn_instead
from minidl.compiled._learner import Learner
from minidl.kernels._journey import Journey
from minidl.kernels._launches import CannotRepeat, Notes, noted
from minidl.kernels._script import GARBAGE
from minidl.tensor import Gradients, Node, Tensor

FEW = 2**16  # numbers; parameters with more are themselves in a trial, unless their first ones are all the same


class Plan(NamedTuple):
    """A way forward and back, and what must not be changed in between: which parameters, x, and y."""

    journey: Journey
    watched: list[int]
    watches_x: bool
    watches_y: bool


def rehearsed(learner: Learner, x: Tensor) -> Plan:
    """Go forward and back without computing anything; return what was noted of it.

    Args:
        learner: what the network holds.
        x: pictures, of which only the shape is looked at.

    Raises:
        CannotRepeat: if it cannot be done again.
    """
    with apart() as memory:
        twin = learner.twin(lambda array, is_buffer: _zeros(memory, array))
        pictures = Tensor(memory.empty(x.shape, np.float32), x.requires_grad)
        with noted(memory) as there:
            y = twin.forward(pictures)
        if type(y) is not Tensor or y._node is None:
            raise CannotRepeat("the result is no tensor that was computed")
        wanted, watched = twin.wanted(pictures), _watched(y)
        with noted(memory) as back:
            dy = memory.image(_zeros(memory, y._data))
            found = _gradients(y, dy)
        if found.keys() != set(wanted):
            raise CannotRepeat("not every parameter has a gradient")
        results = [memory.image(it) for it in (y._data, *(found[it] for it in wanted))]
        settled = [memory.image(it) for it in twin.arrays()]
        fast = kernels.SETS["cpu"]
        joined = fast.offers("in_moving_sequence")
        there, back = (Notes.of(way, memory) for way in fast.offers("read_through")(there, back, results))
        journey = Journey(there, back, memory.image(pictures._data), dy, results, settled, joined)
    numbers = [number for number, it in enumerate(twin.parameters) if id(it) in watched]
    return Plan(journey, numbers, id(pictures) in watched, id(y) in watched)


def compare(learner: Learner, x: Tensor, plan: Plan, as_one: Callable[..., Tensor]) -> None:
    """Go both ways, as the network stands and by its plan, from the same random numbers.

    Args:
        learner: what the network holds.
        x: pictures, of which only the shape is looked at.
        plan: what is tried.
        as_one: makes y of a way that has begun.

    Raises:
        CannotRepeat: if a bit differs.
    """
    rng = np.random.default_rng(0)
    twin = learner.twin(lambda array, is_buffer: _tried(array, is_buffer, rng))
    buffers = [stored[name] for stored, name in twin.buffers]
    before = [array.copy() for array in buffers]
    pictures = rng.standard_normal(x.shape, dtype=np.float32)
    pictures.reshape(-1)[::11], pictures.reshape(-1)[5::11] = 0.0, -0.0

    def by_plan(given: Tensor) -> Any:
        begun = plan.journey.begin(given._data, twin.arrays(), GARBAGE)
        return as_one(plan, twin, given, begun)

    traces = []
    for way in (twin.forward, by_plan):
        POOL.release()  # a plan's memory lies in other pieces: both together would be more than either needs
        for array, numbers in zip(buffers, before):
            array[...] = numbers
        generators = [copy.deepcopy(it) for it in learner.generators]
        stand_in = {id(it): other for it, other in zip(learner.generators, generators)}
        with drawn_instead({None: generators[0], **stand_in}):
            trace = _traces(twin, way, Tensor(pictures, x.requires_grad))
        traces.append([*trace, *map(_digest, buffers), *(str(it.bit_generator.state) for it in generators)])
    if traces[0] != traces[1]:
        raise CannotRepeat("something is computed in between that leaves no note")


def _traces(twin: Learner, way: Callable[[Tensor], Any], x: Tensor) -> list[Any]:
    """Return digests of y and all gradients, so that nothing of them is kept."""
    y = way(x)
    traces = [_digest(y._data)]
    found = _gradients(y, _random(y._data, np.random.default_rng(1)))
    return traces + [_digest(found[it]) for it in twin.wanted(x)]


def _gradients(y: Tensor, dy: np.ndarray) -> dict[Any, np.ndarray]:
    """Walk back from y, and return the gradients of the leaves without leaving them there."""
    gradients = Gradients()
    gradients.add([y._node], [dy])
    gradients.walk()
    return gradients.sums


def _watched(y: Tensor) -> set[int]:
    """Return the identities of tensors of which the way back of y needs that nobody changes them.

    Raises:
        CannotRepeat: if a leaf is used twice: what is added up first may then be something else's.
    """
    uses, watched = Counter[int](), set[int]()
    for node in _nodes(y):
        uses.update(id(parent) for parent in node.parents if isinstance(parent, Tensor))
        watched |= {id(find()) for find, _ in node.ctx._watched} if node.ctx is not None else set()
    if any(count > 1 for count in uses.values()):
        raise CannotRepeat("a parameter is used twice")
    return watched


def _nodes(y: Tensor) -> Iterator[Node]:
    """Yield the nodes behind y, each once."""
    waiting, seen = [y._node], set[int]()
    while waiting:
        node: Any = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += [parent for parent in node.parents if isinstance(parent, Node)]


def _zeros(memory: Apart, like: np.ndarray) -> np.ndarray:
    """Return zeros that lie as another array does, in memory that is not there."""
    order = outer_first(like)
    array = memory.empty(tuple(like.shape[axis] for axis in order), like.dtype)
    return array.transpose([order.index(axis) for axis in range(like.ndim)])


def _tried(array: np.ndarray, is_buffer: bool, rng: np.random.Generator) -> np.ndarray:
    """Return what an array is in a trial; variances are not negative."""
    if is_buffer:
        return np.ndarray(array.shape, np.float32, rng.uniform(0.5, 2, array.size).astype(np.float32), 0, array.strides)
    is_dull = bool(array.size) and bool((array.reshape(-1)[:FEW] == array.flat[0]).all())
    return _random(array, rng) if array.size <= FEW or is_dull else array


def _random(like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return random numbers in an array that lies as another one does."""
    return np.ndarray(like.shape, np.float32, rng.standard_normal(like.size, dtype=np.float32), 0, like.strides)


def _digest(array: np.ndarray) -> tuple[bytes, Any, Any]:
    numbers: Any = np.ascontiguousarray(array)
    return hashlib.blake2b(numbers).digest(), array.shape, array.dtype

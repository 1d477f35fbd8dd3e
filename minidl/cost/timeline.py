"""What lies in memory at every operation of a training step: when each array comes, and when it goes.

Every array has one span, from the moment that makes it to the last that needs it. What is live at a moment is the sum
of the spans that cover it. The moments of a step are

    forward     the operations, in their order
    backward    the operations that somebody wants a gradient of, the latest first
    update      the optimiser

With recomputation the operations stand in segments. Forward keeps only what passes from one segment into a later one
(the last segment keeps everything: its way back comes next), and the way back through a segment begins with its
operations once more, `recompute`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from minidl import kernels
from minidl._backend import Array
from minidl._sharing import owner
from minidl.cost.backward import Visit, tensors, visits
from minidl.cost.columns import block_bytes
from minidl.cost.storage import Storage
from minidl.cost.trail import Sent
from minidl.tensor import Event, Tensor

PHASES = ("forward", "recompute", "backward", "update")


class Span(NamedTuple):
    """Some bytes from one moment to another, both included."""

    kind: str
    bytes: int
    first: int
    last: int


class Step:
    """An empty batch on its way there and back.

    Attributes:
        events: the operations.
        visits: event -> what happened at it on the way back.
        unwalked: operation -> how often its way back could not be run on an empty batch.
    """

    def __init__(self, sent: Sent, fixed: Iterable[Tensor | Array]):
        self.events = sent.events
        self.unwalked: Counter[str] = Counter()
        arrays = [*sent.batch, *(one._data if isinstance(one, Tensor) else one for one in fixed)]
        self._fixed = {id(owner(array)) for array in arrays}
        outputs = tensors(sent.result)
        self._results = [output._data for output in outputs]
        with kernels.use("textbook"):  # nothing is compiled for it
            self.visits = _by_event(self.events, visits(outputs, self.unwalked))

    def uses(self, i: int) -> list[Array]:
        """Return the arrays that an operation reads, without parameters, statistics and pictures."""
        return self._own(self.events[i].inputs)

    def makes(self, i: int) -> list[Array]:
        """Return those that it leaves: its result, and what it saves."""
        return self._own((self.events[i].output, *self.events[i].saved))

    def keeps(self, i: int) -> list[Array]:
        """Return those that it keeps for its way back, if there is one."""
        return self._own(self.events[i].saved) if i in self.visits else []

    def results(self) -> list[Array]:
        """Return what the network gives."""
        return self._own(self._results)

    def _own(self, arrays: Sequence[Array | None]) -> list[Array]:
        return [array for array in arrays if array is not None and id(owner(array)) not in self._fixed]


def _by_event(events: Sequence[Event], found: Iterable[Visit]) -> dict[int, Visit]:
    """Find the operation of each node: both are in order, and an operation may be without a node."""
    known, i = {}, len(events)
    for visit in found:
        wanted = visit.node.function.op, visit.node.module, visit.node.shape
        i -= 1
        while (events[i].op, events[i].module, events[i].output.shape) != wanted or events[i].saved is not visit.saved:
            i -= 1
        known[i] = visit
    return known


class Clock:
    """The moments of a step, and when an operation is run, run again, and visited on the way back.

    Args:
        step: the step.
        cuts: the operations with which a new segment begins.

    Attributes:
        moments: (event, phase) of each; the event of the update is -1.
    """

    def __init__(self, step: Step, cuts: Sequence[int]):
        self._bounds = [0, *cuts, len(step.events)]
        self.moments = [*self._order(step.visits)]
        self.at: dict[str, dict[int, int]] = {phase: {} for phase in PHASES}
        for moment, (event, phase) in enumerate(self.moments):
            self.at[phase][event] = moment
        self.end = len(self.moments) - 1

    def _order(self, visited: dict[int, Visit]) -> Iterator[tuple[int, str]]:
        segments = [range(*bounds) for bounds in pairwise(self._bounds)]
        yield from ((i, "forward") for segment in segments for i in segment)
        for number, segment in reversed([*enumerate(segments)]):
            if number < len(segments) - 1:
                yield from ((i, "recompute") for i in segment)
            yield from ((i, "backward") for i in reversed(segment) if i in visited)
        yield -1, "update"

    def segment(self, event: int) -> int:
        """Return the number of the segment that an operation stands in."""
        return sum(event >= bound for bound in self._bounds[1:-1])

    def runs_again(self, event: int) -> bool:
        """Tell whether an operation is run again on the way back."""
        return event in self.at["recompute"]


def activations(step: Step, clock: Clock, storage: Storage) -> Iterator[Span]:
    """Yield the spans of the results, and of what is saved with them."""
    born: dict[int, int] = {}
    size: dict[int, int] = {}
    used: defaultdict[int, list[int]] = defaultdict(list)
    kept: defaultdict[int, list[int]] = defaultdict(list)
    for i in range(len(step.events)):
        for arrays, note in ((step.makes(i), None), (step.uses(i), used), (step.keeps(i), kept)):
            for array in arrays:
                key, size[key] = storage.memory(array)
                born.setdefault(key, i)
                if note is not None:
                    note[key].append(i)
    results = {storage.memory(array)[0] for array in step.results()}
    forward, again, back = (clock.at[phase] for phase in ("forward", "recompute", "backward"))
    for key, i in born.items():
        own = clock.segment(i)
        later = [j for j in used[key] if clock.runs_again(j) and clock.segment(j) > own]
        saved = [j for j in kept[key] if not clock.runs_again(j) or clock.segment(j) > own]
        needed = [forward[i], *(forward[j] for j in used[key]), *(again[j] for j in later), *(back[j] for j in saved)]
        yield Span("activations", size[key], forward[i], max([*needed, *[clock.end - 1] * (key in results)]))
        if clock.runs_again(i):
            inside = [again[j] for j in used[key] if clock.segment(j) == own]
            walked = [back[j] for j in kept[key] if clock.segment(j) == own]
            yield Span("activations", size[key], again[i], max([again[i], *inside, *walked]))


def gradients(step: Step, clock: Clock, storage: Storage) -> Iterator[Span]:
    """Yield the spans of the gradients on their way, and of those of the parameters, which stay until the update."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    size: dict[int, int] = {}
    leaves: set[int] = set()
    for i, moment in clock.at["backward"].items():
        visit = step.visits[i]
        for array in step._own(visit.live):
            key, size[key] = storage.memory(array)
            first.setdefault(key, moment)
            last[key] = moment
        for leaf in visit.leaves:
            if id(leaf) not in leaves:
                leaves.add(id(leaf))
                yield Span("gradients", storage.bytes(leaf._data), moment, clock.end)
    yield from (Span("activation_gradients", size[key], first[key], last[key]) for key in first)


def workspaces(step: Step, clock: Clock, storage: Storage, update: int) -> Iterator[Span]:
    """Yield the columns of the convolutions, and what the update makes besides: `update` bytes."""
    for moment, (i, phase) in enumerate(clock.moments):
        if phase == "update":
            yield Span("workspace", update, moment, moment)
            continue
        back = phase == "backward" and step.visits[i].goes_on
        size = block_bytes(step.events[i], storage.batch, storage.itemsize, backward=back)
        yield Span("workspace", size, moment, moment)

"""Journeys: the way of a network forward and back, noted once without computing anything, and gone again from then on.

Notes of a training step cannot keep its arrays: they would be all there at once. So the step is gone through with
kernels that compute nothing and with arrays that lie apart (`_memory.py`), each at a place of its own, which costs no
memory as long as nobody writes. What lies where is then known, and so is when it is used first and last.

Memory comes in regions. Pictures, parameters and running statistics lie where their owners have them, and results are
new arrays each time. What is written on the way and used on the way has places in two pieces of memory (`_placing.py`):

    in the end, gradients  │ dw of layer 3 │  dw of layer 2  │ dw of layer 1 │    begins as a place for what is made
    between                │ y of layer 1     │ y of layer 2  │ …                  on the way there

The first one becomes the memory of the large gradients, each of which then has its pages (`Buffer.divided`): most of
them are made when the memory for the way there is needed no more. A journey knows of each argument in which region it
lies, how far from its beginning, and looks up where the regions are.
"""

from __future__ import annotations

import bisect
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl._backend import outer_first
from minidl._memory import PAGE, POOL, SMALL, Buffer
from minidl._sharing import owner
from minidl.kernels._launches import CannotRepeat, Find, Launch, address, is_forked
from minidl.kernels._placing import Block, blocks_of, lay_over, placed

Joined = Callable[[list[Any], Find], list[tuple[Any, Any]]]
BETWEEN, IN_THE_END, X, DY, Y = range(5)  # regions; behind them those of gradients, and of parameters and buffers
GIVEN = X  # from which on each region is an array


class Spot(NamedTuple):
    """An array of a region, wherever that is."""

    region: int
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    strides: tuple[int, ...]

    def of(self, memory: np.ndarray) -> np.ndarray:
        """Return the array in the memory of its region, which has no gaps."""
        if not memory.flags.c_contiguous:
            memory = memory.transpose(outer_first(memory))
        return np.ndarray(self.shape, self.dtype, memory, self.offset, self.strides)


class Regions:
    """In which region the arrays of launches lie.

    Args:
        launches: all of them, there and back.
        given: arrays that come from outside or are results, each a region, from `GIVEN` on.
        late: which of them lie in the region of what is there in the end instead.

    Raises:
        CannotRepeat: if memory is shared, or one that is late is not written.
    """

    def __init__(self, launches: list[Launch], given: Sequence[np.ndarray], late: Sequence[int] = ()):
        spans = [(address(it), address(it) + it.nbytes, number, 0) for number, it in enumerate(given, GIVEN) if it.size]
        self._spans = spans = _in_order([span for span in spans if span[2] not in late])
        blocks = blocks_of(launches, lambda array: self.find(array) is not None)
        self.late_places = self._place_late([given[number - GIVEN] for number in late], blocks, len(launches))
        lay_over(launches, blocks)
        whole = placed([block for block in blocks.values() if block.below is None], self.late_size)
        self.size = max(0, whole - self.late_size)
        self._spans = _in_order([*spans, *map(self._span, blocks.values())])

    def _place_late(self, arrays: list[np.ndarray], blocks: dict[int, Block], end: int) -> list[int]:
        """Give arrays that are needed in the end their places, each on pages of its own."""
        places, self.late_size = list[int](), 0
        for array in arrays:
            block = blocks.get(id(owner(array)))
            if block is None or (block.start, block.root.nbytes) != (address(array), array.nbytes):
                raise CannotRepeat("a gradient is none of the arrays that were written")
            block.place, block.last = self.late_size, end
            places.append(self.late_size)
            self.late_size += -(-array.nbytes // PAGE) * PAGE
        return places

    def _span(self, block: Block) -> tuple[int, int, int, int]:
        end, place = block.start + block.root.nbytes, block.bottom.place
        if place < self.late_size:
            return block.start, end, IN_THE_END, place
        return block.start, end, BETWEEN, place - self.late_size

    def find(self, array: Any) -> tuple[int, int] | None:
        """Return the region of an array and how many bytes it begins behind that; None where it lies in none.

        Raises:
            CannotRepeat: if it does not end there as well: a result may be the front of what a kernel writes.
        """
        if not isinstance(array, np.ndarray) or not array.size:
            return None
        at = address(array)
        place = bisect.bisect(self._spans, at, key=_start) - 1
        if place < 0 or at >= self._spans[place][1]:
            return None
        start, end, region, offset = self._spans[place]
        reach = [(n - 1) * stride for n, stride in zip(array.shape, array.strides)]
        if at + sum(min(0, it) for it in reach) < start or at + sum(max(0, it) for it in reach) + array.itemsize > end:
            raise CannotRepeat("an array begins in a region and ends behind it")
        return region, at - start + offset

    def spot(self, argument: Any) -> Any:
        """Return where an array lies; what lies in no region as it is."""
        found = self.find(argument)
        return argument if found is None else Spot(*found, argument.shape, argument.dtype, argument.strides)


def _start(span: tuple[int, int, int, int]) -> int:
    return span[0]


def _in_order(spans: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    spans = sorted(spans)
    for one, next_one in itertools.pairwise(spans):
        if one[1] > next_one[0]:
            raise CannotRepeat("two of its arrays share their memory")
    return spans


class Way:
    """Launches of one direction."""

    def __init__(self, launches: list[Launch], regions: Regions, joined: Joined):
        self._steps = joined([(it.run, list(it.arguments)) for it in launches], regions.find)
        self._steps = [
            (run, arguments if arguments is None else [regions.spot(it) for it in arguments])
            for run, arguments in self._steps
        ]

    def go(self, memories: Sequence[Any], starts: np.ndarray) -> None:
        """Do it, with the memory of every region and its address."""
        for run, arguments in self._steps:
            if arguments is None:
                run(starts)
            else:
                run(*[it.of(memories[it.region]) if type(it) is Spot else it for it in arguments])


class Journey:
    """The way there and back.

    Args:
        there: launches that made y of x.
        back: launches that made the gradients of dy.
        x: pictures.
        dy: what came from above.
        results: y, and the gradients.
        settled: parameters and buffers.
        joined: makes of kernels that follow each other one step, which takes the addresses of regions.

    Raises:
        CannotRepeat: if a result was not written, an input was, or memory is shared.
    """

    def __init__(
        self,
        there: list[Launch],
        back: list[Launch],
        x: np.ndarray,
        dy: np.ndarray,
        results: Sequence[np.ndarray],
        settled: Sequence[np.ndarray],
        joined: Joined,
    ):
        made = [Made(it) for it in results]
        self._late = [Y + number for number, it in enumerate(made) if number and it.nbytes >= SMALL]
        regions = Regions([*there, *back], [x, dy, *results, *settled], self._late)
        written, read = _regions([*there, *back], regions, of_writes=True), _regions(back, regions)
        if not written.issuperset({*range(Y, Y + len(made))} - {*self._late}):
            raise CannotRepeat("a result is none of the arrays that were written")
        if written & {X, DY}:
            raise CannotRepeat("the input is written")
        self._there, self._back = Way(there, regions, joined), Way(back, regions, joined)
        self._needs_y = Y in read
        self._y, self._gradients, self._dy = made[0], made[1:], Made(dy)
        self._sizes, self._late_places = (regions.size, regions.late_size), regions.late_places
        self._launches, self._lock = len(there) + len(back), threading.Lock()

    def __len__(self) -> int:
        return self._launches

    @property
    def nbytes(self) -> int:
        """Bytes that are lent on the way, those of large gradients among them."""
        return sum(self._sizes)

    def begin(self, x: np.ndarray, settled: Sequence[np.ndarray], garbage: int | None = None) -> Any:
        """Go there: return the way back, and y; NotImplemented where another thread is on its way.

        Args:
            x: an array of the kind that the journey was made with.
            settled: likewise.
            garbage: what the memory is filled with before, for a trial.
        """
        if is_forked[0] or not self._lock.acquire(blocking=False):
            return NotImplemented
        try:
            lent = [POOL.empty((size,), np.uint8) for size in self._sizes]
            for memory in lent if garbage is not None else ():
                memory.fill(garbage)
            y = self._y.new()
            memories = [*lent, x, None, y, *[None] * len(self._gradients), *settled]
            starts = np.array([0 if it is None else address(it) for it in memories], np.int64)
            self._there.go(memories, starts)
            memories[Y] = y if self._needs_y else None
        finally:
            self._lock.release()
        return Back(self, memories, starts), y

    def finish(self, memories: list[Any], starts: np.ndarray, dy: np.ndarray) -> list[np.ndarray]:
        """Go back, and return the gradients; the memories are let go."""
        with self._lock:
            lies_alike = dy.strides == self._dy.strides and dy.flags.aligned
            memories[DY] = dy if lies_alike else self._dy.filled(dy)
            starts[DY] = address(memories[DY])
            for number, made in enumerate(self._gradients, Y + 1):
                if number not in self._late:
                    memories[number] = made.new()
                    starts[number] = address(memories[number])
            self._back.go(memories, starts)
            found, pages = memories[Y + 1 : Y + 1 + len(self._gradients)], memories[IN_THE_END]
            memories.clear()
            for number, array in zip(self._late, self._divided(pages)):
                found[number - Y - 1] = array
            return found

    def _divided(self, pages: np.ndarray) -> list[np.ndarray]:
        """Return the large gradients, as the only ones that have their memory."""
        late, buffer = [self._gradients[number - Y - 1] for number in self._late], owner(pages)
        if not isinstance(buffer, Buffer):  # memory is not used again
            return [it.of(pages[place:]).copy(order="K") for it, place in zip(late, self._late_places)]
        parts = [(place, it.in_order, it.dtype) for it, place in zip(late, self._late_places)]
        return [array.transpose(it.order) for array, it in zip(buffer.divided(parts), late)]


def _regions(launches: list[Launch], regions: Regions, of_writes: bool = False) -> set[int]:
    """Return the regions of all arguments, or of those that are written."""
    arguments = (
        it.arguments[place] for it in launches for place in (it.writes if of_writes else range(len(it.arguments)))
    )
    return {found[0] for it in arguments if (found := regions.find(it)) is not None}


class Back:
    """The way back of one batch, which holds all that was made on the way there."""

    def __init__(self, journey: Journey, memories: list[Any], starts: np.ndarray):
        self._journey, self._memories, self._starts = journey, memories, starts

    def finish(self, dy: np.ndarray) -> list[np.ndarray]:
        """Go back, once: return the gradients.

        Raises:
            RuntimeError: if somebody has gone back before, however far, or the process was forked in between.
        """
        if is_forked[0]:
            raise RuntimeError(
                "backward: the forward pass was another process's, from which this one was forked; run it again"
            )
        memories, self._memories = self._memories, []
        if not memories:
            raise RuntimeError(
                "backward through a graph that an earlier backward() has freed, or was stopped in; run forward again"
            )
        return self._journey.finish(memories, self._starts, dy)


class Made:
    """An array without gaps of which shape, kind and order are known, to make new ones.

    Attributes:
        order: which axis of the array is which one of its memory.
        in_order: the shape of its memory.

    Raises:
        CannotRepeat: if there are gaps.
    """

    def __init__(self, array: np.ndarray):
        self.shape, self.dtype, self.strides, self.nbytes = array.shape, array.dtype, array.strides, array.nbytes
        slowest = outer_first(array)
        if not array.transpose(slowest).flags.c_contiguous:
            raise CannotRepeat("a result has gaps in its memory")
        self.in_order = tuple(array.shape[axis] for axis in slowest)
        self.order = tuple(slowest.index(axis) for axis in range(array.ndim))

    def of(self, memory: np.ndarray) -> np.ndarray:
        """Return the array in some bytes."""
        return np.ndarray(self.shape, self.dtype, memory, 0, self.strides)

    def new(self) -> np.ndarray:
        """Return a new array."""
        return POOL.empty(self.in_order, self.dtype).transpose(self.order)

    def filled(self, array: np.ndarray) -> np.ndarray:
        """Return a new array with the numbers of another one."""
        new = self.new()
        np.copyto(new, array)
        return new

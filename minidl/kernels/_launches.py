"""Launches: what a computation has started, noted, so that it can be started again without asking anything.

A network that looks at one picture spends a quarter of its time in Python: every layer asks what it is given, looks for
memory and for the plan of its work, and all answers are the same as for the picture before. So they are noted once.
While a block `with noted() as launches` runs, every compiled kernel leaves a note of itself and of its arguments, and
so does what else writes into an array (`note`). A `Script` made of the notes does the same again for other pictures of
the same kind: it starts one kernel after the other.

Arrays that are written lie in one piece of memory then. Each has its place in it from its first use to its last, and
places are given again to those that come later:

    time     launch 1   launch 2   launch 3   launch 4
    place A  y1 ────────────┘       y3 ────────────┘
    place B             y2 ────────────┘       y4 …

An array that is read for the last time, by a kernel that makes of each number another one, has the result in its own
place (`over` in `cpu/simd/compile.py`): half of what is written would be fetched from memory first, for nothing.

What is only read stays where it is: weights in their order, biases, sizes. What a script cannot know is whether
something else has computed with an array in between, or whether what is read changes later. Whoever makes one has to
see to that: see `minidl/folding/_scripts.py`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from minidl._memory import ALIGNMENT, POOL
from minidl._sharing import owner

MOST_NOTED = 5 * 2**26  # bytes that the arrays of notes keep alive
MOST_KEPT = 2**26  # bytes of all scripts of a network: what needs more spends no time in Python to speak of
GARBAGE = 0xFF  # of which floats are NaN


class CannotRepeat(ValueError):
    """What was noted cannot be done again by a script; the message says why."""


class Launch(NamedTuple):
    """Something that was started: a function, its arguments, and the places of those that it writes."""

    run: Callable[..., Any]
    arguments: tuple[Any, ...]
    writes: frozenset[int]


Step = tuple[Callable[..., Any], list[Any]]  # a function and its arguments


class Notes(list[Launch]):
    """Launches in their order, as long as their arrays do not keep too much memory alive."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()
        self.nbytes = 0

    def add(self, launch: Launch) -> None:
        """Note one more, and forget all where it is too much."""
        for place in launch.writes:
            root = owner(launch.arguments[place])
            if id(root) not in self._seen:
                self._seen.add(id(root))
                self.nbytes += root.nbytes
        if self.nbytes > MOST_NOTED:
            self.clear()
        else:
            self.append(launch)


_noting: ContextVar[Notes | None] = ContextVar("kernels_noting", default=None)
is_noting = _noting.get  # asked at every start of a kernel
_is_forked = [False]

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _is_forked.__setitem__(0, True))


@contextmanager
def noted() -> Iterator[Notes]:
    """Note what is started inside the block, in this Python thread.

    Example:
        >>> import numpy as np
        >>> with noted() as launches:
        ...     y = np.empty(2)
        ...     note(np.copyto, (y, np.ones(2)), {0})
        >>> len(launches)
        1
    """
    token = _noting.set(notes := Notes())
    try:
        yield notes
    finally:
        _noting.reset(token)


def note(run: Callable[..., Any], arguments: tuple[Any, ...], writes: Any) -> None:
    """Leave a note of something that was started, where somebody wants one."""
    if (notes := is_noting()) is not None:
        notes.add(Launch(run, arguments, frozenset(writes)))


def copy(y: np.ndarray, x: Any) -> None:
    """Write x into y with NumPy, and leave a note; for what is too small for a kernel."""
    np.copyto(y, x)
    note(np.copyto, (y, x), {0})


def note_made(y: np.ndarray, function: Callable[..., np.ndarray], *arguments: Any) -> np.ndarray:
    """Leave a note that y is what a function has made, which computes with NumPy, and return y."""
    note(_make_again, (y, function, *arguments), {0})
    return y


def _make_again(y: np.ndarray, function: Callable[..., np.ndarray], *arguments: Any) -> None:
    np.copyto(y, function(*arguments))


class _Block:
    """The memory of one array that is written: how much, when it is used first and last, and where it lies."""

    def __init__(self, root: Any, number: int):
        self.root, self.first, self.last, self.place = root, number, number, -1
        self.below: _Block | None = None  # the one over which it is written
        self.size = -(-root.nbytes // ALIGNMENT) * ALIGNMENT
        self.start = address(root)

    @property
    def bottom(self) -> _Block:
        """The one whose place it has."""
        return self if self.below is None else self.below.bottom


class Script:
    """Launches that are repeated for another x.

    Args:
        launches: what was noted while y was computed from x.
        x: the array that changes: C order, never written.
        y: the result.
        most: bytes that it may keep.
        joined: makes of steps fewer ones that do the same, if there is such a function. It is told which of the
            arguments are others at each run.

    Raises:
        CannotRepeat: if y was not written by the launches, or more memory is needed.

    Example:
        >>> import numpy as np
        >>> x, y = np.ones(2), np.empty(2)
        >>> with noted() as launches:
        ...     _ = np.multiply(x, 3, y)
        ...     note(np.multiply, (x, 3, y), {2})
        >>> Script(launches, x, y).run(np.full(2, 5.0))
        array([15., 15.])
    """

    def __init__(
        self,
        launches: list[Launch],
        x: np.ndarray,
        y: np.ndarray,
        most: int = MOST_KEPT,
        joined: Callable[[list[Step], list[tuple[list[Any], int]]], list[Step]] | None = None,
    ):
        blocks = _blocks(launches)
        x_root, y_root = owner(x), owner(y)
        if id(y_root) not in blocks:
            raise CannotRepeat("the result is none of the arrays that were written")
        if id(x_root) in blocks:
            raise CannotRepeat("the input is written")
        blocks[id(y_root)].last = len(launches)
        _lay_over(launches, blocks)
        size = _placed([block for block in blocks.values() if block.below is None])
        if size > most:
            raise CannotRepeat(f"{size} bytes are needed, at most {most} may be kept")
        self._memory = POOL.empty((size,), np.uint8)
        self._memory.fill(GARBAGE)
        self._lock = threading.Lock()
        self._y = self._moved(y, blocks)
        self._steps: list[Step] = []
        self._readers: list[tuple[list[Any], int, tuple[Any, ...]]] = []  # of x: arguments, which one, and what of x
        for launch in launches:
            arguments = [self._moved(it, blocks) if isinstance(it, np.ndarray) else it for it in launch.arguments]
            for place, it in enumerate(launch.arguments):
                if isinstance(it, np.ndarray) and owner(it) is x_root:
                    seen = it.shape, it.dtype, address(it) - address(x), it.strides
                    self._readers.append((arguments, place, seen))
            self._steps.append((launch.run, arguments))
        self._size = len(launches)
        if joined is not None:
            self._steps = joined(self._steps, [(arguments, place) for arguments, place, _ in self._readers])

    def __len__(self) -> int:
        return self._size

    @property
    def nbytes(self) -> int:
        """Bytes of the memory that it keeps."""
        return self._memory.nbytes

    def _moved(self, array: np.ndarray, blocks: dict[int, _Block]) -> np.ndarray:
        """Return an array of the script's memory for one that is written, and others as they are."""
        block = blocks.get(id(owner(array)))
        if block is None:
            return array
        at = block.bottom.place + address(array) - block.start
        return np.ndarray(array.shape, array.dtype, self._memory, at, array.strides)

    def run(self, x: np.ndarray) -> Any:
        """Return y for x, an array of the kind that the script was made with.

        NotImplemented where another thread is at it, and in a process that was forked: threads do not come along.
        """
        if _is_forked[0] or not self._lock.acquire(blocking=False):
            return NotImplemented
        try:
            x = np.ascontiguousarray(x)
            for arguments, place, (shape, dtype, at, strides) in self._readers:
                arguments[place] = np.ndarray(shape, dtype, x, at, strides)
            for run, arguments in self._steps:
                run(*arguments)
            return self._y.copy(order="K")
        finally:
            for arguments, place, _ in self._readers:
                arguments[place] = None
            self._lock.release()


def _blocks(launches: list[Launch]) -> dict[int, _Block]:
    """Return the memory of all arrays that are written, by the identity of what owns it."""
    blocks: dict[int, _Block] = {}
    for number, launch in enumerate(launches):
        for place in launch.writes:
            root = owner(launch.arguments[place])
            blocks.setdefault(id(root), _Block(root, number))
    for number, launch in enumerate(launches):
        for it in launch.arguments:
            block = blocks.get(id(owner(it))) if isinstance(it, np.ndarray) else None
            if block is not None:
                block.first, block.last = min(block.first, number), max(block.last, number)
    return blocks


def _lay_over(launches: list[Launch], blocks: dict[int, _Block]) -> None:
    """Let a result have the place of what it is made of, where that is not read again."""
    for number, launch in enumerate(launches):
        if (places := getattr(launch.run, "over", None)) is None:
            continue
        x, y = (launch.arguments[place] for place in places)
        old, new = blocks.get(id(owner(x))), blocks[id(owner(y))]
        if old is None or old is new or (old.bottom.last, new.first, old.size) != (number, number, new.size):
            continue
        if (x.shape, x.strides, address(x) - old.start) == (y.shape, y.strides, address(y) - new.start):
            new.below, old.bottom.last = old, new.last


def _placed(blocks: list[_Block]) -> int:
    """Give each block a place where no other is at the same time, the largest first; return how much is needed."""
    done: list[_Block] = []
    for block in sorted(blocks, key=lambda block: -block.size):
        place = 0
        for other in sorted((it for it in done if it.first <= block.last and block.first <= it.last), key=_place):
            if place + block.size <= other.place:
                break
            place = max(place, other.place + other.size)
        block.place = place
        done.append(block)
    return max((block.place + block.size for block in blocks), default=0)


def _place(block: _Block) -> int:
    return block.place


def address(array: Any) -> int:
    """Return where an array begins in memory."""
    return int(array.__array_interface__["data"][0])

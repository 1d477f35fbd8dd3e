"""Launches: what a computation has started, noted, so that it can be started again without asking anything.

A network that looks at one picture spends a quarter of its time in Python: every layer asks what it is given, looks for
memory and for the plan of its work, and all answers are the same as for the picture before. So they are noted once.
While a block `with noted() as launches` runs, every compiled kernel leaves a note of itself and of its arguments, and
so does what else writes into an array (`note`). Two do the same again for other pictures of the same kind: a `Script`
(`_script.py`) what a folded network does for one batch, and a `Journey` (`_journey.py`) what a network does on its way
forward and back when it learns.

What notes cannot know is whether something else has computed with an array in between, or whether what is read changes
later. Whoever repeats them has to see to that: see `minidl/folding/_scripts.py` and `minidl/compiled/_plans.py`.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from minidl._memory import Apart
from minidl._sharing import owner

MOST_NOTED = 5 * 2**26  # bytes that the arrays of notes keep alive
IN_PLACE = {"add_to": (1,), "copy_to": (1,), "batch_norm_running": (0, 1)}  # which arguments the textbook writes


class CannotRepeat(ValueError):
    """What was noted cannot be done again by a script; the message says why."""


class Launch(NamedTuple):
    """Something that was started: a function, its arguments, and the places of those that it writes."""

    run: Callable[..., Any]
    arguments: tuple[Any, ...]
    writes: frozenset[int]


Step = tuple[Callable[..., Any], list[Any]]  # a function and its arguments
Find = Callable[[Any], "tuple[int, int] | None"]  # where an array lies: in which region, and how many bytes from there


class Notes(list[Launch]):
    """Launches in their order, as long as their arrays do not keep too much memory alive.

    Args:
        apart: where the arrays lie if nothing is computed: they are known by their images then, and none is kept.
    """

    def __init__(self, apart: Apart | None = None):
        super().__init__()
        self._seen: set[int] = set()
        self.nbytes, self.apart = 0, apart

    @classmethod
    def of(cls, launches: Iterable[Launch], apart: Apart) -> Notes:
        """Return notes of launches that somebody has made, also of arrays that are no images yet."""
        notes = cls(apart)
        for launch in launches:
            notes.add(launch)
        return notes

    def add(self, launch: Launch) -> None:
        """Note one more, and forget all where it is too much."""
        if self.apart is not None:
            images = [self.apart.image(it) if isinstance(it, np.ndarray) else it for it in launch.arguments]
            self.append(launch._replace(arguments=tuple(images)))
            return
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
is_forked = [False]

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: is_forked.__setitem__(0, True))


@contextmanager
def noted(apart: Apart | None = None) -> Iterator[Notes]:
    """Note what is started inside the block, in this Python thread; with memory `apart` kernels are noted only.

    Example:
        >>> import numpy as np
        >>> with noted() as launches:
        ...     y = np.empty(2)
        ...     note(np.copyto, (y, np.ones(2)), {0})
        >>> len(launches)
        1
    """
    token = _noting.set(notes := Notes(apart))
    try:
        yield notes
    finally:
        _noting.reset(token)


def is_rehearsed() -> bool:
    """Tell whether nothing is computed here, but only noted."""
    return (notes := is_noting()) is not None and notes.apart is not None


def note(run: Callable[..., Any], arguments: tuple[Any, ...], writes: Any) -> None:
    """Leave a note of something that was started, where somebody wants one."""
    if (notes := is_noting()) is not None:
        notes.add(Launch(run, arguments, frozenset(writes)))


def start(run: Callable[..., Any], arguments: tuple[Any, ...], writes: Any) -> None:
    """Start something, and leave a note; of a computation that is not done, the note only."""
    if not is_rehearsed():
        run(*arguments)
    note(run, arguments, writes)


def copy(y: np.ndarray, x: Any) -> None:
    """Write x into y with NumPy, and leave a note; for what is too small for a kernel."""
    start(np.copyto, (y, x), (0,))


def make(y: np.ndarray, function: Callable[..., np.ndarray], *arguments: Any) -> None:
    """Write into y what a function makes with NumPy, and leave a note."""
    start(_make_again, (y, function, *arguments), (0,))


def made(shape: tuple[int, ...], dtype: Any, function: Callable[..., np.ndarray], *arguments: Any) -> np.ndarray:
    """Return what a function makes with NumPy, and leave a note; in a rehearsal nothing is made, as where it draws."""
    y = np.zeros(shape, dtype) if is_rehearsed() else function(*arguments)
    return note_made(y, function, *arguments)


def note_made(y: np.ndarray, function: Callable[..., np.ndarray], *arguments: Any) -> np.ndarray:
    """Leave a note that y is what a function has made, which computes with NumPy, and return y."""
    note(_make_again, (y, function, *arguments), {0})
    return y


def note_call(function: Callable[..., Any], arguments: tuple[Any, ...], found: Any) -> None:
    """Leave a note that arrays are what a function of the textbook has made, or that it has written into one."""
    made = found if isinstance(found, tuple) else (found,)
    if (written := IN_PLACE.get(function.__name__)) is not None:
        note(function, arguments, written)
        return
    given, lengths = list[Any](), [len(it) if isinstance(it, tuple) else None for it in arguments]
    for it in arguments:
        given += it if isinstance(it, tuple) else [it]
    results = [(place, _once(it)) for place, it in enumerate(made) if isinstance(it, np.ndarray)]
    again = functools.partial(_call_again, function, results, lengths)
    note(again, (*(made[place][once] for place, once in results), *given), range(len(results)))


Key = tuple[Any, ...]


def _once(array: np.ndarray) -> Key:
    """Return which part of an array is all of its memory: numbers may be repeated, as in an average's gradient."""
    return (..., *(slice(None if stride else 1) for stride in array.strides))


def _call_again(
    function: Callable[..., Any], results: list[tuple[int, Key]], lengths: list[int | None], *arrays: Any
) -> None:
    """Call a function with what is behind its results, tuples of so many put together again."""
    waiting = iter(arrays[len(results) :])
    found = function(*(next(waiting) if n is None else tuple(itertools.islice(waiting, n)) for n in lengths))
    found = found if isinstance(found, tuple) else (found,)
    for y, (place, once) in zip(arrays, results):
        np.copyto(y, found[place][once])


def _make_again(y: np.ndarray, function: Callable[..., np.ndarray], *arguments: Any) -> None:
    np.copyto(y, function(*arguments))


def address(array: Any) -> int:
    """Return where an array begins in memory."""
    return int(array.__array_interface__["data"][0])

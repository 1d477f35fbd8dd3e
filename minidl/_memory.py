"""Memory for large results, used again: the allocator behind `_backend.empty`.

Memory that comes fresh from the operating system has to be filled with zeros page by page before it can be written,
which costs as much as the whole work of a relu, or more. So a freed array's memory is kept for the next one.

Arrays lie beside each other in *arenas*, stretches of address space whose pages cost nothing until they are written.
A freed array leaves a hole, and holes that touch become one. A new array takes the smallest hole that holds it and
leaves the rest; only where no hole is large enough, it goes to where nothing has been yet:

    arena     │ x │ hole │   y   │   hole   │ z │ never written …
                                                ^ top

A training step asks for the same sizes as the step before, but those of its way back are others than those of its way
forward: what lies beside each other is given out in other pieces, and nothing is fresh from the second step on.

How an array tells that it is free: NumPy lets an array stand on any object that says where its memory is, and holds on
to that object as long as the array or a view of it lives. Here that object is a `Buffer`; when the last view has gone,
Python deletes the buffer, which gives its memory back.

What is lent and what is kept together never exceed the most that was ever lent at once by more than an eighth: beyond
that, the pages of holes go back to the operating system (where it takes single pages: not on Windows). Where pages are
asked for again that have gone back, as by every step of a training whose arrays leave many small holes, that was too
early: so many bytes more are kept from then on, at most another eighth.
MINIDL_REUSE_MEMORY=0 in the environment switches it off.
"""

from __future__ import annotations

import functools
import math
import mmap
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import numpy as np

SMALL = 2**16  # bytes; below, asking NumPy is quicker than looking
ALIGNMENT = 64  # bytes of a cache line, and of the widest vector
PAGE = mmap.PAGESIZE
ARENA = 2**32 if hasattr(mmap, "MADV_DONTNEED") else 2**28  # bytes; Windows counts them as used from the beginning
SPARE = 8  # an eighth may be kept beyond what was needed once

Place = tuple[int, int]  # where a piece of memory begins and ends


class Arena:
    """A stretch of address space, of which the part below `top` has been written."""

    def __init__(self, size: int, *, huge: bool = True):
        private = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)  # a forked child gets its own
        self._map = mmap.mmap(-1, size + PAGE, **({"flags": private} if private else {}))
        self._advise("MADV_HUGEPAGE" if huge else "MADV_NOHUGEPAGE", 0, size)  # fewer pages to look up
        self.start = self.top = np.frombuffer(self._map, np.uint8).ctypes.data
        self.end = self.start + size  # the last page parts this arena from the next one

    def clear(self, start: int, end: int) -> bool:
        """Give pages back to the operating system; tell whether it took them."""
        return self._advise("MADV_DONTNEED", start - self.start, end - start)

    def _advise(self, advice: str, start: int, size: int) -> bool:
        option = getattr(mmap, advice, None)
        if option is None:
            return False
        with suppress(OSError):
            self._map.madvise(option, start, size)
            return True
        return False


class Buffer:
    """Memory lent to one array; gives it back when the array and its views have gone."""

    __slots__ = ("__array_interface__", "_place", "_pool", "nbytes")

    def __init__(self, pool: Pool | Apart, place: Place, shape: tuple[int, ...], typestr: str, nbytes: int):
        self._pool, self._place, self.nbytes = pool, place, nbytes
        self.__array_interface__ = {"shape": shape, "typestr": typestr, "data": (place[0], False), "version": 3}

    def __del__(self) -> None:
        start, end = self._place
        if start < end:
            self._pool.take_back(self._place)

    def divided(self, parts: list[tuple[int, tuple[int, ...], np.dtype]]) -> list[np.ndarray]:
        """Return arrays in its memory that have it from now on, each its pages; the rest is given back.

        Args:
            parts: in their order, where each begins (a page), its shape, and its kind.
        """
        (at, end), arrays = self._place, list[np.ndarray]()
        start, self._place = at, (at, at)
        for place, shape, dtype in parts:
            size, pages, typestr = _measured(shape, dtype)
            if at < start + place:
                self._pool.take_back((at, start + place))
            at = start + place + pages
            arrays.append(np.asarray(Buffer(self._pool, (start + place, at), shape, typestr, size)))
        if at < end:
            self._pool.take_back((at, end))
        return arrays


class Pool:
    """Memory, lent and kept.

    Attributes:
        enabled: whether memory is used again; with False every array gets its own.
        lent_bytes: bytes in use now.
        kept_bytes: bytes that wait for their next use.

    Example:
        >>> pool = Pool()
        >>> x = pool.empty((100, 1000), "float32")
        >>> address = x.ctypes.data
        >>> del x
        >>> pool.empty((50_000,), "float32").ctypes.data == address
        True
    """

    def __init__(self, enabled: bool = True):
        self.enabled = enabled
        self._lent = self._kept = self._most_lent = 0
        self._given_back = self._regretted = 0  # bytes: of pages that are with the system again; needed again after it
        self._arenas: list[Arena] = []
        self._holes: dict[int, int] = {}  # the end of each hole by its start
        self._bare: dict[int, int] = {}  # the same for holes whose pages have been given back
        self._starts: dict[int, int] = {}  # the start of both kinds by their end
        self._returned: deque[Place] = deque()  # buffers end at any time, even while the pool is at work
        self._lock = threading.Lock()

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array with arbitrary contents, on memory that was used before if there is some."""
        if (apart := _apart.get()) is not None:
            return apart.empty(shape, dtype)
        size, pages, typestr = _measured(shape, dtype)
        place = self._lend(pages) if size >= SMALL and self.enabled else None
        if place is None:  # NumPy says what is wrong where there is no memory left
            return np.empty(shape, dtype)
        return np.asarray(Buffer(self, place, shape, typestr, size))

    def take_back(self, place: Place) -> None:
        """Keep lent memory for its next use: whoever asks next makes a hole of it."""
        self._returned.append(place)

    def release(self) -> None:
        """Give all kept memory back to the operating system, and forget how much there was once."""
        with self._lock:
            self._settle()
            self._give_back(0)
            self._most_lent = self._lent
            self._given_back = self._regretted = 0

    @property
    def lent_bytes(self) -> int:
        """Bytes in use now."""
        self._look()
        return self._lent

    @property
    def kept_bytes(self) -> int:
        """Bytes that wait for their next use."""
        self._look()
        return self._kept

    def _look(self) -> None:
        """Count what has been returned, unless the pool is at work."""
        if self._lock.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self._lock.release()

    def _lend(self, size: int) -> Place | None:
        with self._lock:
            self._settle()
            start = _smallest(self._holes, size)
            if start is not None:
                self._cut(self._holes, start, size)
                self._kept -= size
            else:
                start = self._fresh(size)
                if start is None:
                    return None
                self._regret(size)
            self._lent += size
            if self._lent > self._most_lent:
                self._most_lent = self._lent
            most = self._most_lent + self._most_lent // SPARE + self._regretted - self._lent
            if self._kept > most:
                self._give_back(most)
            return start, start + size

    def _regret(self, size: int) -> None:
        """Note that so many fresh bytes are needed, as far as such have been given back."""
        again = min(size, self._given_back)
        self._given_back -= again
        self._regretted = min(self._regretted + again, self._most_lent // SPARE)

    def _fresh(self, size: int) -> int | None:
        """Return the start of memory without pages: from a hole, else from above the top of an arena."""
        start = _smallest(self._bare, size)
        if start is not None:
            self._cut(self._bare, start, size)
            return start
        for arena in self._arenas:
            start = self._starts.get(arena.top, arena.top)  # a hole that ends there is its beginning
            if start + size <= arena.end:
                if start < arena.top:
                    self._fill(start)
                arena.top = start + size
                return start
        new = _new_arena(size)
        if new is None:
            return None
        self._arenas.append(new)
        return self._fresh(size)

    def _settle(self) -> None:
        """Make holes of what has been returned, each one with the holes that it touches."""
        while self._returned:
            start, end = self._returned.popleft()
            self._lent -= end - start
            if self._bare:
                start, end = self._with_bare(start, end)
            self._kept += end - start
            before = self._starts.pop(start, None)
            if before is not None:
                del self._holes[before]
                start = before
            end = self._holes.pop(end, end)
            self._holes[start], self._starts[end] = end, start

    def _with_bare(self, start: int, end: int) -> Place:
        """Return the place that this one becomes with the holes without pages that it touches."""
        before = self._starts.get(start)
        if before is not None and before in self._bare:
            self._fill(before)
            start = before
        return start, self._fill(end) if end in self._bare else end

    def _give_back(self, most: int) -> None:
        """Give pages back until at most so many bytes are kept: a hole that is just enough, else the largest first."""
        while self._kept > most:
            start = _smallest(self._holes, self._kept - most)
            if start is None:
                start = max(self._holes, key=lambda start: self._holes[start] - start)
            end, arena = self._holes[start], next(it for it in self._arenas if it.start <= start < it.end)
            if not arena.clear(start, end):
                return
            self._fill(start)
            self._given_back += end - start
            if end == arena.top:
                arena.top = start
            else:
                self._bare[start], self._starts[end] = end, start
            if arena.top == arena.start:
                self._arenas.remove(arena)

    def _fill(self, start: int) -> int:
        """Let a hole be none, and return its end."""
        end = self._holes.pop(start, None)
        if end is None:
            end = self._bare.pop(start)
        else:
            self._kept -= end - start
        del self._starts[end]
        return end

    def _cut(self, holes: dict[int, int], start: int, size: int) -> None:
        """Take the beginning of a hole; what is left is one."""
        end, rest = holes.pop(start), start + size
        if end > rest:
            holes[rest], self._starts[end] = end, rest
        else:
            del self._starts[end]


class Apart:
    """Memory of a computation that is gone through without being done: no two arrays ever have the same place.

    Pages that nobody writes cost nothing, so all of its arrays together may be larger than memory. Where they lay is
    known of an `image`: an array at the same place that does not count as one that refers to it.
    """

    def __init__(self) -> None:
        self._arenas: list[Arena] = []
        self._images: dict[Place, np.ndarray] = {}

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array of zeros that nobody should write to."""
        size, pages, typestr = _measured(shape, dtype)
        if not self._arenas or self._arenas[-1].top + pages > self._arenas[-1].end:
            arena = _new_arena(pages, huge=False)  # what the textbook writes shall cost no more than that
            if arena is None:
                raise MemoryError(f"no address space for {pages} bytes")
            self._arenas.append(arena)
        start = self._arenas[-1].top
        self._arenas[-1].top += pages
        return np.asarray(Buffer(self, (start, start + pages), shape, typestr, size))

    def take_back(self, place: Place) -> None:
        """Give it to nobody else."""

    def image(self, array: np.ndarray) -> np.ndarray:
        """Return an array at the same place as one of these, which does not keep it; any other array as it is."""
        below: Any = array
        while getattr(below, "base", None) is not None:
            below = below.base
        if not isinstance(below, Buffer) or below._pool is not self or not array.size:
            return array
        if (memory := self._images.get(below._place)) is None:
            whole = (below.nbytes,)
            self._images[below._place] = memory = np.asarray(Buffer(self, below._place, whole, "|u1", below.nbytes))
        at = array.__array_interface__["data"][0] - below._place[0]
        return np.ndarray(array.shape, array.dtype, memory, at, array.strides)


_apart: ContextVar[Apart | None] = ContextVar("memory_apart", default=None)


@contextmanager
def apart() -> Iterator[Apart]:
    """Let memory that is asked for inside the block lie apart, for a computation that is not done.

    Example:
        >>> with apart() as memory:
        ...     x = POOL.empty((2**30,), np.float32)
        >>> memory.image(x[5:]).ctypes.data == x.ctypes.data + 20
        True
    """
    token = _apart.set(memory := Apart())
    try:
        yield memory
    finally:
        _apart.reset(token)
        memory._images.clear()


@functools.lru_cache(maxsize=4096)
def _measured(shape: tuple[int, ...], dtype: Any) -> tuple[int, int, str]:
    """Return the bytes of an array, those of its pages, and the name of its type."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    return size, (size + PAGE - 1) // PAGE * PAGE, dtype.str


def _smallest(holes: dict[int, int], size: int) -> int | None:
    """Return the start of the smallest hole that is large enough."""
    best, least = None, math.inf
    for start, end in holes.items():
        if size <= end - start < least:
            best, least = start, end - start
    return best


def _new_arena(size: int, *, huge: bool = True) -> Arena | None:
    """Return an arena as large as the system grants, from ARENA down to size; None if it grants none."""
    reach = max(ARENA, size)
    while True:
        with suppress(OSError, OverflowError, ValueError):
            return Arena(reach, huge=huge)
        if reach == size:
            return None
        reach = max(reach // 2 // PAGE * PAGE, size)


POOL = Pool(os.environ.get("MINIDL_REUSE_MEMORY", "1") not in ("0", ""))

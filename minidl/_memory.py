"""Memory for large results, used again: the allocator behind `_backend.empty`.

Memory that comes fresh from the operating system has to be filled with zeros page by page before it can be written,
which costs as much as the whole work of a relu, or more. So a freed array's memory is kept for the next one.

Arrays lie beside each other in *grounds*, stretches of address space whose pages cost nothing until they are written.
A freed array leaves a hole, and holes that touch become one. A new array takes the smallest hole that holds it and
leaves the rest; only where no hole is large enough, it goes to where nothing has been yet:

    ground    │ x │ hole │   y   │   hole   │ z │ never written …
                                                ^ top

A training step asks for the same sizes as the step before, but those of its way back are others than those of its way
forward: what lies beside each other is given out in other pieces, and nothing is fresh from the second step on.

How an array tells that it is free: NumPy lets an array stand on any object that says where its memory is, and holds on
to that object as long as the array or a view of it lives. Here that object is a `Loan`; when the last view has gone,
Python deletes the loan, and the loan gives its memory back.

What is lent and what is kept together never exceed the most that was ever lent at once by more than an eighth: beyond
that, the pages of holes go back to the operating system (where it takes single pages: not on Windows).
MINIDL_REUSE_MEMORY=0 in the environment switches it off.
"""

from __future__ import annotations

import math
import mmap
import os
import threading
from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np

SMALL = 2**16  # bytes; below, asking NumPy is quicker than looking
ALIGNMENT = 64  # bytes of a cache line, and of the widest vector
PAGE = mmap.PAGESIZE
GROUND = 2**32 if hasattr(mmap, "MADV_DONTNEED") else 2**28  # bytes; Windows counts them as used from the beginning
SPARE = 8  # an eighth may be kept beyond what was needed once


class Ground:
    """A stretch of address space, of which the part below `top` has been written."""

    def __init__(self, size: int):
        private = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)  # a forked child gets its own
        self._map = mmap.mmap(-1, size + PAGE, **({"flags": private} if private else {}))
        self._advise("MADV_HUGEPAGE", 0, size)  # fewer pages to look up
        self.start = self.top = np.frombuffer(self._map, np.uint8).ctypes.data
        self.end = self.start + size  # the last page parts this ground from the next one

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


class Hole:
    """Free memory between two arrays; `kept` as long as its pages have not been given back."""

    __slots__ = ("end", "ground", "kept", "size", "start")

    def __init__(self, ground: Ground, start: int, end: int, kept: bool):
        self.ground, self.start, self.end, self.kept = ground, start, end, kept
        self.size = end - start


class Loan:
    """Memory lent to one array; gives it back when the array and its views have gone."""

    __slots__ = ("__array_interface__", "_place", "_pool", "nbytes")

    def __init__(self, pool: Pool, place: Hole, shape: tuple[int, ...], typestr: str, nbytes: int):
        self._pool, self._place, self.nbytes = pool, place, nbytes
        self.__array_interface__ = {"shape": shape, "typestr": typestr, "data": (place.start, False), "version": 3}

    def __del__(self) -> None:
        self._pool.take_back(self._place)


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
        self.lent_bytes = self.kept_bytes = self._most_lent = 0
        self._grounds: list[Ground] = []
        self._holes: dict[int, Hole] = {}  # by their start
        self._ends: dict[int, Hole] = {}  # the same by their end
        self._returned: deque[Hole] = deque()  # loans end at any time, even while the pool is at work
        self._lock = threading.Lock()

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array with arbitrary contents, on memory that was used before if there is some."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        place = self._lend(-(-size // PAGE) * PAGE) if self.enabled and size >= SMALL else None
        if place is None:  # NumPy says what is wrong where there is no memory left
            return np.empty(shape, dtype)
        return np.asarray(Loan(self, place, tuple(shape), dtype.str, size))

    def take_back(self, place: Hole) -> None:
        """Keep lent memory for its next use."""
        self._returned.append(place)
        if self._lock.acquire(blocking=False):  # else whoever holds it, or the next to come, does it
            try:
                self._settle()
            finally:
                self._lock.release()

    def release(self) -> None:
        """Give all kept memory back to the operating system, and forget how much there was once."""
        with self._lock:
            self._settle()
            self._give_back(0)
            self._most_lent = self.lent_bytes

    def _lend(self, size: int) -> Hole | None:
        with self._lock:
            self._settle()
            place = self._smallest(size)
            if place is not None:
                self._fill(place)
            else:
                place = self._extended(size)
                if place is None:
                    return None
            if place.size > size:
                self._dig(Hole(place.ground, place.start + size, place.end, place.kept))
                place = Hole(place.ground, place.start, place.start + size, place.kept)
            self.lent_bytes += size
            if self.lent_bytes > self._most_lent:
                self._most_lent = self.lent_bytes
            self._give_back(self._most_lent + self._most_lent // SPARE - self.lent_bytes)
            return place

    def _smallest(self, size: int) -> Hole | None:
        """Return the smallest hole that is large enough; one without pages only if there is no other."""
        best = None
        for hole in self._holes.values():
            if hole.size >= size and (best is None or (hole.kept, -hole.size) > (best.kept, -best.size)):
                best = hole
        return best

    def _extended(self, size: int) -> Hole | None:
        """Return memory above the top of a ground; a hole that ends there is its beginning."""
        for ground in self._grounds:
            last = self._ends.get(ground.top)
            start = ground.top if last is None else last.start
            if start + size <= ground.end:
                if last is not None:
                    self._fill(last)
                ground.top = start + size
                return Hole(ground, start, ground.top, False)
        new = _new_ground(size)
        if new is None:
            return None
        self._grounds.append(new)
        return self._extended(size)

    def _settle(self) -> None:
        """Make holes of what has been returned, each one with the holes that it touches."""
        while self._returned:
            place = self._returned.popleft()
            self.lent_bytes -= place.size
            start, end = place.start, place.end
            for beside in (self._ends.get(start), self._holes.get(end)):
                if beside is not None:
                    self._fill(beside)
                    start, end = min(start, beside.start), max(end, beside.end)
            self._dig(Hole(place.ground, start, end, True))

    def _give_back(self, most: int) -> None:
        """Give pages back until at most so many bytes are kept: a hole that is just enough, else the largest first."""
        while self.kept_bytes > most:
            kept = [hole for hole in self._holes.values() if hole.kept]
            enough = [hole for hole in kept if hole.size >= self.kept_bytes - most]
            hole = min(enough, key=lambda it: it.size) if enough else max(kept, key=lambda it: it.size)
            ground = hole.ground
            if not ground.clear(hole.start, hole.end):
                return
            self._fill(hole)
            if hole.end == ground.top:
                ground.top = hole.start
            else:
                self._dig(Hole(ground, hole.start, hole.end, False))
            if ground.top == ground.start:
                self._grounds.remove(ground)

    def _dig(self, hole: Hole) -> None:
        self._holes[hole.start] = self._ends[hole.end] = hole
        self.kept_bytes += hole.size * hole.kept

    def _fill(self, hole: Hole) -> None:
        del self._holes[hole.start], self._ends[hole.end]
        self.kept_bytes -= hole.size * hole.kept


def _new_ground(size: int) -> Ground | None:
    """Return a ground as large as the system grants, from GROUND down to size; None if it grants none."""
    room = max(GROUND, size)
    while True:
        with suppress(OSError, OverflowError, ValueError):
            return Ground(room)
        if room == size:
            return None
        room = max(room // 2 // PAGE * PAGE, size)


POOL = Pool(os.environ.get("MINIDL_REUSE_MEMORY", "1") not in ("0", ""))

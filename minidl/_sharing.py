"""Who else refers to the memory of an array, and whether it may therefore be changed."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from minidl._backend import Array, is_array
from minidl._memory import Buffer


def owner(array: Array) -> Any:
    """Return what the memory of an array belongs to: the array itself, or the end of the chain of its bases."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def is_held_once(holder: dict[Any, Array], key: Any) -> bool:
    """Tell whether nothing but the holder refers to the array holder[key] and its memory, so that it may be changed.

    Python counts who refers to an object: the holder, and for the moment of asking the question itself. An array that
    is a view stands on another, which then must be held by nobody but the view. Where Python does not count, or not as
    expected (`_held_once`), and on the GPU, the answer is no.
    """
    array = holder[key]
    if not isinstance(array, np.ndarray) or not array.flags.writeable or 0 in array.strides:
        return False
    base = array.base
    below = base.base if isinstance(base, np.ndarray) else base
    stands_on_another = base is not below
    del array, base  # else they would be counted
    if not (below is None or isinstance(below, Buffer)) or _count(holder[key]) != HELD_ONCE:
        return False
    return not stands_on_another or _count(holder[key].base) == HELD_ONCE


def looks_into_anothers(holder: Any) -> bool:
    """Tell whether the array `holder._data` is a view of one that something else refers to, or may refer to."""
    return is_array(holder._data.base) and _count(holder._data.base) != HELD_ONCE


_count: Any = getattr(sys, "getrefcount", lambda found: math.nan)  # Python's own alone has it


def _held_once() -> float:
    """Return what Python counts for an array in a dict, if it counts one more for each other way of holding it.

    That is how CPython has always worked, and nothing that it promises: newer versions lend references without counting
    where they can tell that nobody notices, and builds without the global lock count otherwise. NaN equals no number.
    """
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return math.nan
    holder = {0: np.empty(1)}
    once = _count(holder[0])

    def asked_with(*held: Any, **named: Any) -> float:
        return _count(holder[0])

    found = [asked_with(holder[0]), asked_with(named=holder[0])]
    ways: list[Any] = [lambda it: it, lambda it: lambda: it, lambda it: it[:], memoryview, lambda it: [it]]
    for hold in ways:
        held = hold(holder[0])
        found.append(_count(holder[0]))
        del held
    return once if all(count > once for count in found) and _count(holder[0]) == once else math.nan


HELD_ONCE = _held_once()

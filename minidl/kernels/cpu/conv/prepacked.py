"""Prepacked weights: those that cannot change are put in order once.

Packing weights, or transforming them for Winograd, costs as much as using them for a picture or two. A training step
changes them, so it packs them each time; inference need not. What is made of an array that cannot change is kept as
long as the array itself lives.

A flag is not enough: whoever sets `writeable` to False may set it to True again, change a number, and take it back. But
NumPy refuses the flag to an array that stands on Python's `bytes`, which nobody can change: `_backend.constant` makes
such arrays, and they alone are constants.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

from minidl import _backend

MOST = 32  # things that are kept for one array: one or two are its numbers, the others plans for sizes of pictures
T = TypeVar("T")

_kept: dict[int, tuple[Any, dict[Hashable, Any]]] = {}  # by the array's identity, which its weak reference guards


def is_constant(w: np.ndarray) -> bool:
    """Tell whether nobody can ever change this array."""
    return id(w) in _kept or _backend.is_constant(w)


def prepacked(w: np.ndarray, name: Hashable, make: Callable[[], T]) -> T:
    """Return make(), or what it returned under this name before if the array is a constant."""
    if not is_constant(w):
        return make()
    key = id(w)
    if key not in _kept:
        _kept[key] = weakref.ref(w, lambda _: _kept.pop(key, None)), {}
    made = _kept[key][1]
    found = made.get(name)
    if found is None:
        found = make()
        if len(made) >= MOST:
            made.clear()
        made[name] = found
    return found

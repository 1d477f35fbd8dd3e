"""Weights that cannot change are put in order once.

Packing weights, or transforming them for Winograd, costs as much as using them for a picture or two. A training step
changes them, so it packs them each time; inference need not. An array whose memory nobody may write to cannot change:
what is made of it is kept as long as the array itself lives.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl._memory import Loan

_kept: dict[int, tuple[Any, dict[str, np.ndarray]]] = {}  # by the array's identity, which its weak reference guards


def is_frozen(w: np.ndarray) -> bool:
    """Tell whether neither this array nor any that it is a view of can be written to.

    Example:
        >>> w = np.ones((2, 3))
        >>> is_frozen(w)
        False
        >>> w.flags.writeable = False
        >>> is_frozen(w)
        True
        >>> is_frozen(np.ones((2, 3)).T)
        False
    """
    base: Any = w
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return False
        base = base.base
    return base is None or isinstance(base, (Loan, bytes))


def kept(w: np.ndarray, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return make(), or what it returned for this array before if the array is frozen."""
    key = id(w)
    if not is_frozen(w):
        _kept.pop(key, None)  # it was frozen once
        return make()
    if key not in _kept:
        _kept[key] = weakref.ref(w, lambda _: _kept.pop(key, None)), {}
    made = _kept[key][1]
    if name not in made:
        made[name] = make()
    return made[name]

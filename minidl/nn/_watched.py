"""Dicts that tell when they are changed: whether a network is still the same is asked before every look at a picture.

To ask each module for what it holds takes a quarter of a millisecond where a look takes four: the caches are full of
the network's numbers by then. So all that a folded network holds lies in dicts that note each change
(`nn/_attributes.py` has the number of the latest one), and only where there was one since the last look, of whatever
module, is everything asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.nn._attributes import STORES, latest_change, note_change
from minidl.nn.module import Module

Held = tuple[dict[str, Any], str, Any]  # a dict, a key, and what stands there


def _noting(change: Callable[..., Any]) -> Callable[..., Any]:
    def noting(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return change(self, *arguments, **named)
        finally:
            note_change()

    return noting


class Watched(dict[str, Any]):
    """A dict that notes when it is changed; copies of it are ordinary ones.

    Example:
        >>> from minidl.nn._attributes import latest_change
        >>> held, before = Watched(p=0.5), latest_change[0]
        >>> held["p"] = 0.2
        >>> latest_change[0] > before
        True
    """

    __setitem__ = _noting(dict.__setitem__)
    __delitem__ = _noting(dict.__delitem__)
    __ior__ = _noting(dict.__ior__)
    clear, pop, popitem = _noting(dict.clear), _noting(dict.pop), _noting(dict.popitem)
    setdefault, update = _noting(dict.setdefault), _noting(dict.update)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (dict(self),)


def watch(net: Module) -> None:
    """Let all that a network's modules hold lie in such dicts."""
    for module in net.modules():
        own = module.__dict__
        for store in STORES:
            if not isinstance(own[store], Watched):
                own[store] = Watched(own[store])
        if not isinstance(own, Watched):
            object.__setattr__(module, "__dict__", Watched(own))


class Holdings:
    """What all modules of a network hold: parameters, buffers, modules and settings.

    Args:
        net: the network, whose dicts are watched from now on.
        counts: tells whether a setting of a module counts.
        constant: whether a buffer must be the same array, and not only an array.
    """

    def __init__(
        self, net: Module, counts: Callable[[Module, str], bool] = lambda module, name: True, *, constant: bool = True
    ):
        watch(net)
        self._seen, self._constant = latest_change[0], constant
        self.held: list[Held] = []
        for module in net.modules():
            own = vars(module)
            self.held += [(own[store], key, value) for store in STORES for key, value in own[store].items()]
            self.held += [(own, key, it) for key, it in own.items() if key not in STORES and counts(module, key)]
        self._lengths = [(held, len(held)) for held in {id(held): held for held, _, _ in self.held}.values()]

    def are_the_same(self) -> bool:
        """Tell whether the network still holds what it held; without a change since the last look it does."""
        latest = latest_change[0]
        if self._seen == latest:
            return True
        for held, key, value in self.held:
            now = held.get(key)
            if now is not value and (self._constant or not type(now) is type(value) is np.ndarray):
                return False
        if any(len(held) != length for held, length in self._lengths):
            return False
        self._seen = latest
        return True


def plain_class(module: Module) -> Any:
    """Return the class of a module, or the one of which `minidl.fuse` has made it."""
    kind: Any = type(module)
    while "_stands_for" in kind.__dict__:
        kind = kind.__dict__["_stands_for"]
    return kind


def is_own(module: Module) -> bool:
    """Tell whether a module is one of minidl's own that does what its class does, and calls nobody else's functions."""
    kind, own = plain_class(module), vars(module)
    called = [kind, kind.forward, *filter(callable, own.values())]
    return "forward" not in own and kind.__call__ is Module.__call__ and all(map(_is_ours, called))


def _is_ours(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).startswith("minidl.")

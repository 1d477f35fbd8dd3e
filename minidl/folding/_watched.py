"""Dicts that tell when they are changed: whether a network is still the same is asked before every look at a picture.

To ask each module for what it holds takes a quarter of a millisecond where a look takes four: the caches are full of
the network's numbers by then. So all that a folded network holds lies in dicts that note each change
(`nn/_attributes.py` has the number of the latest one), and only where there was one since the last look, of whatever
module, is everything asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.nn import Module
from minidl.nn._attributes import STORES, note_change


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

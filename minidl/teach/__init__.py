"""Lessons: pages on which an operation, or a whole network, is seen at work; the numbers of lecture notes, checked.

`explore` shows one operation with the learner's own settings, forward and backward; every number is the engine's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.teach.explorer import Exploration, explore

__all__ = ["Exploration", "explore"]


def __getattr__(name: str) -> Any:
    """Load the explorer when it is asked for: the checker of claims answers in a second without it."""
    if name in __all__:
        from minidl.teach import explorer

        return getattr(explorer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]

"""Lessons: pages on which an operation, or a whole network, is seen at work.

`explore` shows one operation with the learner's own settings, forward and backward; every number is the engine's.
"""

from minidl.teach.explorer import Exploration, explore

__all__ = ["Exploration", "explore"]


def __dir__() -> list[str]:
    return [*__all__]

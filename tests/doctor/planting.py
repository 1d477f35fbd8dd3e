"""How to plant a bug in a kernel: a function as somebody would write it, with one mistake, and what must be said."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """A wrong function; `says` are words of the explanation, and None stands for a mistake that has no name."""

    kernel: str
    family: str
    says: str | None
    function: Callable


BUGS: list[Bug] = []


def bug(kernel, family, says):
    def plant(function):
        BUGS.append(Bug(kernel, family, says, function))
        return function

    return plant

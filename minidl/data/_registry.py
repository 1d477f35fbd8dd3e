"""The data sets by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from minidl._checks import shown
from minidl.data.digits import digits
from minidl.data.pictures import Pictures

LOADERS: dict[str, Callable[[], tuple[Pictures, Pictures]]] = {"digits": digits}


def list_data() -> list[str]:
    """Return the names of all data sets.

    Example:
        >>> list_data()
        ['digits']
    """
    return sorted(LOADERS)


def load(name: str) -> tuple[Pictures, Pictures]:
    """Load the data set of that name: (training pictures, test pictures).

    Raises:
        ValueError: if there is no such data set; the message names the nearest ones.
        ModuleNotFoundError: if a package that holds the data is missing; the message says how to install it.
    """
    if not isinstance(name, str) or name not in LOADERS:
        hint = near(str(name)) or " or ".join(list_data())
        raise ValueError(f"data.load: there is no data set {shown(name)}; did you mean {hint}?")
    return LOADERS[name]()


def near(name: str) -> str:
    """Return the names that are like this one, for a message; empty if there is none."""
    return " or ".join(difflib.get_close_matches(name, LOADERS, n=3))

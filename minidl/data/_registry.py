"""The data sets by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from minidl.data.formats.digits import digits
from minidl.data.pictures import Pictures

LOADERS: dict[str, Callable[[], tuple[Pictures, Pictures]]] = {"digits": digits}


def list_data() -> list[str]:
    """Return the names of all data sets.

    Example:
        >>> list_data()
        ['digits']
    """
    return sorted(LOADERS)


def near(name: str) -> str:
    """Return the names that are like this one, for a message; empty if there is none."""
    return " or ".join(difflib.get_close_matches(name, LOADERS, n=3))

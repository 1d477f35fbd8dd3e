"""Variables of the environment that are asked for again and again."""

from __future__ import annotations

import os
from collections.abc import Callable


def variable(name: str) -> Callable[[], str]:
    """Return a function that reads a variable of the environment as it is now; "" where it is not set.

    For `os.environ.get`, one that is not set is two exceptions: 10 µs where none of that code is in the cache, and a
    convolution asks for two variables, three times a step. So the dict behind `os.environ` is asked, if there is one.

    Example:
        >>> import os
        >>> read = variable("MINIDL_WINOGRAD")
        >>> read()
        ''
        >>> os.environ["MINIDL_WINOGRAD"] = "0"
        >>> read()
        '0'
        >>> del os.environ["MINIDL_WINOGRAD"]
    """
    values, key = getattr(os.environ, "_data", None), os.environ.encodekey(name)
    if not isinstance(values, dict):
        return lambda: os.environ.get(name, "")

    def read() -> str:
        value = values.get(key)
        return "" if value is None else os.environ.decodevalue(value)

    return read

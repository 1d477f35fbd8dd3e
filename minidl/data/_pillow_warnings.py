"""Silence for Pillow's remarks about odd metadata, safe among threads.

`warnings.catch_warnings` puts the old list of filters back at its end. Two threads that do so at overlapping times can
leave the list of the wrong one behind: everything stays silent for ever. Here one filter, which concerns Pillow only,
goes in with the first thread and out with the last.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_lock = threading.Lock()
_inside: list[Any] = []  # the filter, once for every thread that is inside


@contextmanager
def quiet() -> Iterator[None]:
    """Let no warning that arises in Pillow be shown, or be raised as an error, while the body runs.

    Example:
        >>> with quiet():
        ...     pass
    """
    with _lock:
        if _inside and _inside[-1] in warnings.filters:
            _inside.append(_inside[-1])
        else:  # nobody is inside, or somebody else put an older list back
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _inside.append(warnings.filters[0])
    try:
        yield
    finally:
        with _lock:
            ours = _inside.pop()
            if not _inside:
                with suppress(ValueError):
                    warnings.filters.remove(ours)  # type: ignore[attr-defined]

"""Compiling fast kernels at once, before somebody waits for them: all, or those that a computation needs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minidl.kernels import _ahead, _compiling, _sets


def warmup() -> Iterator[tuple[str, float]]:
    """Compile every fast kernel that this machine has not compiled yet, on all processors.

    Yields:
        The name of each kernel and the seconds since the one before: some with the compiler, milliseconds for what lies
        in the cache, or was put there meanwhile by another process.

    Raises:
        RuntimeError: if the fast kernels cannot be used here; the message says why.

    Example:
        >>> from minidl import kernels
        >>> compiled = kernels.warmup()          # an iterator: nothing has been compiled yet
        >>> name, seconds = next(compiled)
        >>> seconds > 0
        True
    """
    began = time.perf_counter()
    for name in _ahead.compiled(_sets.every()):
        now = time.perf_counter()
        yield name, now - began
        began = time.perf_counter()


def count() -> int:
    """Return how many kernels this machine has not compiled yet.

    Raises:
        RuntimeError: as `warmup`.
    """
    return sum(not kernel.is_kept() for kernel in _sets.every().values())


def kept_in() -> str:
    """Return the folder in and below which compiled kernels are kept; "" where they cannot be kept.

    Raises:
        RuntimeError: as `warmup`.
    """
    folders = {folder for kernel in _sets.every().values() if (folder := kernel.folder)}
    return os.path.commonpath(folders) if folders else ""


@contextmanager
def rehearsal() -> Iterator[dict[str, Any]]:
    """Compute without what would have to be compiled first: zeros stand for what such kernels write.

    Results are worth nothing; shapes, types and refusals are right. Nothing that is kept may be made of them.

    Yields:
        The kernels that have not run, by their names.

    Example:
        >>> import numpy as np
        >>> from minidl import kernels
        >>> with kernels.use("textbook"), rehearsal() as needed:  # a set without a compiler
        ...     kernels.relu(np.ones(3, np.float32))
        array([1., 1., 1.], dtype=float32)
        >>> needed
        {}
    """
    noted: dict[str, Any] = {}
    token = _compiling.rehearsing.set(noted)
    try:
        yield noted
    finally:
        _compiling.rehearsing.reset(token)

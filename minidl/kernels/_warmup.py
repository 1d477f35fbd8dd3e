"""Compiling fast kernels at once, before somebody waits for them: all, or those that a computation needs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minidl.kernels import _rooms


def warmup() -> Iterator[tuple[str, float]]:
    """Compile every kernel of the fast room that this machine has not compiled yet, one after the other.

    Yields:
        The name of each kernel and the seconds it took: some with the compiler, milliseconds from the cache.

    Raises:
        RuntimeError: if the fast room cannot be used here; the message says why.

    Example:
        >>> from minidl import kernels
        >>> compiled = kernels.warmup()          # an iterator: nothing has been compiled yet
        >>> name, seconds = next(compiled)
        >>> seconds > 0
        True
    """
    for name, kernel in every().items():
        began = time.perf_counter()
        kernel.compile()
        yield name, time.perf_counter() - began


def every() -> dict[str, Any]:
    """Return all kernels of the fast room by their names.

    Raises:
        RuntimeError: as `warmup`.
    """
    if reason := _rooms.lack():
        raise RuntimeError(f"warmup: the fast kernels cannot be used here: {reason}")
    from minidl.kernels.cpu.simd.compile import ALL

    return ALL


def count() -> int:
    """Return how many kernels this machine has not compiled yet.

    Raises:
        RuntimeError: as `warmup`.
    """
    return sum(not kernel.is_kept() for kernel in every().values())


def kept_in() -> str:
    """Return the folder in and below which compiled kernels are kept; "" where they cannot be kept.

    Raises:
        RuntimeError: as `warmup`.
    """
    folders = {folder for kernel in every().values() if (folder := kernel.folder)}
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
        >>> with kernels.use("textbook"), rehearsal() as needed:  # a room without a compiler
        ...     kernels.relu(np.ones(3, np.float32))
        array([1., 1., 1.], dtype=float32)
        >>> needed
        {}
    """
    noted: dict[str, Any] = {}
    token = _rooms.rehearsing.set(noted)
    try:
        yield noted
    finally:
        _rooms.rehearsing.reset(token)

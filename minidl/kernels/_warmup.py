"""Compiling all fast kernels at once, before somebody waits for them."""

from __future__ import annotations

import time
from collections.abc import Iterator

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
    if reason := _rooms.lack():
        raise RuntimeError(f"warmup: the fast kernels cannot be used here: {reason}")
    from minidl.kernels.cpu.compile import ALL

    for name, kernel in ALL.items():
        began = time.perf_counter()
        kernel.compile()
        yield name, time.perf_counter() - began

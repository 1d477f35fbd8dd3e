"""How much memory a kernel may take for itself while it runs: MINIDL_WORKSPACE, in MiB.

What a call needs for input tiles and transformed weights is lent by the pool (`minidl/_memory.py`) and given back when
it ends. It depends on the sizes of a layer, not on the batch.
"""

from __future__ import annotations

import functools
import math
import threading

import numpy as np

from minidl._memory import POOL
from minidl._variable import variable

DEFAULT = 64  # MiB
OWN = 2**18  # floats that a Python thread keeps for itself, at most

_own = threading.local()
_megabytes = variable("MINIDL_WORKSPACE")


@functools.cache
def _judged(text: str) -> int:
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = 0.0
    if not 1 <= megabytes < 2**20:
        raise ValueError(f"kernels: MINIDL_WORKSPACE must be a number of MiB, at least 1; received {text!r}")
    return int(megabytes * 2**18)


def limit() -> int:
    """Return how many floats all threads of a kernel may have together.

    Raises:
        ValueError: if MINIDL_WORKSPACE is no number of MiB, at least 1.

    Example:
        >>> limit() * 4 // 2**20
        64
    """
    return _judged(_megabytes().strip() or str(DEFAULT))


def floats(*shape: int) -> np.ndarray:
    """Return memory with arbitrary contents."""
    return POOL.empty(shape, np.float32)


def scratch(*shape: int) -> np.ndarray:
    """Return memory with arbitrary contents, which the next call of the same Python thread may return again.

    For what every kernel needs while it runs: looking for it in the pool takes as long as a small kernel.

    Example:
        >>> scratch(2, 100).ctypes.data == scratch(50).ctypes.data
        True
    """
    size = math.prod(shape)
    if size > OWN:
        return floats(*shape)
    try:
        memory = _own.memory
    except AttributeError:
        memory = _own.memory = floats(OWN)
    return memory[:size].reshape(shape)


def scratch_for_each(threads: int, *sizes: int) -> list[np.ndarray]:
    """Return room for several things of each thread in one piece of `scratch`: (threads, size) floats for each.

    Example:
        >>> [each.shape for each in scratch_for_each(2, 100, 30)]
        [(2, 100), (2, 30)]
    """
    ends = [threads * sum(sizes[: number + 1]) for number in range(len(sizes))]
    memory = scratch(ends[-1])
    return [memory[end - threads * size : end].reshape(threads, size) for end, size in zip(ends, sizes, strict=True)]

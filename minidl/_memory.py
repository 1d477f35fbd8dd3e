"""Memory for large results, used again: the allocator behind `_backend.empty`.

A training step asks for the same sizes as the step before. Memory that comes fresh from the operating system has to be
filled with zeros page by page before it can be written, which costs as much as the whole work of a relu. So a freed
array's memory is kept, and the next array of about that size takes it.

How an array tells that it is free: NumPy lets an array stand on any object that says where its memory is, and holds on
to that object as long as the array or a view of it lives. Here that object is a `Loan`; when the last view has gone,
Python deletes the loan, and the loan gives its memory back.

What is lent and what is kept together never exceed the most that was ever lent at once: reuse does not make the peak of
a process higher. MINIDL_REUSE_MEMORY=0 in the environment switches it off.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Any

import numpy as np

SMALL = 2**16  # bytes; below, asking NumPy is quicker than looking
ALIGNMENT = 64  # bytes of a cache line, and of the widest vector


class Loan:
    """Memory lent to one array; gives it back when the array and its views have gone."""

    __slots__ = ("__array_interface__", "block", "nbytes", "pool")

    def __init__(self, pool: Pool, block: np.ndarray, shape: tuple[int, ...], dtype: np.dtype):
        self.pool, self.block, self.nbytes = pool, block, math.prod(shape) * dtype.itemsize
        address = block.ctypes.data
        self.__array_interface__ = {
            "shape": shape,
            "typestr": dtype.str,
            "data": (address + -address % ALIGNMENT, False),
            "version": 3,
        }

    def __del__(self) -> None:
        self.pool.take_back(self.block)


class Pool:
    """Blocks of memory, lent and kept.

    Attributes:
        enabled: whether memory is used again; with False every array gets its own.
        lent_bytes: bytes in use now.
        kept_bytes: bytes that wait for their next use.

    Example:
        >>> pool = Pool()
        >>> x = pool.empty((100, 1000), "float32")
        >>> address = x.ctypes.data
        >>> del x
        >>> pool.empty((100_000,), "float32").ctypes.data == address
        True
    """

    def __init__(self, enabled: bool = True):
        self.enabled = enabled
        self.lent_bytes = self.kept_bytes = self._most_lent = 0
        self._kept: dict[int, list[np.ndarray]] = {}  # by size; the size that was used last stands last
        self._lock = threading.RLock()  # a loan may end while the pool is at work in the same thread

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array with arbitrary contents, on memory that was used before if there is some."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < SMALL or not self.enabled:
            return np.empty(shape, dtype)
        return np.asarray(Loan(self, self._lend(_rounded(size + ALIGNMENT)), tuple(shape), dtype))

    def take_back(self, block: np.ndarray) -> None:
        """Keep a block for its next use."""
        with self._lock:
            self.lent_bytes -= block.nbytes
            self.kept_bytes += block.nbytes
            self._kept.setdefault(block.nbytes, []).append(block)

    def release(self) -> None:
        """Give all kept memory back to the operating system, and forget how much there was once."""
        with self._lock:
            self._shrink(0)
            self._most_lent = self.lent_bytes

    def _lend(self, size: int) -> np.ndarray:
        with self._lock:
            blocks = self._kept.pop(size, [])
            if blocks:
                block = blocks.pop()  # the warmest
                self.kept_bytes -= size
            else:
                self._shrink(max(0, self._most_lent - self.lent_bytes - size))
                block = np.empty(size, np.uint8)
            if blocks:
                self._kept[size] = blocks
            self.lent_bytes += size
            self._most_lent = max(self._most_lent, self.lent_bytes)
            return block

    def _shrink(self, most: int) -> None:
        """Let go of kept blocks, those first whose size was not asked for the longest, until `most` bytes are left."""
        while self.kept_bytes > most and self._kept:
            size = next(iter(self._kept))
            self._kept[size].pop()
            self.kept_bytes -= size
            if not self._kept[size]:
                del self._kept[size]


def _rounded(size: int) -> int:
    """Round up by at most an eighth, so that arrays of nearly one size share blocks; untouched pages cost nothing."""
    step = 1 << max(12, size.bit_length() - 4)
    return -(-size // step) * step


POOL = Pool(os.environ.get("MINIDL_REUSE_MEMORY", "1") not in ("0", ""))

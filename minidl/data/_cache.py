"""Pictures that were decoded once and are kept, as long as they fit."""

from __future__ import annotations

import threading

import numpy as np

from minidl._looks import Brief


class Cache(Brief):
    """Keeps the pictures that come first, up to a number of bytes.

    Nothing is ever thrown out: an epoch visits every picture once, so the one that was used last is the one that is
    wanted last, and replacing it would only cost time.

    Args:
        limit: bytes that the pixels may take.

    Example:
        >>> cache = Cache(limit=10)
        >>> for index in range(3):
        ...     cache.put(index, (np.zeros(4, dtype="uint8"), 0))
        >>> len(cache), cache.bytes, cache.get(2)
        (2, 8, None)
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.bytes = 0
        self._pictures: dict[int, tuple[np.ndarray, int]] = {}
        self._lock = threading.Lock()

    def _words(self) -> list[str]:
        return [f"{len(self)} pictures", f"{self.bytes:,} of at most {self.limit:,} bytes"]

    def __len__(self) -> int:
        return len(self._pictures)

    def get(self, index: int) -> tuple[np.ndarray, int] | None:
        """Return a picture and how many steps were done to it, if it is there."""
        return self._pictures.get(index)

    def put(self, index: int, picture: tuple[np.ndarray, int]) -> None:
        """Keep a picture, with the number of steps that were done to it, if there is room."""
        size = picture[0].nbytes
        with self._lock:
            if index not in self._pictures and self.bytes + size <= self.limit:
                self._pictures[index] = picture
                self.bytes += size

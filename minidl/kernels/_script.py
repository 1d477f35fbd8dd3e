"""Scripts: what a folded network has started for one batch of pictures, started again for others without asking.

All arrays that are written lie in one piece of memory that the script keeps (`_placing.py`). What is only read stays
where it is: weights in their order, biases, sizes. What is made of constants alone, as 1/√(variance + ε), was made when
it was noted, and is not made again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl._backend import is_constant
from minidl._memory import POOL, SMALL
from minidl._sharing import owner
from minidl.kernels._launches import CannotRepeat, Launch, Step, address, is_forked
from minidl.kernels._placing import Block, blocks_of, lay_over, placed

MOST_KEPT = 2**26  # bytes of all scripts of a network: what needs more spends no time in Python to speak of
GARBAGE = 0xFF  # of which floats are NaN


class Script:
    """Launches that are repeated for another x.

    Args:
        launches: what was noted while y was computed from x.
        x: the array that changes: C order, never written.
        y: the result.
        most: bytes that it may keep.
        joined: makes of steps fewer ones that do the same, if there is such a function. It is told which of the
            arguments are others at each run.

    Raises:
        CannotRepeat: if y was not written by the launches, or more memory is needed.

    Example:
        >>> import numpy as np
        >>> from minidl.kernels._launches import note, noted
        >>> x, y = np.ones(2), np.empty(2)
        >>> with noted() as launches:
        ...     _ = np.multiply(x, 3, y)
        ...     note(np.multiply, (x, 3, y), {2})
        >>> Script(launches, x, y).run(np.full(2, 5.0))
        array([15., 15.])
    """

    def __init__(
        self,
        launches: list[Launch],
        x: np.ndarray,
        y: np.ndarray,
        most: int = MOST_KEPT,
        joined: Callable[[list[Step], list[tuple[list[Any], int]]], list[Step]] | None = None,
    ):
        launches = varying(launches)
        blocks = blocks_of(launches)
        x_root, y_root = owner(x), owner(y)
        if id(y_root) not in blocks:
            raise CannotRepeat("the result is none of the arrays that were written")
        if id(x_root) in blocks:
            raise CannotRepeat("the input is written")
        blocks[id(y_root)].last = len(launches)
        lay_over(launches, blocks)
        size = placed([block for block in blocks.values() if block.below is None])
        if size > most:
            raise CannotRepeat(f"{size} bytes are needed, at most {most} may be kept")
        self._memory = POOL.empty((size,), np.uint8)
        self._memory.fill(GARBAGE)
        self._lock = threading.Lock()
        self._y = self._moved(y, blocks)
        self._steps: list[Step] = []
        self._readers: list[tuple[list[Any], int, tuple[Any, ...]]] = []  # of x: arguments, which one, and what of x
        for launch in launches:
            arguments = [self._moved(it, blocks) if isinstance(it, np.ndarray) else it for it in launch.arguments]
            for place, it in enumerate(launch.arguments):
                if isinstance(it, np.ndarray) and owner(it) is x_root:
                    seen = it.shape, it.dtype, address(it) - address(x), it.strides
                    self._readers.append((arguments, place, seen))
            self._steps.append((launch.run, arguments))
        self._size = len(launches)
        if joined is not None:
            self._steps = joined(self._steps, [(arguments, place) for arguments, place, _ in self._readers])

    def __len__(self) -> int:
        return self._size

    @property
    def nbytes(self) -> int:
        """Bytes of the memory that it keeps."""
        return self._memory.nbytes

    def _moved(self, array: np.ndarray, blocks: dict[int, Block]) -> np.ndarray:
        """Return an array of the script's memory for one that is written, and others as they are."""
        block = blocks.get(id(owner(array)))
        if block is None:
            return array
        at = block.bottom.place + address(array) - block.start
        return np.ndarray(array.shape, array.dtype, self._memory, at, array.strides)

    def run(self, x: np.ndarray) -> Any:
        """Return y for x, an array of the kind that the script was made with.

        NotImplemented where another thread is at it, and in a process that was forked: threads do not come along.
        """
        if is_forked[0] or not self._lock.acquire(blocking=False):
            return NotImplemented
        try:
            x = np.ascontiguousarray(x)
            for arguments, place, (shape, dtype, at, strides) in self._readers:
                arguments[place] = np.ndarray(shape, dtype, x, at, strides)
            for run, arguments in self._steps:
                run(*arguments)
            return self._y.copy(order="K")
        finally:
            for arguments, place, _ in self._readers:
                arguments[place] = None
            self._lock.release()


def varying(launches: list[Launch]) -> list[Launch]:
    """Return the launches without those that make something small of constants alone, which has been made.

    Example:
        >>> import numpy as np
        >>> from minidl._backend import constant
        >>> from minidl.kernels._launches import note, noted
        >>> w, y = constant(np.ones(2)), np.empty(2)
        >>> with noted() as launches:
        ...     note(np.copyto, (y, w), {0})
        >>> len(launches), len(varying(launches))
        (1, 0)
    """
    writers = Counter(id(root) for launch in launches for root in _written(launch))
    settled, left = set[int](), list[Launch]()
    for launch in launches:
        read = [it for place, it in enumerate(launch.arguments) if place not in launch.writes]
        arrays, made = [it for it in read if isinstance(it, np.ndarray)], _written(launch)
        if (
            arrays
            and all(is_constant(it) or id(owner(it)) in settled for it in arrays)
            and all(writers[id(root)] == 1 and root.nbytes < SMALL for root in made)
        ):
            settled |= {id(root) for root in made}
        else:
            left.append(launch)
    return left


def _written(launch: Launch) -> list[Any]:
    """Return what the arrays that a launch writes belong to."""
    return [owner(launch.arguments[place]) for place in launch.writes]

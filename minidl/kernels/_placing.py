"""Where the arrays of launches lie: each has its place in one piece of memory from its first use to its last.

Places are given again to those that come later:

    time     launch 1   launch 2   launch 3   launch 4
    place A  y1 ────────────┘       y3 ────────────┘
    place B             y2 ────────────┘       y4 …

An array that is read for the last time, by a kernel that makes of each number another one, has the result in its own
place (`over` in `cpu/simd/compile.py`): half of what is written would be fetched from memory first, for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl._memory import ALIGNMENT
from minidl._sharing import owner
from minidl.kernels._launches import Launch, address


class Block:
    """The memory of one array that is written: how much, when it is used first and last, and where it lies."""

    def __init__(self, root: Any, number: int):
        self.root, self.first, self.last, self.place = root, number, number, -1
        self.below: Block | None = None  # the one over which it is written
        self.size = -(-root.nbytes // ALIGNMENT) * ALIGNMENT
        self.start = address(root)

    @property
    def bottom(self) -> Block:
        """The one whose place it has."""
        return self if self.below is None else self.below.bottom


def blocks_of(launches: list[Launch], is_outside: Callable[[Any], bool] = lambda array: False) -> dict[int, Block]:
    """Return the memory of all arrays that are written, by the identity of what owns it, but of those outside."""
    blocks: dict[int, Block] = {}
    for number, launch in enumerate(launches):
        for place in launch.writes:
            if not is_outside(launch.arguments[place]):
                root = owner(launch.arguments[place])
                blocks.setdefault(id(root), Block(root, number))
    for number, launch in enumerate(launches):
        for it in launch.arguments:
            block = blocks.get(id(owner(it))) if isinstance(it, np.ndarray) else None
            if block is not None:
                block.first, block.last = min(block.first, number), max(block.last, number)
    return blocks


def lay_over(launches: list[Launch], blocks: dict[int, Block]) -> None:
    """Let a result have the place of what it is made of, where that is not read again, and the result has none."""
    for number, launch in enumerate(launches):
        if (places := getattr(launch.run, "over", None)) is None:
            continue
        x, y = (launch.arguments[place] for place in places)
        old, new = blocks.get(id(owner(x))), blocks.get(id(owner(y)))
        if old is None or new is None or old is new or new.place >= 0:
            continue
        if (old.bottom.last, new.first, old.size) != (number, number, new.size):
            continue
        if (x.shape, x.strides, address(x) - old.start) == (y.shape, y.strides, address(y) - new.start):
            new.below, old.bottom.last = old, new.last


def placed(blocks: list[Block], border: int = 0) -> int:
    """Give each block that has no place one where no other is at the same time; return how much is needed in all.

    The largest come first, of equal ones those that stay longest. Nothing lies across the border: what is below it and
    what is behind it are two pieces.
    """
    done = [block for block in blocks if block.place >= 0]
    spans = np.empty((len(blocks), 2), np.int64)  # of those that are done: when they are used first and last
    spans[: len(done)] = np.array([(it.first, it.last) for it in done]).reshape(-1, 2)
    for block in sorted((it for it in blocks if it.place < 0), key=lambda block: (-block.size, -block.last)):
        known = spans[: len(done)]
        meet = np.flatnonzero((known[:, 0] <= block.last) & (known[:, 1] >= block.first))
        place = _behind(border, 0, block.size)
        for other in sorted((done[number] for number in meet), key=_place):
            if place + block.size <= other.place:
                break
            place = _behind(border, max(place, other.place + other.size), block.size)
        block.place = place
        spans[len(done)] = block.first, block.last
        done.append(block)
    return max((it.place + it.size for it in done), default=0)


def _behind(border: int, place: int, size: int) -> int:
    """Return a place, or the border where so much from there on would lie across it."""
    return border if place < border < place + size else place


def _place(block: Block) -> int:
    return block.place

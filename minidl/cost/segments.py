"""Where to cut a network for recomputation: few bytes should pass from one segment to the next, and none be long.

Of l layers alike in a row, k segments keep k inputs and, while one of them is walked back, what its l/k layers keep:
about k + l/k, which is least for k = √l.  Source: Chen et al., "Training deep nets with sublinear memory cost",
arXiv:1604.06174.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from minidl._checks import is_int, shown
from minidl.cost.storage import Storage
from minidl.cost.timeline import Step


def cuts(step: Step, storage: Storage, recompute: int | str | None) -> tuple[int, ...]:
    """Return the operations with which the segments after the first begin.

    Args:
        step: an empty batch on its way.
        storage: what arrays take.
        recompute: how many segments there shall be at most; "sqrt" for the root of the number of operations that keep
            something; None for one.

    Raises:
        ValueError: if it is something else.
    """
    wanted = recompute if isinstance(recompute, str) or not is_int(recompute) else int(recompute)  # type: ignore[arg-type]
    if not (wanted is None or wanted == "sqrt" or (isinstance(wanted, int) and wanted >= 1)):
        raise ValueError(
            f'memory: recompute must be a number of segments >= 1, "sqrt" or None; received '
            f"recompute={shown(recompute)}"
        )
    kept = _kept(step, storage)
    if wanted == "sqrt":
        wanted = max(1, round(math.sqrt(sum(size > 0 for size in kept))))
    if wanted is None or wanted == 1 or len(kept) < 2:
        return ()
    passing, total = _passing(step, storage), sum(kept)
    tried = {_cut(kept, passing, total * share // 64) for share in range(1, 65)}
    few = [found for found in tried if len(found) < int(wanted)]
    return min(few, key=lambda found: (_held(kept, passing, found), found))


def _held(kept: Sequence[int], passing: Sequence[int], cuts: Sequence[int]) -> int:
    """Return what passes from segment to segment, and what the longest segment keeps."""
    bounds = pairwise((0, *cuts, len(kept)))
    return sum(passing[cut] for cut in cuts) + max(sum(kept[start:stop]) for start, stop in bounds)


def _cut(kept: Sequence[int], passing: Sequence[int], most: int) -> tuple[int, ...]:
    """Let each segment keep at most so many bytes (or one operation's), and end where least passes, not too early."""
    found: list[int] = []
    start, n = 0, len(kept)
    while sum(kept[start:]) > most:
        size, stop, half = kept[start], start + 1, start + 1
        while stop < n and size + kept[stop] <= most:
            size += kept[stop]
            stop += 1
            half = half if 2 * size > most else stop
        if stop == n:
            break
        start = min(range(half, stop + 1), key=lambda i: (passing[i], -i))
        found.append(start)
    return tuple(found)


def _kept(step: Step, storage: Storage) -> list[int]:
    """Return how much each operation makes of what is kept for the way back."""
    born: dict[int, int] = {}
    size: dict[int, int] = {}
    kept: set[int] = set()
    for i in range(len(step.events)):
        for array in step.makes(i):
            key, size[key] = storage.memory(array)
            born.setdefault(key, i)
        kept |= {storage.memory(array)[0] for array in step.keeps(i)}
    found = [0] * len(step.events)
    for key in kept & born.keys():
        found[born[key]] += size[key]
    return found


def _passing(step: Step, storage: Storage) -> list[int]:
    """Return how many bytes of results pass from the operations before each one to it and those behind it."""
    spans: dict[int, list[Any]] = {}
    for i in range(len(step.events)):
        for array in (*step.makes(i)[:1], *step.uses(i)):
            key, size = storage.memory(array)
            spans.setdefault(key, [i, i, size])[1] = i
    found = [0] * (len(step.events) + 1)
    for first, last, size in spans.values():
        for i in range(first + 1, last + 1):
            found[i] += size
    return found

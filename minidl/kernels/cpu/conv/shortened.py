"""Fewer kernels that do the same, where a network is planned as a whole: they write less, and keep less.

A launch that makes a map for the one right behind it, and for nobody else, and that launch are done together, where
there is a kernel that does so: what lies between stays in the cache (`shortened`).

On the way of a network that learns, what a norm makes is read once more, by the gradient of the weights behind it. It
can read x through the norm as well (`affine.py`). So where convolutions of one pixel and their gradients are all that
read it, what the norm makes is never written, and need not be kept from the way there to the way back (`read_through`):

    there     x ── norm ──> z ── 1×1 ──> y            x ── norm and 1×1 ──> y
    back      dy, z ──> dw                            dy, x through the norm ──> dw
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from minidl._sharing import owner
from minidl.kernels._launches import Launch, address
from minidl.kernels.cpu.conv import mapped, widened
from minidl.kernels.cpu.memory.copies import _runs

WAYS = widened.joined, mapped.joined


def shortened(launches: list[Launch]) -> list[Launch]:
    """Return launches that do the same, one in the place of two where that is possible."""
    readers = Counter(root for launch in launches for root in _roots(launch))
    made: list[Launch] = []
    for launch in launches:
        found = (join(made[-1], launch, readers) for join in WAYS) if made else ()
        joined = next((it for it in found if it is not None), None)
        if joined is None:
            made.append(launch)
        else:
            made[-1] = joined
    return made


def read_through(
    there: list[Launch], back: list[Launch], results: Sequence[np.ndarray]
) -> tuple[list[Launch], list[Launch]]:
    """Return the launches of both ways, without maps that can be made by those who read them.

    Args:
        there: launches of the way forward.
        back: those that follow them.
        results: arrays that others will read.
    """
    every = [*there, *back]
    launches: list[Launch | None] = [*every]
    kept, users = {id(owner(it)) for it in results}, defaultdict[int, list[int]](list)
    made_there = {id(owner(it.arguments[place])) for it in there for place in it.writes}
    for number, launch in enumerate(every):
        for root in _roots(launch):
            users[root].append(number)
    for number, launch in enumerate(there):
        found = mapped.map_of(launch)
        if found is None or (root := id(owner(found.z))) in kept:
            continue
        if id(owner(found.x)) not in made_there:  # somebody else's, who may change it before the way back
            continue
        readers = [it for it in users[root] if it != number]
        made = mapped.reading(found, [launches[it] for it in readers])
        if made is not None and _stays(found, every[number : readers[-1]]):
            launches[number] = None
            for place, one in zip(readers, made, strict=True):
                launches[place] = one
    first, second = ([it for it in way if it is not None] for way in (launches[: len(there)], launches[len(there) :]))
    return first, second


def _roots(launch: Launch) -> set[int]:
    return {id(owner(it)) for it in launch.arguments if isinstance(it, np.ndarray)}


def _stays(found: mapped.Map, launches: list[Launch]) -> bool:
    """Tell whether none of the launches changes what a map is made of; a copy may write other channels beside them."""
    roots = {id(owner(it)) for it in found.read}
    for launch in launches:
        for place in launch.writes:
            written = owner(launch.arguments[place])
            beside = launch.run is _runs and written is owner(found.x) and _are_beside(launch, found)
            if id(written) in roots and not beside:
                return False
    return True


def _are_beside(launch: Launch, found: mapped.Map) -> bool:
    """Tell whether runs are copied to channels that lie behind those of a map, in rows of the same distance."""
    _, y, sizes, _, steps = launch.arguments
    channels, step, _ = found.sizes
    first = (address(y) - address(found.x)) // y.itemsize % step
    in_rows = all(n == 1 or distance % step == 0 for n, distance in zip(sizes[:3].tolist(), steps[:3].tolist()))
    return in_rows and channels <= first and first + int(sizes[3]) <= step

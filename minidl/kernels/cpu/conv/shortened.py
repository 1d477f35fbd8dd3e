"""Two kernels in one, where a network is planned as a whole.

A launch that makes a map for the one right behind it, and for nobody else, and that launch are done together, where
there is a kernel that does so: what lies between stays in the cache.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from minidl._sharing import owner
from minidl.kernels._launches import Launch
from minidl.kernels.cpu.conv import mapped, widened

WAYS = widened.joined, mapped.joined


def shortened(launches: list[Launch]) -> list[Launch]:
    """Return launches that do the same, one in the place of two where that is possible."""
    readers = Counter(root for launch in launches for root in {id(owner(it)) for it in _arrays(launch)})
    made: list[Launch] = []
    for launch in launches:
        found = (join(made[-1], launch, readers) for join in WAYS) if made else ()
        joined = next((it for it in found if it is not None), None)
        if joined is None:
            made.append(launch)
        else:
            made[-1] = joined
    return made


def _arrays(launch: Launch) -> list[np.ndarray]:
    return [it for it in launch.arguments if isinstance(it, np.ndarray)]

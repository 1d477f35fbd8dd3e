"""What follows a convolution while its results are still near: the residual that is added, and the activation.

The bias is there already: sums begin with it. An activation alone is applied to the sums before they are written; where
there is a residual, both are done to each row of the result when it has just been written.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from minidl.kernels.cpu.memory.layout import pixels
from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.functions import FUSED, IDENTITY, fused
from minidl.kernels.cpu.simd.vector import LANES, load_some, store_some

NOTHING = np.zeros(1, np.float32)


@inline
def finish(y, place, ahead, count, lanes, residual, added, kind):
    """Finish `lanes` channels of `count` pixels of y in place; `ahead` floats from one pixel to the next."""
    for pixel in range(count):
        for lane in range(0, lanes, LANES):
            at = place + pixel * ahead + lane
            v = load_some(y, at, lanes - lane)
            if added:
                v = v + load_some(residual, at, lanes - lane)
            store_some(y, at, fused(kind, v), lanes - lane)


@inline
def activated(kind, sums):
    """Return seven sums after the activation, before they have left the registers."""
    if kind == IDENTITY:
        return sums
    return (
        fused(kind, sums[0]),
        fused(kind, sums[1]),
        fused(kind, sums[2]),
        fused(kind, sums[3]),
        fused(kind, sums[4]),
        fused(kind, sums[5]),
        fused(kind, sums[6]),
    )


class Finish(NamedTuple):
    """What a kernel is told of it: the residual's numbers as one row, whether there is one, the activation."""

    residual: np.ndarray
    added: int
    kind: int

    @classmethod
    def of(cls, residual: np.ndarray | None, activation: str | None) -> Finish:
        """Make it of a residual (N, O, OH, OW) or None, and an activation of `FUSED`."""
        row = NOTHING if residual is None else pixels(residual).reshape(-1)
        return cls(row, int(residual is not None), FUSED[activation])


PLAIN = Finish(NOTHING, 0, FUSED[None])


class Run(Protocol):
    """A convolution that is prepared: its weights are in order and its work is divided, only pictures are missing."""

    def __call__(self, source: np.ndarray, target: np.ndarray, end: Finish = PLAIN) -> None:
        """Walk over the source and write the target."""

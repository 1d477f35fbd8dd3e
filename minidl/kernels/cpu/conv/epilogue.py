"""The epilogue of a convolution, while its results are still near: the residual that is added, and the activation.

The bias is there already: accumulators begin with it. Where these hold whole sums, the residual is added to them and
the activation applied before they are written; else, and in groups of few channels, both are done to each row of the
result when it has just been written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from minidl.kernels.cpu.memory.layout import pixels
from minidl.kernels.cpu.simd.accumulators import each
from minidl.kernels.cpu.simd.compile import inline, part
from minidl.kernels.cpu.simd.functions import FUSED, IDENTITY, RELU, RELU6, SIX, ZERO, fused
from minidl.kernels.cpu.simd.load_store import load_some, store_some
from minidl.kernels.cpu.simd.vector import LANES, maximum, minimum, splat

NOTHING, INFINITE = np.zeros(1, np.float32), np.float32(np.inf)


@inline
def apply_epilogue(y, place, ahead, count, lanes, residual, epilogue):
    """Add the residual to `lanes` channels of `count` pixels of y, `ahead` floats apart, and activate them."""
    added, kind = epilogue
    for pixel in range(count):
        for lane in range(0, lanes, LANES):
            at = place + pixel * ahead + lane
            v = load_some(y, at, lanes - lane)
            if added:
                v = v + load_some(residual, at, lanes - lane)
            store_some(y, at, fused(kind, v), lanes - lane)


@inline
def _cut_off(high, v):
    return minimum(maximum(v, splat(ZERO)), high)


@inline
def _changed(kind, acc):
    return each(fused, kind, acc)


@part
def activated(kind, acc):
    """Return accumulators after the activation; relu and relu6 in the registers, others call what is too long there."""
    if kind in (RELU, RELU6):
        acc = each(_cut_off, splat(SIX if kind == RELU6 else INFINITE), acc)
    elif kind != IDENTITY:
        acc = _changed(kind, acc)
    return acc


class Epilogue(NamedTuple):
    """What a kernel is told of it: the residual's numbers as one row, and whether there is one with the activation."""

    residual: np.ndarray
    numbers: tuple[int, int]

    @classmethod
    def of(cls, residual: np.ndarray | None, activation: str | None) -> Epilogue:
        """Make it of a residual (N, O, OH, OW) or None, and an activation of `FUSED`."""
        row = NOTHING if residual is None else pixels(residual).reshape(-1)
        return cls(row, (int(residual is not None), FUSED[activation]))


PLAIN = Epilogue.of(None, None)


class Run(Protocol):
    """A convolution that is prepared: its weights are in order and its work is divided, only pictures are missing."""

    def __call__(self, source: np.ndarray, target: np.ndarray, epilogue: Epilogue = PLAIN) -> None:
        """Convolve the source into the target."""


# A convolution whose work is divided: weights in the order of its algorithm, and b (O,) or None, are missing.
Prepared = Callable[[np.ndarray, np.ndarray | None], Run]

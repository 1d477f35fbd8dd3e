"""What this machine can do: the rate of a large matrix product, and of copying memory.

They are the two roofs of Williams, Waterman and Patterson, "Roofline" (2009): whatever does I operations for each byte
that it moves can do no more than min(product, I · copy) of them in a second.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import check_choice
from minidl._looks import Brief
from minidl._threads import get_num_threads

SIDE = 1024  # of the matrices
COPIED = 1 << 26  # bytes of the array that is copied: more than caches hold
ROUNDS = 5
Work = Callable[[], Any]


@dataclass(frozen=True)
class Machine(Brief):
    """The rates that work on this machine is held against.

    Attributes:
        product: FLOPs a second of a product of two square matrices.
        copy: bytes a second that a copy of a large array reads and writes.
        dtype: of the numbers.
        threads: how many of them might be used.
        load: how many programs were at work, on average over the minute before; 0 where the system does not tell.
    """

    product: float
    copy: float
    dtype: str = "float32"
    threads: int = 1
    load: float = 0.0

    def _words(self) -> list[str]:
        rates = [f"{self.product / 1e9:.4g} GFLOP/s", f"{self.copy / 1e9:.3g} GB/s"]
        return [*rates, self.dtype, f"{self.threads} threads"]

    def __str__(self) -> str:
        return (
            f"this machine: {self.product / 1e9:.4g} GFLOP/s in a product of {SIDE}×{SIDE} matrices, "
            f"{self.copy / 1e9:.3g} GB/s in copying {COPIED >> 20} MiB; {self.dtype}, {self.threads} threads, "
            f"load {self.load:.1f} when it began"
        )


def multiplying(dtype: str = "float32", side: int = SIDE) -> tuple[Work, int]:
    """Return a product of two square matrices to be timed, and its FLOPs."""
    a, b = (np.random.default_rng(i).standard_normal((side, side)).astype(dtype) for i in range(2))
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out=out), 2 * side**3


def copying(size: int = COPIED, dtype: str = "float32") -> tuple[Work, int]:
    """Return a copy of an array of so many bytes to be timed, and the bytes that it reads and writes."""
    source = np.zeros(size // np.dtype(dtype).itemsize, dtype)
    target = np.empty_like(source)
    return lambda: np.copyto(target, source), 2 * source.nbytes


def this_machine(dtype: str = "float32", *, clock: Callable[[], float] = time.perf_counter) -> Machine:
    """Measure the two rates of this machine, each as the median of five rounds; it takes a second or less.

    Args:
        dtype: "float32" (default) or "float64".
        clock: tells the time in seconds.

    Raises:
        ValueError: if the type is another one.
    """
    check_choice("this_machine", "dtype", dtype, ("float32", "float64"))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    rates = [amount / _median(work, clock) for work, amount in (multiplying(dtype), copying(dtype=dtype))]
    return Machine(rates[0], rates[1], dtype, get_num_threads(), load)


def _median(work: Work, clock: Callable[[], float]) -> float:
    """Return the seconds of a call, after one that nobody times."""
    work()
    found = []
    for _ in range(ROUNDS):
        began = clock()
        work()
        found.append(clock() - began)
    return statistics.median(found)

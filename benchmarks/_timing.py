"""Fair readings: contenders take turns, after a pause and an untimed call each.

A library's threads go on spinning for some milliseconds after a call, waiting for the next; the reading of whoever
comes after them would be up to twice too long. The pause lets them fall asleep, and the untimed call wakes one's own.
Machines get slower and faster while one measures: contenders in turns get the same share of both, and their ratio
stays.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

PAUSE = 0.05  # seconds; the threads of OpenBLAS spin for some 25 ms


@dataclass(frozen=True)
class Reading:
    """Seconds of one contender."""

    best: float
    median: float


def take_turns(contenders: Mapping[str, Callable[[], object]], rounds: int = 7, calls: int = 1) -> dict[str, Reading]:
    """Time every contender `rounds` times, in turns; `calls` are made in one reading where one call is too short."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for work in contenders.values():
        work()
    gc.disable()  # a collection would fall on whoever happens to run
    try:
        for _ in range(rounds):
            for name, work in contenders.items():
                time.sleep(PAUSE)
                work()
                began = time.perf_counter()
                for _ in range(calls):
                    work()
                times[name].append((time.perf_counter() - began) / calls)
            gc.collect()
    finally:
        gc.enable()
    return {name: Reading(min(found), statistics.median(found)) for name, found in times.items()}


def calls_for(work: Callable[[], object], seconds: float = 0.02) -> int:
    """Return how many calls fill one reading."""
    work()
    began = time.perf_counter()
    work()
    return max(1, min(1000, int(seconds / max(1e-7, time.perf_counter() - began))))


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the mean that treats twice as fast and twice as slow alike."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logarithms) / len(logarithms))

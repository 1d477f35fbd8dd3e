"""One cycle: the learning rate goes up once and down once, the momentum the other way round."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

from minidl._checks import check_choice, check_fraction, check_positive
from minidl.optim._schedule import History, Schedule, between, half_cosine


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to max_lr and down to nearly nothing, with the momentum going down and up.

        learning rate   max_lr / div_factor  →  max_lr  →  max_lr / (div_factor · final_div_factor)
        momentum        max_momentum  →  base_momentum  →  max_momentum

    The rise ends with step pct_start · T - 1, the fall with the last step, T - 1. A high learning rate in the middle
    keeps the weights out of narrow valleys, and the low end lets them settle.

    Source: Smith and Topin, arXiv:1708.07120. The paper's cycle has three parts and straight lines: up, down to where
    it began, and then further down: three_phase=True, anneal_strategy="linear". The defaults, two parts along half
    cosines, are those of fast.ai and of PyTorch's OneCycleLR.

    Args:
        max_lr: the highest learning rate; None (default) takes the training's lr.
        pct_start: the part of the training in which the learning rate rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether the momentum changes, too; it is Adam's β1.
        base_momentum: where the learning rate is highest.
        max_momentum: at the beginning and at the end.
        div_factor: how much lower than max_lr the beginning is.
        final_div_factor: how much lower than the beginning the end is.
        three_phase: whether the fall has two parts.

    Raises:
        ValueError: if a number is out of range, or a warm-up is asked for, which the cycle has already.

    Example:
        >>> from minidl.optim import make_schedule
        >>> schedule = make_schedule({"name": "one_cycle"}, lr=1, epochs=5, steps=2)
        >>> [(round(schedule.lr(epoch), 2), round(schedule.momentum(epoch), 2)) for epoch in range(5)]
        [(0.04, 0.95), (1.0, 0.85), (0.81, 0.87), (0.39, 0.91), (0.05, 0.95)]
    """

    max_lr: float | None = None
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    cycle_momentum: bool = True
    base_momentum: float = 0.85
    max_momentum: float = 0.95
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    name: ClassVar[str] = "one_cycle"
    to_the_end: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_lr is not None:
            check_positive("schedule", "max_lr", self.max_lr)
        if self.warmup:
            raise ValueError(f"schedule: one_cycle has a warm-up of its own: pct_start; received warmup={self.warmup}")
        check_fraction("schedule", "pct_start", self.pct_start)
        check_choice("schedule", "anneal_strategy", self.anneal_strategy, ("cos", "linear"))
        for name in ("cycle_momentum", "three_phase"):
            check_choice("schedule", name, getattr(self, name), (True, False))
        for name in ("base_momentum", "max_momentum"):
            check_fraction("schedule", name, getattr(self, name), below_one=True)
        for name in ("div_factor", "final_div_factor"):
            check_positive("schedule", name, getattr(self, name))

    def share(self, k: int, history: History) -> float:
        """Return the height of the cycle."""
        high = 1.0 if self.max_lr is None else self.max_lr / self.base_lr
        start = high / self.div_factor
        end = start / self.final_div_factor
        return self._at(k, (start, high, start, end) if self.three_phase else (start, high, end))

    def momentum(self, epoch: int, step: int = 0) -> float | None:
        """Return the momentum of a step, or None if it does not change."""
        if not self.cycle_momentum:
            return None
        high, low = self.max_momentum, self.base_momentum
        heights = (high, low, high, high) if self.three_phase else (high, low, high)
        return self._at(self._steps_done(epoch, step), heights)

    def _at(self, k: int, heights: tuple[float, ...]) -> float:
        """Return the height after k steps of a line through the heights."""
        whole = self.epochs * self.steps
        rise = self.pct_start * whole
        ends = (0.0, rise - 1, 2 * rise - 2, whole - 1.0) if self.three_phase else (0.0, rise - 1, whole - 1.0)
        for (begin, end), (first, last) in zip(itertools.pairwise(ends), itertools.pairwise(heights)):
            if k <= end and begin < end:
                part = (k - begin) / (end - begin)
                return between(first, last, half_cosine(part) if self.anneal_strategy == "cos" else part)
        return heights[-1]

"""Plateau: the learning rate falls when the validation figure stands still."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from minidl._checks import check_fraction, check_positive, nearest, to_int
from minidl.optim._schedule import History, Schedule, check_min_lr


@dataclass(frozen=True)
class Plateau(Schedule):
    """A factor each time the validation figure has not got better for more than `patience` epochs.

    This is how AlexNet, VGG and ResNet were trained, by hand: "divide by 10 when the error stopped improving". The
    learning rate of an epoch is worked out anew from all figures before it. It equals PyTorch's ReduceLROnPlateau with
    threshold_mode "rel"; changes smaller than 1e-8, which PyTorch leaves out, are made unless eps says otherwise.

    Args:
        monitor: the column of the history that is looked at; less is better for a loss, more for anything else.
        factor: of each change.
        patience: epochs without a better figure that are let pass.
        threshold: the share by which a figure must be better than the best one to count as better.
        cooldown: epochs after a change in which nothing is counted.
        min_lr: the learning rate stays at or above it.
        eps: changes that are not larger are not made.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from minidl.optim import make_schedule
        >>> schedule = make_schedule({"name": "plateau", "patience": 0, "factor": 0.5}, lr=1, epochs=4, steps=1)
        >>> history = [{"val_loss": loss} for loss in (0.7, 0.6, 0.6)]
        >>> [schedule.lr(epoch, 0, history) for epoch in range(4)]
        [1.0, 1.0, 1.0, 0.5]
    """

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 0.0
    name: ClassVar[str] = "plateau"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("schedule", "factor", self.factor)
        check_fraction("schedule", "factor", self.factor, below_one=True)
        for name in ("threshold", "eps"):
            check_positive("schedule", name, getattr(self, name), zero=True)
        for name in ("patience", "cooldown"):
            to_int("schedule", name, getattr(self, name), least=0)
        check_min_lr(self.min_lr, self.base_lr)

    def lr(self, epoch: int, step: int = 0, history: History = ()) -> float:
        """Return the learning rate of a step; see `Schedule.lr`."""
        if len(history) < epoch:
            raise ValueError(
                f"schedule: plateau needs a row of figures for each epoch before this one; "
                f"received epoch={epoch}, {len(history)} rows"
            )
        return super().lr(epoch, step, history)

    def share(self, k: int, history: History) -> float:
        """Return factor to the power of the times that the figure stood still."""
        sign = 1 if "loss" in self.monitor else -1
        lr, best, bad, cooling = self.base_lr, math.inf, 0, 0
        for row in history:
            figure = sign * _figure(row, self.monitor)
            better = figure < best - self.threshold * (abs(best) if math.isfinite(best) else 0)
            best, bad = (figure, 0) if better else (best, bad + 1)
            if cooling:
                cooling, bad = cooling - 1, 0
            if bad > self.patience:
                lower, cooling, bad = max(lr * self.factor, self.min_lr), self.cooldown, 0
                lr = lower if lr - lower > self.eps else lr
        return lr / self.base_lr


def _figure(row: Mapping[str, Any], monitor: str) -> float:
    if monitor not in row:
        raise ValueError(
            f"schedule: plateau looks at {monitor!r}, which the history lacks; did you mean {nearest(monitor, row)}?"
        )
    return float(row[monitor])

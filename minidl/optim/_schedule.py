"""What all schedules share: where the training is, how long it will be, and the warm-up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

from minidl._checks import check_fraction, check_positive, to_int
from minidl._looks import Brief

History = Sequence[Mapping[str, Any]]  # one row of figures for each epoch that is done


@dataclass(frozen=True)
class Schedule(Brief):
    """What all schedules share: where the training begins, how long it will be, and the warm-up.

    A subclass gives `share`.

    Args:
        base_lr: the learning rate that the others are shares of.
        epochs: how many epochs the training will have.
        steps: how many steps an epoch has.
        warmup: epochs of linear warm-up, 0 (default) for none; 0.5 is half an epoch.
        warmup_factor: the share of the learning rate that the warm-up begins with.
    """

    base_lr: float
    epochs: int
    steps: int
    _: KW_ONLY
    warmup: float = 0.0
    warmup_factor: float = 0.1
    name: ClassVar[str]
    to_the_end: ClassVar[bool] = False  # whether it asks how many epochs there will be

    def __post_init__(self) -> None:
        check_positive("schedule", "lr", self.base_lr)
        to_int("schedule", "epochs", self.epochs, least=1)
        to_int("schedule", "steps", self.steps, least=1)
        check_positive("schedule", "warmup", self.warmup, zero=True)
        check_fraction("schedule", "warmup_factor", self.warmup_factor)

    def lr(self, epoch: int, step: int = 0, history: History = ()) -> float:
        """Return the learning rate of a step.

        Args:
            epoch: counted from 0.
            step: within the epoch, counted from 0.
            history: a row of figures for each epoch before this one; only `plateau` looks at it.

        Raises:
            ValueError: if epoch or step is below 0, or `plateau` misses its figure.
        """
        k = self._steps_done(epoch, step)
        warm = self.warmup * self.steps  # in steps
        share = 1.0 if k >= warm else self.warmup_factor + (1 - self.warmup_factor) * k / warm
        return self.base_lr * share * self.share(k, history[:epoch])

    def of(self, base_lr: float) -> Schedule:
        """Return the same schedule from another learning rate on: what a group of parameters with its own follows."""
        return self if base_lr == self.base_lr else replace(self, base_lr=base_lr)

    def momentum(self, epoch: int, step: int = 0) -> float | None:
        """Return the momentum of a step (Adam's β1 is one, too), or None to leave it as it is."""
        return None

    def share(self, k: int, history: History) -> float:
        """Return the learning rate after k steps as a share of base_lr; every schedule writes its own."""
        raise NotImplementedError(f"{type(self).__name__}: share is not written")

    def _steps_done(self, epoch: int, step: int) -> int:
        to_int("schedule", "epoch", epoch, least=0)
        return epoch * self.steps + to_int("schedule", "step", step, least=0)

    def _part(self, k: int) -> float:
        """Return how much of the training is done, from 0 to 1."""
        return min(k / (self.epochs * self.steps), 1.0)


def between(first: float, last: float, part: float) -> float:
    """Return first for part 0, last for part 1, and a straight line between them."""
    return first + (last - first) * part


def half_cosine(part: float) -> float:
    """Return from 0 to 1 along half a cosine, as part goes from 0 to 1."""
    return (1 - math.cos(math.pi * part)) / 2


def check_min_lr(min_lr: Any, lr: float) -> None:
    """Refuse a lowest learning rate that is above the highest."""
    check_positive("schedule", "min_lr", min_lr, zero=True)
    if min_lr > lr:
        raise ValueError(f"schedule: min_lr must be at most lr; received min_lr={min_lr}, lr={lr}")

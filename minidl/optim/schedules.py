"""Schedules: how the learning rate changes on the way.

A schedule is a pure function of where the training is: the epoch, the step within the epoch, and, for `plateau` alone,
the validation figures so far. It keeps nothing, so a training that resumes needs nothing else.

    t = epoch + step / steps        where the training is, in epochs;  k = epoch · steps + step, in steps
    E = epochs                      how long it will be                T = epochs · steps

| name | learning rate at t | first used by |
|---|---|---|
| `constant` | lr | |
| `step` | lr · gamma^⌊t / step_size⌋, or lr · gamma^(how many milestones are behind) | AlexNet, GoogLeNet, ResNet |
| `polynomial` | min_lr + (lr - min_lr) · (1 - t / E)^power | Caffe, ParseNet |
| `cosine` | min_lr + (lr - min_lr) · (1 + cos(π t / E)) / 2 | SGDR |
| `inverse_sqrt` | lr · √(warmup / t), from the end of the warm-up on | the transformer |
| `one_cycle` | up to lr and down to nearly 0, momentum the other way round | super-convergence |
| `plateau` | lr · factor^(how often the validation figure stood still) | VGG, ResNet |

Each may begin with a linear warm-up: the learning rate above is multiplied by a share that grows from warmup_factor at
t = 0 to 1 at t = warmup (Goyal et al., arXiv:1706.02677, section 2.2). Milestones are counted from the very beginning,
as in that paper. In PyTorch's words this is ChainedScheduler([LinearLR, …]).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from minidl._checks import check_positive, nearest, shown
from minidl.optim._schedule import History, Schedule, between, check_min_lr, half_cosine
from minidl.optim.one_cycle import OneCycle
from minidl.optim.plateau import Plateau


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate all the time, after the warm-up.

    Example:
        >>> schedule = make_schedule({"name": "constant", "warmup": 2, "warmup_factor": 0.5}, lr=1, epochs=4, steps=1)
        >>> [schedule.lr(epoch) for epoch in range(4)]
        [0.5, 0.75, 1.0, 1.0]
    """

    name: ClassVar[str] = "constant"

    def share(self, k: int, history: History) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Step(Schedule):
    """A factor gamma at certain times: every step_size epochs, or at each of the milestones.

    It does not ask how many epochs there will be, so a training that is made longer later follows the same line.

    | paper | in these words |
    |---|---|
    | GoogLeNet: 4 % less every 8 epochs (arXiv:1409.4842, section 6) | step_size 8, gamma 0.96 |
    | ResNet on CIFAR: a tenth at 32k and 48k of 64k steps (arXiv:1512.03385, section 4.2) | milestones 82, 123 |
    | EfficientNet: 0.97 every 2.4 epochs (arXiv:1905.11946, section 5.2) | step_size 2.4, gamma 0.97 |
    | PyTorch's StepLR, MultiStepLR; ExponentialLR | the same names; step_size 1 |

    Args:
        step_size: epochs between two changes.
        milestones: the epochs before which the learning rate changes; instead of step_size.
        gamma: factor of each change.

    Raises:
        ValueError: if both or none of step_size and milestones are given, or a number is out of range.

    Example:
        >>> schedule = make_schedule({"name": "step", "milestones": [2, 3], "gamma": 0.5}, lr=1, epochs=4, steps=10)
        >>> [schedule.lr(epoch) for epoch in range(4)]
        [1.0, 1.0, 0.5, 0.25]
    """

    step_size: float | None = None
    milestones: Sequence[float] | None = None
    gamma: float = 0.1
    name: ClassVar[str] = "step"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.step_size is None) == (self.milestones is None):
            found = f"received step_size={shown(self.step_size)}, milestones={shown(self.milestones)}"
            raise ValueError(f"schedule: step needs either step_size or milestones; {found}")
        if self.step_size is not None:
            check_positive("schedule", "step_size", self.step_size)
        elif not isinstance(self.milestones, Sequence) or isinstance(self.milestones, str):
            found = f"received milestones={shown(self.milestones)}"
            raise ValueError(f"schedule: milestones must be a list of epochs; {found}")
        for milestone in self.milestones or ():
            check_positive("schedule", "milestones", milestone)
        check_positive("schedule", "gamma", self.gamma)

    def share(self, k: int, history: History) -> float:
        """Return gamma to the power of the changes so far."""
        t = k / self.steps + 1e-9  # 2.4 epochs of 10 steps are over at step 24, whatever 24 / 10 / 2.4 is in binary
        if self.step_size is not None:
            return self.gamma ** math.floor(t / self.step_size)
        return self.gamma ** sum(milestone <= t for milestone in self.milestones or ())


@dataclass(frozen=True)
class Polynomial(Schedule):
    """Down to min_lr along a power of what is left; a straight line for power 1.

    GoogLeNet's quick solver in Caffe takes power 0.5, ParseNet 0.9 (arXiv:1506.04579, section 4). PyTorch's
    PolynomialLR with total_iters = epochs · steps is the same with min_lr = 0.

    Args:
        power: 1 (default) is a straight line; below 1 it stays high for longer.
        min_lr: learning rate of the end.

    Example:
        >>> schedule = make_schedule({"name": "polynomial", "power": 2}, lr=1, epochs=4, steps=1)
        >>> [schedule.lr(epoch) for epoch in range(4)]
        [1.0, 0.5625, 0.25, 0.0625]
    """

    power: float = 1.0
    min_lr: float = 0.0
    name: ClassVar[str] = "polynomial"
    to_the_end: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("schedule", "power", self.power)
        check_min_lr(self.min_lr, self.base_lr)

    def share(self, k: int, history: History) -> float:
        """Return min_lr's share and a power of what is left."""
        return between(self.min_lr / self.base_lr, 1.0, (1 - self._part(k)) ** self.power)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Down to min_lr along half a cosine: slow at both ends.

    Source: Loshchilov and Hutter, arXiv:1608.03983, equation 5, without restarts. The paper changes the learning rate
    at every step, as this does. PyTorch's CosineAnnealingLR with T_max = epochs · steps is the same; its eta_min is
    min_lr.

    Args:
        min_lr: learning rate of the end.

    Example:
        >>> schedule = make_schedule({"name": "cosine"}, lr=1, epochs=4, steps=1)
        >>> [round(schedule.lr(epoch), 3) for epoch in range(4)]
        [1.0, 0.854, 0.5, 0.146]
    """

    min_lr: float = 0.0
    name: ClassVar[str] = "cosine"
    to_the_end: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_min_lr(self.min_lr, self.base_lr)

    def share(self, k: int, history: History) -> float:
        """Return min_lr's share and half a cosine."""
        return between(1.0, self.min_lr / self.base_lr, half_cosine(self._part(k)))


@dataclass(frozen=True)
class InverseSqrt(Schedule):
    """Up to lr in the warm-up, and from there on down as one over the root of the time: slower and slower, to no end.

    Source: Vaswani et al., arXiv:1706.03762, equation 3, where the learning rate of step k = 1, 2, … is
    D^-0.5 · min(k^-0.5, k · W^-1.5). With W steps of warm-up, `warmup_factor` 0 and lr = (D · W)^-0.5, which is what
    both are at k = W, this is the same, its steps counted from 0. Also known as "noam".

    It does not ask how many epochs there will be, so a training that is made longer later follows the same line.

    Raises:
        ValueError: if there is no warm-up, of which it is a continuation.

    Example:
        >>> schedule = make_schedule({"name": "inverse_sqrt", "warmup": 2, "warmup_factor": 0}, lr=1, epochs=9, steps=1)
        >>> [round(schedule.lr(epoch), 3) for epoch in range(9)]
        [0.0, 0.5, 1.0, 0.816, 0.707, 0.632, 0.577, 0.535, 0.5]
    """

    name: ClassVar[str] = "inverse_sqrt"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.warmup:
            raise ValueError(
                "schedule: inverse_sqrt is lr · √(warmup / t) from the end of the warm-up on, so warmup must be > 0; "
                f"received warmup={self.warmup}"
            )

    def share(self, k: int, history: History) -> float:
        """Return 1 in the warm-up, and then the root of its share in what is done."""
        warm = self.warmup * self.steps
        return math.sqrt(warm / max(k, warm))


SCHEDULES: dict[str, type[Schedule]] = {
    kind.name: kind for kind in (Constant, Step, Polynomial, Cosine, InverseSqrt, OneCycle, Plateau)
}


def make_schedule(table: Mapping[str, Any], *, lr: float, epochs: int, steps: int) -> Schedule:
    """Make a schedule of its name and settings, as a recipe writes them down.

    Args:
        table: `name`, one of `SCHEDULES`, and its settings.
        lr: the learning rate that it changes.
        epochs: how many epochs the training will have.
        steps: how many steps an epoch has.

    Raises:
        ValueError: if there is no such schedule or setting (the nearest names are told), or a number is refused.

    Example:
        >>> schedule = make_schedule({"name": "step", "step_size": 2, "gamma": 0.5}, lr=0.1, epochs=5, steps=10)
        >>> [schedule.lr(epoch) for epoch in range(5)]
        [0.1, 0.1, 0.05, 0.05, 0.025]
    """
    if not isinstance(table, Mapping) or "name" not in table:
        raise ValueError(f"schedule: expects a table with a name; received {shown(table)}")
    settings = {key: value for key, value in table.items() if key != "name"}
    name = table["name"]
    if name not in SCHEDULES:
        raise ValueError(f"schedule: there is no {name!r}; did you mean {nearest(name, SCHEDULES)}?")
    kind = SCHEDULES[name]
    known = [field.name for field in fields(kind) if field.kw_only or field.name not in ("base_lr", "epochs", "steps")]
    for key in settings:
        if key not in known:
            raise ValueError(f"schedule: {name} has no setting {key!r}; did you mean {nearest(key, known)}?")
    return kind(lr, epochs, steps, **settings)

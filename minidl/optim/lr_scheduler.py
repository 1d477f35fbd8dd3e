"""Schedules for a loop of your own, under PyTorch's names: each call of `.step()` moves the learning rates on by one.

    scheduler = StepLR(optimizer, step_size=30, gamma=0.1)
    for epoch in range(90):
        …                       a whole epoch, with optimizer.step() after every batch
        scheduler.step()        so step_size counts epochs; called after every batch it counts batches, as in PyTorch

What the numbers count is what you call `.step()` after: epochs for StepLR, MultiStepLR, ExponentialLR and
CosineAnnealingLR as they are usually written, batches for OneCycleLR. `LRScheduler` takes any schedule of
`make_schedule`, which says itself how many steps an epoch has.

The formulas are those of `schedules.py`: the learning rate is worked out anew from where the training is. PyTorch's
multiply the rate that is there, so two of them on one optimiser multiply, and a rate that is changed by hand is kept.
Here both are refused; a warm-up is a setting of a schedule (`warmup=5`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from minidl._answers import answering
from minidl._checks import check_choice, check_number, check_positive, nearest, shown, to_int
from minidl.optim._optimizer import Optimizer
from minidl.optim._schedule import History, Schedule
from minidl.optim._scheduler import LRScheduler, to_figure
from minidl.optim.one_cycle import OneCycle
from minidl.optim.plateau import Plateau
from minidl.optim.schedules import Cosine, Polynomial, Step

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "StepLR",
]


@dataclass(frozen=True)
class _Function(Schedule):
    """The learning rate times what a function returns for the number of steps that are done."""

    function: Callable[[int], float] = lambda k: 1.0
    name: ClassVar[str] = "function"

    def share(self, k: int, history: History) -> float:
        """Ask the function."""
        try:
            share = self.function(k)
        except TypeError as error:
            raise TypeError(f"LambdaLR: lr_lambda must take a number of steps; lr_lambda({k}) says: {error}") from error
        check_number("LambdaLR", "lr_lambda(k)", share)
        return float(share)


class StepLR(LRScheduler):
    """A factor gamma every step_size calls.

    Example:
        >>> from minidl import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
        >>> scheduler, seen = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5), []
        >>> for epoch in range(5):
        ...     seen.append(optimizer.lr)
        ...     scheduler.step()
        >>> seen
        [0.8, 0.8, 0.4, 0.4, 0.2]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        super().__init__(optimizer, Step(1.0, 1, 1, step_size=step_size, gamma=gamma), last_epoch)


class MultiStepLR(LRScheduler):
    """A factor gamma at each of the milestones, which count calls."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1):
        super().__init__(optimizer, Step(1.0, 1, 1, milestones=milestones, gamma=gamma), last_epoch)


class ExponentialLR(LRScheduler):
    """A factor gamma at every call."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        super().__init__(optimizer, Step(1.0, 1, 1, step_size=1, gamma=gamma), last_epoch)


class CosineAnnealingLR(LRScheduler):
    """Down to eta_min along half a cosine in T_max calls; more are refused, where PyTorch's goes up again."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        calls = to_int("CosineAnnealingLR", "T_max", T_max, least=1)
        super().__init__(optimizer, Cosine(1.0, calls, 1, min_lr=eta_min), last_epoch)


class PolynomialLR(LRScheduler):
    """Down to 0 along a power of what is left, in total_iters calls; there it stays."""

    has_end = False

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        calls = to_int("PolynomialLR", "total_iters", total_iters, least=1)
        super().__init__(optimizer, Polynomial(1.0, calls, 1, power=power), last_epoch)


class LambdaLR(LRScheduler):
    """The first learning rate times lr_lambda(k) after k calls; one function for all groups."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float], last_epoch: int = -1):
        if not callable(lr_lambda):
            raise TypeError(f"LambdaLR: lr_lambda must be one function, for all groups; received {shown(lr_lambda)}")
        super().__init__(optimizer, _Function(1.0, 1, 1, function=lr_lambda), last_epoch)


class LinearLR(LRScheduler):
    """From start_factor to end_factor of the learning rate in a straight line, in total_iters calls: a warm-up."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        calls = to_int("LinearLR", "total_iters", total_iters, least=1)
        check_positive("LinearLR", "start_factor", start_factor)
        check_positive("LinearLR", "end_factor", end_factor, zero=True)

        def share(k: int) -> float:
            return start_factor + (end_factor - start_factor) * min(k, calls) / calls

        super().__init__(optimizer, _Function(1.0, 1, 1, function=share), last_epoch)


class ConstantLR(LRScheduler):
    """A factor of the learning rate for total_iters calls, then the whole."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1):
        calls = to_int("ConstantLR", "total_iters", total_iters, least=0)
        check_positive("ConstantLR", "factor", factor, zero=True)
        function = lambda k: factor if k < calls else 1.0  # noqa: E731 - one line
        super().__init__(optimizer, _Function(1.0, 1, 1, function=function), last_epoch)


class OneCycleLR(LRScheduler):
    """Up to max_lr and down to nearly nothing, with the momentum the other way round: call `step` after every batch.

    Args:
        optimizer: whose learning rates are set, whatever they are now.
        max_lr: the highest learning rate, one for all groups or a list.
        total_steps: the number of batches in the whole training, or `epochs` and `steps_per_epoch`.
        settings: those of `schedules.OneCycle`, with PyTorch's names and defaults.

    Raises:
        ValueError: if a number is out of range, or momentum is cycled that the optimiser has not.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        last_epoch: int = -1,
        **settings: Any,
    ):
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: how long? give total_steps, or epochs and steps_per_epoch")
            total_steps = to_int("OneCycleLR", "epochs", epochs, least=1) * to_int(
                "OneCycleLR", "steps_per_epoch", steps_per_epoch, least=1
            )
        known = [field.name for field in fields(OneCycle) if field.kw_only or field.default is not MISSING]
        for key in settings:
            if key not in known:
                raise TypeError(f"OneCycleLR: there is no setting {key!r}; did you mean {nearest(key, known)}?")
        schedule = OneCycle(1.0, to_int("OneCycleLR", "total_steps", total_steps, least=1), 1, **settings)
        groups = optimizer.param_groups if isinstance(optimizer, Optimizer) else []
        highest: list[Any] = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        if len(highest) != len(groups):
            raise ValueError(f"OneCycleLR: max_lr must be {len(groups)} numbers, one a group; received {shown(max_lr)}")
        for group, lr in zip(groups, highest, strict=True):
            check_positive("OneCycleLR", "max_lr", lr)
            if schedule.cycle_momentum and "betas" not in group and not group.get("momentum"):
                raise ValueError(
                    "OneCycleLR: the optimiser has no momentum, and PyTorch's would give it one; say momentum=0.9, "
                    "or cycle_momentum=False"
                )
        for group, lr in zip(groups, highest, strict=True):
            group["lr"] = lr
        super().__init__(optimizer, schedule, last_epoch)
        for group, lr in zip(groups, highest, strict=True):
            group["initial_lr"] = lr / schedule.div_factor


class ReduceLROnPlateau(LRScheduler):
    """A factor each time the figure has not got better for more than `patience` calls: `scheduler.step(val_loss)`.

    Args:
        optimizer: whose learning rates are reduced.
        mode: "min" where less is better, as of a loss; "max" where more is, as of an accuracy.
        factor, patience, threshold, cooldown, min_lr: see `schedules.Plateau`.
        threshold_mode: "rel" alone.
        eps: changes that are not larger are not made.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from minidl import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
        >>> scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
        >>> for val_loss in (0.7, 0.6, 0.6):
        ...     scheduler.step(val_loss)
        >>> optimizer.lr
        0.4
    """

    takes_figures = True

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ):
        check_choice("ReduceLROnPlateau", "mode", mode, ("min", "max"))
        check_choice("ReduceLROnPlateau", "threshold_mode", threshold_mode, ("rel",))
        check_positive("ReduceLROnPlateau", "min_lr", min_lr, zero=True)
        settings: dict[str, Any] = {"factor": factor, "patience": patience, "threshold": threshold, "eps": eps}
        highest = max([1.0, min_lr])
        plateau = Plateau(
            highest, 1, 1, monitor="loss" if mode == "min" else "score", cooldown=cooldown, min_lr=min_lr, **settings
        )
        self.threshold = threshold
        super().__init__(optimizer, plateau)

    def step(self, metrics: Any = None) -> None:
        """Take the figure of the epoch, and reduce the learning rates if it has stood still for long enough."""
        if metrics is None:
            raise TypeError("ReduceLROnPlateau: step(figure) needs the figure of the epoch, such as a validation loss")
        figure = to_figure("ReduceLROnPlateau", metrics)
        if figure < 0 and self.threshold:
            raise ValueError(
                f"ReduceLROnPlateau: a figure below 0 needs threshold=0, for PyTorch's would then take worse ones for "
                f"better; received {figure}"
            )
        self.history.append({self.monitor: figure})
        try:
            self.move()
        except ValueError:
            self.history.pop()
            raise


def __dir__() -> list[str]:
    return [*__all__]


__getattr__ = answering("optim.lr_scheduler", "optim.SCHEDULERS", else_say=f"; it has {', '.join(__all__)}")

"""What all schedulers share: where they are, and that nobody else moves the learning rates meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

from minidl._checks import check_positive, shown, to_int
from minidl._looks import Brief, count, differing, listed, short
from minidl.optim._optimizer import Optimizer
from minidl.optim._schedule import Schedule
from minidl.optim.plateau import Plateau

LENGTHS = ("base_lr", "epochs", "steps")  # of a schedule, which mean little behind PyTorch's names
_drivers = itertools.count(1)


class LRScheduler(Brief):
    """Moves the learning rates of an optimiser along a schedule, one step at a call.

    It begins with the learning rates that the groups have, and each group walks the whole schedule from its own.

    Args:
        optimizer: whose groups are moved; it follows one scheduler, the newest.
        schedule: from `make_schedule`, with `steps` calls of `step` in an epoch: steps=1 for a call an epoch,
            steps=len(loader) for one after every batch.
        last_epoch: for PyTorch's habit; a scheduler goes on by `load_state_dict`.

    Raises:
        ValueError: if a number is out of range.
        TypeError: if it is no optimiser, or no schedule.

    Example:
        >>> from minidl import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.8)
        >>> schedule = optim.make_schedule({"name": "step", "step_size": 1, "gamma": 0.5}, lr=0.8, epochs=3, steps=2)
        >>> scheduler, seen = optim.lr_scheduler.LRScheduler(optimizer, schedule), []
        >>> for batch in range(6):  # two batches an epoch
        ...     seen.append(optimizer.lr)
        ...     scheduler.step()
        >>> seen
        [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]
    """

    takes_figures: ClassVar[bool] = False
    has_end: ClassVar[bool] = True  # whether the schedule, if it goes down to an end, may not be walked beyond it

    def __init__(self, optimizer: Optimizer, schedule: Schedule, last_epoch: int = -1):
        name = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{name}: expects an optimiser; received {shown(optimizer)}")
        if not isinstance(schedule, Schedule):
            raise TypeError(f"{name}: expects a schedule, as make_schedule gives it; received {shown(schedule)}")
        if isinstance(schedule, Plateau) and not self.takes_figures:
            raise ValueError(f"{name}: plateau looks at a figure; write ReduceLROnPlateau, whose step takes one")
        if last_epoch != -1:
            raise ValueError(f"{name}: last_epoch must be -1; received {shown(last_epoch)}; go on by load_state_dict")
        self.optimizer, self.schedule, self.last_epoch = optimizer, schedule, 0
        self.history: list[dict[str, float]] = []
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
        self._number = optimizer.driver = next(_drivers)
        self._follow()

    def _words(self) -> list[str]:
        rates = listed([short(lr) for lr in self.get_last_lr()], 4)
        settings = [word for name, word in differing(self.schedule).items() if name not in LENGTHS]
        return [f"{count(self.last_epoch, 'step')} done", f"lr={rates}", f"schedule {self.schedule.name}", *settings]

    def step(self, metrics: Any = None) -> None:
        """Move on by one: set the learning rates of what comes next.

        Args:
            metrics: of `ReduceLROnPlateau` alone: the figure of the epoch.

        Raises:
            ValueError: if the schedule is at its end, or somebody else has changed the learning rates meanwhile.
            TypeError: if a figure is given that nobody looks at, or none where one is needed.
        """
        if metrics is not None:
            raise TypeError(f"{type(self).__name__}: step() takes nothing; received {shown(metrics)}")
        self.move()

    def move(self) -> None:
        """Count a call, and set the learning rates."""
        name, schedule = type(self).__name__, self.schedule
        whole = schedule.epochs * schedule.steps
        if self.has_end and schedule.to_the_end and self.last_epoch >= whole:
            raise ValueError(f"{name}: the schedule has ended: it has {whole} steps; make it as long as the training")
        if self.optimizer.driver != self._number:
            raise ValueError(
                f"{name}: the optimiser follows another scheduler, made later; two do not multiply as in PyTorch; "
                f'a warm-up is a setting: make_schedule({{"name": "cosine", "warmup": 5}}, …)'
            )
        found = [group["lr"] for group in self.optimizer.param_groups]
        if found != self._last:
            raise ValueError(
                f"{name}: the learning rates were changed since the last step, to {found} from {self._last}, which "
                f"step() would undo; make a new scheduler, or load_state_dict"
            )
        self.last_epoch += 1
        self._follow()

    def _follow(self) -> None:
        """Set the learning rates, and the momentum where the schedule has one."""
        schedules = [self.schedule.of(base) if base else None for base in self.base_lrs]
        self.optimizer.walk(schedules, *divmod(self.last_epoch, self.schedule.steps), self.history)
        self._last = self.get_last_lr()

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return where it is: how many calls, what the learning rates began with, and the figures so far."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs), "history": list(self.history)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict` was taken: sets the learning rates, too.

        Raises:
            ValueError: if it belongs to another optimiser, or a number is out of range.
            TypeError: if it is no state.
        """
        name = type(self).__name__
        if not isinstance(state, Mapping) or set(state) != {"last_epoch", "base_lrs", "history"}:
            raise TypeError(f"{name}: expects a dict as state_dict() gives it; received {shown(state)}")
        done, bases, history = to_int(name, "last_epoch", state["last_epoch"], least=0), state["base_lrs"], []
        if not isinstance(bases, (list, tuple)) or len(bases) != len(self.base_lrs):
            found = f"expected {len(self.base_lrs)} numbers, one for each group; received base_lrs={shown(bases)}"
            raise ValueError(f"{name}: the state is that of another optimiser: {found}")
        for base in bases:
            check_positive(name, "base_lrs", base, zero=True)
        if not isinstance(state["history"], (list, tuple)):
            raise TypeError(f"{name}: history must be a list of figures; received {shown(state['history'])}")
        for row in state["history"]:
            if not isinstance(row, Mapping) or set(row) != {self.monitor}:
                raise TypeError(f"{name}: history must hold {{{self.monitor!r}: number}}; received {shown(row)}")
            history.append({self.monitor: to_figure(name, row[self.monitor])})
        self.last_epoch, self.base_lrs, self.history = done, list(bases), history
        self._follow()

    @property
    def monitor(self) -> str:
        """The name of the figure that the schedule looks at, if it looks at one."""
        return getattr(self.schedule, "monitor", "")


def to_figure(name: str, value: Any) -> float:
    """Return a figure as a plain number; a tensor of one element is one."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name}: the figure must be one number; received {shown(value)}") from None

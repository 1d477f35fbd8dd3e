"""Where a training is: all that the next step depends on, besides the pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from minidl._looks import Brief, percent, short
from minidl._random import manual_seed
from minidl.models._registry import build_network
from minidl.nn import Module
from minidl.optim import Optimizer, Schedule
from minidl.training.optimizer import make_optimizer
from minidl.training.settings.config import Config
from minidl.training.settings.kinds import FIRST, KINDS, Kind
from minidl.training.transfer import freeze_body


@dataclass
class State(Brief):
    """A network in training.

    `epoch` counts the finished epochs and `step` the finished steps of the one that is under way; `seen`, `loss_sum`
    and `correct` are its sums over the pictures so far; `sums` holds others, by name, of tasks that have them.
    `history` has a row (see `columns`) for each finished epoch: "step" there counts from the beginning, "lr" is that of
    the last step, the training figures are means over the changed pictures as they passed, and top1 is the share of
    pictures whose most likely class was right. `arguments` is what the network was built with; `classes` are the names
    of what it tells apart, `pictures` the numbers of training and validation pictures; `shown` tells of the first of
    the latter, before the transforms, its "shape" [C, H, W] and its "dtype", so that other pictures can be made like
    it; `frozen` are the modules that do not learn, and `head` is the one that does where batches hold what comes out of
    these (see `transfer`).
    """

    net: Module
    optimizer: Optimizer
    config: Config
    arguments: dict[str, Any] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)
    shown: dict[str, Any] | None = None
    epoch: int = 0
    step: int = 0
    seen: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    frozen: list[Module] = field(default_factory=list)
    head: Module | None = None

    @property
    def learner(self) -> Module:
        """What is given the batches: the network, or its head, where these hold what the frozen layers have made."""
        return self.net if self.head is None else self.head

    def _words(self) -> list[str]:
        done = f"{self.epoch} of {self.config.epochs} epochs" + (f" and {self.step} steps" if self.step else "")
        rule = f"{type(self.optimizer).__name__}, lr={short(self.optimizer.lr)}"
        best = [f"best {self._best_word()} in epoch {self.best['epoch']}"] if self.best else []
        frozen = [f"{len(self.frozen)} modules frozen"] if self.frozen else []
        return [getattr(self.net, "name", "") or type(self.net).__name__, done, rule, *frozen, *best]

    def train(self) -> None:
        """Switch the network to training, but for what is frozen."""
        self.net.train()
        for module in self.frozen:
            module.eval()

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.config.epochs

    @property
    def kind(self) -> Kind:
        """What the training notes of an epoch."""
        return KINDS[self.config.task]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in a row of the history; history.csv has the seconds of each epoch as well."""
        return (*FIRST, *self.kind.columns)

    @property
    def best(self) -> dict[str, Any] | None:
        """The first row of the history with the best figure, the highest top1 in validation; None before the first.

        What counts in other tasks is said in `settings.kinds`.
        """
        return self.kind.best_of(self.history)

    def _best_word(self) -> str:
        name = self.kind.best
        value = self.best[name] if self.best else math.nan
        return f"{name.removeprefix('val_')} {percent(value) if name in self.kind.shares else short(value)}"

    def follow(self, schedule: Schedule) -> None:
        """Set learning rates and momentum of the next step."""
        self.optimizer.follow(schedule, self.epoch, self.step, self.history)


def build(config: Config, arguments: dict[str, Any], *, weights: str | None = None) -> State:
    """Build the network and its optimiser as they are before the first step, with the weights of a file if given.

    Raises:
        ValueError: if there is no such network, or the weights do not fit.
        RuntimeError: if the device is not available.
    """
    manual_seed(config.seed)
    net = build_network(config.model, arguments, weights=weights).to(config.device)
    frozen = freeze_body(net, config.model) if config.freeze else []
    return State(net, make_optimizer(net, config), config, arguments, frozen=frozen)

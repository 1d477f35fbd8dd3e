"""Where a training is: all that the next step depends on, besides the pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minidl import models
from minidl._random import manual_seed
from minidl.nn import Module
from minidl.optim import SGD
from minidl.training.config import Config

COLUMNS = ("epoch", "step", "lr", "train_loss", "train_top1", "test_loss", "test_top1")  # of the history


@dataclass
class State:
    """A network in training.

    `epoch` counts the finished epochs and `step` the finished steps of the one that is under way; `loss_sum` and
    `correct` are its sums over the pictures seen so far. `history` has a row (see `COLUMNS`) for each finished epoch:
    "step" there counts from the beginning, the training figures are means over the moved pictures as they passed, and
    top1 is the share of pictures whose most likely class was right. `arguments` is what the network was built with.
    """

    net: Module
    optimizer: SGD
    config: Config
    arguments: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def best(self) -> dict[str, Any] | None:
        """The first row of the history with the highest top1 on the test pictures; None before the first epoch."""
        return max(self.history, key=lambda row: row["test_top1"], default=None)


def build(config: Config, arguments: dict[str, Any]) -> State:
    """Build the network and its optimiser as they are before the first step.

    Raises:
        ValueError: if there is no such network.
        RuntimeError: if the device is not available.
    """
    manual_seed(config.seed)
    net = models.get_model(config.model, **arguments).to(config.device)
    optimizer = SGD(
        net.parameters(),
        lr=config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.momentum > 0,
    )
    return State(net, optimizer, config, arguments)

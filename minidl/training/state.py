"""Where a training is: all that the next step depends on, besides the pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minidl import models
from minidl._random import manual_seed
from minidl.models._family import Network
from minidl.nn import Module
from minidl.optim import SGD
from minidl.training.config import Config
from minidl.training.transfer import freeze_body

COLUMNS = ("epoch", "step", "lr", "train_loss", "train_top1", "val_loss", "val_top1")  # of the history


@dataclass
class State:
    """A network in training.

    `epoch` counts the finished epochs and `step` the finished steps of the one that is under way; `loss_sum` and
    `correct` are its sums over the pictures seen so far. `history` has a row (see `COLUMNS`) for each finished epoch:
    "step" there counts from the beginning, the training figures are means over the moved pictures as they passed, and
    top1 is the share of pictures whose most likely class was right. `arguments` is what the network was built with;
    `frozen` are the modules that do not learn.
    """

    net: Network
    optimizer: SGD
    config: Config
    arguments: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    frozen: list[Module] = field(default_factory=list)

    def train(self) -> None:
        """Switch the network to training, but for what is frozen."""
        self.net.train()
        for module in self.frozen:
            module.eval()

    @property
    def best(self) -> dict[str, Any] | None:
        """The first row of the history with the highest top1 on the test pictures; None before the first epoch."""
        return max(self.history, key=lambda row: row["val_top1"], default=None)


def build(config: Config, arguments: dict[str, Any], *, weights: str | None = None) -> State:
    """Build the network and its optimiser as they are before the first step, with the weights of a file if given.

    Raises:
        ValueError: if there is no such network, or the weights do not fit.
        RuntimeError: if the device is not available.
    """
    manual_seed(config.seed)
    net = models.get_model(config.model, weights=weights, **arguments).to(config.device)
    frozen = freeze_body(net, config.model) if config.freeze else []
    optimizer = SGD(
        [parameter for parameter in net.parameters() if parameter.requires_grad],
        lr=config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.momentum > 0,
    )
    return State(net, optimizer, config, arguments, frozen=frozen)

"""Where a training is: all that the next step depends on, besides the pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from minidl import models
from minidl._looks import Brief, percent, short
from minidl._random import manual_seed
from minidl.nn import Module
from minidl.optim import SGD, Adam, AdamW, Optimizer, RMSprop, Schedule, decay_groups
from minidl.training.settings.config import Config
from minidl.training.transfer import freeze_body

# of the history; history.csv has the seconds of each epoch as well
COLUMNS = ("epoch", "step", "lr", "train_loss", "train_top1", "val_loss", "val_top1", "val_top5")


@dataclass
class State(Brief):
    """A network in training.

    `epoch` counts the finished epochs and `step` the finished steps of the one that is under way; `seen`, `loss_sum`
    and `correct` are its sums over the pictures so far. `history` has a row (see `COLUMNS`) for each finished epoch:
    "step" there counts from the beginning, "lr" is that of the last step, the training figures are means over the
    changed pictures as they passed, and top1 is the share of pictures whose most likely class was right. `arguments` is
    what the network was built with; `classes` are the names of what it tells apart, `pictures` the numbers of training
    and validation pictures; `shown` tells of the first of the latter, before the transforms, its "shape" [C, H, W] and
    its "dtype", so that other pictures can be made like it; `frozen` are the modules that do not learn, and `head` is
    the one that does where batches hold what comes out of these (see `frozen.py`).
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
        best = [f"best top1 {percent(self.best['val_top1'])} in epoch {self.best['epoch']}"] if self.best else []
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
    def best(self) -> dict[str, Any] | None:
        """The first row of the history with the highest top1 in validation; None before the first epoch."""
        return max(self.history, key=lambda row: row["val_top1"], default=None)

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
    net = models.get_model(config.model, weights=weights, **arguments).to(config.device)
    frozen = freeze_body(net, config.model) if config.freeze else []
    return State(net, make_optimizer(net, config), config, arguments, frozen=frozen)


def make_optimizer(net: Module, config: Config) -> Optimizer:
    """Return the update rule that the settings name, for everything in the network that learns.

    Raises:
        ValueError: if nothing learns.

    Example:
        >>> from minidl import nn
        >>> make_optimizer(nn.Linear(3, 2), Config(optimizer="adam", betas=(0.8, 0.99))).betas
        (0.8, 0.99)
    """
    groups = [{"params": list(net.parameters())}] if config.decay_norms else decay_groups(net, config.weight_decay)
    for group in groups:
        group["params"] = [parameter for parameter in group["params"] if parameter.requires_grad]
    return RULES[config.optimizer](groups, config)


def _eps(config: Config) -> dict[str, float]:
    """Return eps, if it was given: each rule has a default of its own."""
    return {} if config.eps is None else {"eps": config.eps}


def _sgd(groups: list[Any], config: Config) -> Optimizer:
    nesterov = config.nesterov and config.momentum > 0
    return SGD(groups, config.lr, config.momentum, weight_decay=config.weight_decay, nesterov=nesterov)


def _rmsprop(groups: list[Any], config: Config) -> Optimizer:
    numbers: dict[str, Any] = {"momentum": config.momentum, "eps_inside": config.eps_inside} | _eps(config)
    return RMSprop(groups, config.lr, config.alpha, weight_decay=config.weight_decay, **numbers)


def _adam(groups: list[Any], config: Config) -> Optimizer:
    return Adam(groups, config.lr, config.betas, weight_decay=config.weight_decay, **_eps(config))


def _adamw(groups: list[Any], config: Config) -> Optimizer:
    return AdamW(groups, config.lr, config.betas, weight_decay=config.weight_decay, **_eps(config))


def groups_of(state: State) -> dict[str, Any]:
    """Return the rule of the optimiser and its groups, with parameters by name, as a checkpoint writes them down.

    Example:
        >>> from minidl import nn
        >>> net = nn.Linear(3, 2)
        >>> groups_of(State(net, SGD([net.bias], lr=0.5), Config()))["groups"][0]["params"]
        ['bias']
    """
    names = {id(p): name for name, p in state.net.named_parameters()}
    groups = [group | {"params": [names.get(id(p)) for p in group["params"]]} for group in state.optimizer.param_groups]
    return {"rule": type(state.optimizer).__name__, "groups": groups}


def regroup(state: State, kept: dict[str, Any]) -> None:
    """Make the optimiser of a state that was built anew be the one that `groups_of` has described.

    Raises:
        ValueError: if it had a rule of its own, or parameters that the network has not.
    """
    rules: dict[str, Any] = {rule.__name__: rule for rule in (SGD, RMSprop, Adam, AdamW)}
    parameters = dict(state.net.named_parameters())
    if kept["rule"] not in rules:
        raise ValueError(f"its update rule {kept['rule']} is none of {', '.join(rules)}")
    groups = []
    for group in kept["groups"]:
        if unknown := [name for name in group["params"] if name not in parameters]:
            raise ValueError(f"a group has a parameter that the network has not: {unknown[0]!r}")
        own = {key: tuple(value) if isinstance(value, list) else value for key, value in group.items()}
        groups.append(own | {"params": [parameters[name] for name in group["params"]]})
    state.optimizer = rules[kept["rule"]](groups, lr=groups[0]["lr"])


RULES: dict[str, Callable[[list[Any], Config], Optimizer]] = {
    "sgd": _sgd,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
}

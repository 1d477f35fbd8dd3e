"""The optimiser of a training: made from the settings, written down in a checkpoint, and made again from that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.nn import Module
from minidl.optim import SGD, Adam, AdamW, Optimizer, RMSprop, decay_groups
from minidl.training.settings.config import Config


def make_optimizer(net: Module, config: Config) -> Optimizer:
    """Return the update rule that the settings name, for everything in the network that learns by its gradient.

    Raises:
        ValueError: if nothing learns.

    Example:
        >>> from minidl import nn
        >>> make_optimizer(nn.Linear(3, 2), Config(optimizer="adam", betas=(0.8, 0.99))).betas
        (0.8, 0.99)
    """
    if not list(net.parameters()) and list(net.named_buffers()):
        return Nothing(config.lr)
    groups = [{"params": list(net.parameters())}] if config.decay_norms else decay_groups(net, config.weight_decay)
    for group in groups:
        group["params"] = [parameter for parameter in group["params"] if parameter.requires_grad]
    return RULES[config.optimizer](groups, config)


class Nothing(Optimizer):
    """The rule of a network that learns without gradients: it has a learning rate to show, and nothing to move."""

    def __init__(self, lr: float = 1.0):
        self.defaults = {"lr": lr, "weight_decay": 0.0}
        self.param_groups = [{"params": [], "lr": lr, "initial_lr": lr, "weight_decay": 0.0}]
        self._state, self.driver = {}, 0


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


def groups_of(net: Module, optimizer: Optimizer) -> dict[str, Any]:
    """Return the rule of an optimiser and its groups, with parameters by name, as a checkpoint writes them down.

    Example:
        >>> from minidl import nn
        >>> net = nn.Linear(3, 2)
        >>> groups_of(net, SGD([net.bias], lr=0.5))["groups"][0]["params"]
        ['bias']
    """
    names = {id(p): name for name, p in net.named_parameters()}
    groups = [group | {"params": [names.get(id(p)) for p in group["params"]]} for group in optimizer.param_groups]
    return {"rule": type(optimizer).__name__, "groups": groups}


def from_groups(net: Module, kept: dict[str, Any]) -> Optimizer:
    """Return the optimiser that `groups_of` has described, for a network that was built anew.

    Raises:
        ValueError: if it had a rule of its own, or parameters that the network has not.
    """
    rules: dict[str, Any] = {rule.__name__: rule for rule in (SGD, RMSprop, Adam, AdamW)}
    parameters = dict(net.named_parameters())
    if kept["rule"] == Nothing.__name__:
        return Nothing(kept["groups"][0]["lr"])
    if kept["rule"] not in rules:
        raise ValueError(f"its update rule {kept['rule']} is none of {', '.join(rules)}")
    groups = []
    for group in kept["groups"]:
        if unknown := [name for name in group["params"] if name not in parameters]:
            raise ValueError(f"a group has a parameter that the network has not: {unknown[0]!r}")
        own = {key: tuple(value) if isinstance(value, list) else value for key, value in group.items()}
        groups.append(own | {"params": [parameters[name] for name in group["params"]]})
    found: Optimizer = rules[kept["rule"]](groups, lr=groups[0]["lr"])
    return found


RULES: dict[str, Callable[[list[Any], Config], Optimizer]] = {
    "sgd": _sgd,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
}

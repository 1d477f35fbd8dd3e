"""Stochastic gradient descent with momentum, weight decay and Nesterov's look-ahead.

    g = p.grad + weight_decay · p
    v = momentum · v + g                      the first v is g itself
    p = p - lr · v                            plain momentum
    p = p - lr · (g + momentum · v)           Nesterov: as if the gradient had been taken where v leads to

Source: Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), in the form that
PyTorch uses, where lr multiplies the velocity.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl import kernels
from minidl._backend import Array
from minidl._checks import NUMBERS, check_flag, check_positive, shown
from minidl.optim._optimizer import Optimizer, Setting


class SGD(Optimizer):
    """Stochastic gradient descent.

    Args:
        parameters: what to learn, for example `net.parameters()`, or groups (see `decay_groups`).
        lr: learning rate.
        momentum: share of the last step that goes on.
        weight_decay: share of each parameter that is taken off with every unit of learning rate.
        nesterov: whether to look ahead along the velocity.

    Raises:
        ValueError: if a number is out of range, there is no parameter, or nesterov is asked for without momentum.

    Example:
        >>> from minidl import nn, optim
        >>> w = nn.Parameter([1.0])
        >>> (w * w).sum().backward()
        >>> optim.SGD([w], lr=0.25).step()
        >>> w.numpy()
        array([0.5], dtype=float32)
    """

    slots = ("velocity",)
    momentum, nesterov = Setting(), Setting()

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        if (
            not isinstance(dampening, NUMBERS) or dampening != 0
        ):  # in PyTorch's place, so that no number lands on another one
            raise TypeError(f"SGD: takes no dampening; leave it out: it is 0; received dampening={shown(dampening)}")
        super().__init__(parameters, lr, weight_decay, momentum=momentum, nesterov=nesterov)

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are out of range."""
        super().check(settings)
        check_positive("SGD", "momentum", settings["momentum"], zero=True)
        check_flag("SGD", "nesterov", settings["nesterov"])
        if settings["nesterov"] and settings["momentum"] == 0:
            raise ValueError("SGD: nesterov=True needs momentum > 0; received momentum=0.0")

    def update(self, p: Array, g: Array, state: dict[str, Array], group: dict[str, Any]) -> Array:
        """Move p along its velocity."""
        settings = (group[name] for name in ("lr", "momentum", "weight_decay", "nesterov"))
        p, v = kernels.sgd(p, g, state.get("velocity"), *settings)
        if v is not None:
            state["velocity"] = v
        return p

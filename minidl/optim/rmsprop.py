"""RMSprop: the gradient divided by its running root mean square, with momentum.

    v = alpha · v + (1 - alpha) · g²
    d = g / (√v + eps)                    PyTorch's form: eps outside the root (eps_inside=False)
    d = g / √(v + eps)                    the form of Inception and EfficientNet, as TensorFlow has it (eps_inside=True)
    u = momentum · u + d,   p = p - lr · u

The two differ where v is small: with eps = 1 and v about 0, as Inception was trained, by a great deal.
Source: Hinton, "Neural networks for machine learning", lecture 6e (2012); Szegedy et al., arXiv:1512.00567, section 8.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl import kernels
from minidl._backend import Array
from minidl._checks import check_flag, check_fraction, check_positive
from minidl.optim._optimizer import Optimizer, Setting


class RMSprop(Optimizer):
    """RMSprop with momentum.

    Args:
        parameters: what to learn, for example `net.parameters()`, or groups (see `decay_groups`).
        lr: learning rate.
        alpha: how much of the running mean of g² is kept at each step.
        eps: keeps the division finite.
        weight_decay: what is added to the gradient, as a share of the parameter.
        momentum: share of the last step that goes on.
        eps_inside: whether eps is added under the root, as the papers of Inception and EfficientNet did.

    Raises:
        ValueError: if a number is out of range or there is no parameter.

    Example:
        >>> from minidl import nn, optim
        >>> w = nn.Parameter([1.0])
        >>> (w * w).sum().backward()
        >>> optim.RMSprop([w], lr=0.01).step()
        >>> w.numpy().round(4)
        array([0.9], dtype=float32)
    """

    alpha, eps, momentum, eps_inside = Setting(), Setting(), Setting(), Setting()
    slots, together = ("square", "velocity"), ("square",)  # without momentum there is no velocity

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        *,
        eps_inside: bool = False,
    ):
        settings = {"alpha": alpha, "eps": eps, "momentum": momentum, "eps_inside": eps_inside}
        super().__init__(parameters, lr, weight_decay, **settings)

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are out of range."""
        super().check(settings)
        check_fraction("RMSprop", "alpha", settings["alpha"], below_one=True)
        check_positive("RMSprop", "eps", settings["eps"], zero=True)
        check_positive("RMSprop", "momentum", settings["momentum"], zero=True)
        check_flag("RMSprop", "eps_inside", settings["eps_inside"])

    def update(self, p: Array, g: Array, state: dict[str, Array], group: dict[str, Any]) -> Array:
        """Move p by its gradient in units of the gradient's usual size."""
        slots = state.get("square"), state.get("velocity")
        settings = (group[name] for name in ("lr", "alpha", "eps", "weight_decay", "momentum", "eps_inside"))
        p, state["square"], velocity = kernels.rmsprop(p, g, *slots, *settings)
        if velocity is not None:
            state["velocity"] = velocity
        return p

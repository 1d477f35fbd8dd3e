"""Adam: every parameter gets a step size of its own, from running means of its gradient and of its square.

    m = β1 · m + (1 - β1) · g            the mean gradient
    v = β2 · v + (1 - β2) · g²           its mean square
    p = p - lr · m̂ / (√v̂ + eps)          m̂ = m / (1 - β1^t),  v̂ = v / (1 - β2^t)

Both means start at 0 and are too small at first; after t steps they hold 1 - β^t of what they should, hence m̂ and v̂.

Adam adds weight_decay · p to g, so that the decay is divided by √v̂ too, less for weights with large gradients. AdamW
takes it off p directly: p = p · (1 - lr · weight_decay).
Sources: Kingma and Ba, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter, arXiv:1711.05101, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import kernels
from minidl._backend import Array
from minidl._checks import check_fraction, check_positive, shown
from minidl.optim._optimizer import Optimizer, Setting


class Adam(Optimizer):
    """Adam, with weight decay in the gradient.

    Args:
        parameters: what to learn, for example `net.parameters()`, or groups (see `decay_groups`).
        lr: learning rate.
        betas: how much of the running mean of g and of g² is kept at each step.
        eps: added to the root, outside of it, as in the paper.
        weight_decay: what is added to the gradient, as a share of the parameter.

    Raises:
        ValueError: if a number is out of range or there is no parameter.

    Example:
        >>> from minidl import nn, optim
        >>> w = nn.Parameter([1.0])
        >>> (w * w).sum().backward()
        >>> optim.Adam([w], lr=0.1).step()  # the first step is lr long, whatever the gradient
        >>> w.numpy().round(4)
        array([0.9], dtype=float32)
    """

    slots = together = ("mean", "square", "step")
    betas, eps = Setting(), Setting()
    decoupled = False  # whether weight decay acts on the parameter itself instead of on its gradient

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(parameters, lr, weight_decay, betas=betas, eps=eps)

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that are out of range."""
        super().check(settings)
        name, betas = type(self).__name__, settings["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(f"{name}: betas must be a pair of numbers; received betas={shown(betas)}")
        for beta in betas:
            check_fraction(name, "betas", beta, below_one=True)
        check_positive(name, "eps", settings["eps"], zero=True)

    def update(self, p: Array, g: Array, state: dict[str, Array], group: dict[str, Any]) -> Array:
        """Move p by its mean gradient, measured by its own size."""
        t = float(state.get("step", 0.0)) + 1
        m, v = state.get("mean"), state.get("square")
        lr, betas, eps, weight_decay = (group[name] for name in ("lr", "betas", "eps", "weight_decay"))
        p, m, v = kernels.adam(p, g, m, v, t, lr, betas, eps, weight_decay, self.decoupled)
        state.update(mean=m, square=v, step=np.asarray(t))
        return p


class AdamW(Adam):
    """Adam with weight decay on the parameters themselves; see `Adam` for the arguments.

    Example:
        >>> from minidl import nn, optim
        >>> w = nn.Parameter([1.0])
        >>> (w * 0.0).sum().backward()  # no gradient: only the decay is left
        >>> optim.AdamW([w], lr=0.1, weight_decay=0.5).step()
        >>> w.numpy()
        array([0.95], dtype=float32)
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ):
        super().__init__(parameters, lr, betas, eps, weight_decay)

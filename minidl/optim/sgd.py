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

import numpy as np

from minidl._backend import Array, to_device, to_numpy
from minidl._checks import check_positive
from minidl.nn import Parameter


class SGD:
    """Stochastic gradient descent.

    Args:
        parameters: what to learn, for example `net.parameters()`.
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

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("SGD: there is no parameter to learn; pass net.parameters()")
        check_positive("SGD", "lr", lr, zero=True)
        check_positive("SGD", "momentum", momentum, zero=True)
        check_positive("SGD", "weight_decay", weight_decay, zero=True)
        if nesterov and momentum == 0:
            raise ValueError("SGD: nesterov=True needs momentum > 0; received momentum=0.0")
        self.lr, self.momentum, self.weight_decay, self.nesterov = lr, momentum, weight_decay, nesterov
        self._velocity: list[Array | None] = [None] * len(self.parameters)

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for index, p in enumerate(self.parameters):
            if p.grad is None:
                continue
            g = p.grad if self.weight_decay == 0 else p.grad + p.dtype.type(self.weight_decay) * p.data
            if self.momentum:
                v = self._velocity[index]
                v = g.copy() if v is None else p.dtype.type(self.momentum) * v + g
                self._velocity[index] = v
                g = g + p.dtype.type(self.momentum) * v if self.nesterov else v
            p.data = p.data - p.dtype.type(self.lr) * g

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: `.grad` becomes None."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the velocities as NumPy arrays: "0.velocity" belongs to the first parameter."""
        return {f"{index}.velocity": np.array(to_numpy(v)) for index, v in enumerate(self._velocity) if v is not None}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take velocities that `state_dict` returned; all of them, or on an error none.

        Raises:
            ValueError: if a name or a shape does not belong to the parameters.
        """
        velocity: list[Array | None] = [None] * len(self.parameters)
        for name, v in state.items():
            index, _, slot = name.partition(".")
            if slot != "velocity" or not index.isdigit() or int(index) >= len(velocity):
                raise ValueError(f"SGD: the state has an entry that belongs to no parameter: {name!r}")
            p = self.parameters[int(index)]
            if v.shape != p.shape:
                raise ValueError(f"SGD: the state has {name} of shape {v.shape}, its parameter has {p.shape}")
            velocity[int(index)] = to_device(np.array(v, dtype=p.dtype), p.device)
        self._velocity = velocity

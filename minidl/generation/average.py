"""A moving average of a network's weights, which makes better pictures than the weights of any one step.

    θ̄ ← d · θ̄ + (1 - d) · θ        d = min(decay, (1 + n) / (10 + n)) at step n: a short training is averaged shortly

DDPM and DiT draw their pictures from θ̄ with a decay of 0.9999.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl import nn
from minidl._checks import check_fraction
from minidl.tensor import Tensor


class Averaged(nn.Module):
    """A network together with the moving average of its weights: both are in its `state_dict`.

    Attributes:
        net: the network that learns; calling the whole calls it in training, and `average` in eval.
        average: a copy that nobody trains, always in eval; buffers (running means) are copied as they are.
        updates: how often it was averaged.

    Args:
        net: the network.
        decay: d above.

    Example:
        >>> from minidl import nn
        >>> from minidl.generation import Averaged
        >>> both = Averaged(nn.Linear(1, 1, bias=False), decay=0.5)
        >>> both.average.weight.data = both.net.weight.data * 0.0
        >>> both.net.weight.data = both.net.weight.data * 0.0 + 8.0
        >>> [both.update() or round(both.average.weight.item(), 4) for _ in range(3)]  # d = 2/11, 3/12, 4/13
        [6.5455, 7.6364, 7.8881]
    """

    def __init__(self, net: nn.Module, decay: float = 0.9999):
        super().__init__()
        check_fraction("Averaged", "decay", decay)
        self.decay = decay
        self.net = net
        self.average = copy.deepcopy(net).requires_grad_(False).eval()
        self.updates: np.ndarray
        self.register_buffer("updates", np.zeros(1))

    def forward(self, *inputs: Any, **settings: Any) -> Tensor:
        """Ask the network that learns, or in eval the average."""
        return (self.net if self.training else self.average)(*inputs, **settings)

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the parameters that learn; those of the average are copies, which only the state has."""
        for name, parameter in self.net.named_parameters() if recurse else ():
            yield (f"{prefix}." if prefix else "") + f"net.{name}", parameter

    def train(self, mode: bool = True) -> Averaged:
        """Switch the network that learns; the average stays in eval."""
        super().train(mode)
        self.average.eval()
        return self

    def as_counted(self) -> nn.Module:
        """Return the network itself, which is what `minidl.cost` counts: the average is a copy."""
        return self.net

    def update(self) -> None:
        """Let the average follow the weights, after a step of the optimiser."""
        n = float(self.updates[0]) + 1
        decay = min(self.decay, (1 + n) / (10 + n))
        for mean, weight in zip(self.average.parameters(), self.net.parameters(), strict=True):
            d = mean.dtype.type(decay)
            mean.data = d * mean.data + (1 - d) * weight.data
        self.average.load_state_dict(dict(self.net.named_buffers()), strict=False)
        self.updates = self.updates + 1

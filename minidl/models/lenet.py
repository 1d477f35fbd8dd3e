"""LeNet-5: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition" (1998), Figure 2.

`lenet5_modern` is the network as it is taught today. It keeps the sizes of Figure 2 and departs from the paper so: relu
for the scaled tanh, max pooling for the trainable subsampling, every kernel of the second convolution sees all six maps
(the paper's Table I leaves some out), and a linear layer for the radial basis functions at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import nn, ops
from minidl.tensor import Tensor


class LeNet5Modern(nn.Module):
    """Two convolutions with pooling, three linear layers: 61,706 parameters for ten classes."""

    def __init__(self, *, num_classes: int = 10, in_channels: int = 1, rng: np.random.Generator | None = None):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, 5, rng=rng)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5, rng=rng)
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 5 * 5, 120, rng=rng)
        self.fc2 = nn.Linear(120, 84, rng=rng)
        self.fc3 = nn.Linear(84, num_classes, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 1, 32, 32) into logits (N, 10)."""
        x = self.pool1(ops.relu(self.conv1(x)))  # (N, 6, 28, 28) -> (N, 6, 14, 14)
        x = self.pool2(ops.relu(self.conv2(x)))  # (N, 16, 10, 10) -> (N, 16, 5, 5)
        x = ops.flatten(x)  # (N, 400)
        x = ops.relu(self.fc1(x))  # (N, 120)
        x = ops.relu(self.fc2(x))  # (N, 84)
        return self.fc3(x)  # (N, 10)


def lenet5_modern(**settings: Any) -> LeNet5Modern:
    """LeNet-5 with relu and max pooling."""
    return LeNet5Modern(**settings)

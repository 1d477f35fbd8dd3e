"""ZFNet: Zeiler and Fergus, "Visualizing and understanding convolutional networks" (arXiv:1311.2901), Figure 3.

AlexNet on one card, with a finer first layer: 7×7 with stride 2 instead of 11×11 with stride 4.

    conv1   96 kernels 7×7, stride 2     96 × 110 × 110     pooling -> 55 × 55, norm
    conv2  256 kernels 5×5, stride 2    256 ×  26 ×  26     pooling -> 13 × 13, norm
    conv3  384 kernels 3×3              384 ×  13 ×  13
    conv4  384 kernels 3×3              384 ×  13 ×  13
    conv5  256 kernels 3×3              256 ×  13 ×  13     pooling ->  6 ×  6
    fc6, fc7  4096, dropout 0.5         fc8  1000

`zfnet` has these kernels. `zfnet_512` has 512, 1024 and 512 in conv3 to conv5: the wider of the networks that the paper
tries in Table 3, and the one that lectures draw.

Not in the paper, chosen here: padding 1 in conv1 and poolings that round up, which give the sizes of the figure
(padding 1: (224 + 2 - 7) / 2 + 1 = 110.5; rounded up: (110 - 3) / 2 + 1 = 54.5 -> 55); the "contrast normalisation"
is local response norm with AlexNet's numbers; "initialised to 10^-2" (section 3) is read as N(0, 0.01²).
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, weighted_layers
from minidl.nn import init
from minidl.tensor import Tensor


class ZFNet(Network):
    """Five convolutions with `kernels` kernels, three linear layers."""

    def __init__(
        self,
        kernels: tuple[int, int, int, int, int],
        *,
        hidden: int = 4096,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        k1, k2, k3, k4, k5 = kernels
        with init.unfilled():
            self.conv1 = nn.Conv2d(in_channels, k1, 7, stride=2, padding=1)
            self.conv2 = nn.Conv2d(k1, k2, 5, stride=2)
            self.conv3 = nn.Conv2d(k2, k3, 3, padding=1)
            self.conv4 = nn.Conv2d(k3, k4, 3, padding=1)
            self.conv5 = nn.Conv2d(k4, k5, 3, padding=1)
            self.fc6 = nn.Linear(k5 * 6 * 6, hidden)
            self.fc7 = nn.Linear(hidden, hidden)
            self.fc8 = nn.Linear(hidden, num_classes)
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm = nn.LocalResponseNorm(5, convention="paper")
        self.dropout = nn.Dropout(0.5)
        for layer in weighted_layers(self):
            layer.weight.data = init.normal(layer.weight.shape, 0.01, rng)
            layer.bias.data = np.zeros_like(layer.bias.data)

    def explain(self, size: int) -> str:
        """The poolings must leave 6×6 for fc6."""
        first = (size - 5) // 2 + 1
        return f"conv1 gives ({size} + 2 - 7) // 2 + 1 = {first}; with 110 the rest is 55, 26, 13, 6, which fc6 needs"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        x = self.norm(self.pool(ops.relu(self.conv1(x))))  # (N, 96, 110, 110) -> (N, 96, 55, 55)
        x = self.norm(self.pool(ops.relu(self.conv2(x))))  # (N, 256, 26, 26) -> (N, 256, 13, 13)
        x = ops.relu(self.conv3(x))  # (N, 384, 13, 13)
        x = ops.relu(self.conv4(x))  # (N, 384, 13, 13)
        x = self.pool(ops.relu(self.conv5(x)))  # (N, 256, 13, 13) -> (N, 256, 6, 6)
        x = ops.flatten(x)  # (N, 9216)
        x = self.dropout(ops.relu(self.fc6(x)))  # (N, 4096)
        x = self.dropout(ops.relu(self.fc7(x)))  # (N, 4096)
        return self.fc8(x)  # (N, 1000)


PAPER = Paper("ZFNet", 2013, "Zeiler, Fergus, arXiv:1311.2901, Figure 3")


def _kernels(*kernels: int) -> Variant:
    return Variant(ZFNet, PAPER, {"kernels": kernels}, smallest=207, largest=238, head=("fc8",))


VARIANTS = {
    "zfnet": _kernels(96, 256, 384, 384, 256),
    "zfnet_512": _kernels(96, 256, 512, 1024, 512),
}


def zfnet(**settings: Unpack[Settings]) -> Network:
    """ZFNet of Figure 3: 62,357,608 parameters."""
    return build(VARIANTS, "zfnet", settings)


def zfnet_512(**settings: Unpack[Settings]) -> Network:
    """ZFNet with 512, 1024 and 512 kernels in its last convolutions: 107,627,624 parameters."""
    return build(VARIANTS, "zfnet_512", settings)

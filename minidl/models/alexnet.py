"""AlexNet: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks" (2012).

`alexnet` is the network of section 3.5 and Figure 2, whose two halves ran on two graphics cards:

    conv1   96 kernels 11×11, stride 4        96 × 55 × 55     norm, max pooling 3×3 with stride 2
    conv2  256 kernels 5×5, 2 groups         256 × 27 × 27     norm, max pooling 3×3 with stride 2
    conv3  384 kernels 3×3                   384 × 13 × 13
    conv4  384 kernels 3×3, 2 groups         384 × 13 × 13
    conv5  256 kernels 3×3, 2 groups         256 × 13 × 13     max pooling 3×3 with stride 2
    fc6, fc7  4096, dropout 0.5              fc8  1000

relu follows every layer but the last; the norm is local response norm with k = 2, n = 5, alpha = 1e-4, beta = 0.75,
after relu and before pooling (sections 3.3 and 3.5). Weights start from N(0, 0.01²); the biases of conv2, conv4, conv5
and of the hidden linear layers from 1, the others from 0 (section 5). The two cards are the two groups: where the text
says that a layer reads all maps of the other card (conv3, and every linear layer), there is one group.

Deviations of `alexnet`: pictures are 227×227. The paper says 224, but (224 - 11) / 4 + 1 = 54.25, and its own later
layers need 55. The paper also counts 253,440 units after conv1; 96 × 55 × 55 = 290,400.

`alexnet_owt` is torchvision's `alexnet`, with its names: Krizhevsky, "One weird trick for parallelizing convolutional
neural networks" (arXiv:1404.5997), a footnote: 64, 192, 384, 384 and 256 kernels, no groups and no norm. As torchvision
has it, 256 kernels in conv4 (the footnote: 384), padding 2 in conv1 for pictures of 224, pooling to 6×6 before the
linear layers, dropout before fc6 and fc7 rather than after them, and PyTorch's initial weights.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, weighted_layers
from minidl.nn import init
from minidl.tensor import Tensor


class AlexNet(Network):
    """The network of 2012: five convolutions with `kernels` kernels, three linear layers."""

    def __init__(
        self,
        *,
        kernels: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256),
        groups: int = 2,
        hidden: int = 4096,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        k1, k2, k3, k4, k5 = kernels
        with init.unfilled():
            self.conv1 = nn.Conv2d(in_channels, k1, 11, stride=4)
            self.conv2 = nn.Conv2d(k1, k2, 5, padding=2, groups=groups)
            self.conv3 = nn.Conv2d(k2, k3, 3, padding=1)
            self.conv4 = nn.Conv2d(k3, k4, 3, padding=1, groups=groups)
            self.conv5 = nn.Conv2d(k4, k5, 3, padding=1, groups=groups)
            self.fc6 = nn.Linear(k5 * 6 * 6, hidden)
            self.fc7 = nn.Linear(hidden, hidden)
            self.fc8 = nn.Linear(hidden, num_classes)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0, convention="paper")
        self.pool = nn.MaxPool2d(3, stride=2)
        self.dropout = nn.Dropout(0.5)
        ones = (self.conv2, self.conv4, self.conv5, self.fc6, self.fc7)
        for layer in weighted_layers(self):
            layer.weight.data = init.normal(layer.weight.shape, 0.01, rng)
            layer.bias.data = np.full_like(layer.bias.data, float(layer in ones))

    def explain(self, size: int) -> str:
        """The famous 224: conv1 must give 55 columns, or 6×6 will not be left for fc6."""
        return (
            f"conv1 gives ({size} - 11) / 4 + 1 = {(size - 11) / 4 + 1:g} columns, with (227 - 11) / 4 + 1 = 55 the "
            f"poolings leave 55, 27, 13, 6, which fc6 needs; take 227 (the paper's 224 is a slip)"
        )

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 227, 227) into logits (N, 1000)."""
        self.check_pictures(x)
        x = self.pool(self.norm(ops.relu(self.conv1(x))))  # (N, 96, 55, 55) -> (N, 96, 27, 27)
        x = self.pool(self.norm(ops.relu(self.conv2(x))))  # (N, 256, 27, 27) -> (N, 256, 13, 13)
        x = ops.relu(self.conv3(x))  # (N, 384, 13, 13)
        x = ops.relu(self.conv4(x))  # (N, 384, 13, 13)
        x = self.pool(ops.relu(self.conv5(x)))  # (N, 256, 13, 13) -> (N, 256, 6, 6)
        x = ops.flatten(x)  # (N, 9216)
        x = self.dropout(ops.relu(self.fc6(x)))  # (N, 4096)
        x = self.dropout(ops.relu(self.fc7(x)))  # (N, 4096)
        return self.fc8(x)  # (N, 1000)


class AlexNetOneTower(Network):
    """The network of 2014 on one graphics card."""

    def __init__(
        self,
        *,
        kernels: tuple[int, int, int, int, int] = (64, 192, 384, 256, 256),
        hidden: int = 4096,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        k1, k2, k3, k4, k5 = kernels
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, k1, 11, stride=4, padding=2, rng=rng),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(k1, k2, 5, padding=2, rng=rng),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(k2, k3, 3, padding=1, rng=rng),
            nn.ReLU(),
            nn.Conv2d(k3, k4, 3, padding=1, rng=rng),
            nn.ReLU(),
            nn.Conv2d(k4, k5, 3, padding=1, rng=rng),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(k5 * 6 * 6, hidden, rng=rng),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(hidden, hidden, rng=rng),
            nn.ReLU(),
            nn.Linear(hidden, num_classes, rng=rng),
        )

    def explain(self, size: int) -> str:
        """Three poolings must leave something."""
        return f"conv1 gives ({size} + 4 - 11) // 4 + 1 = {(size - 7) // 4 + 1}, and three poolings need 15"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        # (N, 64, 55, 55) -> (N, 64, 27, 27) -> (N, 192, 13, 13) -> (N, 256, 13, 13) -> (N, 256, 6, 6)
        x = self.features(x)
        x = self.avgpool(x)  # (N, 256, 6, 6)
        return self.classifier(ops.flatten(x))  # (N, 9216) -> (N, 4096) -> (N, 4096) -> (N, 1000)


NIPS = Paper("AlexNet", 2012, 'Krizhevsky, Sutskever, Hinton, "ImageNet classification", NIPS 2012, section 3.5')
ONE_WEIRD_TRICK = Paper("AlexNet", 2014, "Krizhevsky, arXiv:1404.5997, a footnote")

VARIANTS = {
    "alexnet": Variant(AlexNet, NIPS, input_size=227, smallest=227, largest=258, head=("fc8",)),
    "alexnet_owt": Variant(AlexNetOneTower, ONE_WEIRD_TRICK, smallest=63, head=("classifier.6",)),
}


def alexnet(**settings: Unpack[Settings]) -> Network:
    """AlexNet as published in 2012: two groups, local response norm, pictures of 227: 60,965,224 parameters."""
    return build(VARIANTS, "alexnet", settings)


def alexnet_owt(**settings: Unpack[Settings]) -> Network:
    """AlexNet of "one weird trick", torchvision's `alexnet`: 61,100,840 parameters."""
    return build(VARIANTS, "alexnet_owt", settings)

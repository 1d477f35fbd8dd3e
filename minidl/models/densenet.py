"""DenseNet: Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks" (arXiv:1608.06993).

Inside a dense block every layer reads all maps before it and adds k new ones (the growth rate): a map, once made, stays
where all later layers see it. Between the blocks a transition halves the channels and the sides. These are the networks
of Table 1, DenseNet-BC: a layer narrows what it reads to 4k maps by a 1×1 convolution first (B), and the transitions
compress by 0.5 (C).

                     k    layers a block        first convolution
    densenet121     32    6, 12, 24, 16          64
    densenet169     32    6, 12, 32, 32          64
    densenet201     32    6, 12, 48, 32          64
    densenet161     48    6, 12, 36, 24          96        in the first versions of the table; later it has 264 layers

The maps of a block lie in one block of memory: each layer reads a view of those before it and appends its own (see
minidl/ops/growing.py), so that no map is copied twice.

Names of parameters are torchvision's. Not in the paper, all as torchvision: weights start with He's variance
(arXiv:1502.01852), the biases of the linear layer from 0. Left out: the paper's other networks (264 layers, CIFAR).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, trail, weighted_layers
from minidl.nn import init
from minidl.tensor import Tensor

NARROW = 4  # the 1×1 convolution of a layer has 4k channels


class DenseLayer(nn.Module):
    """Norm, relu, 1×1 to 4k maps, norm, relu, 3×3 to k maps."""

    def __init__(self, in_channels: int, growth: int):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels, activation="relu")
        self.conv1 = nn.Conv2d(in_channels, NARROW * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(NARROW * growth, activation="relu")
        self.conv2 = nn.Conv2d(NARROW * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Make new maps of all before: (N, C, H, W) -> (N, k, H, W)."""
        x = self.conv1(self.norm1(x))  # (N, 4k, H, W)
        return self.conv2(self.norm2(x))


class DenseBlock(nn.Module):
    """Layers that each append k maps to those they have read."""

    def __init__(self, in_channels: int, depth: int, growth: int):
        super().__init__()
        for index in range(depth):
            setattr(self, f"denselayer{index + 1}", DenseLayer(in_channels + index * growth, growth))
        self.out_channels = in_channels + depth * growth

    def forward(self, x: Tensor) -> Tensor:
        """Append the maps of all layers: (N, C, H, W) -> (N, C + depth · k, H, W)."""
        x = ops.reserve_channels(x, self.out_channels)
        for layer in self.children():
            x = ops.append_channels(x, layer(x))
        return x


class Transition(nn.Sequential):
    """Norm, relu, 1×1 to half as many maps, average pooling 2×2."""

    def __init__(self, in_channels: int):
        super().__init__(
            {
                "norm": nn.BatchNorm2d(in_channels, activation="relu"),
                "conv": nn.Conv2d(in_channels, in_channels // 2, 1, bias=False),
                "pool": nn.AvgPool2d(2),
            }
        )


class DenseNet(Network):
    """A column of Table 1: the stem, four dense blocks with transitions between them, the average, a linear layer."""

    def __init__(
        self,
        growth: int,
        depths: Sequence[int],
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        with init.unfilled():
            channels = 2 * growth
            features: dict[str, nn.Module] = {
                "conv0": nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False),
                "norm0": nn.BatchNorm2d(channels, activation="relu"),
                "pool0": nn.MaxPool2d(3, stride=2, padding=1),
            }
            for number, depth in enumerate(depths, start=1):
                block = DenseBlock(channels, depth, growth)
                features[f"denseblock{number}"] = block
                channels = block.out_channels
                if number < len(depths):
                    features[f"transition{number}"] = Transition(channels)
                    channels //= 2
            features["norm5"] = nn.BatchNorm2d(channels, activation="relu")
            self.features = nn.Sequential(features)
        self.classifier = nn.Linear(channels, num_classes, rng=rng)
        for layer in weighted_layers(self):
            if isinstance(layer, nn.Conv2d):
                layer.weight.data = init.he_normal(layer.weight.shape, rng)
            else:
                layer.bias.data = np.zeros_like(layer.bias.data)

    def explain(self, size: int) -> str:
        """Five halvings must leave something."""
        sides = trail(size, (7, 2, 3), (3, 2, 1), (2, 2, 0), (2, 2, 0), (2, 2, 0))
        return f"the stem and three transitions halve them, {sides}, and 1 must be left"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000); the channels are those of densenet121."""
        self.check_pictures(x)
        # (N, 64, 112, 112) -> (N, 64, 56, 56) -> (N, 256, 56, 56) -> (N, 128, 28, 28) -> (N, 512, 28, 28)
        # -> (N, 256, 14, 14) -> (N, 1024, 14, 14) -> (N, 512, 7, 7) -> (N, 1024, 7, 7)
        x = self.features(x)
        return self.classifier(ops.global_avg_pool2d(x))  # (N, 1024) -> (N, 1000)


PAPER = Paper("DenseNet", 2016, "Huang, Liu, van der Maaten, Weinberger, arXiv:1608.06993, Table 1")


def _column(growth: int, *depths: int) -> Variant:
    return Variant(DenseNet, PAPER, {"growth": growth, "depths": depths}, smallest=29, head=("classifier",))


VARIANTS = {
    "densenet121": _column(32, 6, 12, 24, 16),
    "densenet161": _column(48, 6, 12, 36, 24),
    "densenet169": _column(32, 6, 12, 32, 32),
    "densenet201": _column(32, 6, 12, 48, 32),
}


def densenet121(**settings: Unpack[Settings]) -> Network:
    """121 layers, k = 32: 7,978,856 parameters."""
    return build(VARIANTS, "densenet121", settings)


def densenet161(**settings: Unpack[Settings]) -> Network:
    """161 layers, k = 48: 28,681,000 parameters."""
    return build(VARIANTS, "densenet161", settings)


def densenet169(**settings: Unpack[Settings]) -> Network:
    """169 layers, k = 32: 14,149,480 parameters."""
    return build(VARIANTS, "densenet169", settings)


def densenet201(**settings: Unpack[Settings]) -> Network:
    """201 layers, k = 32: 20,013,928 parameters."""
    return build(VARIANTS, "densenet201", settings)

"""VGG: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (arXiv:1409.1556).

The columns of Table 1. Every convolution is 3×3 with stride 1 and padding 1, every pooling takes the largest of 2×2:

    vgg11  A        vgg11_lrn  A-LRN        vgg13  B        vgg16  D        vgg19  E

Column C (16 layers, some of them 1×1) is left out. Names ending in `_bn` put batch norm between each convolution and
its relu; the paper is older than batch norm, torchvision has them. Names of parameters are torchvision's.

Deviations, all as torchvision: the maps are pooled to 7×7 before the linear layers, whatever the size of the picture
(at 224 they are 7×7 already); weights start with He's variance over fan_out (arXiv:1502.01852) and N(0, 0.01²) in the
linear layers, where the paper trained column A first and began the deeper ones with its layers.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, initialise
from minidl.nn import init
from minidl.tensor import Tensor

# Table 1: the channels of each 3×3 convolution; M: max pooling, L: local response norm.
A = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")
A_LRN = (64, "L", "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")
B = (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")
D = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
E = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M")


class VGG(Network):
    """A column of Table 1: convolutions and poolings, then three linear layers."""

    def __init__(
        self,
        column: tuple[int | str, ...],
        *,
        batch_norm: bool = False,
        hidden: int = 4096,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        with init.unfilled():
            self.features = nn.Sequential(*_features(column, in_channels, batch_norm))
            self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
            channels = [entry for entry in column if isinstance(entry, int)][-1]
            self.classifier = nn.Sequential(
                nn.Linear(channels * 7 * 7, hidden),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Linear(hidden, num_classes),
            )
        initialise(self, rng)

    def explain(self, size: int) -> str:
        """Five poolings must leave something."""
        return f"five poolings halve them, {size} // 2^5 = {size // 32}, and 1 must be left"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        # (N, 64, 112, 112) -> (N, 128, 56, 56) -> (N, 256, 28, 28) -> (N, 512, 14, 14) -> (N, 512, 7, 7)
        x = self.features(x)
        x = self.avgpool(x)  # (N, 512, 7, 7)
        x = ops.flatten(x)  # (N, 25088)
        return self.classifier(x)  # (N, 4096) -> (N, 4096) -> (N, 1000)


def _features(column: tuple[int | str, ...], in_channels: int, batch_norm: bool) -> list[nn.Module]:
    """Return the layers of a column; their places in the list are their names, which are torchvision's."""
    layers: list[nn.Module] = []
    for entry in column:
        if entry == "M":
            layers += [nn.MaxPool2d(2)]
        elif entry == "L":
            layers += [nn.LocalResponseNorm(5, convention="paper")]
        else:
            channels = int(entry)
            layers += [nn.Conv2d(in_channels, channels, 3, padding=1)]
            # The norm does the relu, too; Identity keeps the relu's place, so that the names stay.
            layers += [nn.BatchNorm2d(channels, activation="relu"), nn.Identity()] if batch_norm else [nn.ReLU()]
            in_channels = channels
    return layers


PAPER = Paper("VGG", 2014, "Simonyan, Zisserman, arXiv:1409.1556, Table 1")


def _column(column: tuple[int | str, ...], batch_norm: bool = False) -> Variant:
    table = {"column": column, "batch_norm": batch_norm}
    return Variant(VGG, PAPER, table, smallest=32, head=("classifier.6",))


VARIANTS = {
    "vgg11": _column(A),
    "vgg11_lrn": _column(A_LRN),
    "vgg13": _column(B),
    "vgg16": _column(D),
    "vgg19": _column(E),
    "vgg11_bn": _column(A, batch_norm=True),
    "vgg13_bn": _column(B, batch_norm=True),
    "vgg16_bn": _column(D, batch_norm=True),
    "vgg19_bn": _column(E, batch_norm=True),
}


def vgg11(**settings: Unpack[Settings]) -> Network:
    """Column A: 8 convolutions, 132,863,336 parameters."""
    return build(VARIANTS, "vgg11", settings)


def vgg11_lrn(**settings: Unpack[Settings]) -> Network:
    """Column A-LRN: A with local response norm after the first convolution, which did not help; as many parameters."""
    return build(VARIANTS, "vgg11_lrn", settings)


def vgg13(**settings: Unpack[Settings]) -> Network:
    """Column B: 10 convolutions, 133,047,848 parameters."""
    return build(VARIANTS, "vgg13", settings)


def vgg16(**settings: Unpack[Settings]) -> Network:
    """Column D: 13 convolutions, 138,357,544 parameters."""
    return build(VARIANTS, "vgg16", settings)


def vgg19(**settings: Unpack[Settings]) -> Network:
    """Column E: 16 convolutions, 143,667,240 parameters."""
    return build(VARIANTS, "vgg19", settings)


def vgg11_bn(**settings: Unpack[Settings]) -> Network:
    """Column A with batch norm: 132,868,840 parameters."""
    return build(VARIANTS, "vgg11_bn", settings)


def vgg13_bn(**settings: Unpack[Settings]) -> Network:
    """Column B with batch norm: 133,053,736 parameters."""
    return build(VARIANTS, "vgg13_bn", settings)


def vgg16_bn(**settings: Unpack[Settings]) -> Network:
    """Column D with batch norm: 138,365,992 parameters."""
    return build(VARIANTS, "vgg16_bn", settings)


def vgg19_bn(**settings: Unpack[Settings]) -> Network:
    """Column E with batch norm: 143,678,248 parameters."""
    return build(VARIANTS, "vgg19_bn", settings)

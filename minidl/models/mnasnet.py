"""MnasNet: Tan et al., "MnasNet: platform-aware neural architecture search for mobile" (arXiv:1807.11626).

A search chose, for each of seven stages, a block, a kernel, an expansion and a number of repetitions, and was paid for
accuracy and for speed measured on a telephone. This is its model B1, without squeeze-and-excitation, which torchvision
has; the blocks are those of MobileNetV2. `width_mult` multiplies all widths but the last.

Names of parameters are torchvision's. Deviations: widths are rounded to multiples of 8, as torchvision; batch norm has
the paper's momentum 0.99 (0.01 as PyTorch counts), where torchvision has 0.9997, with which the running statistics
take thousands of steps to arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models import _inverted_residual
from minidl.models._family import Network, Paper, Settings, Variant, build, initialise
from minidl.models._inverted_residual import laid_open
from minidl.models._scale import scaled_width
from minidl.nn import init
from minidl.tensor import Tensor


class Stage(NamedTuple):
    """What the search chose for a stage: n blocks, the first with the stride."""

    expand: int
    kernel_size: int
    out_channels: int
    n: int
    stride: int


B1 = (
    Stage(3, 3, 24, 3, 2),
    Stage(3, 5, 40, 3, 2),
    Stage(6, 5, 80, 3, 2),
    Stage(6, 3, 96, 2, 1),
    Stage(6, 5, 192, 4, 2),
    Stage(6, 3, 320, 1, 1),
)


class InvertedResidual(_inverted_residual.InvertedResidual):
    """The block under its names in MnasNet, where all layers lie open."""

    place = "layers"

    def arrange(self, parts: list[Any]) -> list[nn.Module]:
        """Return the layers of all parts."""
        return [layer for part in parts for layer in laid_open(part)]


class MNASNet(Network):
    """A convolution, one depthwise pair, six searched stages, a last 1×1, the average, dropout, one linear layer."""

    def __init__(
        self,
        *,
        stages: Sequence[Stage] = B1,
        stem: tuple[int, int] = (32, 16),
        last: int = 1280,
        width_mult: float = 1.0,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        layer: dict[str, Any] = {"norm_layer": partial(nn.BatchNorm2d, momentum=0.01)}
        first, channels = (scaled_width(width, width_mult) for width in stem)
        with init.unfilled():
            layers: list[nn.Module] = [
                *laid_open(nn.Conv2dNormActivation(in_channels, first, 3, 2, **layer)),
                *laid_open(nn.Conv2dNormActivation(first, first, 3, groups=first, **layer)),
                *laid_open(nn.Conv2dNormActivation(first, channels, 1, activation=None, **layer)),
            ]
            for stage in stages:
                o, blocks = scaled_width(stage.out_channels, width_mult), []
                for place in range(stage.n):
                    stride, wide = stage.stride if place == 0 else 1, channels * stage.expand
                    blocks.append(
                        InvertedResidual(channels, wide, o, stage.kernel_size, stride, activation="relu", layer=layer)
                    )
                    channels = o
                layers.append(nn.Sequential(*blocks))
            layers += laid_open(nn.Conv2dNormActivation(channels, last, 1, **layer))
            self.layers = nn.Sequential(*layers)
            self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, num_classes))
        initialise(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        # (N, 32, 112, 112) -> (N, 16, 112, 112) -> (N, 24, 56, 56) -> (N, 40, 28, 28) -> (N, 80, 14, 14)
        # -> (N, 96, 14, 14) -> (N, 192, 7, 7) -> (N, 320, 7, 7) -> (N, 1280, 7, 7)
        x = self.layers(x)
        return self.classifier(ops.global_avg_pool2d(x))  # (N, 1280) -> (N, 1000)


PAPER = Paper("MnasNet", 2018, "Tan, Chen, Pang, Vasudevan, Sandler, Howard, Le, arXiv:1807.11626")

VARIANTS = {"mnasnet1_0": Variant(MNASNet, PAPER, thinnest=16, head=("classifier.1",))}


def mnasnet1_0(**settings: Unpack[Settings]) -> Network:
    """MnasNet-B1: 4,383,312 parameters."""
    return build(VARIANTS, "mnasnet1_0", settings)

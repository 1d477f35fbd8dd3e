"""EfficientNet-Lite0, and the block that all EfficientNets are made of.

EfficientNet: Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (arXiv:1905.11946),
Table 1. Lite0 is the authors' variant of B0 for small devices (TensorFlow TPU repository, 2020): B0's seven stages,
without squeeze-and-excitation, and with relu6 for swish, because both are slow or inexact in 8-bit arithmetic.

The block, MBConv (Sandler et al., arXiv:1801.04381, section 3): 1×1 up to `expand` times as many channels, depthwise
k×k there, 1×1 down again without an activation, and a shortcut where the shape stays. Names of parameters are those of
torchvision's EfficientNet. Two things are TensorFlow's, with which the published weights were trained: "same" padding,
which at stride 2 puts the odd pixel at the end, and a batch norm with eps 1e-3 and momentum 0.01.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build
from minidl.nn import init
from minidl.tensor import Tensor


@dataclass(frozen=True)
class Stage:
    """A row of Table 1: n blocks; the first has the stride and changes the channels."""

    expand: int
    kernel_size: int
    stride: int
    in_channels: int
    out_channels: int
    n: int


# Table 1, stages 2 to 8.
B0 = (
    Stage(1, 3, 1, 32, 16, 1),
    Stage(6, 3, 2, 16, 24, 2),
    Stage(6, 5, 2, 24, 40, 2),
    Stage(6, 3, 2, 40, 80, 3),
    Stage(6, 5, 1, 80, 112, 3),
    Stage(6, 5, 2, 112, 192, 4),
    Stage(6, 3, 1, 192, 320, 1),
)


class MBConv(nn.Module):
    """Expand, depthwise, (squeeze and excite,) project, and a shortcut where the shape stays.

    Args:
        stage: the row of the table.
        in_channels: C; the shortcut needs it to be `stage.out_channels`, and a stride of 1.
        stride: of the depthwise convolution.
        activation: a name such as "relu6" or "silu".
        squeeze: width of the narrow place of squeeze-and-excitation, or 0 for none.
        drop: probability that training leaves the block out for a picture (stochastic depth).
        layer: settings of every convolution with norm: padding, norm_layer and rng.
    """

    def __init__(
        self,
        stage: Stage,
        in_channels: int,
        stride: int,
        *,
        activation: str,
        squeeze: int,
        drop: float,
        layer: dict[str, Any],
    ):
        super().__init__()
        wide = in_channels * stage.expand
        k = stage.kernel_size
        layers: list[nn.Module] = []
        if stage.expand != 1:
            layers.append(nn.Conv2dNormActivation(in_channels, wide, 1, activation=activation, **layer))
        layers.append(nn.Conv2dNormActivation(wide, wide, k, stride, groups=wide, activation=activation, **layer))
        if squeeze:
            layers.append(nn.SqueezeExcitation(wide, squeeze, activation=activation, rng=layer["rng"]))
        layers.append(nn.Conv2dNormActivation(wide, stage.out_channels, 1, activation=None, **layer))
        self.block = nn.Sequential(*layers)
        self.has_shortcut = stride == 1 and in_channels == stage.out_channels
        self.stochastic_depth = nn.StochasticDepth(drop, "row")

    def forward(self, x: Tensor) -> Tensor:
        """x + F(x) where the shape stays, else F(x)."""
        y = self.block(x)
        return ops.add(self.stochastic_depth(y), x) if self.has_shortcut else y


class EfficientNet(Network):
    """Stem, the stages of a table, a last 1×1 convolution, the average, dropout, one linear layer."""

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        last: int = 1280,
        activation: str = "relu6",
        padding: Any = "same",
        eps: float = 1e-3,
        momentum: float = 0.01,
        dropout: float = 0.2,
        drop: float = 0.2,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        layer: dict[str, Any] = {
            "padding": padding,
            "norm_layer": partial(nn.BatchNorm2d, eps=eps, momentum=momentum),
            "rng": rng,
        }
        with init.unfilled():
            stem = stages[0].in_channels
            features: list[nn.Module] = [
                nn.Conv2dNormActivation(in_channels, stem, 3, 2, activation=activation, **layer)
            ]
            total, index = sum(stage.n for stage in stages), 0
            for stage in stages:
                blocks = []
                for place in range(stage.n):
                    channels, stride = (stage.in_channels, stage.stride) if place == 0 else (stage.out_channels, 1)
                    block = MBConv(
                        stage,
                        channels,
                        stride,
                        activation=activation,
                        squeeze=0,
                        drop=drop * index / total,
                        layer=layer,
                    )
                    blocks.append(block)
                    index += 1
                features.append(nn.Sequential(*blocks))
            channels = stages[-1].out_channels
            features.append(nn.Conv2dNormActivation(channels, last, 1, activation=activation, **layer))
            self.features = nn.Sequential(*features)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.data = init.he_normal(module.weight.shape, rng, mode="fan_out")
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes, rng=rng))

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        # (N, 32, 112, 112) -> (N, 16, 112, 112) -> (N, 24, 56, 56) -> (N, 40, 28, 28) -> (N, 80, 14, 14)
        # -> (N, 112, 14, 14) -> (N, 192, 7, 7) -> (N, 320, 7, 7) -> (N, 1280, 7, 7)
        x = self.features(x)
        return self.classifier(ops.global_avg_pool2d(x))  # (N, 1280) -> (N, 1000)


PAPER = Paper("EfficientNet", 2019, "Tan, Le, arXiv:1905.11946, Table 1; EfficientNet-Lite, 2020")

VARIANTS = {"efficientnet_lite0": Variant(EfficientNet, PAPER, {"stages": B0}, head=("classifier.1",))}


def efficientnet_lite0(**settings: Unpack[Settings]) -> Network:
    """B0 without squeeze-and-excitation, with relu6: 4,652,008 parameters."""
    return build(VARIANTS, "efficientnet_lite0", settings)

"""EfficientNet-Lite0.

EfficientNet: Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (arXiv:1905.11946),
Table 1. Lite0 is the authors' variant of B0 for small devices (TensorFlow TPU repository, 2020): B0's seven stages,
without squeeze-and-excitation, and with relu6 for swish, because both are slow or inexact in 8-bit arithmetic.

The block, there called MBConv, is described in _inverted_residual.py. Names of parameters are those of
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
from minidl.models._inverted_residual import InvertedResidual
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
                    block = InvertedResidual(
                        channels,
                        channels * stage.expand,
                        stage.out_channels,
                        stage.kernel_size,
                        stride,
                        activation=activation,
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

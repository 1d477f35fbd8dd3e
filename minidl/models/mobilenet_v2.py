"""MobileNetV2: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks" (arXiv:1801.04381), Table 2.

Its block, narrow-wide-narrow with a shortcut between the narrow ends, is described in _inverted_residual.py.
`width_mult` multiplies all widths but the last, which never shrinks (section 5): the linear layer wants many features.

Names of parameters are torchvision's. Deviation, as torchvision: widths are rounded to multiples of 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models import _inverted_residual
from minidl.models._family import Network, Paper, Settings, Variant, build, initialise
from minidl.models._inverted_residual import laid_open
from minidl.models._scale import scaled_width
from minidl.nn import init
from minidl.tensor import Tensor


class Row(NamedTuple):
    """A row of Table 2: n blocks, the first with the stride; `expand` (t) times as many channels in their middle."""

    expand: int
    out_channels: int
    n: int
    stride: int


TABLE_2 = (
    Row(1, 16, 1, 1),
    Row(6, 24, 2, 2),
    Row(6, 32, 3, 2),
    Row(6, 64, 4, 2),
    Row(6, 96, 3, 1),
    Row(6, 160, 3, 2),
    Row(6, 320, 1, 1),
)


class InvertedResidual(_inverted_residual.InvertedResidual):
    """The block under its names in MobileNetV2, where the projection and its norm lie open."""

    place = "conv"

    def arrange(self, parts: list[Any]) -> list[nn.Module]:
        """Return the parts, the last one laid open."""
        return [*parts[:-1], *laid_open(parts[-1])]


class MobileNetV2(Network):
    """A convolution, the blocks of Table 2, a last 1×1, the average, dropout, one linear layer."""

    def __init__(
        self,
        *,
        rows: Sequence[Row] = TABLE_2,
        stem: int = 32,
        last: int = 1280,
        width_mult: float = 1.0,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        with init.unfilled():
            channels, last = scaled_width(stem, width_mult), scaled_width(last, max(1.0, width_mult))
            features: list[nn.Module] = [nn.Conv2dNormActivation(in_channels, channels, 3, 2, activation="relu6")]
            for row in rows:
                o = scaled_width(row.out_channels, width_mult)
                for place in range(row.n):
                    stride, wide = row.stride if place == 0 else 1, channels * row.expand
                    features.append(InvertedResidual(channels, wide, o, 3, stride, activation="relu6", layer={}))
                    channels = o
            features.append(nn.Conv2dNormActivation(channels, last, 1, activation="relu6"))
            self.features = nn.Sequential(*features)
            self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, num_classes))
        initialise(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        # (N, 32, 112, 112) -> (N, 16, 112, 112) -> (N, 24, 56, 56) -> (N, 32, 28, 28) -> (N, 64, 14, 14)
        # -> (N, 96, 14, 14) -> (N, 160, 7, 7) -> (N, 320, 7, 7) -> (N, 1280, 7, 7)
        x = self.features(x)
        return self.classifier(ops.global_avg_pool2d(x))  # (N, 1280) -> (N, 1000)


PAPER = Paper("MobileNetV2", 2018, "Sandler, Howard, Zhu, Zhmoginov, Chen, arXiv:1801.04381, Table 2")

VARIANTS = {"mobilenet_v2": Variant(MobileNetV2, PAPER, thinnest=16, head=("classifier.1",))}


def mobilenet_v2(**settings: Unpack[Settings]) -> Network:
    """Inverted residuals with linear bottlenecks: 3,504,872 parameters."""
    return build(VARIANTS, "mobilenet_v2", settings)

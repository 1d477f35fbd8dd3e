"""MobileNetV3: Howard et al., "Searching for MobileNetV3" (arXiv:1905.02244), Tables 1 and 2.

The blocks of MobileNetV2, which a search has given a kernel, a width, squeeze-and-excitation or none, and one of two
activations each. Three things were changed by hand (section 5): swish became hardswish, x · relu6(x + 3) / 6, and only
in the second half, where the maps are small and it costs little; the gate of squeeze-and-excitation became a
hardsigmoid; and the last 1×1 up to 1280 channels comes after the average, where it works on one pixel.

`width_mult` multiplies all widths. Names of parameters are torchvision's. Deviations, all as torchvision: the narrow
place of squeeze-and-excitation is a quarter of the wide one, rounded to a multiple of 8; batch norm has eps 1e-3 and
momentum 0.01.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, initialise
from minidl.models._inverted_residual import InvertedResidual
from minidl.models._scale import scaled_width
from minidl.nn import init
from minidl.tensor import Tensor


class Row(NamedTuple):
    """A row of Table 1 or 2: one block."""

    kernel_size: int
    wide: int
    out_channels: int
    excited: bool
    activation: str
    stride: int


TABLE_1 = (
    Row(3, 16, 16, False, "relu", 1),
    Row(3, 64, 24, False, "relu", 2),
    Row(3, 72, 24, False, "relu", 1),
    Row(5, 72, 40, True, "relu", 2),
    Row(5, 120, 40, True, "relu", 1),
    Row(5, 120, 40, True, "relu", 1),
    Row(3, 240, 80, False, "hardswish", 2),
    Row(3, 200, 80, False, "hardswish", 1),
    Row(3, 184, 80, False, "hardswish", 1),
    Row(3, 184, 80, False, "hardswish", 1),
    Row(3, 480, 112, True, "hardswish", 1),
    Row(3, 672, 112, True, "hardswish", 1),
    Row(5, 672, 160, True, "hardswish", 2),
    Row(5, 960, 160, True, "hardswish", 1),
    Row(5, 960, 160, True, "hardswish", 1),
)
TABLE_2 = (
    Row(3, 16, 16, True, "relu", 2),
    Row(3, 72, 24, False, "relu", 2),
    Row(3, 88, 24, False, "relu", 1),
    Row(5, 96, 40, True, "hardswish", 2),
    Row(5, 240, 40, True, "hardswish", 1),
    Row(5, 240, 40, True, "hardswish", 1),
    Row(5, 120, 48, True, "hardswish", 1),
    Row(5, 144, 48, True, "hardswish", 1),
    Row(5, 288, 96, True, "hardswish", 2),
    Row(5, 576, 96, True, "hardswish", 1),
    Row(5, 576, 96, True, "hardswish", 1),
)


class MobileNetV3(Network):
    """A convolution, the blocks of a table, a 1×1 to six times as many channels, the average, two linear layers."""

    def __init__(
        self,
        *,
        rows: Sequence[Row],
        last: int,
        stem: int = 16,
        width_mult: float = 1.0,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        layer: dict[str, Any] = {"norm_layer": partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)}
        with init.unfilled():
            channels = scaled_width(stem, width_mult)
            features: list[nn.Module] = [
                nn.Conv2dNormActivation(in_channels, channels, 3, 2, activation="hardswish", **layer)
            ]
            for row in rows:
                wide, o = scaled_width(row.wide, width_mult), scaled_width(row.out_channels, width_mult)
                features.append(
                    InvertedResidual(
                        channels,
                        wide,
                        o,
                        row.kernel_size,
                        row.stride,
                        activation=row.activation,
                        excite=excitation(wide) if row.excited else None,
                        layer=layer,
                    )
                )
                channels = o
            features.append(nn.Conv2dNormActivation(channels, 6 * channels, 1, activation="hardswish", **layer))
            self.features = nn.Sequential(*features)
            hidden = scaled_width(last, width_mult)
            self.classifier = nn.Sequential(
                nn.Linear(6 * channels, hidden), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(hidden, num_classes)
            )
        initialise(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000); the shapes are those of mobilenet_v3_large."""
        self.check_pictures(x)
        # (N, 16, 112, 112) -> (N, 24, 56, 56) -> (N, 40, 28, 28) -> (N, 80, 14, 14) -> (N, 112, 14, 14)
        # -> (N, 160, 7, 7) -> (N, 960, 7, 7)
        x = self.features(x)
        return self.classifier(ops.global_avg_pool2d(x))  # (N, 960) -> (N, 1280) -> (N, 1000)


def excitation(channels: int) -> nn.SqueezeExcitation:
    """Return squeeze-and-excitation with a hardsigmoid; its narrow place is a quarter as wide."""
    return nn.SqueezeExcitation(channels, scaled_width(channels // 4, 1.0), "relu", "hardsigmoid")


PAPER = Paper("MobileNetV3", 2019, "Howard et al., arXiv:1905.02244, Tables 1 and 2")

VARIANTS = {
    "mobilenet_v3_large": Variant(
        MobileNetV3, PAPER, {"rows": TABLE_1, "last": 1280}, thinnest=16, head=("classifier.3",)
    ),
    "mobilenet_v3_small": Variant(
        MobileNetV3, PAPER, {"rows": TABLE_2, "last": 1024}, thinnest=16, head=("classifier.3",)
    ),
}


def mobilenet_v3_large(**settings: Unpack[Settings]) -> Network:
    """Fifteen blocks, Table 1: 5,483,032 parameters."""
    return build(VARIANTS, "mobilenet_v3_large", settings)


def mobilenet_v3_small(**settings: Unpack[Settings]) -> Network:
    """Eleven blocks, Table 2: 2,542,856 parameters."""
    return build(VARIANTS, "mobilenet_v3_small", settings)

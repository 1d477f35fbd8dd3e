"""MobileNet: Howard et al., "MobileNets: efficient CNNs for mobile vision applications" (arXiv:1704.04861), Table 1.

A convolution does two things at once: it looks at the neighbourhood, and it mixes the channels. Here they are taken
apart, into a depthwise 3×3, which looks, and a 1×1, which mixes. With O kernels that costs 1/O + 1/9 of the whole
convolution, about an eighth; almost all of what is left, 94.86 % of 568,740,352 multiply-adds, is 1×1.

`width_mult`, the paper's α, multiplies the number of channels everywhere (Table 6): 0.75, 0.5 and 0.25 give networks of
2.6, 1.3 and 0.5 million parameters. Its resolution multiplier ρ is simply the size of the pictures: any will do.

Deviations: relu6 for relu, as in the authors' code and timm's `mobilenetv1_100`; the last depthwise convolution has
stride 1, where Table 1 prints s2, but goes on with 7×7 maps; widths are rounded to multiples of 8 (no difference for
the paper's four α).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, initialise
from minidl.models._scale import scaled_width
from minidl.nn import init
from minidl.tensor import Tensor

# Table 1 after the first convolution: channels of the 1×1, stride of the depthwise 3×3 before it.
ROWS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


class MobileNetV1(Network):
    """A convolution, thirteen pairs of depthwise and 1×1, the average, one linear layer."""

    def __init__(
        self,
        *,
        stem: int = 32,
        rows: Sequence[tuple[int, int]] = ROWS,
        width_mult: float = 1.0,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        with init.unfilled():
            channels = scaled_width(stem, width_mult)
            features: list[nn.Module] = [nn.Conv2dNormActivation(in_channels, channels, 3, 2, activation="relu6")]
            for out_channels, stride in rows:
                o = scaled_width(out_channels, width_mult)
                depthwise = nn.Conv2dNormActivation(channels, channels, 3, stride, groups=channels, activation="relu6")
                features.append(nn.Sequential(depthwise, nn.Conv2dNormActivation(channels, o, 1, activation="relu6")))
                channels = o
            self.features = nn.Sequential(*features)
            self.fc = nn.Linear(channels, num_classes)
        initialise(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        # (N, 32, 112, 112) -> (N, 64, 112, 112) -> (N, 128, 56, 56) -> (N, 256, 28, 28) -> (N, 512, 14, 14)
        # -> (N, 1024, 7, 7)
        x = self.features(x)
        return self.fc(ops.global_avg_pool2d(x))  # (N, 1024) -> (N, 1000)


PAPER = Paper("MobileNet", 2017, "Howard et al., arXiv:1704.04861, Table 1")

VARIANTS = {"mobilenet_v1": Variant(MobileNetV1, PAPER, thinnest=32)}


def mobilenet_v1(**settings: Unpack[Settings]) -> Network:
    """Depthwise and 1×1 convolutions: 4,231,976 parameters; width_mult is the paper's α."""
    return build(VARIANTS, "mobilenet_v1", settings)

"""ShuffleNet V2: Ma, Zhang, Zheng, Sun, "ShuffleNet V2: practical guidelines" (arXiv:1807.11164), Table 5.

It counts memory accesses, not only multiply-adds: equally wide layers touch the least memory for their work (G1), so
nothing expands here; half of the channels go around the block untouched, and no sum is taken, only a concatenation
(G4). After it the channels are shuffled, so that the next block gets half of each half.

    stride 1    split -> (rest, 1×1, depthwise 3×3, 1×1) -> concat -> shuffle
    stride 2    (depthwise 3×3, 1×1) and (1×1, depthwise 3×3, 1×1), both of all channels -> concat -> shuffle

Names of parameters are torchvision's. The networks of other widths (0.5×, 1.5×, 2×) have tables of their own and are
left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, initialise
from minidl.models._inverted_residual import laid_open
from minidl.nn import init
from minidl.tensor import Tensor


class ShuffleBlock(nn.Module):
    """Half of the channels, or with stride 2 all of them, through three convolutions; concatenated and shuffled."""

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        half = out_channels // 2
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(*_depthwise(in_channels, stride), *_pointwise(in_channels, half))
        self.branch2 = nn.Sequential(
            *_pointwise(in_channels if stride > 1 else half, half), *_depthwise(half, stride), *_pointwise(half, half)
        )
        self.splits = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """Mix of both branches: (N, C, H, W) -> (N, O, H / stride, W / stride)."""
        around, through = ops.split(x, 2, axis=1) if self.splits else (x, x)
        y = ops.concat([self.branch1(around), self.branch2(through)], axis=1)
        return ops.channel_shuffle(y, 2)


def _pointwise(in_channels: int, out_channels: int) -> list[nn.Module]:
    return laid_open(nn.Conv2dNormActivation(in_channels, out_channels, 1))


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    return laid_open(nn.Conv2dNormActivation(channels, channels, 3, stride, groups=channels, activation=None))


class ShuffleNetV2(Network):
    """A convolution, a pooling, three stages of blocks, a last 1×1, the average, one linear layer."""

    def __init__(
        self,
        *,
        widths: Sequence[int],
        depths: Sequence[int] = (4, 8, 4),
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        channels, *stages, last = widths
        with init.unfilled():
            self.conv1 = nn.Conv2dNormActivation(in_channels, channels, 3, 2)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
            for number, (width, depth) in enumerate(zip(stages, depths, strict=True), start=2):
                blocks = [
                    ShuffleBlock(channels if place == 0 else width, width, 2 - (place > 0)) for place in range(depth)
                ]
                setattr(self, f"stage{number}", nn.Sequential(*blocks))
                channels = width
            self.conv5 = nn.Conv2dNormActivation(channels, last, 1)
            self.fc = nn.Linear(last, num_classes)
        initialise(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        x = self.conv1(x)  # (N, 24, 112, 112)
        x = self.maxpool(x)  # (N, 24, 56, 56)
        x = self.stage2(x)  # (N, 116, 28, 28)
        x = self.stage3(x)  # (N, 232, 14, 14)
        x = self.stage4(x)  # (N, 464, 7, 7)
        x = self.conv5(x)  # (N, 1024, 7, 7)
        return self.fc(ops.global_avg_pool2d(x))  # (N, 1024) -> (N, 1000)


PAPER = Paper("ShuffleNetV2", 2018, "Ma, Zhang, Zheng, Sun, arXiv:1807.11164, Table 5")

VARIANTS = {"shufflenet_v2_x1_0": Variant(ShuffleNetV2, PAPER, {"widths": (24, 116, 232, 464, 1024)})}


def shufflenet_v2_x1_0(**settings: Unpack[Settings]) -> Network:
    """ShuffleNet V2 1×: 2,278,604 parameters."""
    return build(VARIANTS, "shufflenet_v2_x1_0", settings)

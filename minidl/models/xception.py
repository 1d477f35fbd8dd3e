"""Xception: Chollet, "Xception: deep learning with depthwise separable convolutions" (arXiv:1610.02357), Figure 5.

An Inception module carried to its end: every channel has a 3×3 window of its own (depthwise), and a 1×1 convolution
mixes the channels (pointwise), with nothing between the two. The blocks add to what they were given, as in ResNet:

    entry flow     3×3 32 with stride 2, 3×3 64; three blocks of two separable convolutions and a max pooling with
                   stride 2: 128, 256, 728; their shortcuts are 1×1 convolutions with stride 2
    middle flow    eight blocks of three separable convolutions, 728
    exit flow      a block 728, 1024 with a pooling; two separable convolutions 1536, 2048; the average; a linear layer

Batch norm follows every convolution, relu every norm that is not the last of its block (the figure has it before the
next convolution). Names of parameters are timm's (`legacy_xception`).

Deviations: weights start with He's variance over fan_out (arXiv:1502.01852), where Keras has Glorot's; as in timm, the
first two convolutions have no padding, and the poolings 1 on all sides, where Keras pads at the end ("same").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, trail
from minidl.nn import init
from minidl.tensor import Tensor


class SeparableConv2d(nn.Module):
    """A 3×3 window for every channel alone, then 1×1 across the channels."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Look, then mix: (N, C, H, W) -> (N, O, H, W)."""
        return self.pointwise(self.conv1(x))


class Block(nn.Module):
    """Separable convolutions with norms, relu before each; a pooling where the stride is 2; and a shortcut.

    `widths` are the kernels of the convolutions. The names count relu as a layer, although the norms do it in the same
    step: "1" is the first convolution, "0" if the block does not begin with relu.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], stride: int, *, begin_with_relu: bool = True):
        super().__init__()
        self.skip: nn.Conv2d | None = None
        if stride != 1 or widths[-1] != in_channels:
            self.skip = nn.Conv2d(in_channels, widths[-1], 1, stride, bias=False)
            self.skipbn = nn.BatchNorm2d(widths[-1])
        layers: dict[str, nn.Module] = {"0": nn.ReLU()} if begin_with_relu else {}
        channels, place = in_channels, int(begin_with_relu)
        for index, width in enumerate(widths, start=1):
            layers[str(place)] = SeparableConv2d(channels, width)
            layers[str(place + 1)] = nn.BatchNorm2d(width, activation="relu" if index < len(widths) else None)
            channels, place = width, place + 3
        if stride != 1:
            layers["pool"] = nn.MaxPool2d(3, stride, padding=1)
        self.rep = nn.Sequential(layers)

    def forward(self, x: Tensor) -> Tensor:
        """x + F(x), where x is projected if the shape changes."""
        return ops.add(self.rep(x), x if self.skip is None else self.skipbn(self.skip(x)))


class Xception(Network):
    """Figure 5: `stem` and `entry` are the entry flow, `middle` the blocks of the middle flow, then the exit flow."""

    def __init__(
        self,
        *,
        stem: tuple[int, int] = (32, 64),
        entry: Sequence[int] = (128, 256, 728),
        middle: int = 8,
        leave: tuple[int, int, int] = (1024, 1536, 2048),
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        with init.unfilled():
            self.conv1 = nn.Conv2d(in_channels, stem[0], 3, stride=2, bias=False)
            self.bn1 = nn.BatchNorm2d(stem[0], activation="relu")
            self.conv2 = nn.Conv2d(stem[0], stem[1], 3, bias=False)
            self.bn2 = nn.BatchNorm2d(stem[1], activation="relu")
            channels = stem[1]
            blocks: list[Block] = []
            for width in entry:
                blocks.append(Block(channels, (width, width), 2, begin_with_relu=bool(blocks)))
                channels = width
            blocks += [Block(channels, (channels,) * 3, 1) for _ in range(middle)]
            blocks += [Block(channels, (channels, leave[0]), 2)]
            for number, block in enumerate(blocks, start=1):
                setattr(self, f"block{number}", block)
            self.conv3 = SeparableConv2d(leave[0], leave[1])
            self.bn3 = nn.BatchNorm2d(leave[1], activation="relu")
            self.conv4 = SeparableConv2d(leave[1], leave[2])
            self.bn4 = nn.BatchNorm2d(leave[2], activation="relu")
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                shape = layer.weight.shape
                layer.weight.data = init.he_normal(shape, rng, mode="fan_out", groups=layer.groups)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(leave[2], num_classes, rng=rng)
        self.blocks = len(blocks)

    def explain(self, size: int) -> str:
        """The first two convolutions must find a window."""
        return f"the first two convolutions have no padding, {trail(size, (3, 2, 0), (3, 1, 0))}, and 1 must be left"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 299, 299) into logits (N, 1000)."""
        self.check_pictures(x)
        x = self.bn1(self.conv1(x))  # (N, 32, 149, 149)
        x = self.bn2(self.conv2(x))  # (N, 64, 147, 147)
        # (N, 128, 74, 74) -> (N, 256, 37, 37) -> (N, 728, 19, 19) -> … -> (N, 728, 19, 19) -> (N, 1024, 10, 10)
        for number in range(self.blocks):
            x = getattr(self, f"block{number + 1}")(x)
        x = self.bn3(self.conv3(x))  # (N, 1536, 10, 10)
        x = self.bn4(self.conv4(x))  # (N, 2048, 10, 10)
        return self.fc(self.dropout(ops.global_avg_pool2d(x)))  # (N, 2048) -> (N, 1000)


PAPER = Paper("Xception", 2016, "Chollet, arXiv:1610.02357, Figure 5")

VARIANTS = {"xception": Variant(Xception, PAPER, input_size=299, smallest=7)}


def xception(**settings: Unpack[Settings]) -> Network:
    """Xception: 22,855,952 parameters."""
    return build(VARIANTS, "xception", settings)

"""Pre-activation ResNet: He, Zhang, Ren and Sun, "Identity mappings in deep residual networks" (arXiv:1603.05027).

Batch norm and relu come before each convolution, not after it, and nothing follows the sum: y = x + F(x). So a signal
and a gradient can pass from any block to any other unchanged (equation 4), and an identity can be learnt for x < 0 too,
which relu(x + F(x)) cannot. It matters most in very deep networks: 1,001 layers on CIFAR.

As the paper's appendix has it, the first block of a network has no activation of its own, since the stem's serves both
its ways; and one batch norm with relu follows the last sum. Where a block changes the shape, its shortcut starts from
the activated input as well (the authors' published code).

    preact_resnet18, 34, 50, 101, 152        the depths of ResNet's Table 1 (the paper has 101, 152 and 200); shortcut B
    preact_resnet110_cifar                   6n + 2 layers, n = 18, basic blocks; shortcut A
    preact_resnet164_cifar, 1001_cifar       9n + 2 layers, n = 18 and 111, bottlenecks; shortcut B

Deviation: as in resnet.py, the stride of a bottleneck sits on its 3×3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build
from minidl.models.resnet import he_initialise
from minidl.models.resnet_cifar import shortcut_a
from minidl.nn import init
from minidl.tensor import Tensor


class PreactBlock(nn.Module):
    """Batch norm, relu, convolution, two or three times, and a shortcut.

    Args:
        in_channels: C.
        width: channels of the 3×3 convolution.
        stride: of the 3×3 convolution that has one.
        expansion: 1 for two 3×3 convolutions, 4 for a bottleneck.
        first: whether this is the network's first block, whose input is activated already.
        projected: whether a shortcut that changes the shape is a 1×1 convolution (option B) or has no parameters (A).
        rng: generator of the initial weights.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int,
        *,
        expansion: int,
        first: bool,
        projected: bool,
        rng: np.random.Generator | None,
    ):
        super().__init__()
        self.out_channels, self.stride = width * expansion, stride
        self.bn1 = nn.Identity() if first else nn.BatchNorm2d(in_channels, activation="relu")
        if expansion == 1:
            self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False, rng=rng)
            self.bn2 = nn.BatchNorm2d(width, activation="relu")
            self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False, rng=rng)
        else:
            self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False, rng=rng)
            self.bn2 = nn.BatchNorm2d(width, activation="relu")
            self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False, rng=rng)
            self.bn3 = nn.BatchNorm2d(width, activation="relu")
            self.conv3 = nn.Conv2d(width, self.out_channels, 1, bias=False, rng=rng)
        self.bottleneck = expansion > 1
        self.changes = stride > 1 or in_channels != self.out_channels
        self.downsample: nn.Module | None = None
        if self.changes and projected:
            self.downsample = nn.Conv2d(in_channels, self.out_channels, 1, stride, bias=False, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """x + F(x)."""
        activated = self.bn1(x)
        y = self.conv2(self.bn2(self.conv1(activated)))
        if self.bottleneck:
            y = self.conv3(self.bn3(y))
        if not self.changes:
            return ops.add(y, x)
        if self.downsample is not None:
            return ops.add(y, self.downsample(activated))
        return ops.add(y, shortcut_a(activated, self.out_channels, self.stride))


class PreactResNet(Network):
    """A stem, stages of blocks, a last batch norm with relu, the average, one linear layer."""

    def __init__(
        self,
        depths: Sequence[int],
        *,
        expansion: int,
        widths: Sequence[int] = (64, 128, 256, 512),
        stem: int = 64,
        cifar: bool = False,
        projected: bool = True,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        with init.unfilled():
            self.conv1 = (
                nn.Conv2d(in_channels, stem, 3, padding=1, bias=False)
                if cifar
                else nn.Conv2d(in_channels, stem, 7, stride=2, padding=3, bias=False)
            )
            self.bn1 = nn.BatchNorm2d(stem, activation="relu")
            self.maxpool = nn.Identity() if cifar else nn.MaxPool2d(3, stride=2, padding=1)
            channels = stem
            for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), start=1):
                settings: dict[str, Any] = {"expansion": expansion, "projected": projected, "rng": rng}
                blocks = []
                for index in range(depth):
                    stride = 2 if stage > 1 and index == 0 else 1
                    first = stage == 1 and index == 0
                    blocks.append(PreactBlock(channels, width, stride, first=first, **settings))
                    channels = width * expansion
                setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            self.stages = len(depths)
            self.bn2 = nn.BatchNorm2d(channels, activation="relu")
        he_initialise(self, rng)
        self.fc = nn.Linear(channels, num_classes, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000); e is 1, or 4 for bottlenecks."""
        self.check_pictures(x)
        x = self.bn1(self.conv1(x))  # (N, 64, 112, 112);            CIFAR: (N, 16, 32, 32)
        x = self.maxpool(x)  # (N, 64, 56, 56)
        for stage in range(1, self.stages + 1):
            # (N, 64e, 56, 56) -> (N, 128e, 28, 28) -> (N, 256e, 14, 14) -> (N, 512e, 7, 7)
            x = getattr(self, f"layer{stage}")(x)
        x = self.bn2(x)  # what the last sum left is activated once
        return self.fc(ops.global_avg_pool2d(x))  # (N, 512e) -> (N, 1000)


PAPER = Paper("Pre-activation ResNet", 2016, "He, Zhang, Ren, Sun, arXiv:1603.05027")


def _imagenet(depths: Sequence[int], expansion: int) -> Variant:
    return Variant(PreactResNet, PAPER, {"depths": depths, "expansion": expansion})


def _cifar(n: int, expansion: int, *, projected: bool) -> Variant:
    table = {
        "depths": (n, n, n),
        "expansion": expansion,
        "widths": (16, 32, 64),
        "stem": 16,
        "cifar": True,
        "projected": projected,
    }
    return Variant(PreactResNet, PAPER, table, input_size=32, num_classes=10)


VARIANTS = {
    "preact_resnet18": _imagenet((2, 2, 2, 2), 1),
    "preact_resnet34": _imagenet((3, 4, 6, 3), 1),
    "preact_resnet50": _imagenet((3, 4, 6, 3), 4),
    "preact_resnet101": _imagenet((3, 4, 23, 3), 4),
    "preact_resnet152": _imagenet((3, 8, 36, 3), 4),
    "preact_resnet110_cifar": _cifar(18, 1, projected=False),
    "preact_resnet164_cifar": _cifar(18, 4, projected=True),
    "preact_resnet1001_cifar": _cifar(111, 4, projected=True),
}


def preact_resnet18(**settings: Unpack[Settings]) -> Network:
    """18 layers of basic blocks."""
    return build(VARIANTS, "preact_resnet18", settings)


def preact_resnet34(**settings: Unpack[Settings]) -> Network:
    """34 layers of basic blocks."""
    return build(VARIANTS, "preact_resnet34", settings)


def preact_resnet50(**settings: Unpack[Settings]) -> Network:
    """50 layers of bottlenecks."""
    return build(VARIANTS, "preact_resnet50", settings)


def preact_resnet101(**settings: Unpack[Settings]) -> Network:
    """101 layers of bottlenecks."""
    return build(VARIANTS, "preact_resnet101", settings)


def preact_resnet152(**settings: Unpack[Settings]) -> Network:
    """152 layers of bottlenecks."""
    return build(VARIANTS, "preact_resnet152", settings)


def preact_resnet110_cifar(**settings: Unpack[Settings]) -> Network:
    """110 layers for CIFAR, basic blocks."""
    return build(VARIANTS, "preact_resnet110_cifar", settings)


def preact_resnet164_cifar(**settings: Unpack[Settings]) -> Network:
    """164 layers for CIFAR, bottlenecks."""
    return build(VARIANTS, "preact_resnet164_cifar", settings)


def preact_resnet1001_cifar(**settings: Unpack[Settings]) -> Network:
    """1,001 layers for CIFAR, bottlenecks."""
    return build(VARIANTS, "preact_resnet1001_cifar", settings)

"""ResNet: He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (arXiv:1512.03385), Table 1.

Every block adds what it has learnt to what it was given, y = relu(x + F(x)), so that a block with nothing to add can
leave F at 0 and pass x on. Three families share the file because they share the table:

    resnet18, 34             two 3×3 convolutions a block
    resnet50, 101, 152       a bottleneck: 1×1 to a narrow place, 3×3 there, 1×1 back to four times as many channels
    wide_resnet50_2          the narrow place is twice as wide: Zagoruyko and Komodakis, arXiv:1605.07146
    resnext50_32x4d, 101_32x8d   the 3×3 works in 32 groups, each 4 or 8 wide: Xie et al., arXiv:1611.05431, Table 1

Names of parameters are torchvision's. Deviations, all as torchvision: the stride of a bottleneck sits on its 3×3, where
the paper has it on the first 1×1, which throws away three quarters of the map unseen (with it ResNet-50 costs 4.09 G
multiply-adds, without 3.86 G); a shortcut that changes the shape is a 1×1 convolution (option B). The networks for
CIFAR, of section 4.2, are in resnet_cifar.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build
from minidl.nn import init
from minidl.tensor import Tensor


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut."""

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int,
        *,
        rng: np.random.Generator | None,
        groups: int,
        group_width: int,
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False, rng=rng)
        self.bn1 = nn.BatchNorm2d(width, activation="relu")
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False, rng=rng)
        self.bn2 = nn.BatchNorm2d(width, activation="relu")
        self.downsample = projection(in_channels, width, stride, rng)

    def forward(self, x: Tensor) -> Tensor:
        """relu(x + F(x))."""
        y = self.bn1(self.conv1(x))
        return self.bn2(self.conv2(y), residual=self.downsample(x))


class Bottleneck(nn.Module):
    """1×1 down, 3×3 (in groups, for ResNeXt), 1×1 up, and a shortcut."""

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int,
        *,
        rng: np.random.Generator | None,
        groups: int,
        group_width: int,
    ):
        super().__init__()
        narrow, out_channels = width * group_width // 64 * groups, width * self.expansion
        self.conv1 = nn.Conv2d(in_channels, narrow, 1, bias=False, rng=rng)
        self.bn1 = nn.BatchNorm2d(narrow, activation="relu")
        self.conv2 = nn.Conv2d(narrow, narrow, 3, stride, padding=1, groups=groups, bias=False, rng=rng)
        self.bn2 = nn.BatchNorm2d(narrow, activation="relu")
        self.conv3 = nn.Conv2d(narrow, out_channels, 1, bias=False, rng=rng)
        self.bn3 = nn.BatchNorm2d(out_channels, activation="relu")
        self.downsample = projection(in_channels, out_channels, stride, rng)

    def forward(self, x: Tensor) -> Tensor:
        """relu(x + F(x))."""
        y = self.bn1(self.conv1(x))
        y = self.bn2(self.conv2(y))
        return self.bn3(self.conv3(y), residual=self.downsample(x))


def projection(
    in_channels: int, out_channels: int, stride: int, rng: np.random.Generator | None, *, kernel_size: int = 1
) -> nn.Module:
    """Return the shortcut: nothing where the shape stays, else a convolution, usually 1×1, with batch norm."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False, rng=rng)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def he_initialise(net: nn.Module, rng: np.random.Generator | None) -> None:
    """Draw the convolutions from N(0, 2 / fan_out): He et al., arXiv:1502.01852, equation 14; biases start from 0."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = init.he_normal(module.weight.shape, rng, mode="fan_out")
            if module.bias is not None:
                module.bias.data = np.zeros_like(module.bias.data)


class ResNet(Network):
    """A column of Table 1: the stem, four stages of blocks, the average, one linear layer."""

    def __init__(
        self,
        block: type[Any],
        depths: Sequence[int],
        *,
        widths: Sequence[int] = (64, 128, 256, 512),
        groups: int = 1,
        group_width: int = 64,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        with init.unfilled():
            self.conv1 = nn.Conv2d(in_channels, widths[0], 7, stride=2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(widths[0], activation="relu")
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
            channels = widths[0]
            for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), start=1):
                blocks = []
                for index in range(depth):
                    stride = 2 if stage > 1 and index == 0 else 1
                    blocks.append(block(channels, width, stride, rng=rng, groups=groups, group_width=group_width))
                    channels = width * block.expansion
                setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        he_initialise(self, rng)
        self.fc = nn.Linear(channels, num_classes, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000); e is the block's expansion, 1 or 4."""
        self.check_pictures(x)
        x = self.bn1(self.conv1(x))  # (N, 64, 112, 112)
        x = self.maxpool(x)  # (N, 64, 56, 56)
        x = self.layer1(x)  # (N, 64e, 56, 56)
        x = self.layer2(x)  # (N, 128e, 28, 28)
        x = self.layer3(x)  # (N, 256e, 14, 14)
        x = self.layer4(x)  # (N, 512e, 7, 7)
        return self.fc(ops.global_avg_pool2d(x))  # (N, 512e) -> (N, 1000)


RESNET = Paper("ResNet", 2015, "He, Zhang, Ren, Sun, arXiv:1512.03385, Table 1")
WIDE = Paper("Wide ResNet", 2016, "Zagoruyko, Komodakis, arXiv:1605.07146")
RESNEXT = Paper("ResNeXt", 2016, "Xie, Girshick, Dollár, Tu, He, arXiv:1611.05431, Table 1")

# Table 1: blocks a stage. ResNeXt and Wide ResNet differ in how wide the 3×3 of a bottleneck is.
VARIANTS = {
    "resnet18": Variant(ResNet, RESNET, {"block": BasicBlock, "depths": (2, 2, 2, 2)}),
    "resnet34": Variant(ResNet, RESNET, {"block": BasicBlock, "depths": (3, 4, 6, 3)}),
    "resnet50": Variant(ResNet, RESNET, {"block": Bottleneck, "depths": (3, 4, 6, 3)}),
    "resnet101": Variant(ResNet, RESNET, {"block": Bottleneck, "depths": (3, 4, 23, 3)}),
    "resnet152": Variant(ResNet, RESNET, {"block": Bottleneck, "depths": (3, 8, 36, 3)}),
    "wide_resnet50_2": Variant(ResNet, WIDE, {"block": Bottleneck, "depths": (3, 4, 6, 3), "group_width": 128}),
    "resnext50_32x4d": Variant(
        ResNet, RESNEXT, {"block": Bottleneck, "depths": (3, 4, 6, 3), "groups": 32, "group_width": 4}
    ),
    "resnext101_32x8d": Variant(
        ResNet, RESNEXT, {"block": Bottleneck, "depths": (3, 4, 23, 3), "groups": 32, "group_width": 8}
    ),
}


def resnet18(**settings: Unpack[Settings]) -> Network:
    """18 layers of basic blocks: 11,689,512 parameters."""
    return build(VARIANTS, "resnet18", settings)


def resnet34(**settings: Unpack[Settings]) -> Network:
    """34 layers of basic blocks: 21,797,672 parameters."""
    return build(VARIANTS, "resnet34", settings)


def resnet50(**settings: Unpack[Settings]) -> Network:
    """50 layers of bottlenecks: 25,557,032 parameters."""
    return build(VARIANTS, "resnet50", settings)


def resnet101(**settings: Unpack[Settings]) -> Network:
    """101 layers of bottlenecks: 44,549,160 parameters."""
    return build(VARIANTS, "resnet101", settings)


def resnet152(**settings: Unpack[Settings]) -> Network:
    """152 layers of bottlenecks: 60,192,808 parameters."""
    return build(VARIANTS, "resnet152", settings)


def wide_resnet50_2(**settings: Unpack[Settings]) -> Network:
    """ResNet-50 with bottlenecks twice as wide: 68,883,240 parameters."""
    return build(VARIANTS, "wide_resnet50_2", settings)


def resnext50_32x4d(**settings: Unpack[Settings]) -> Network:
    """50 layers, 32 groups of 4 channels: 25,028,904 parameters."""
    return build(VARIANTS, "resnext50_32x4d", settings)


def resnext101_32x8d(**settings: Unpack[Settings]) -> Network:
    """101 layers, 32 groups of 8 channels: 88,791,336 parameters."""
    return build(VARIANTS, "resnext101_32x8d", settings)

"""ResNet for CIFAR, and the plain networks it is compared with: He et al., arXiv:1512.03385, section 4.2.

6n + 2 layers: a 3×3 convolution with 16 kernels, then three stages of n blocks with 16, 32 and 64 channels on maps of
32×32, 16×16 and 8×8, then the average and one linear layer. n = 3, 5, 7, 9, 18 give 20, 32, 44, 56 and 110 layers.

A shortcut that changes the shape has no parameters (option A): every second pixel, and zeros for the new channels. So
the plain network of the same depth, which is the same without shortcuts, has exactly as many parameters; that it trains
worse the deeper it is (Figure 6, left) cannot be for want of them.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build
from minidl.models.resnet import he_initialise
from minidl.nn import init
from minidl.tensor import Tensor


def shortcut_a(x: Tensor, out_channels: int, stride: int) -> Tensor:
    """Take every stride-th pixel and add channels of zeros behind the others: option A, no parameters."""
    x = x[:, :, ::stride, ::stride] if stride > 1 else x
    c = x.shape[1]
    if c == out_channels:
        return x
    by_pixels = ops.pad(ops.transpose(x, 0, 2, 3, 1), ((0, 0), (0, out_channels - c)))
    return ops.transpose(by_pixels, 0, 3, 1, 2)


class CifarBlock(nn.Module):
    """Two 3×3 convolutions, with a shortcut of option A or, in a plain network, without."""

    def __init__(self, in_channels: int, width: int, stride: int, *, residual: bool, rng: np.random.Generator | None):
        super().__init__()
        self.width, self.stride, self.residual = width, stride, residual
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False, rng=rng)
        self.bn1 = nn.BatchNorm2d(width, activation="relu")
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False, rng=rng)
        self.bn2 = nn.BatchNorm2d(width, activation="relu")

    def forward(self, x: Tensor) -> Tensor:
        """relu(x + F(x)), or relu(F(x)) in a plain network."""
        y = self.bn1(self.conv1(x))
        shortcut = shortcut_a(x, self.width, self.stride) if self.residual else None
        return self.bn2(self.conv2(y), residual=shortcut)


class CifarResNet(Network):
    """Three stages of n blocks."""

    def __init__(
        self,
        n: int,
        *,
        residual: bool = True,
        widths: tuple[int, ...] = (16, 32, 64),
        num_classes: int = 10,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        with init.unfilled():
            self.conv1 = nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(widths[0], activation="relu")
            channels = widths[0]
            for stage, width in enumerate(widths, start=1):
                blocks = []
                for index in range(n):
                    stride = 2 if stage > 1 and index == 0 else 1
                    blocks.append(CifarBlock(channels, width, stride, residual=residual, rng=rng))
                    channels = width
                setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        he_initialise(self, rng)
        self.fc = nn.Linear(channels, num_classes, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 32, 32) into logits (N, 10)."""
        self.check_pictures(x)
        x = self.bn1(self.conv1(x))  # (N, 16, 32, 32)
        x = self.layer1(x)  # (N, 16, 32, 32)
        x = self.layer2(x)  # (N, 32, 16, 16)
        x = self.layer3(x)  # (N, 64, 8, 8)
        return self.fc(ops.global_avg_pool2d(x))  # (N, 64) -> (N, 10)


PAPER = Paper("ResNet (CIFAR)", 2015, "He, Zhang, Ren, Sun, arXiv:1512.03385, section 4.2")


def _depth(n: int, *, residual: bool = True) -> Variant:
    return Variant(CifarResNet, PAPER, {"n": n, "residual": residual}, input_size=32, num_classes=10)


VARIANTS = {
    "resnet20_cifar": _depth(3),
    "resnet32_cifar": _depth(5),
    "resnet44_cifar": _depth(7),
    "resnet56_cifar": _depth(9),
    "resnet110_cifar": _depth(18),
    "plain20_cifar": _depth(3, residual=False),
    "plain32_cifar": _depth(5, residual=False),
    "plain44_cifar": _depth(7, residual=False),
    "plain56_cifar": _depth(9, residual=False),
}


def resnet20_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 3: 269,722 parameters."""
    return build(VARIANTS, "resnet20_cifar", settings)


def resnet32_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 5: 464,154 parameters."""
    return build(VARIANTS, "resnet32_cifar", settings)


def resnet44_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 7: 658,586 parameters."""
    return build(VARIANTS, "resnet44_cifar", settings)


def resnet56_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 9: 853,018 parameters."""
    return build(VARIANTS, "resnet56_cifar", settings)


def resnet110_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 18: 1,727,962 parameters."""
    return build(VARIANTS, "resnet110_cifar", settings)


def plain20_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 3 without shortcuts: 269,722 parameters."""
    return build(VARIANTS, "plain20_cifar", settings)


def plain32_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 5 without shortcuts: 464,154 parameters."""
    return build(VARIANTS, "plain32_cifar", settings)


def plain44_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 7 without shortcuts: 658,586 parameters."""
    return build(VARIANTS, "plain44_cifar", settings)


def plain56_cifar(**settings: Unpack[Settings]) -> Network:
    """n = 9 without shortcuts: 853,018 parameters."""
    return build(VARIANTS, "plain56_cifar", settings)

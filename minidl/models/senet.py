"""SENet: Hu, Shen, Albanie, Sun and Wu, "Squeeze-and-excitation networks" (arXiv:1709.01507), Table 1 and appendix.

A squeeze-and-excitation module weighs the maps of a block against each other: their averages (squeeze) go through two
1×1 convolutions with a narrow place between them, 16 times fewer, and a sigmoid, which gives every map its factor
(excitation). A map can so be muted or not by what is seen anywhere in the picture, which no convolution can. It stands
behind the last convolution of a block, before the sum:

    y = relu(x + se(F(x)))

                           layers          convolutions of a block (w: 64, 128, 256, 512)
    se_resnet50            3, 4, 6, 3      1×1 w,  3×3 w,                 1×1 4w
    se_resnext50_32x4d     3, 4, 6, 3      1×1 2w, 3×3 2w in 32 groups,   1×1 4w
    senet154               3, 8, 36, 3     1×1 2w, 3×3 4w in 64 groups,   1×1 4w

senet154 also has three 3×3 convolutions for the first 7×7, 3×3 for 1×1 in the shortcuts that change the shape (but the
first), and dropout 0.2 before the linear layer.

Names of parameters are those of the authors' networks in timm (`legacy_seresnet50`, …). As there: se_resnet50 has its
stride on the first 1×1, the others on the 3×3; the pooling rounds its size up; the convolutions of the module have
biases (which start from 0), where the paper has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, trail
from minidl.models.resnet import he_initialise, projection
from minidl.nn import init
from minidl.tensor import Tensor


class SEBottleneck(nn.Module):
    """1×1, 3×3 (in groups), 1×1, squeeze-and-excitation, and a shortcut.

    Args:
        in_channels: C.
        widths: kernels of the three convolutions.
        stride: of the block.
        groups: of the 3×3.
        reduction: how much narrower than its maps the place between the two convolutions of the module is.
        early: whether the stride sits on the first 1×1 instead of on the 3×3.
        shortcut: side of the kernel in a shortcut that changes the shape.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, int, int],
        stride: int,
        *,
        groups: int,
        reduction: int,
        early: bool,
        shortcut: int,
    ):
        super().__init__()
        first, second, out_channels = widths
        self.conv1 = nn.Conv2d(in_channels, first, 1, stride if early else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(first, activation="relu")
        self.conv2 = nn.Conv2d(first, second, 3, 1 if early else stride, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(second, activation="relu")
        self.conv3 = nn.Conv2d(second, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.se_module = nn.SqueezeExcitation(out_channels, out_channels // reduction)
        self.downsample = projection(in_channels, out_channels, stride, None, kernel_size=shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """relu(x + se(F(x)))."""
        y = self.bn1(self.conv1(x))
        y = self.bn2(self.conv2(y))
        y = self.se_module(self.bn3(self.conv3(y)))
        return ops.add(y, self.downsample(x), activation="relu")


class SENet(Network):
    """The stem, four stages of blocks, the average, dropout, one linear layer.

    `factors` times the width of a stage are the kernels of the three convolutions of its blocks; `stem` are the kernels
    of the first convolutions: one of 7×7, or several of 3×3.
    """

    def __init__(
        self,
        depths: Sequence[int],
        factors: tuple[int, int, int],
        *,
        widths: Sequence[int] = (64, 128, 256, 512),
        stem: Sequence[int] = (64,),
        groups: int = 1,
        reduction: int = 16,
        early: bool = False,
        shortcut: int = 1,
        dropout: float = 0.0,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        self.kernel_size = 7 if len(stem) == 1 else 3
        with init.unfilled():
            channels = in_channels
            layers: dict[str, nn.Module] = {}
            for number, width in enumerate(stem, start=1):
                layers[f"conv{number}"] = nn.Conv2d(
                    channels, width, self.kernel_size, 2 if number == 1 else 1, self.kernel_size // 2, bias=False
                )
                layers[f"bn{number}"] = nn.BatchNorm2d(width, activation="relu")
                channels = width
            self.layer0 = nn.Sequential(layers)
            self.pool0 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), start=1):
                first, second, out_channels = (factor * width for factor in factors)
                blocks = []
                for index in range(depth):
                    block = SEBottleneck(
                        channels,
                        (first, second, out_channels),
                        2 if stage > 1 and index == 0 else 1,
                        groups=groups,
                        reduction=reduction,
                        early=early,
                        shortcut=shortcut if stage > 1 else 1,
                    )
                    blocks.append(block)
                    channels = out_channels
                setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        he_initialise(self, rng)
        self.dropout = nn.Dropout(dropout)
        self.last_linear = nn.Linear(channels, num_classes, rng=rng)

    def explain(self, size: int) -> str:
        """The pooling must find a window."""
        sides = trail(size, (self.kernel_size, 2, self.kernel_size // 2), (3, 2, 0, 1))
        return f"the first convolution and the pooling halve them, {sides}, and 1 must be left"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        x = self.pool0(self.layer0(x))  # (N, 64, 112, 112) -> (N, 64, 56, 56); senet154 has 128 channels
        x = self.layer1(x)  # (N, 256, 56, 56)
        x = self.layer2(x)  # (N, 512, 28, 28)
        x = self.layer3(x)  # (N, 1024, 14, 14)
        x = self.layer4(x)  # (N, 2048, 7, 7)
        return self.last_linear(self.dropout(ops.global_avg_pool2d(x)))  # (N, 2048) -> (N, 1000)


PAPER = Paper("SENet", 2017, "Hu, Shen, Albanie, Sun, Wu, arXiv:1709.01507, Table 1")

VARIANTS = {
    "se_resnet50": Variant(
        SENet,
        PAPER,
        {"depths": (3, 4, 6, 3), "factors": (1, 1, 4), "early": True},
        smallest=3,
        head=("last_linear",),
    ),
    "se_resnext50_32x4d": Variant(
        SENet,
        PAPER,
        {"depths": (3, 4, 6, 3), "factors": (2, 2, 4), "groups": 32},
        smallest=3,
        head=("last_linear",),
    ),
    "senet154": Variant(
        SENet,
        PAPER,
        {
            "depths": (3, 8, 36, 3),
            "factors": (2, 4, 4),
            "groups": 64,
            "stem": (64, 64, 128),
            "shortcut": 3,
            "dropout": 0.2,
        },
        smallest=3,
        head=("last_linear",),
    ),
}


def se_resnet50(**settings: Unpack[Settings]) -> Network:
    """ResNet-50 with squeeze-and-excitation: 28,088,024 parameters."""
    return build(VARIANTS, "se_resnet50", settings)


def se_resnext50_32x4d(**settings: Unpack[Settings]) -> Network:
    """ResNeXt-50 (32 groups of 4) with squeeze-and-excitation: 27,559,896 parameters."""
    return build(VARIANTS, "se_resnext50_32x4d", settings)


def senet154(**settings: Unpack[Settings]) -> Network:
    """The network that won ILSVRC 2017: 115,088,984 parameters."""
    return build(VARIANTS, "senet154", settings)

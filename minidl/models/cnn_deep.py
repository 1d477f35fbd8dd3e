"""The deep CNN of the lecture: eight convolutions for CIFAR-10.

    block1   3×3  32,  3×3  32               32 × 32     max pooling 2×2
    block2   3×3  64,  3×3  64,  3×3  64     16 × 16     max pooling 2×2
    block3   3×3 128,  3×3 128,  3×3 128      8 ×  8     max pooling 2×2
    fc1      2048 -> 512                     fc2      512 -> 10

Every convolution is followed by batch norm and relu. Kept as the lecture prints it, though neither helps: the
convolutions have biases, 640 numbers that the norm after them takes off again; and nothing stands between the two
linear layers, which together can do no more than one of 2048 -> 10.

Deviation: the flattening before fc1, which the printed code forgets and cannot run without.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build
from minidl.tensor import Tensor


class CNNDeep(Network):
    """Blocks of convolutions with the given widths, then two linear layers."""

    def __init__(
        self,
        blocks: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
        *,
        hidden: int = 512,
        num_classes: int = 10,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        first, second, third = blocks
        self.block1 = _block(in_channels, first, rng)
        self.block2 = _block(first[-1], second, rng)
        self.block3 = _block(second[-1], third, rng)
        self.fc1 = nn.Linear(third[-1] * 4 * 4, hidden, rng=rng)
        self.fc2 = nn.Linear(hidden, num_classes, rng=rng)

    def explain(self, size: int) -> str:
        """Three poolings must leave 4×4 for fc1."""
        return f"three poolings halve them, {size} // 8 = {size // 8}, and 4 must be left for fc1"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 32, 32) into logits (N, 10)."""
        self.check_pictures(x)
        x = self.block1(x)  # (N, 32, 16, 16)
        x = self.block2(x)  # (N, 64, 8, 8)
        x = self.block3(x)  # (N, 128, 4, 4)
        x = ops.flatten(x)  # (N, 2048)
        return self.fc2(self.fc1(x))  # (N, 512) -> (N, 10)


def _block(in_channels: int, widths: tuple[int, ...], rng: np.random.Generator | None) -> nn.Sequential:
    """Return 3×3 convolutions, each with norm and relu, and a pooling."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Conv2d(in_channels, width, 3, padding=1, rng=rng), nn.BatchNorm2d(width, activation="relu")]
        in_channels = width
    return nn.Sequential(*layers, nn.MaxPool2d(2))


PAPER = Paper("CNN deep", 2021, "a lecture on convolutional networks: CNNmodel_deep")

VARIANTS = {
    "cnn_deep": Variant(
        CNNDeep,
        PAPER,
        {"blocks": ((32, 32), (64, 64, 64), (128, 128, 128))},
        input_size=32,
        smallest=32,
        largest=39,
        num_classes=10,
        head=("fc2",),
    )
}


def cnn_deep(**settings: Unpack[Settings]) -> Network:
    """The deep CNN of the lecture: 1,527,018 parameters."""
    return build(VARIANTS, "cnn_deep", settings)

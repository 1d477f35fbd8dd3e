"""Network in Network: Lin, Chen, Yan (arXiv:1312.4400), section 3 and Figure 2, for CIFAR-10.

An mlpconv layer is a convolution followed by two 1×1 convolutions: a small network that slides over the picture. The
last one has a map for each class, and the average of a map is the logit: no linear layer at all.

    mlpconv1   5×5 192, 1×1 160, 1×1  96     32 × 32     max pooling 3×3 with stride 2, dropout 0.5
    mlpconv2   5×5 192, 1×1 192, 1×1 192     16 × 16     max pooling 3×3 with stride 2, dropout 0.5
    mlpconv3   3×3 192, 1×1 192, 1×1  10      8 ×  8     global average pooling

The paper leaves the sizes to its supplement; these are those of the authors' cuda-convnet file for CIFAR-10, which also
starts every weight from N(0, 0.05²) and rounds the size of a pooling up. relu follows every convolution, the last one
too, and so no logit is negative. (Their later Caffe file averages in the second pooling.)
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, weighted_layers
from minidl.nn import init
from minidl.tensor import Tensor


class MLPConv(nn.Sequential):
    """A convolution and two 1×1 convolutions, each with relu."""

    def __init__(self, in_channels: int, widths: tuple[int, int, int], kernel_size: int):
        first, second, third = widths
        super().__init__(
            nn.Conv2d(in_channels, first, kernel_size, padding=kernel_size // 2),
            nn.ReLU(),
            nn.Conv2d(first, second, 1),
            nn.ReLU(),
            nn.Conv2d(second, third, 1),
            nn.ReLU(),
        )


class NiN(Network):
    """Three mlpconv layers; the widths of the third are two, because the number of classes is its last."""

    def __init__(
        self,
        widths: tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int]],
        *,
        num_classes: int = 10,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        first, second, third = widths
        with init.unfilled():
            self.mlpconv1 = MLPConv(in_channels, first, 5)
            self.mlpconv2 = MLPConv(first[2], second, 5)
            self.mlpconv3 = MLPConv(second[2], (*third, num_classes), 3)
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.dropout = nn.Dropout(0.5)
        for layer in weighted_layers(self):
            layer.weight.data = init.normal(layer.weight.shape, 0.05, rng)
            layer.bias.data = np.zeros_like(layer.bias.data)

    def explain(self, size: int) -> str:
        """Two poolings must leave something."""
        return "two poolings of 3×3 must find a picture"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 32, 32) into logits (N, 10)."""
        self.check_pictures(x)
        x = self.dropout(self.pool(self.mlpconv1(x)))  # (N, 96, 32, 32) -> (N, 96, 16, 16)
        x = self.dropout(self.pool(self.mlpconv2(x)))  # (N, 192, 16, 16) -> (N, 192, 8, 8)
        x = self.mlpconv3(x)  # (N, 10, 8, 8)
        return ops.global_avg_pool2d(x)  # (N, 10)


PAPER = Paper("Network in Network", 2013, "Lin, Chen, Yan, arXiv:1312.4400, section 3")

VARIANTS = {
    "nin_cifar": Variant(
        NiN,
        PAPER,
        {"widths": ((192, 160, 96), (192, 192, 192), (192, 192))},
        input_size=32,
        smallest=4,
        num_classes=10,
        head=("mlpconv3.4",),
    )
}


def nin_cifar(**settings: Unpack[Settings]) -> Network:
    """Network in Network for CIFAR-10: 966,986 parameters."""
    return build(VARIANTS, "nin_cifar", settings)

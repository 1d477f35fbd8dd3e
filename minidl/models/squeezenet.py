"""SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters" (arXiv:1602.07360).

A Fire module narrows its maps by 1×1 convolutions (squeeze) before it looks at them through 1×1 and 3×3 windows side by
side (expand), because only the 3×3 cost nine weights a channel. There is no linear layer: the last convolution has a
map for each class, and the average of a map is the logit.

    squeezenet1_0     Table 1: the first convolution 7×7 with 96 kernels
    squeezenet1_1     the authors' later table: 3×3 with 64 kernels, poolings earlier; as accurate, and 2.3 times fewer
                      multiply-adds

Names of parameters are torchvision's. As there, in both networks: the first convolution has no padding (Table 1 prints
111×111 for 224, which takes a padding of 2; it is 109), poolings round their size up, and relu follows the last
convolution, too, so that no logit is negative. The residual variants of the paper's section 6 are left out.
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, trail, weighted_layers
from minidl.nn import init
from minidl.nn._joined import joined
from minidl.tensor import Tensor

# Table 1: of a Fire module the kernels of squeeze, and of each half of expand; M: max pooling 3×3 with stride 2.
Fires = tuple[tuple[int, int] | str, ...]
V1_0: Fires = ("M", (16, 64), (16, 64), (32, 128), "M", (32, 128), (48, 192), (48, 192), (64, 256), "M", (64, 256))
V1_1: Fires = ("M", (16, 64), (16, 64), "M", (32, 128), (32, 128), "M", (48, 192), (48, 192), (64, 256), (64, 256))


class Fire(nn.Module):
    """1×1 to a narrow place, then 1×1 and 3×3 side by side, each with relu."""

    def __init__(self, in_channels: int, squeeze: int, expand: int):
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeeze, 1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Squeeze and expand: (N, C, H, W) -> (N, 2 · expand, H, W)."""
        x = joined(self.squeeze, self.squeeze_activation, x)
        one = joined(self.expand1x1, self.expand1x1_activation, x)
        three = joined(self.expand3x3, self.expand3x3_activation, x)
        return ops.concat([one, three], axis=1)


class SqueezeNet(Network):
    """Table 1: a convolution, eight Fire modules, a convolution with a map for each class, the average."""

    def __init__(
        self,
        stem: tuple[int, int],
        fires: Fires,
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        channels, self.kernel_size = stem
        with init.unfilled():
            features = [nn.Conv2d(in_channels, channels, self.kernel_size, stride=2), nn.ReLU()]
            for entry in fires:
                if isinstance(entry, str):
                    features.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                else:
                    features.append(Fire(channels, *entry))
                    channels = 2 * entry[1]
            self.features = nn.Sequential(*features)
            self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(channels, num_classes, 1), nn.ReLU())
        for layer in weighted_layers(self):
            layer.weight.data = init.he_uniform(layer.weight.shape, rng)
            layer.bias.data = np.zeros_like(layer.bias.data)
        last = self.classifier[1]
        last.weight.data = init.normal(last.weight.shape, 0.01, rng)

    def explain(self, size: int) -> str:
        """Three poolings must leave something."""
        sides = trail(size, (self.kernel_size, 2, 0), *[(3, 2, 0, 1)] * 3)
        return f"the first convolution and three poolings halve them, {sides}, and 1 must be left"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000); the sizes are those of squeezenet1_0."""
        self.check_pictures(x)
        # (N, 96, 109, 109) -> (N, 96, 54, 54) -> (N, 256, 54, 54) -> (N, 256, 27, 27) -> (N, 512, 27, 27)
        # -> (N, 512, 13, 13)
        x = self.features(x)
        x = self.classifier(x)  # (N, 1000, 13, 13)
        return ops.global_avg_pool2d(x)  # (N, 1000)


PAPER = Paper("SqueezeNet", 2016, "Iandola et al., arXiv:1602.07360, Table 1")

VARIANTS = {
    "squeezenet1_0": Variant(SqueezeNet, PAPER, {"stem": (96, 7), "fires": V1_0}, smallest=21, head=("classifier.1",)),
    "squeezenet1_1": Variant(SqueezeNet, PAPER, {"stem": (64, 3), "fires": V1_1}, smallest=17, head=("classifier.1",)),
}


def squeezenet1_0(**settings: Unpack[Settings]) -> Network:
    """SqueezeNet of the paper: 1,248,424 parameters."""
    return build(VARIANTS, "squeezenet1_0", settings)


def squeezenet1_1(**settings: Unpack[Settings]) -> Network:
    """SqueezeNet with fewer multiply-adds: 1,235,496 parameters."""
    return build(VARIANTS, "squeezenet1_1", settings)

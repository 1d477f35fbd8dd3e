"""EfficientNet: Tan and Le, "EfficientNet: rethinking model scaling for convolutional networks" (arXiv:1905.11946).

A search like MnasNet's found B0, the seven stages of Table 1; its block, there called MBConv, is described in
_inverted_residual.py. B1 to B7 are B0 scaled in three ways at once, because a larger picture wants more layers to see
it whole and more channels to tell its details apart. Widths are rounded to multiples of 8, repetitions rounded up.

The paper's rule (section 3.3): depth α^φ = 1.2^φ, width β^φ = 1.1^φ, resolution γ^φ = 1.15^φ, with α·β²·γ² ≈ 2, so
that φ doubles the multiply-adds. The networks that were published have triples of their own:

                 width  depth  side      1.1^φ  1.2^φ  224·1.15^φ  for φ
    b0            1.0    1.0   224        1.00   1.00     224        0
    b1            1.0    1.1   240        1.05   1.10     240       0.5
    b2            1.1    1.2   260        1.10   1.20     258        1
    b3            1.2    1.4   300        1.21   1.44     296        2
    b4            1.4    1.8   380        1.33   1.73     341        3
    b5            1.6    2.2   456        1.46   2.07     392        4
    b6            1.8    2.6   528        1.61   2.49     451        5
    b7            2.0    3.1   600        1.77   2.99     518        6

So φ = 1 gives B2, not B1; and above B3 the published networks are larger than the rule says.

Lite0 is the authors' variant of B0 for small devices (TensorFlow TPU repository, 2020): without squeeze-and-excitation
and with relu6 for swish (here silu), because both are slow or inexact in 8-bit arithmetic.

Names of parameters are torchvision's. Deviations, all as torchvision: B0 to B4 have batch norms with eps 1e-5 and
momentum 0.1, B5 to B7 with the authors' 1e-3 and 0.01; padding is the same on both sides, where TensorFlow puts the odd
pixel of a stride of 2 at the end. Lite0, whose published weights were trained so, has the authors' norms and padding.
torchvision trained its weights of B2 on pictures of 288.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, initialise
from minidl.models._inverted_residual import InvertedResidual
from minidl.models._scale import scaled_depth, scaled_width
from minidl.nn import init
from minidl.tensor import Tensor


class Stage(NamedTuple):
    """A row of Table 1: n blocks; the first has the stride and changes the channels."""

    expand: int
    kernel_size: int
    stride: int
    out_channels: int
    n: int


# Table 1, stages 2 to 8.
B0 = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


class EfficientNet(Network):
    """Stem, the stages of a table, a last 1×1 convolution, the average, dropout, one linear layer.

    Args:
        stages: the table.
        stem: channels of the first convolution.
        last: channels of the last one.
        width: factor of all channels.
        depth: factor of all repetitions.
        activation: a name such as "silu".
        excited: whether the blocks have squeeze-and-excitation; its narrow place is a quarter of the block's input.
        padding: of every convolution; None keeps the size at stride 1, the same on both sides.
        eps: of every norm.
        momentum: of every norm.
        dropout: before the linear layer.
        drop: stochastic depth of a block after the last one; the first has 0, those between lie on a line.
        num_classes: O of the linear layer.
        in_channels: C.
        rng: generator of the initial weights.
    """

    def __init__(
        self,
        *,
        stages: Sequence[Stage] = B0,
        stem: int = 32,
        last: int = 1280,
        width: float = 1.0,
        depth: float = 1.0,
        activation: str = "silu",
        excited: bool = True,
        padding: Any = None,
        eps: float = 1e-5,
        momentum: float = 0.1,
        dropout: float = 0.2,
        drop: float = 0.2,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        norm = partial(nn.BatchNorm2d, eps=eps, momentum=momentum)
        layer: dict[str, Any] = {"padding": padding, "norm_layer": norm}
        depths = [scaled_depth(stage.n, depth) for stage in stages]
        channels, last = scaled_width(stem, width), scaled_width(last, width)
        with init.unfilled():
            features: list[nn.Module] = [
                nn.Conv2dNormActivation(in_channels, channels, 3, 2, activation=activation, **layer)
            ]
            index = 0
            for stage, repetitions in zip(stages, depths, strict=True):
                blocks, o = [], scaled_width(stage.out_channels, width)
                for place in range(repetitions):
                    wide, narrow = channels * stage.expand, max(1, channels // 4)
                    block = InvertedResidual(
                        channels,
                        wide,
                        o,
                        stage.kernel_size,
                        stage.stride if place == 0 else 1,
                        activation=activation,
                        excite=nn.SqueezeExcitation(wide, narrow, activation) if excited else None,
                        drop=drop * index / sum(depths),
                        layer=layer,
                    )
                    blocks.append(block)
                    channels, index = o, index + 1
                features.append(nn.Sequential(*blocks))
            features.append(nn.Conv2dNormActivation(channels, last, 1, activation=activation, **layer))
            self.features = nn.Sequential(*features)
            self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        initialise(self, rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000); the shapes are those of B0."""
        self.check_pictures(x)
        # (N, 32, 112, 112) -> (N, 16, 112, 112) -> (N, 24, 56, 56) -> (N, 40, 28, 28) -> (N, 80, 14, 14)
        # -> (N, 112, 14, 14) -> (N, 192, 7, 7) -> (N, 320, 7, 7) -> (N, 1280, 7, 7)
        x = self.features(x)
        return self.classifier(ops.global_avg_pool2d(x))  # (N, 1280) -> (N, 1000)


PAPER = Paper("EfficientNet", 2019, "Tan, Le, arXiv:1905.11946, Table 1; EfficientNet-Lite, 2020")
AUTHORS_NORM = {"eps": 1e-3, "momentum": 0.01}


def _scaled(width: float, depth: float, side: int, dropout: float, **norm: float) -> Variant:
    table = {"width": width, "depth": depth, "dropout": dropout, **norm}
    return Variant(EfficientNet, PAPER, table, input_size=side, head=("classifier.1",))


VARIANTS = {
    "efficientnet_b0": _scaled(1.0, 1.0, 224, 0.2),
    "efficientnet_b1": _scaled(1.0, 1.1, 240, 0.2),
    "efficientnet_b2": _scaled(1.1, 1.2, 260, 0.3),
    "efficientnet_b3": _scaled(1.2, 1.4, 300, 0.3),
    "efficientnet_b4": _scaled(1.4, 1.8, 380, 0.4),
    "efficientnet_b5": _scaled(1.6, 2.2, 456, 0.4, **AUTHORS_NORM),
    "efficientnet_b6": _scaled(1.8, 2.6, 528, 0.5, **AUTHORS_NORM),
    "efficientnet_b7": _scaled(2.0, 3.1, 600, 0.5, **AUTHORS_NORM),
    "efficientnet_lite0": Variant(
        EfficientNet,
        PAPER,
        {"activation": "relu6", "excited": False, "padding": "same", **AUTHORS_NORM},
        head=("classifier.1",),
    ),
}


def efficientnet_b0(**settings: Unpack[Settings]) -> Network:
    """The network that was found: 5,288,548 parameters."""
    return build(VARIANTS, "efficientnet_b0", settings)


def efficientnet_b1(**settings: Unpack[Settings]) -> Network:
    """1.1 times as deep: 7,794,184 parameters."""
    return build(VARIANTS, "efficientnet_b1", settings)


def efficientnet_b2(**settings: Unpack[Settings]) -> Network:
    """1.1 times as wide, 1.2 times as deep: 9,109,994 parameters."""
    return build(VARIANTS, "efficientnet_b2", settings)


def efficientnet_b3(**settings: Unpack[Settings]) -> Network:
    """1.2 times as wide, 1.4 times as deep: 12,233,232 parameters."""
    return build(VARIANTS, "efficientnet_b3", settings)


def efficientnet_b4(**settings: Unpack[Settings]) -> Network:
    """1.4 times as wide, 1.8 times as deep: 19,341,616 parameters."""
    return build(VARIANTS, "efficientnet_b4", settings)


def efficientnet_b5(**settings: Unpack[Settings]) -> Network:
    """1.6 times as wide, 2.2 times as deep: 30,389,784 parameters."""
    return build(VARIANTS, "efficientnet_b5", settings)


def efficientnet_b6(**settings: Unpack[Settings]) -> Network:
    """1.8 times as wide, 2.6 times as deep: 43,040,704 parameters."""
    return build(VARIANTS, "efficientnet_b6", settings)


def efficientnet_b7(**settings: Unpack[Settings]) -> Network:
    """Twice as wide, 3.1 times as deep: 66,347,960 parameters."""
    return build(VARIANTS, "efficientnet_b7", settings)


def efficientnet_lite0(**settings: Unpack[Settings]) -> Network:
    """B0 without squeeze-and-excitation, with relu6: 4,652,008 parameters."""
    return build(VARIANTS, "efficientnet_lite0", settings)

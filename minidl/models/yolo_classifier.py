"""What YOLO learns before it finds things: its first 20 convolutions as a classifier of pictures at half resolution.

Redmon et al., "You only look once", arXiv:1506.02640, section 2.2: "the first 20 convolutional layers from Figure 3
followed by a average-pooling layer and a fully connected layer", trained on pictures of 224×224; for finding, four
convolutions and two linear layers are added, and the pictures are 448×448. The 20 layers have the names they have in
`yolo_v1`, so that a detector can begin with them: `minidl train yolo_v1 --weights FILE`.

    7×7 64 stride 2, 3×3 192, ten of 1×1 and 3×3 with 128 to 512, ... (see `yolo`)     1024 × 7 × 7     average, 1000
"""

from __future__ import annotations

from typing import Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, trail
from minidl.models.yolo import V1, Row, convolutions
from minidl.tensor import Tensor

ADDED = 4  # convolutions of yolo_v1 that are not learnt beforehand
HALVINGS = ((7, 2, 3), *((2, 2, 0),) * 4)


class YoloClassifier(Network):
    """The convolutions, the mean of each map, and a linear layer."""

    def __init__(
        self,
        rows: tuple[Row, ...],
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        layers, channels = convolutions(rows, in_channels, rng)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, num_classes, rng=rng)

    def explain(self, size: int) -> str:
        """A convolution and four poolings halve the picture."""
        return f"a convolution and four poolings leave {trail(size, *HALVINGS)}"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000)."""
        self.check_pictures(x)
        x = self.avgpool(self.features(x))  # (N, 1024, 7, 7) -> (N, 1024, 1, 1)
        return self.fc(ops.flatten(x))  # (N, 1024) -> (N, 1000)


PAPER = Paper("YOLO classifier", 2015, 'Redmon et al., "You only look once", arXiv:1506.02640, section 2.2')

VARIANTS = {"yolo_v1_classifier": Variant(YoloClassifier, PAPER, {"rows": V1[:-ADDED]}, smallest=31)}


def yolo_v1_classifier(**settings: Unpack[Settings]) -> Network:
    """The first 20 convolutions of `yolo_v1` and a linear layer: 23,428,136 parameters."""
    return build(VARIANTS, "yolo_v1_classifier", settings)

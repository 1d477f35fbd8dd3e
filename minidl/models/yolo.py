"""YOLO: Redmon et al., "You only look once: unified, real-time object detection", arXiv:1506.02640.

`yolo_v1` – Figure 3: 24 convolutions, and two linear layers that see the whole picture of 448×448.

    7×7  64 stride 2, pool      112 -> 56        1×1 512, 3×3 1024, twice; 3×3 1024; 3×3 1024 stride 2   14 -> 7
    3×3 192, pool                56 -> 28        3×3 1024, 3×3 1024                                       7
    1×1 128, 3×3 256, 1×1 256, 3×3 512, pool     28 -> 14        4096, and 7·7·30
    1×1 256, 3×3 512, four times; 1×1 512, 3×3 1024, pool        14 ...

Behind every layer but the last is a leaky relu of slope 0.1, before the last layer a dropout of 0.5. The layers have
biases and no batch norm; 30 = 2 · 5 + 20 numbers for each of 7 × 7 cells (`detection/yolo.py` says what they mean).

`yolo_v1_fast` – "9 convolutional layers instead of 24 and fewer filters in those layers"; the paper leaves their sizes
open. Here they are those of the authors' released configuration, from memory: 3×3 with 16, 32, 64, 128, 256 and 512
kernels, each with a pooling, and three of 1024; then 256, 4096 and 7·7·30.

`yolo_tiny` – for small data, of our own: 3×3 convolutions with batch norm, each with a pooling until S × S cells are
left, two more, and a 1×1 convolution that says the numbers of a cell. No cell sees the whole picture, but S can be 14,
so that fewer things share a cell, and it has a hundredth of the parameters.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from minidl import nn, ops
from minidl._checks import check_alike, to_int
from minidl.models._family import Paper
from minidl.models._learners import Learner, named_after
from minidl.tensor import Tensor

SLOPE, FIVE = 0.1, 5
POOL = 0  # in the tables below, among (kernels, size of the window, stride)
Row = tuple[int, int, int] | int
Rng = np.random.Generator | None

V1: tuple[Row, ...] = (
    *((64, 7, 2), POOL, (192, 3, 1), POOL),
    *((128, 1, 1), (256, 3, 1), (256, 1, 1), (512, 3, 1), POOL),
    *(((256, 1, 1), (512, 3, 1)) * 4),
    *((512, 1, 1), (1024, 3, 1), POOL),
    *(((512, 1, 1), (1024, 3, 1)) * 2),
    *((1024, 3, 1), (1024, 3, 2), (1024, 3, 1), (1024, 3, 1)),
)
FAST: tuple[Row, ...] = (
    *((16, 3, 1), POOL, (32, 3, 1), POOL, (64, 3, 1), POOL, (128, 3, 1), POOL, (256, 3, 1), POOL, (512, 3, 1), POOL),
    *((1024, 3, 1), (1024, 3, 1), (1024, 3, 1)),
)


class Detector(nn.Module):
    """Base of the detectors that say boxes for cells.

    Attributes:
        cells: S.
        boxes: B.
        num_classes: C.
        image_size: side of the pictures.
    """

    def __init__(self, name: str, cells: int, boxes: int, num_classes: int, image_size: int, in_channels: int):
        super().__init__()
        self.name = name
        self.cells = to_int(name, "cells", cells, least=1)
        self.boxes = to_int(name, "boxes", boxes, least=1)
        self.num_classes = to_int(name, "num_classes", num_classes, least=1)
        self.image_size = to_int(name, "image_size", image_size, least=1)
        self.in_channels = to_int(name, "in_channels", in_channels, least=1)

    @property
    def input_size(self) -> int:
        """The side of the pictures, as networks that tell classes apart call it."""
        return self.image_size

    @property
    def numbers(self) -> int:
        """How many a cell says: 5·B + C."""
        return FIVE * self.boxes + self.num_classes

    def check_pictures(self, x: Tensor) -> None:
        """Refuse what is no batch of pictures of the right size."""
        check_alike(self.name, x=x)
        expected = (self.in_channels, self.image_size, self.image_size)
        if x.ndim != 4 or x.shape[1:] != expected:
            raise ValueError(f"{self.name}: expects pictures (N, {', '.join(map(str, expected))}); x.shape={x.shape}")


def convolutions(rows: tuple[Row, ...], channels: int, rng: Rng) -> tuple[list[nn.Module], int]:
    """Return the layers of a table, and how many channels come out."""
    layers: list[nn.Module] = []
    for row in rows:
        if isinstance(row, int):
            layers.append(nn.MaxPool2d(2))
            continue
        kernels, window, stride = row
        layers += [nn.Conv2d(channels, kernels, window, stride, padding=window // 2, rng=rng), nn.LeakyReLU(SLOPE)]
        channels = kernels
    return layers, channels


class YoloV1(Detector):
    """Convolutions, and linear layers that see all of their maps."""

    def __init__(
        self,
        name: str,
        rows: tuple[Row, ...],
        hidden: tuple[int, ...],
        *,
        num_classes: int = 20,
        cells: int = 7,
        boxes: int = 2,
        in_channels: int = 3,
        image_size: int = 448,
        rng: Rng = None,
    ):
        super().__init__(name, cells, boxes, num_classes, image_size, in_channels)
        layers, channels = convolutions(rows, self.in_channels, rng)
        side = self.image_size
        for row in rows:
            side = side // 2 if isinstance(row, int) else -(-side // row[2])
        if side < 1:
            raise ValueError(
                f"{name}: image_size must leave a map behind six halvings; received image_size={image_size}"
            )
        self.features = nn.Sequential(*layers)
        sizes = [channels * side * side, *hidden]
        linears: list[nn.Module] = [nn.Flatten()]
        for a, b in pairwise(sizes):
            linears += [nn.Linear(a, b, rng=rng), nn.LeakyReLU(SLOPE)]
        last = nn.Linear(sizes[-1], self.cells**2 * self.numbers, rng=rng)
        self.head = nn.Sequential(*linears, nn.Dropout(0.5), last)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 448, 448) into answers (N, S, S, 5·B + C)."""
        self.check_pictures(x)
        return ops.reshape(self.head(self.features(x)), -1, self.cells, self.cells, self.numbers)


class YoloTiny(Detector):
    """Convolutions with batch norm, of which the last says the numbers of a cell."""

    def __init__(
        self,
        *,
        num_classes: int = 3,
        cells: int = 14,
        boxes: int = 2,
        in_channels: int = 3,
        image_size: int = 224,
        width: int = 16,
        rng: Rng = None,
    ):
        super().__init__("yolo_tiny", cells, boxes, num_classes, image_size, in_channels)
        halvings = (self.image_size // self.cells).bit_length() - 1
        if self.cells << halvings != self.image_size or halvings < 1:
            raise ValueError(
                f"yolo_tiny: image_size must be cells · 2ⁿ with n >= 1; received image_size={image_size}, "
                f"cells={cells}; try image_size={self.cells << max(1, halvings)}"
            )
        channels, layers = self.in_channels, []
        to_int("yolo_tiny", "width", width, least=1)
        for depth in range(halvings + 2):
            out = min(width << depth, 16 * width)
            layers += [
                nn.Conv2d(channels, out, 3, padding=1, bias=False, rng=rng),
                nn.BatchNorm2d(out),
                nn.LeakyReLU(SLOPE),
            ]
            layers += [nn.MaxPool2d(2)] if depth < halvings else []
            channels = out
        self.features = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels, self.numbers, 1, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 224, 224) into answers (N, S, S, 5·B + C)."""
        self.check_pictures(x)
        return ops.transpose(self.head(self.features(x)), 0, 2, 3, 1)


@named_after(YoloV1)
def yolo_v1(**settings: Any) -> YoloV1:
    """YOLO of Figure 3.

    Args:
        **settings: num_classes (20), cells (7), boxes (2), in_channels (3), image_size (448), rng.

    Raises:
        ValueError: if a number is below 1.
    """
    return YoloV1("yolo_v1", V1, (4096,), **settings)


@named_after(YoloV1)
def yolo_v1_fast(**settings: Any) -> YoloV1:
    """Fast YOLO, of 9 convolutions; see the top of this file for what the paper leaves open.

    Args:
        **settings: num_classes (20), cells (7), boxes (2), in_channels (3), image_size (448), rng.

    Raises:
        ValueError: if a number is below 1.
    """
    return YoloV1("yolo_v1_fast", FAST, (256, 4096), **settings)


@named_after(YoloTiny)
def yolo_tiny(**settings: Any) -> YoloTiny:
    """YOLO for small data.

    Args:
        **settings: num_classes (3), cells (14), boxes (2), in_channels (3), image_size (224), width (16), rng.

    Raises:
        ValueError: if a number is below 1, or the picture cannot be halved to as many cells.

    Example:
        >>> net = yolo_tiny(cells=4, image_size=32, width=4)
        >>> net(Tensor(np.zeros((1, 3, 32, 32), dtype="float32"))).shape
        (1, 4, 4, 13)
    """
    return YoloTiny(**settings)


PAPER = Paper("YOLO", 2015, 'Redmon et al., "You only look once", arXiv:1506.02640')
LEARNERS = {
    "yolo_v1": Learner("detection", yolo_v1, PAPER, "boxes for 7×7 cells, 24 convolutions, 448×448"),
    "yolo_v1_fast": Learner("detection", yolo_v1_fast, PAPER, "the same with 9 convolutions"),
    "yolo_tiny": Learner("detection", yolo_tiny, PAPER, "boxes for S×S cells, for small data"),
}

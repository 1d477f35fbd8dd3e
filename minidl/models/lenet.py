"""LeNet-5: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition" (1998).

`lenet5` is the network of section II.B and Figure 2, with the numbers of trainable parameters that the text gives:

    layer                                                    output         parameters
    C1   convolution 5×5                                      6 × 28 × 28          156
    S2   subsampling 2×2                                      6 × 14 × 14           12
    C3   convolution 5×5, connected by Table I               16 × 10 × 10        1,516
    S4   subsampling 2×2                                     16 ×  5 ×  5           32
    C5   convolution 5×5                                    120 ×  1 ×  1       48,120
    F6   fully connected                                     84                 10,164
    RBF  distance to ten fixed bitmaps                       10                      0
                                                                                60,000

Up to F6 the state of a unit is f(a) = 1.7159 · tanh(2a/3) of its weighted sum a. Weights start evenly between
±2.4 / fan_in (appendix A).

Deviations of `lenet5`: the output is minus the squared distance, so that the largest wins and cross-entropy applies
(equation 9 without its constant). The bitmaps are drawn here, in the manner of Figure 3, for the ten digits only.
Squared distances over 84 units are large, and so are their gradients: with momentum 0.9 a learning rate of 0.0005
learns digits, while 0.02 drives every tanh into its flat part at once.

`lenet5_modern` is the network as it is taught today. It keeps the sizes of Figure 2 and departs from the paper so: relu
for the scaled tanh, max pooling for the trainable subsampling, every kernel of the second convolution sees all six maps
(the paper's Table I leaves some out), and a linear layer for the radial basis functions at the end.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, weighted_layers
from minidl.nn import init
from minidl.tensor import Tensor

# Table I: the maps of S2 that each of the 16 maps of C3 sees. Six take three neighbours, six take four, three take four
# with a gap, one takes all: 60 kernels instead of 96, and different maps are made to learn different things.
TABLE_I = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)

# The digits 0 to 9, 7 wide and 12 high, that the 84 units of F6 shall show: # is +1, everything else -1.
DIGITS = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...#... .#####. .#####. .....#. ####### ..####. ####### .#####. .#####.
.#...#. ..##... #.....# #.....# ....##. #...... .#..... ......# #.....# #.....#
#.....# .#.#... ......# ......# ...#.#. #...... #...... .....#. #.....# #.....#
#.....# ...#... ......# ......# ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...#... .....#. ..####. .#...#. ######. #.####. ....#.. .#####. #....##
#.....# ...#... ....#.. ......# #....#. ......# ##....# ....#.. #.....# .####.#
#.....# ...#... ...#... ......# ####### ......# #.....# ...#... #.....# ......#
#.....# ...#... ..#.... ......# .....#. ......# #.....# ...#... #.....# ......#
.#...#. ...#... .#..... #.....# .....#. #.....# #.....# ..#.... #.....# .....#.
..###.. .#####. ####### .#####. .....#. .#####. .#####. ..#.... .#####. ..####.
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def bitmaps() -> np.ndarray:
    """Return the ten digits as rows of 84 numbers ±1.

    Example:
        >>> for row in bitmaps()[4].reshape(12, 7)[1:4]:
        ...     print("".join("#" if pixel > 0 else "-" for pixel in row))
        -----#-
        ----##-
        ---#-#-
    """
    pixels = np.array([[list(digit) for digit in row.split()] for row in DIGITS.split("\n")[1:-1]])  # (12, 10, 7)
    return np.where(pixels.transpose(1, 0, 2).reshape(10, 84) == "#", 1, -1).astype(np.float32)


class Subsampling(nn.Module):
    """Add up every 2×2 square, times one coefficient and plus one bias for the whole map, then f."""

    def __init__(self, maps: int, *, rng: np.random.Generator | None):
        super().__init__()
        self.weight = nn.Parameter(init.uniform((maps, 1, 1), 2.4 / 4, rng))
        self.bias = nn.Parameter(init.uniform((maps, 1, 1), 2.4 / 4, rng))

    def forward(self, x: Tensor) -> Tensor:
        """Halve the maps: (N, C, H, W) -> (N, C, H/2, W/2)."""
        total = ops.avg_pool2d(x, 2) * 4.0
        return ops.scaled_tanh(total * self.weight + self.bias)


class TableConvolution(nn.Module):
    """A convolution whose map number i sees only the maps `table[i]`: one small convolution for each map."""

    def __init__(self, table: tuple[tuple[int, ...], ...], kernel_size: int, *, rng: np.random.Generator | None):
        super().__init__()
        self.table = table
        self.maps = nn.ModuleList([nn.Conv2d(len(inputs), 1, kernel_size, rng=rng) for inputs in table])

    def forward(self, x: Tensor) -> Tensor:
        """Convolve: (N, 6, H, W) -> (N, 16, H - 4, W - 4)."""
        return ops.concat([conv(x[:, list(inputs)]) for conv, inputs in zip(self.maps, self.table)], axis=1)


class LeNet5(Network):
    """The network of 1998: seven layers, 60,000 trainable parameters."""

    def __init__(self, *, num_classes: int = 10, in_channels: int = 1, rng: np.random.Generator | None = None):
        super().__init__()
        if num_classes > 10:
            raise ValueError(f"lenet5: there are bitmaps for 10 digits; num_classes={num_classes}; try lenet5_modern")
        self.c1 = nn.Conv2d(in_channels, 6, 5, rng=rng)
        self.s2 = Subsampling(6, rng=rng)
        self.c3 = TableConvolution(TABLE_I, 5, rng=rng)
        self.s4 = Subsampling(16, rng=rng)
        self.c5 = nn.Conv2d(16, 120, 5, rng=rng)
        self.f6 = nn.Linear(120, 84, rng=rng)
        self.register_buffer("bitmaps", bitmaps()[:num_classes])
        for layer in weighted_layers(self):
            fan_in, _ = init.fans(layer.weight.shape)
            layer.weight.data = init.uniform(layer.weight.shape, 2.4 / fan_in, rng)
            layer.bias.data = init.uniform(layer.bias.shape, 2.4 / fan_in, rng)

    def explain(self, size: int) -> str:
        """What is left for C5 must be 5×5."""
        return _five_by_five(size)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 1, 32, 32) into minus their squared distances to the ten bitmaps (N, 10)."""
        self.check_pictures(x)
        x = ops.scaled_tanh(self.c1(x))  # (N, 6, 28, 28)
        x = self.s2(x)  # (N, 6, 14, 14)
        x = ops.scaled_tanh(self.c3(x))  # (N, 16, 10, 10)
        x = self.s4(x)  # (N, 16, 5, 5)
        x = ops.scaled_tanh(self.c5(x))  # (N, 120, 1, 1)
        x = ops.scaled_tanh(self.f6(ops.flatten(x)))  # (N, 84)
        difference = x.reshape(-1, 1, 84) - self.bitmaps  # (N, 10, 84)
        return -(difference * difference).sum(axis=2)  # (N, 10)


class LeNet5Modern(Network):
    """Two convolutions with pooling, three linear layers: 61,706 parameters for ten classes."""

    def __init__(self, *, num_classes: int = 10, in_channels: int = 1, rng: np.random.Generator | None = None):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, 5, rng=rng)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5, rng=rng)
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 5 * 5, 120, rng=rng)
        self.fc2 = nn.Linear(120, 84, rng=rng)
        self.fc3 = nn.Linear(84, num_classes, rng=rng)

    def explain(self, size: int) -> str:
        """What is left for the linear layers must be 5×5."""
        return _five_by_five(size)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 1, 32, 32) into logits (N, 10)."""
        self.check_pictures(x)
        x = self.pool1(ops.relu(self.conv1(x)))  # (N, 6, 28, 28) -> (N, 6, 14, 14)
        x = self.pool2(ops.relu(self.conv2(x)))  # (N, 16, 10, 10) -> (N, 16, 5, 5)
        x = ops.flatten(x)  # (N, 400)
        x = ops.relu(self.fc1(x))  # (N, 120)
        x = ops.relu(self.fc2(x))  # (N, 84)
        return self.fc3(x)  # (N, 10)


def _five_by_five(size: int) -> str:
    left = ((size - 4) // 2 - 4) // 2
    return f"two 5×5 convolutions, each with a halving, must leave 5: (({size} - 4) // 2 - 4) // 2 = {left}"


PAPER = Paper("LeNet", 1998, 'LeCun et al., "Gradient-based learning applied to document recognition", 1998')
SIZES: dict[str, Any] = {"input_size": 32, "smallest": 32, "largest": 35, "num_classes": 10, "in_channels": 1}

VARIANTS = {
    "lenet5": Variant(LeNet5, PAPER, head=("bitmaps",), **SIZES),
    "lenet5_modern": Variant(LeNet5Modern, PAPER, head=("fc3",), **SIZES),
}


def lenet5(**settings: Unpack[Settings]) -> Network:
    """LeNet-5 as published in 1998: 60,000 trainable parameters."""
    return build(VARIANTS, "lenet5", settings)


def lenet5_modern(**settings: Unpack[Settings]) -> Network:
    """LeNet-5 with relu and max pooling: 61,706 parameters."""
    return build(VARIANTS, "lenet5_modern", settings)

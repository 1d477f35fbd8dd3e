"""GoogLeNet (Inception v1): Szegedy et al., "Going deeper with convolutions" (arXiv:1409.4842), Table 1 and Figure 3.

An Inception module looks at its maps through four windows at once, 1×1, 3×3, 5×5 and a max pooling, and puts the
results side by side. 1×1 convolutions before the large windows, and after the pooling, keep it cheap (Figure 2b);
`NaiveInception` is the module without them (Figure 2a), whose output only ever gets wider. Two auxiliary heads give
the lower layers a gradient of their own; they exist in training only and count 0.3 each (`training.objective`).

What differs between the two networks:

                          googlenet (2014)                          googlenet_bn (torchvision's `googlenet`)
    convolutions          bias, relu                                no bias, batch norm (eps 1e-3), relu
    the widest window     5×5                                       3×3, torchvision's known slip
    local response norm   after pool1 and conv3                     none
    fourth pooling        3×3                                       2×2
    auxiliary heads       average pooling 5×5 with stride 3         adaptive average pooling to 4×4
    dropout before fc     0.4                                       0.2
    parameters            6,998,552, with the heads 13,378,280      6,624,904, with the heads 13,004,888

Not in the paper, chosen for `googlenet`: the first convolution pads by 3, poolings round their size up (both give the
sizes of Table 1), local response norm has AlexNet's numbers, weights start with He's variance (arXiv:1502.01852) and
biases from 0. Names of parameters are torchvision's. The weights of `googlenet_bn` start as there from N(0, 0.01²) (cut
off at ±2, which is never reached), its linear biases from 0.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, weighted_layers
from minidl.nn import init
from minidl.tensor import Tensor

Widths = tuple[int, int, int, int, int, int]

# Table 1: 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool projection
CELLS: dict[str, Widths] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
STEM = (64, 64, 192)  # conv1 7×7, conv2 1×1, conv3 3×3
HEAD = (128, 1024)  # an auxiliary head: 1×1 convolution, linear layer


class GoogLeNetOutput(NamedTuple):
    """What the network returns in training: the logits of the main head and of the two auxiliary ones."""

    main: Tensor
    aux1: Tensor
    aux2: Tensor


class ConvBlock(nn.Module):
    """A convolution with relu, with a bias or with batch norm."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, *, batch_norm: bool, **geometry: Any):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=not batch_norm, **geometry)
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3, activation="relu") if batch_norm else None

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        y, norm = self.conv(x), self.bn
        return ops.relu(y) if norm is None else norm(y)


class Inception(nn.Module):
    """Figure 2b: four branches, the outputs side by side; `wide` is the size of the widest window."""

    def __init__(self, in_channels: int, widths: Widths, *, batch_norm: bool = False, wide: int = 5):
        super().__init__()
        conv = partial(ConvBlock, batch_norm=batch_norm)
        c1, reduce3, c3, reduce5, c5, projected = widths
        self.branch1 = conv(in_channels, c1, 1)
        self.branch2 = nn.Sequential(conv(in_channels, reduce3, 1), conv(reduce3, c3, 3, padding=1))
        self.branch3 = nn.Sequential(conv(in_channels, reduce5, 1), conv(reduce5, c5, wide, padding=wide // 2))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(in_channels, projected, 1))
        self.out_channels = c1 + c3 + c5 + projected

    def forward(self, x: Tensor) -> Tensor:
        """Look through all windows: (N, C, H, W) -> (N, c1 + c3 + c5 + projected, H, W)."""
        return ops.concat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], axis=1)


class NaiveInception(nn.Module):
    """Figure 2a: the windows alone; the pooling hands on all channels, so that the output is wider than the input."""

    def __init__(self, in_channels: int, c1: int, c3: int, c5: int, *, rng: np.random.Generator | None = None):
        super().__init__()
        conv = partial(ConvBlock, batch_norm=False, rng=rng)
        self.branch1 = conv(in_channels, c1, 1)
        self.branch2 = conv(in_channels, c3, 3, padding=1)
        self.branch3 = conv(in_channels, c5, 5, padding=2)
        self.branch4 = nn.MaxPool2d(3, stride=1, padding=1)
        self.out_channels = c1 + c3 + c5 + in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Look through all windows: (N, C, H, W) -> (N, c1 + c3 + c5 + C, H, W)."""
        return ops.concat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], axis=1)


class AuxiliaryHead(nn.Module):
    """Section 5: average pooling to 4×4, a 1×1 convolution, two linear layers, 70 % dropout between them."""

    def __init__(self, in_channels: int, widths: tuple[int, int], num_classes: int, pool: nn.Module, batch_norm: bool):
        super().__init__()
        reduced, hidden = widths
        self.pool = pool
        self.conv = ConvBlock(in_channels, reduced, 1, batch_norm=batch_norm)
        self.fc1 = nn.Linear(reduced * 4 * 4, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: Tensor) -> Tensor:
        """Turn maps (N, 512 or 528, 14, 14) into logits (N, 1000)."""
        x = self.conv(self.pool(x))  # (N, C, 4, 4) -> (N, 128, 4, 4)
        x = ops.relu(self.fc1(ops.flatten(x)))  # (N, 2048) -> (N, 1024)
        return self.fc2(self.dropout(x))  # (N, 1000)


class GoogLeNet(Network):
    """Table 1: a stem of three convolutions, nine Inception modules, one linear layer, two auxiliary heads."""

    def __init__(
        self,
        *,
        batch_norm: bool,
        wide: int,
        last_pool: int,
        dropout: float,
        stem: tuple[int, int, int] = STEM,
        cells: dict[str, Widths] = CELLS,
        head: tuple[int, int] = HEAD,
        num_classes: int = 1000,
        in_channels: int = 3,
        aux_logits: bool = True,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        self.last_pool = last_pool
        self.aux1: AuxiliaryHead | None = None
        self.aux2: AuxiliaryHead | None = None
        conv = partial(ConvBlock, batch_norm=batch_norm)
        with init.unfilled():
            self.conv1 = conv(in_channels, stem[0], 7, stride=2, padding=3)
            self.conv2 = conv(stem[0], stem[1], 1)
            self.conv3 = conv(stem[1], stem[2], 3, padding=1)
            channels, after = stem[2], {}
            for name, widths in cells.items():
                cell = Inception(channels, widths, batch_norm=batch_norm, wide=wide)
                setattr(self, f"inception{name}", cell)
                channels = after[name] = cell.out_channels
            if aux_logits:
                pool = nn.AdaptiveAvgPool2d((4, 4)) if batch_norm else nn.AvgPool2d(5, stride=3)
                self.aux1 = AuxiliaryHead(after["4a"], head, num_classes, pool, batch_norm)
                self.aux2 = AuxiliaryHead(after["4d"], head, num_classes, pool, batch_norm)
            self.fc = nn.Linear(channels, num_classes)
        self.norm = nn.Identity() if batch_norm else nn.LocalResponseNorm(5, convention="paper")
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool4 = nn.MaxPool2d(last_pool, stride=2, ceil_mode=True)
        self.dropout = nn.Dropout(dropout)
        for layer in weighted_layers(self):
            shape = layer.weight.shape
            layer.weight.data = init.normal(shape, 0.01, rng) if batch_norm else init.he_normal(shape, rng)
            if layer.bias is not None:
                layer.bias.data = np.zeros_like(layer.bias.data)

    def legal_sizes(self) -> tuple[int, int | None]:
        """Only running auxiliary heads need the limits of training."""
        if self.training and self.aux1 is not None:
            return self.smallest, self.largest
        return (31 if self.last_pool == 3 else 15), None

    def explain(self, size: int) -> str:
        """Either a pooling finds nothing, or a head does not get 4×4."""
        if self.last_pool == 3 and self.legal_sizes() == (self.smallest, self.largest):
            return "the auxiliary heads need 4×4 windows of 5×5 with stride 3; or build it with aux_logits=False"
        return "five halvings must leave something"

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutput:
        """Turn pictures (N, 3, 224, 224) into logits (N, 1000); in training with heads, into three of them."""
        self.check_pictures(x)
        x = self.norm(self.pool(self.conv1(x)))  # (N, 64, 112, 112) -> (N, 64, 56, 56)
        x = self.pool(self.norm(self.conv3(self.conv2(x))))  # (N, 192, 56, 56) -> (N, 192, 28, 28)
        x = self.inception3b(self.inception3a(x))  # (N, 256, 28, 28) -> (N, 480, 28, 28)
        x = self.pool(x)  # (N, 480, 14, 14)
        x = x4a = self.inception4a(x)  # (N, 512, 14, 14)
        x = self.inception4c(self.inception4b(x))  # (N, 512, 14, 14)
        x = x4d = self.inception4d(x)  # (N, 528, 14, 14)
        x = self.inception4e(x)  # (N, 832, 14, 14)
        x = self.pool4(x)  # (N, 832, 7, 7)
        x = self.inception5b(self.inception5a(x))  # (N, 832, 7, 7) -> (N, 1024, 7, 7)
        x = self.fc(self.dropout(ops.global_avg_pool2d(x)))  # (N, 1024) -> (N, 1000)
        if not self.training or self.aux1 is None or self.aux2 is None:
            return x
        return GoogLeNetOutput(x, self.aux1(x4a), self.aux2(x4d))


PAPER = Paper("GoogLeNet", 2014, "Szegedy et al., arXiv:1409.4842, Table 1")
HEADS: dict[str, Any] = {"head": ("fc", "aux1.fc2", "aux2.fc2"), "aux": ("aux1", "aux2")}

VARIANTS = {
    "googlenet": Variant(
        GoogLeNet,
        PAPER,
        {"batch_norm": False, "wide": 5, "last_pool": 3, "dropout": 0.4},
        smallest=223,
        largest=270,
        **HEADS,
    ),
    "googlenet_bn": Variant(
        GoogLeNet, PAPER, {"batch_norm": True, "wide": 3, "last_pool": 2, "dropout": 0.2}, smallest=15, **HEADS
    ),
}


def googlenet(**settings: Unpack[Settings]) -> Network:
    """GoogLeNet as published in 2014: 6,998,552 parameters, with the auxiliary heads 13,378,280."""
    return build(VARIANTS, "googlenet", settings)


def googlenet_bn(**settings: Unpack[Settings]) -> Network:
    """GoogLeNet as torchvision has it: batch norm, 3×3 for 5×5: 6,624,904 parameters, with the heads 13,004,888."""
    return build(VARIANTS, "googlenet_bn", settings)

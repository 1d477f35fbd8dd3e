"""Inception with batch norm: Ioffe and Szegedy, arXiv:1502.03167, Figure 5; Szegedy et al., arXiv:1512.00567, Table 1.

After GoogLeNet (googlenet.py) the windows of an Inception module were taken apart, because small ones see as far one
after the other and cost less: 5×5 into two 3×3, n×n into 1×n and n×1. Modules with stride 2 replace the poolings
between stages: their pooling runs beside the convolutions and hands its maps on.

    bn_inception    "Batch normalization: accelerating deep network training by reducing internal covariate shift", for
                    224: two 3×3 for each 5×5; the first convolution is separable, 8 windows of 7×7 a channel, then 1×1
    inception_v2    "Rethinking the Inception architecture for computer vision", for 299: Figure 5's modules with two
                    3×3 at 35×35, Figure 6's with 1×7 and 7×1 at 17×17, Figure 7's with 1×3 beside 3×1 at 8×8
    inception_v3    the same authors' final network as torchvision has it: 5×5 for one of the 3×3 at 35×35, four modules
                    at 17×17 for five, a 1×1 and a pooling in the stem for two 3×3, batch norm in the auxiliary head

A module is data, branch by branch; one class builds them all. Batch norm (eps 1e-3) and relu follow every convolution.
Names of parameters are torchvision's for inception_v3, and after its manner for the others.

What the papers leave open, and what is done here:

- Figure 5 of 1502.03167 prints 576 channels for 4a to 4d, which its widths give (a well-known port has 128 for 96
  behind two of the poolings, and so 608). Windows with stride 2 are padded by 1. The auxiliary heads are not in the
  figure and left out; the text's 13.6 million parameters are more than the figure has.
- Table 1 of 1512.00567 has no widths inside a module. inception_v2 takes those of inception_v3; the fifth module at
  17×17 repeats the fourth; the module that leads to 8×8 is Figure 10, the one to 17×17 has no 1×1 before its 3×3, as in
  inception_v3. The auxiliary head is not in the table and left out. Read so, the longest path has 53 layers and the
  network costs 4.1 times as much as GoogLeNet; the text says 42 and about 2.5.
- The auxiliary head of inception_v3 counts 0.4 in the authors' code (`aux_weight` of a recipe); the paper does not say.
- Average poolings count their padding. Weights start from N(0, 0.1²) cut off at ±2, and dropout is 0.5, all as
  torchvision; bn_inception has no dropout, as its paper advises. torchvision's published weights of inception_v3 expect
  pictures scaled to the range from -1 to 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Unpack

import numpy as np

from minidl import nn, ops
from minidl.models._family import Network, Paper, Settings, Variant, build, trail
from minidl.models.googlenet import ConvBlock
from minidl.nn import init
from minidl.tensor import Tensor


class Conv(NamedTuple):
    """A convolution with norm and relu, padded by half its kernel; `depthwise` windows a channel come before a 1×1."""

    out_channels: int
    kernel_size: int | tuple[int, int] = 1
    stride: int = 1
    pad: bool = True
    depthwise: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """The kernel's two sides."""
        return self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size, self.kernel_size)


class Pool(NamedTuple):
    """A pooling 3×3, "avg" or "max"."""

    kind: str
    stride: int = 1
    pad: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """The window's two sides."""
        return 3, 3


Step = Conv | Pool
Branches = dict[
    str, tuple[Step | tuple[Conv, Conv], ...]
]  # a pair: two convolutions side by side, which end the branch


def figure5(c1: int, reduce3: int, c3: int, reduce_double: int, double: int, pool: str, projected: int) -> Branches:
    """A row of Figure 5 in 1502.03167 with stride 1: 1×1, 3×3, two 3×3, a pooling."""
    return {
        "branch1x1": (Conv(c1),),
        "branch3x3": (Conv(reduce3), Conv(c3, 3)),
        "branch3x3dbl": (Conv(reduce_double), Conv(double, 3), Conv(double, 3)),
        "branch_pool": (Pool(pool), Conv(projected)),
    }


def reduction(reduce3: int, c3: int, reduce_double: int, double: int, *, pad: bool) -> Branches:
    """A module with stride 2: 3×3, two 3×3, a max pooling that hands on its maps; reduce3 = 0 leaves its 1×1 out."""
    return {
        "branch3x3": (*([Conv(reduce3)] if reduce3 else []), Conv(c3, 3, 2, pad)),
        "branch3x3dbl": (Conv(reduce_double), Conv(double, 3), Conv(double, 3, 2, pad)),
        "branch_pool": (Pool("max", 2, pad),),
    }


def module_a(projected: int) -> Branches:
    """Of inception_v3 at 35×35: 1×1, 5×5, two 3×3, a pooling."""
    return {
        "branch1x1": (Conv(64),),
        "branch5x5": (Conv(48), Conv(64, 5)),
        "branch3x3dbl": (Conv(64), Conv(96, 3), Conv(96, 3)),
        "branch_pool": (Pool("avg"), Conv(projected)),
    }


def module_c(narrow: int) -> Branches:
    """Figure 6 of 1512.00567 at 17×17: 1×1, 7×7 as two windows, twice 7×7 as four, a pooling."""
    row, column = Conv(narrow, (1, 7)), Conv(narrow, (7, 1))
    return {
        "branch1x1": (Conv(192),),
        "branch7x7": (Conv(narrow), row, Conv(192, (7, 1))),
        "branch7x7dbl": (Conv(narrow), column, row, column, Conv(192, (1, 7))),
        "branch_pool": (Pool("avg"), Conv(192)),
    }


# Of inception_v3 between 17×17 and 8×8.
MODULE_D: Branches = {
    "branch3x3": (Conv(192), Conv(320, 3, 2, pad=False)),
    "branch7x7x3": (Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, 3, 2, pad=False)),
    "branch_pool": (Pool("max", 2, pad=False),),
}
# Figure 7 of 1512.00567 at 8×8: 3×3 as 1×3 beside 3×1.
MODULE_E: Branches = {
    "branch1x1": (Conv(320),),
    "branch3x3": (Conv(384), (Conv(384, (1, 3)), Conv(384, (3, 1)))),
    "branch3x3dbl": (Conv(448), Conv(384, 3), (Conv(384, (1, 3)), Conv(384, (3, 1)))),
    "branch_pool": (Pool("avg"), Conv(192)),
}

Trunk = dict[str, Step | Branches]

BN_INCEPTION: Trunk = {
    "conv1": Conv(64, 7, 2, depthwise=8),
    "pool1": Pool("max", 2),
    "conv2": Conv(64),
    "conv3": Conv(192, 3),
    "pool2": Pool("max", 2),
    "inception3a": figure5(64, 64, 64, 64, 96, "avg", 32),
    "inception3b": figure5(64, 64, 96, 64, 96, "avg", 64),
    "inception3c": reduction(128, 160, 64, 96, pad=True),
    "inception4a": figure5(224, 64, 96, 96, 128, "avg", 128),
    "inception4b": figure5(192, 96, 128, 96, 128, "avg", 128),
    "inception4c": figure5(160, 128, 160, 128, 160, "avg", 96),
    "inception4d": figure5(96, 128, 192, 160, 192, "avg", 96),
    "inception4e": reduction(128, 192, 192, 256, pad=True),
    "inception5a": figure5(352, 192, 320, 160, 224, "avg", 128),
    "inception5b": figure5(352, 192, 320, 192, 224, "max", 128),
}
INCEPTION_V2: Trunk = {
    "Conv2d_1a_3x3": Conv(32, 3, 2, pad=False),
    "Conv2d_2a_3x3": Conv(32, 3, pad=False),
    "Conv2d_2b_3x3": Conv(64, 3),
    "maxpool1": Pool("max", 2, pad=False),
    "Conv2d_3b_3x3": Conv(80, 3, pad=False),
    "Conv2d_4a_3x3": Conv(192, 3, 2, pad=False),
    "Conv2d_4b_3x3": Conv(288, 3),
    **{f"Mixed_5{letter}": figure5(64, 48, 64, 64, 96, "avg", 64) for letter in "bcd"},
    "Mixed_6a": reduction(0, 384, 64, 96, pad=False),
    **{f"Mixed_6{letter}": module_c(n) for letter, n in zip("bcdef", (128, 160, 160, 192, 192), strict=True)},
    "Mixed_7a": reduction(192, 320, 192, 192, pad=False),
    "Mixed_7b": MODULE_E,
    "Mixed_7c": MODULE_E,
}
INCEPTION_V3: Trunk = {
    "Conv2d_1a_3x3": Conv(32, 3, 2, pad=False),
    "Conv2d_2a_3x3": Conv(32, 3, pad=False),
    "Conv2d_2b_3x3": Conv(64, 3),
    "maxpool1": Pool("max", 2, pad=False),
    "Conv2d_3b_1x1": Conv(80),
    "Conv2d_4a_3x3": Conv(192, 3, pad=False),
    "maxpool2": Pool("max", 2, pad=False),
    "Mixed_5b": module_a(32),
    "Mixed_5c": module_a(64),
    "Mixed_5d": module_a(64),
    "Mixed_6a": reduction(0, 384, 64, 96, pad=False),
    **{f"Mixed_6{letter}": module_c(narrow) for letter, narrow in zip("bcde", (128, 160, 160, 192), strict=True)},
    "Mixed_7a": MODULE_D,
    "Mixed_7b": MODULE_E,
    "Mixed_7c": MODULE_E,
}


class InceptionOutput(NamedTuple):
    """What inception_v3 returns in training: the logits of the main head and of the auxiliary one."""

    main: Tensor
    aux: Tensor


def _layer(step: Step, in_channels: int) -> tuple[nn.Module, int]:
    """Return the layer of a step and its number of output channels."""
    if isinstance(step, Pool):
        kind = nn.AvgPool2d if step.kind == "avg" else nn.MaxPool2d
        return kind(3, step.stride, int(step.pad)), in_channels
    kh, kw = step.size
    geometry: dict[str, Any] = {"stride": step.stride, "padding": (kh // 2, kw // 2) if step.pad else 0}
    if not step.depthwise:
        return ConvBlock(in_channels, step.out_channels, (kh, kw), batch_norm=True, **geometry), step.out_channels
    wide = in_channels * step.depthwise
    windows = nn.Conv2d(in_channels, wide, (kh, kw), groups=in_channels, bias=False, **geometry)
    return nn.Sequential(windows, ConvBlock(wide, step.out_channels, 1, batch_norm=True)), step.out_channels


def _window(entry: Step | Branches) -> tuple[int, int, int]:
    """Return (kernel, stride, padding) by which a layer, or a module as its pooling does, changes the sides."""
    step = entry if isinstance(entry, Step) else next(one for one in entry["branch_pool"] if isinstance(one, Pool))
    kernel = step.size[0]
    return kernel, step.stride, kernel // 2 if step.pad else 0


def _named(branch: str, steps: tuple[Step | tuple[Conv, Conv], ...]) -> list[dict[str, Step]]:
    """Return for every step of a branch its layers by name: "branch3x3_1", or "branch3x3_2a" and "branch3x3_2b"."""
    several = sum(not isinstance(step, Pool) for step in steps) > 1
    named: list[dict[str, Step]] = []
    place = 0
    for step in steps:
        if isinstance(step, Pool):
            named.append({"pool": step})
            continue
        place += 1
        name = f"{branch}_{place}" if several else branch
        named.append({name: step} if isinstance(step, Conv) else {f"{name}a": step[0], f"{name}b": step[1]})
    return named


class Mixed(nn.Module):
    """An Inception module: its branches side by side."""

    def __init__(self, in_channels: int, branches: Branches):
        super().__init__()
        self.out_channels = 0
        self.branches: list[list[list[str]]] = []  # of every branch the steps, of every step the names of its layers
        for branch, steps in branches.items():
            channels, names = in_channels, []
            for layers in _named(branch, steps):
                outputs = 0
                for name, step in layers.items():
                    layer, width = _layer(step, channels)
                    setattr(self, name, layer)
                    outputs += width
                channels = outputs
                names.append(list(layers))
            self.branches.append(names)
            self.out_channels += channels

    def forward(self, x: Tensor) -> Tensor:
        """Look through all windows: (N, C, H, W) -> (N, sum of the branches, OH, OW)."""
        outputs: list[Tensor] = []
        for steps in self.branches:
            y = [x]
            for names in steps:
                y = [getattr(self, name)(y[0]) for name in names]
            outputs += y
        return ops.concat(outputs, axis=1)


class AuxiliaryHead(nn.Module):
    """Average pooling 5×5 with stride 3, 1×1, 5×5 over all that is left of 17×17, the average, a linear layer."""

    def __init__(self, in_channels: int, widths: tuple[int, int], num_classes: int):
        super().__init__()
        self.conv0 = ConvBlock(in_channels, widths[0], 1, batch_norm=True)
        self.conv1 = ConvBlock(widths[0], widths[1], 5, batch_norm=True)
        self.fc = nn.Linear(widths[1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Turn maps (N, 768, 17, 17) into logits (N, 1000)."""
        x = self.conv0(ops.avg_pool2d(x, 5, stride=3))  # (N, 768, 5, 5) -> (N, 128, 5, 5)
        return self.fc(ops.global_avg_pool2d(self.conv1(x)))  # (N, 768, 1, 1) -> (N, 1000)


class Inception(Network):
    """The layers and modules of a table one after the other, the average, dropout, one linear layer.

    `head` tells behind which module the auxiliary head hangs, and the widths of its convolutions. `bare` is the side of
    the smallest picture without it.
    """

    def __init__(
        self,
        trunk: Trunk,
        *,
        dropout: float,
        head: tuple[str, tuple[int, int]] | None = None,
        bare: int = 1,
        num_classes: int = 1000,
        in_channels: int = 3,
        aux_logits: bool = True,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        self.trunk, self.bare = trunk, bare
        self.head = head[0] if head and aux_logits else None
        with init.unfilled():
            channels = in_channels
            for name, entry in trunk.items():
                if isinstance(entry, dict):
                    layer: nn.Module = Mixed(channels, entry)
                    channels = layer.out_channels
                else:
                    layer, channels = _layer(entry, channels)
                setattr(self, name, layer)
                if head and name == self.head:
                    self.AuxLogits = AuxiliaryHead(channels, head[1], num_classes)
            self.fc = nn.Linear(channels, num_classes)
        self.dropout = nn.Dropout(dropout)
        narrower = {"AuxLogits.conv1.conv": 0.01, "AuxLogits.fc": 0.001}
        for path, module in self.named_modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                std = narrower.get(path, 0.1)
                module.weight.data = init.truncated_normal(module.weight.shape, std, rng)
                if module.bias is not None:
                    module.bias.data = np.zeros_like(module.bias.data)

    def legal_sizes(self) -> tuple[int, int | None]:
        """Only the running auxiliary head needs 17×17 maps."""
        return (self.smallest if self.training and self.head else self.bare), None

    def explain(self, size: int) -> str:
        """Either nothing is left in the end, or too little for the auxiliary head."""
        windows = []
        for name, entry in self.trunk.items():
            kernel, stride, padding = _window(entry)
            if (stride, padding) != (1, kernel // 2):
                windows.append((kernel, stride, padding))
            if self.training and name == self.head:
                sides = trail(size, *windows)
                return f"the auxiliary head needs 17×17 maps: {sides}; or build the network with aux_logits=False"
        return f"the windows leave {trail(size, *windows)}, and 1 must be left"

    def forward(self, x: Tensor) -> Tensor | InceptionOutput:
        """Turn pictures (N, 3, 299, 299) into logits (N, 1000); in training with a head, into two of them."""
        self.check_pictures(x)
        aux = None
        # inception_v3: (N, 32, 149, 149) -> (N, 32, 147, 147) -> (N, 64, 147, 147) -> (N, 64, 73, 73)
        # -> (N, 80, 73, 73) -> (N, 192, 71, 71) -> (N, 192, 35, 35) -> (N, 256, 35, 35) -> twice (N, 288, 35, 35)
        # -> (N, 768, 17, 17), in all five times -> (N, 1280, 8, 8) -> twice (N, 2048, 8, 8)
        for name in self.trunk:
            x = getattr(self, name)(x)
            if self.training and name == self.head:
                aux = self.AuxLogits(x)
        x = self.fc(self.dropout(ops.global_avg_pool2d(x)))  # (N, 2048) -> (N, 1000)
        return x if aux is None else InceptionOutput(x, aux)


BATCH_NORM = Paper("BN-Inception", 2015, "Ioffe, Szegedy, arXiv:1502.03167, Figure 5")
RETHINKING = "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, arXiv:1512.00567, Table 1"

VARIANTS = {
    "bn_inception": Variant(Inception, BATCH_NORM, {"trunk": BN_INCEPTION, "dropout": 0.0}),
    "inception_v2": Variant(
        Inception,
        Paper("Inception v2", 2015, RETHINKING),
        {"trunk": INCEPTION_V2, "dropout": 0.5, "bare": 75},
        input_size=299,
        smallest=75,
    ),
    "inception_v3": Variant(
        Inception,
        Paper("Inception v3", 2015, RETHINKING),
        {"trunk": INCEPTION_V3, "dropout": 0.5, "bare": 75, "head": ("Mixed_6e", (128, 768))},
        input_size=299,
        smallest=299,
        head=("fc", "AuxLogits.fc"),
        aux=("AuxLogits",),
    ),
}


def bn_inception(**settings: Unpack[Settings]) -> Network:
    """Inception with batch norm: 11,188,288 parameters."""
    return build(VARIANTS, "bn_inception", settings)


def inception_v2(**settings: Unpack[Settings]) -> Network:
    """Inception-v2 of the second paper's Table 1: 26,220,488 parameters."""
    return build(VARIANTS, "inception_v2", settings)


def inception_v3(**settings: Unpack[Settings]) -> Network:
    """Inception-v3 as torchvision has it: 23,834,568 parameters, with the auxiliary head 27,161,264."""
    return build(VARIANTS, "inception_v3", settings)

"""NASNet-A: Zoph, Vasudevan, Shlens and Le, "Learning transferable architectures" (arXiv:1707.07012), Figure 4.

A search found two small cells on CIFAR-10, and the networks for ImageNet stack them: a cell is data (`NORMAL` and
`REDUCTION` below), and the network is a loop over cells. A cell reads the two results before it, `here` and `before`,
brings both to its width, and works out five blocks, each the sum of two operations on what is there already; its result
is their concatenation.

    stem          a 3×3 convolution, and two reduction cells of a quarter and half the width
    body          N normal cells, a reduction, N normal cells, a reduction, N normal cells; a reduction halves the map
                  and doubles the width F

    nasnet_a_mobile    N = 4, 1056 channels at the end (24 · F), pictures of 224
    nasnet_a_large     N = 6, 4032 channels at the end, pictures of 331

The order of the parameters is timm's (`nasnetalarge`). Deviations: no auxiliary head and no scheduled drop path, which
the authors used in training; batch norm with momentum 0.1 and, as timm, poolings with stride 2 whose average counts
the padding as zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from minidl import nn, ops
from minidl.kernels.textbook.windows import same_padding
from minidl.models._family import Network, Paper, Settings, Variant, build, initialise, trail
from minidl.nn import init
from minidl.tensor import Tensor

Branch = tuple[str, str]  # an operation, and what it reads
INPUTS = ("here", "before")


@dataclass(frozen=True)
class CellTable:
    """A cell as data.

    Attributes:
        blocks: name -> two branches (operation, input), whose results are added. An input is "here", "before" or the
            name of a block above.
        output: what is concatenated.
        stride: of the operations that read "here" or "before".
    """

    blocks: Mapping[str, tuple[Branch, Branch]]
    output: tuple[str, ...]
    stride: int = 1


NORMAL = CellTable(
    {
        "a": (("separable 5", "here"), ("separable 3", "before")),
        "b": (("separable 5", "before"), ("separable 3", "before")),
        "c": (("average 3", "here"), ("identity", "before")),
        "d": (("average 3", "before"), ("average 3", "before")),
        "e": (("separable 3", "here"), ("identity", "here")),
    },
    output=("before", "a", "b", "c", "d", "e"),
)
REDUCTION = CellTable(
    {
        "a": (("separable 5", "here"), ("separable 7", "before")),
        "b": (("max 3", "here"), ("separable 7", "before")),
        "c": (("average 3", "here"), ("separable 5", "before")),
        "d": (("average 3", "a"), ("identity", "b")),
        "e": (("separable 3", "a"), ("max 3", "here")),
    },
    output=("b", "c", "d", "e"),
    stride=2,
)


def norm(channels: int, **settings: Any) -> nn.BatchNorm2d:
    """Return the batch norm of this family."""
    return nn.BatchNorm2d(channels, eps=1e-3, **settings)


def conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size (halves it, rounded up)."""
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding="same", groups=groups, bias=False)


class Separable(nn.Module):
    """Twice depthwise k×k, 1×1, norm, with a relu between; what comes in has been through a relu already."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int):
        super().__init__()
        k, o = kernel_size, out_channels
        self.depthwise1 = conv(in_channels, in_channels, k, stride, groups=in_channels)
        self.pointwise1 = conv(in_channels, o, 1)
        self.norm1 = norm(o, activation="relu")
        self.depthwise2 = conv(o, o, k, groups=o)
        self.pointwise2 = conv(o, o, 1)
        self.norm2 = norm(o)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, O, H / stride, W / stride)."""
        x = self.norm1(self.pointwise1(self.depthwise1(x)))
        return self.norm2(self.pointwise2(self.depthwise2(x)))


class Pool(nn.Module):
    """The largest or the average of 3×3, padded like TensorFlow's "same"."""

    def __init__(self, kind: str, stride: int):
        super().__init__()
        self.kind, self.stride = kind, stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H / stride, W / stride)."""
        rows, columns = (same_padding(size, 3, self.stride, 1) for size in x.shape[2:])
        padding = rows, columns
        if self.kind == "max":
            return ops.max_pool2d(x, 3, stride=self.stride, padding=padding)
        return ops.avg_pool2d(x, 3, stride=self.stride, padding=padding, count_include_pad=self.stride > 1)

    def extra_repr(self) -> str:
        """Return kind and stride."""
        return f"{self.kind!r}, stride={self.stride}"


class Halving(nn.Module):
    """Halve a map without losing pixels: a 1×1 on every second one, another on those between, norm."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.even = conv(in_channels, out_channels // 2, 1)
        self.odd = conv(in_channels, out_channels - out_channels // 2, 1)
        self.norm = norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, O, H / 2, W / 2), rounded up; an odd pixel at the end has a zero beside it."""
        if min(x.shape[2:]) < 2:
            raise ValueError(f"Halving: between every second pixel of one row there are none; x.shape={x.shape}")
        between = ops.pad(x, ((0, 1), (0, 1)))[:, :, 1::2, 1::2]
        return self.norm(ops.concat([self.even(x[:, :, ::2, ::2]), self.odd(between)], axis=1))


class Projection(nn.Module):
    """A 1×1 convolution and a norm, which bring a map to the width of a cell."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv = conv(in_channels, out_channels, 1)
        self.norm = norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, O, H, W)."""
        return self.norm(self.conv(x))


# What a branch may do: name -> (kind, kernel); separable convolutions begin with a relu.
OPERATIONS = {
    "identity": ("identity", 1),
    "average 3": ("average", 3),
    "max 3": ("max", 3),
    "separable 3": ("separable", 3),
    "separable 5": ("separable", 5),
    "separable 7": ("separable", 7),
}


def check_cell(table: CellTable) -> None:
    """Refuse a cell that names an unknown operation, or reads what is not there yet.

    Raises:
        ValueError: with the block, what it asks for, and what there is.

    Example:
        >>> check_cell(CellTable({"a": (("max 3", "b"), ("identity", "here"))}, output=("a",)))
        Traceback (most recent call last):
        ValueError: cell: block 'a' reads 'b', which is nothing here; there are 'here', 'before', 'a'
    """
    order = [*INPUTS, *table.blocks]
    names = ", ".join(map(repr, order))
    for name, branches in table.blocks.items():
        for operation, source in branches:
            if operation not in OPERATIONS:
                raise ValueError(
                    f"cell: block {name!r} asks for {operation!r}; the operations are "
                    f"{', '.join(map(repr, OPERATIONS))}"
                )
            if source not in order:
                raise ValueError(f"cell: block {name!r} reads {source!r}, which is nothing here; there are {names}")
            if order.index(source) >= order.index(name):
                own, other = (list(table.blocks).index(one) + 1 for one in (name, source))
                raise ValueError(
                    f"cell: block {name!r} (number {own}) reads {source!r} (number {other}), a loop: {other} >= {own}; "
                    f"a block reads only those above it"
                )
            if operation == "identity" and source in INPUTS and table.stride > 1:
                raise ValueError(
                    f"cell: block {name!r} passes {source!r} on as it is, where stride {table.stride} must halve it"
                )
    for name in table.output:
        if name not in order:
            raise ValueError(f"cell: the output asks for {name!r}, which is nothing here; there are {names}")


def branch(operation: str, in_channels: int, width: int, stride: int) -> nn.Module:
    """Return the layers of an operation."""
    kind, kernel_size = OPERATIONS[operation]
    if kind == "separable":
        return Separable(in_channels, width, kernel_size, stride)
    return nn.Identity() if kind == "identity" else Pool(kind, stride)


class Cell(nn.Module):
    """A cell that reads two maps; `before` is None for the first one, which reads `here` in its place, as it is.

    Args:
        table: the cell as data.
        width: F, the channels of every block.
        here: channels of the last result.
        before: channels of the one before it, or None.
        halved: whether `before` is twice as large as `here`.
    """

    before: nn.Module

    def __init__(self, table: CellTable, width: int, here: int, before: int | None, *, halved: bool):
        super().__init__()
        check_cell(table)
        self.table = table
        if before is not None and not halved:  # before `here`: the order of timm's parameters
            self.before = Projection(before, width)
        self.here = Projection(here, width)
        if before is not None and halved:
            self.before = Halving(before, width)
        channels = dict.fromkeys(table.blocks, width) | {"here": width, "before": width if before else here}
        self.branches = nn.ModuleDict(
            {
                f"{name}{side}": branch(operation, channels[source], width, table.stride if source in INPUTS else 1)
                for name, branches in table.blocks.items()
                for side, (operation, source) in enumerate(branches, start=1)
            }
        )
        self.out_channels = sum(channels[name] for name in table.output)

    def forward(self, here: Tensor, before: Tensor | None) -> Tensor:
        """Two maps (N, C, H, W) -> (N, O, H / stride, W / stride)."""
        maps = {"here": self.here(ops.relu(here))}
        maps["before"] = here if before is None else self.before(ops.relu(before))
        rectified: dict[str, Tensor] = {}  # several branches read the relu of the same map
        for name, branches in self.table.blocks.items():
            results = []
            for side, (operation, source) in enumerate(branches, start=1):
                rectifies = OPERATIONS[operation][0] == "separable"
                if rectifies and source not in rectified:
                    rectified[source] = ops.relu(maps[source])
                results.append(self.branches[f"{name}{side}"]((rectified if rectifies else maps)[source]))
            first, second = results
            maps[name] = ops.add(first, second)
        return ops.concat([maps[name] for name in self.table.output], axis=1)


class NASNet(Network):
    """The loop over cells: a stem of two reductions, N normal cells thrice with a reduction between, one linear layer.

    Args:
        width: F, the width of the first normal cells.
        n: N.
        stem: channels of the first convolution.
        skips: whether the cell behind a reduction reads, as `before`, what the reduction read, and not its input.
        normal: the cell that keeps the size.
        reduction: the cell that halves it.
        num_classes: O of the linear layer.
        in_channels: C.
        rng: generator of the initial weights.
    """

    def __init__(
        self,
        *,
        width: int,
        n: int,
        stem: int,
        skips: bool,
        normal: CellTable = NORMAL,
        reduction: CellTable = REDUCTION,
        num_classes: int = 1000,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        plan = [(reduction, width // 4), (reduction, width // 2), *[(normal, width)] * n]
        for factor in (2, 4):
            plan += [(reduction, width * factor), *[(normal, width * factor)] * n]
        with init.unfilled():
            self.conv0 = nn.Conv2dNormActivation(in_channels, stem, 3, 2, padding=0, norm_layer=norm, activation=None)
            cells, self.skips = [], []
            here, before = stem, None  # channels of the two maps that a cell reads
            here_halved = before_halved = 0  # how often they have been halved
            for place, (table, cell_width) in enumerate(plan):
                cell = Cell(table, cell_width, here, before, halved=before_halved < here_halved)
                cells.append(cell)
                self.skips.append(skips and place > 1 and table is reduction)
                if not self.skips[-1]:
                    before, before_halved = here, here_halved
                here, here_halved = cell.out_channels, here_halved + (table.stride > 1)
            self.cells = nn.ModuleList(cells)
            self.dropout = nn.Dropout(0.5)
            self.fc = nn.Linear(here, num_classes)
        initialise(self, rng)

    def explain(self, size: int) -> str:
        """The last reduction needs pixels between every second one."""
        return f"the last halving needs 2 pixels a side: {trail(size, (3, 2, 0), *[(3, 2, 1)] * 3)}"

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, 3, 331, 331) into logits (N, 1000); the shapes are those of nasnet_a_large."""
        self.check_pictures(x)
        before, here = None, self.conv0(x)  # (N, 96, 165, 165)
        # (N, 168, 83, 83) -> (N, 336, 42, 42) -> (N, 1008, 42, 42) -> (N, 1344, 21, 21) -> (N, 2016, 21, 21)
        # -> (N, 2688, 11, 11) -> (N, 4032, 11, 11)
        for cell, skips in zip(self.cells, self.skips, strict=True):
            before, here = before if skips else here, cell(here, before)
        x = ops.global_avg_pool2d(ops.relu(here))  # (N, 4032)
        return self.fc(self.dropout(x))  # (N, 1000)


PAPER = Paper("NASNet", 2017, "Zoph, Vasudevan, Shlens, Le, arXiv:1707.07012, Figure 4")

VARIANTS = {
    "nasnet_a_mobile": Variant(NASNet, PAPER, {"width": 44, "n": 4, "stem": 32, "skips": False}, smallest=19),
    "nasnet_a_large": Variant(
        NASNet, PAPER, {"width": 168, "n": 6, "stem": 96, "skips": True}, input_size=331, smallest=19
    ),
}


def nasnet_a_mobile(**settings: Unpack[Settings]) -> Network:
    """NASNet-A (4 @ 1056): 5,289,978 parameters."""
    return build(VARIANTS, "nasnet_a_mobile", settings)


def nasnet_a_large(**settings: Unpack[Settings]) -> Network:
    """NASNet-A (6 @ 4032): 88,753,150 parameters."""
    return build(VARIANTS, "nasnet_a_large", settings)

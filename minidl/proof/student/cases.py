"""Geometries for a student's functions, the simple ones first: the first that fails says the most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl._checks import Padding, Pair
from minidl.proof import oracles

NONE: Padding = ((0, 0), (0, 0))


@dataclass(frozen=True)
class Geometry:
    """One case: the shapes of the arrays and the settings of the call."""

    name: str
    x_shape: tuple[int, ...]
    kernel_size: Pair
    kernels: int = 1
    stride: Pair = (1, 1)
    padding: Padding = NONE
    dilation: Pair = (1, 1)
    groups: int = 1
    dtype: str = "float64"
    channels_last: bool = False
    beyond: Pair = (0, 0)  # windows that reach over the end (ceil_mode of the poolings)
    whole: bool = False  # small whole numbers, with which one can reckon by hand

    @property
    def w_shape(self) -> tuple[int, ...]:
        """The shape (O, C/G, KH, KW) of the kernels."""
        return (self.kernels, self.x_shape[1] // self.groups, *self.kernel_size)

    @property
    def size(self) -> Pair:
        """The number of windows (OH, OW)."""
        oh, ow = (
            oracles.out_size(
                self.x_shape[2 + a], self.kernel_size[a], self.stride[a], self.padding[a], self.dilation[a]
            )
            for a in range(2)
        )
        return oh + self.beyond[0], ow + self.beyond[1]

    @property
    def y_shape(self) -> tuple[int, ...]:
        """The shape (N, O, OH, OW) of the result of a convolution."""
        return (self.x_shape[0], self.kernels, *self.size)

    @property
    def cols_shape(self) -> tuple[int, ...]:
        """The shape (N, C, KH, KW, OH, OW) of the columns."""
        return (*self.x_shape[:2], *self.kernel_size, *self.size)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Draw an array in the dtype and memory order of the case."""
        array = numbers(rng, shape, self.whole).astype(self.dtype)
        if self.channels_last and array.ndim == 4:
            return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        return array

    def __str__(self) -> str:
        changed = [
            ("stride", self.stride, (1, 1)),
            ("padding", self.padding, NONE),
            ("dilation", self.dilation, (1, 1)),
        ]
        changed += [("groups", self.groups, 1), ("dtype", self.dtype, "float64")]  # type: ignore[list-item]
        words = [f"{name}={value}" for name, value, default in changed if value != default]
        words += ["x channels-last in memory"] * self.channels_last
        return ", ".join([f"x.shape={self.x_shape}", f"kernel_size={self.kernel_size}", *words])


@dataclass(frozen=True)
class Numbers:
    """One case of a function without windows: the shape of x, and the settings of the call by name."""

    name: str
    x_shape: tuple[int, ...]
    given: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float64"
    groups: int = 1
    whole: bool = False

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """Draw an array of the dtype of the case, of the shape of x (default) or another one."""
        return numbers(rng, self.x_shape if shape is None else shape, self.whole).astype(self.dtype)

    def __str__(self) -> str:
        words = [f"{name}={value}" for name, value in self.given.items()]
        words += [f"dtype={self.dtype}"] * (self.dtype != "float64")
        return ", ".join([f"x.shape={self.x_shape}", *words])


Case = Geometry | Numbers


def numbers(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> np.ndarray:
    """Draw numbers from a normal distribution, or small whole ones: none is 0, and of few no two are the same."""
    if not whole:
        return rng.standard_normal(shape)
    size = int(np.prod(shape))
    most = 3 if size > 12 else max(3, (size + 1) // 2)
    return rng.choice(np.delete(np.arange(-most, most + 1.0), most), shape, replace=size > 12)


WINDOWS = (
    Geometry("the smallest", (1, 1, 3, 3), (2, 2)),
    Geometry("pictures and channels, not square", (2, 3, 5, 4), (3, 2), 4),
    Geometry("stride", (2, 2, 7, 6), (3, 2), 3, stride=(2, 3)),
    Geometry("stride > kernel", (1, 2, 8, 7), (2, 2), 2, stride=(3, 3)),
    Geometry("padding", (1, 2, 4, 5), (3, 3), 2, padding=((1, 1), (1, 1))),
    Geometry("uneven padding", (1, 2, 4, 5), (3, 3), 2, padding=((0, 2), (1, 0))),
    Geometry("dilation", (1, 2, 8, 7), (3, 2), 2, dilation=(2, 3)),
    Geometry("kernel = picture", (2, 2, 3, 4), (3, 4), 3),
    Geometry("1×1", (2, 3, 3, 4), (1, 1), 2),
    Geometry("everything", (2, 2, 9, 7), (3, 2), 3, stride=(2, 1), padding=((1, 2), (0, 1)), dilation=(2, 3)),
    Geometry("float32", (1, 2, 4, 4), (2, 2), 2, dtype="float32"),
    Geometry("memory order", (2, 3, 4, 5), (2, 2), 2, channels_last=True),
)
GROUPS = (
    Geometry("two groups", (2, 4, 4, 4), (3, 3), 6, padding=((1, 1), (1, 1)), groups=2),
    Geometry("depthwise", (2, 3, 5, 4), (2, 2), 3, stride=(2, 1), groups=3),
    Geometry("depthwise, two kernels a channel", (1, 3, 4, 4), (3, 3), 6, groups=3),
)
POOLS = (
    Geometry("2×2", (1, 1, 4, 4), (2, 2), stride=(2, 2)),
    Geometry("pictures and channels, not square", (2, 3, 6, 4), (3, 2), stride=(3, 2)),
    Geometry("overlapping", (2, 2, 7, 5), (3, 3), stride=(2, 1)),
    Geometry("padding", (1, 2, 6, 5), (3, 3), stride=(2, 2), padding=((1, 1), (1, 1))),
    Geometry("uneven padding", (1, 2, 6, 6), (5, 3), stride=(3, 2), padding=((2, 1), (0, 1))),
    Geometry("beyond the end (ceil_mode)", (1, 2, 8, 6), (3, 3), stride=(2, 2), beyond=(1, 1)),
    Geometry("padding, beyond the end", (1, 2, 6, 7), (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), beyond=(1, 0)),
    Geometry("float32", (1, 2, 4, 4), (2, 2), stride=(2, 2), dtype="float32"),
)
DILATED_POOLS = (*POOLS, Geometry("dilation", (2, 2, 7, 8), (2, 2), stride=(2, 1), dilation=(3, 2)))
ONE: Padding = ((1, 1), (1, 1))
HANDS = (  # to reckon by hand: whole numbers, and one thing at a time
    Geometry("one window", (1, 1, 2, 2), (2, 2), whole=True),
    Geometry("four windows", (1, 1, 3, 3), (2, 2), whole=True),
    Geometry("not square", (1, 1, 2, 4), (2, 3), whole=True),
    Geometry("padding", (1, 1, 2, 2), (3, 3), padding=ONE, whole=True),
    Geometry("uneven padding", (1, 1, 2, 2), (2, 2), padding=((1, 0), (0, 1)), whole=True),
    Geometry("stride", (1, 1, 4, 4), (2, 2), stride=(2, 2), whole=True),
    Geometry("uneven stride", (1, 1, 3, 4), (2, 2), stride=(1, 2), whole=True),
    Geometry("dilation", (1, 1, 3, 3), (2, 2), dilation=(2, 2), whole=True),
    Geometry("uneven dilation", (1, 1, 2, 3), (2, 2), dilation=(1, 2), whole=True),
    Geometry("two channels", (1, 2, 2, 2), (2, 2), whole=True),
    Geometry("two kernels", (1, 1, 2, 3), (2, 2), 2, whole=True),
    Geometry("two pictures", (2, 1, 2, 2), (2, 2), whole=True),
    Geometry("two pictures, two kernels", (2, 1, 2, 3), (2, 2), 2, whole=True),
    Geometry("beyond the end", (1, 1, 3, 3), (2, 2), stride=(2, 2), beyond=(1, 1), whole=True),
    Geometry("depthwise", (1, 2, 2, 2), (2, 2), 2, groups=2, whole=True),
    Geometry("depthwise, two kernels a channel", (1, 2, 2, 2), (2, 2), 4, groups=2, whole=True),
    Geometry("two groups", (1, 4, 2, 2), (2, 2), 2, groups=2, whole=True),
)

"""The sizes of a convolution, and which pixels its windows read and write: one description for both directions.

Along one axis, with stride s, dilation d and p pixels of padding in front, window a of a convolution sees at tap i

    source pixel   a·s + i·d - p                        and writes target pixel a.

Its gradient asks the other way round: which windows have seen pixel r? Those with a·s + i·d - p = r, so the tap must
leave no rest in (r + p - i·d) / s. Which taps do, depends on r mod s alone. So the pixels fall into s phases; the
pixels r = f, f + s, f + 2s, … of phase f all see the same taps, and pixel number a of them sees at tap i

    source pixel   a + (f + p - i·d) / s                and writes target pixel a·s + f.

That is an indexing like the first one, of dy instead of x, without one remainder left to compute. Taken from the last
tap to the first, the source pixels ascend. (With stride 1 there is one phase: the convolution with the flipped kernel.)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl._checks import Padding, Pair, to_int, to_pair
from minidl.kernels.cpu.door import judged_windows
from minidl.kernels.textbook.windows import output_size


class Axis(NamedTuple):
    """An axis of an indexing: window a reads source[first + step·a + spacing·t] at tap t, 0 outside of the source.

    It writes target[place + stride·a]; its tap t is number tap + tap_step·t of the weights. The source has `size`.
    """

    windows: int
    taps: int
    first: int
    step: int
    spacing: int
    place: int
    stride: int
    tap: int
    tap_step: int
    size: int

    @property
    def stays_inside(self) -> bool:
        """Tell whether no window sees a border."""
        return self.first >= 0 and self.first + self.span <= self.size

    @property
    def seen(self) -> int:
        """Return how many pixels of the source all windows see together, each as often as it is seen."""
        firsts = range(self.first, self.first + self.spacing * self.taps, self.spacing)
        ends = (min(self.windows, -((at - self.size) // self.step)) for at in firsts)  # behind the last window
        return sum(max(0, end - max(0, -(at // self.step))) for at, end in zip(firsts, ends, strict=True))

    @property
    def span(self) -> int:
        """Return how many source pixels all windows see, gaps and borders included."""
        return self.reach(self.windows)

    def reach(self, windows: int) -> int:
        """Return how many source pixels some neighbouring windows see."""
        return self.step * (windows - 1) + self.spacing * max(0, self.taps - 1) + 1


class Indexing(NamedTuple):
    """Which pixels of its source each window reads, and which pixel of its target it writes: by rows and columns."""

    rows: Axis
    columns: Axis

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first seven numbers of both axes, for kernels, which only read them."""
        return _numbers(self.rows), _numbers(self.columns)


@functools.lru_cache(maxsize=1024)
def _numbers(axis: Axis) -> np.ndarray:
    return np.array(axis[:7])


class Geometry(NamedTuple):
    """All sizes of a convolution."""

    n: int
    c: int
    h: int
    width: int
    o: int
    kh: int
    kw: int
    oh: int
    ow: int
    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    dilation: tuple[int, int]
    groups: int

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        """Return the shape of the result, (N, O, OH, OW)."""
        return self.n, self.o, self.oh, self.ow

    @property
    def w_shape(self) -> tuple[int, int, int, int]:
        """Return the shape of the weights, (O, C/G, KH, KW)."""
        return self.o, self.c // self.groups, self.kh, self.kw

    @functools.lru_cache(maxsize=1024)  # noqa: B019 - a geometry is a few numbers
    def forward(self) -> Indexing:
        """Return the indexing of the convolution: from x to y."""
        (top, _), (left, _) = self.padding
        return Indexing(
            Axis(self.oh, self.kh, -top, self.stride[0], self.dilation[0], 0, 1, 0, 1, self.h),
            Axis(self.ow, self.kw, -left, self.stride[1], self.dilation[1], 0, 1, 0, 1, self.width),
        )

    def passing(self, step: str) -> tuple[Indexing, ...]:
        """Return the indexings of a pass: one forward, one for each phase of "dx"."""
        return self.backward() if step == "dx" else (self.forward(),)

    @functools.lru_cache(maxsize=1024)  # noqa: B019 - a geometry is a few numbers
    def as_one_row(self) -> Geometry:
        """Return these sizes; where windows are pixels (1×1), those of one picture of one row, which has all pixels."""
        sizes = self.kh, self.kw, *self.stride, self.oh, self.ow
        if sizes != (1, 1, 1, 1, self.h, self.width) or any(map(any, self.padding)):
            return self
        pixels = self.n * self.h * self.width
        return self._replace(n=1, h=1, width=pixels, oh=1, ow=pixels)

    @functools.lru_cache(maxsize=1024)  # noqa: B019 - a geometry is a few numbers
    def backward(self) -> tuple[Indexing, ...]:
        """Return the indexings from dy to dx, one for each phase."""
        (top, _), (left, _) = self.padding
        columns = list(_phases(self.width, self.kw, self.stride[1], left, self.dilation[1], self.ow))
        rows = _phases(self.h, self.kh, self.stride[0], top, self.dilation[0], self.oh)
        return tuple(Indexing(row, column) for row in rows for column in columns)


def _phases(size: int, taps: int, stride: int, padding: int, dilation: int, source: int) -> Iterator[Axis]:
    every = stride // math.gcd(stride, dilation)  # of the taps, each so many-th fits a phase
    for phase in range(min(stride, size)):
        windows = -(-(size - phase) // stride)
        fitting = [tap for tap in range(taps) if (phase + padding - tap * dilation) % stride == 0][::-1]
        last = fitting[0] if fitting else 0
        first = (phase + padding - last * dilation) // stride
        yield Axis(windows, len(fitting), first, 1, every * dilation // stride, phase, stride, last, -every, source)


@functools.lru_cache(maxsize=4096)
def _measured(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    out_size: Pair,
) -> Geometry:
    (n, c, h, width), (o, inputs, kh, kw) = x_shape, w_shape
    to_int("conv2d", "groups", groups, least=1)
    for name, pair in (("stride", stride), ("dilation", dilation)):
        to_pair("conv2d", name, pair, least=1)
    to_pair("conv2d", "out_size", out_size, least=1)
    judged_windows("conv2d", (h, width), (kh, kw), stride, padding, dilation, out_size)
    for axis, size in enumerate((h, width)):
        fit = output_size(size, w_shape[2 + axis], stride[axis], padding[axis], dilation[axis])
        if out_size[axis] > fit:
            raise ValueError(f"conv2d: {fit} windows fit along axis {2 + axis} of x; received out_size={out_size}")
    if c != inputs * groups or o % groups:
        raise ValueError(
            f"conv2d: expects x (N, G * I, H, W) and w (O, I, KH, KW) with O % G = 0; "
            f"received x.shape={x_shape}, w.shape={w_shape}, G={groups}"
        )
    return Geometry(n, c, h, width, o, kh, kw, *out_size, stride, padding, dilation, groups)


def measure(x_shape: tuple[int, ...], w_shape: tuple[int, ...], *settings: Any) -> Geometry:
    """Return all sizes of a convolution, judged: kernels rely on them.

    Raises:
        ValueError: if the sizes do not fit each other.
        TypeError: if stride, padding and dilation are no tuples.
    """
    try:
        return _measured(x_shape, w_shape, *settings)
    except TypeError:
        raise TypeError(
            f"conv2d: expects stride, padding, dilation, groups and out_size (ints and tuples); received {settings!r}"
        ) from None

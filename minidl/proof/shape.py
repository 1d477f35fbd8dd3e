"""Cases of the operations that move numbers, and of the reductions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import ops
from minidl.proof import oracles
from minidl.proof.conv import as_padding
from minidl.proof.table import Case, Table, normal, separated
from minidl.tensor import Tensor

RESHAPE = Table(
    "reshape",
    lambda x, shape: ops.reshape(x, shape),
    (Case("to a row", normal((2, 3, 4)), {"shape": (2, -1)}), Case("more axes", normal((6, 4)), {"shape": (2, 3, 4)})),
    lambda x, shape: x.reshape(shape),
    views=True,
)


def flatten_oracle(x: np.ndarray, start_axis: int = 1, end_axis: int = -1) -> np.ndarray:
    """The same with the shape that NumPy wants."""
    end = end_axis % x.ndim
    return x.reshape(*x.shape[:start_axis], math.prod(x.shape[start_axis : end + 1]), *x.shape[end + 1 :])


FLATTEN = Table(
    "flatten",
    ops.flatten,
    (
        Case("pictures", normal((2, 3, 4, 5))),
        Case("from 2", normal((2, 3, 4, 5)), {"start_axis": 2}),
        Case("1 to 2", normal((2, 3, 4, 5)), {"start_axis": 1, "end_axis": 2}),
        Case("0 to 0", normal((2, 3)), {"start_axis": 0, "end_axis": 0}),
    ),
    flatten_oracle,
    views=True,
)
UNFLATTEN = Table(
    "unflatten",
    ops.unflatten,
    (
        Case("pictures", normal((2, 24)), {"axis": 1, "sizes": (2, 3, 4)}),
        Case("the first axis, one worked out", normal((6, 2)), {"axis": 0, "sizes": (2, -1)}),
        Case("in the middle", normal((2, 4, 3)), {"axis": -2, "sizes": [2, 2]}),
    ),
    lambda x, axis, sizes: x.reshape(*x.shape[: axis % x.ndim], *sizes, *x.shape[axis % x.ndim + 1 :]),
    views=True,
)
TRANSPOSE = Table(
    "transpose",
    lambda x, axes: ops.transpose(x, *axes),
    (Case("reverse", normal((2, 3, 4)), {"axes": ()}), Case("cycle", normal((2, 3, 4)), {"axes": (1, 2, 0)})),
    lambda x, axes: x.transpose(axes or None),
    views=True,
)
INDEX = Table(
    "index",
    ops.index,
    (
        Case("a slice", normal((4, 5)), {"key": (slice(1, 3), slice(None, None, 2))}),
        Case("backwards", normal((4, 5)), {"key": (slice(None, None, -1), ...)}),
        Case("one row", normal((4, 5)), {"key": 2}),
        Case("one element", normal((4, 5)), {"key": (1, 2)}),
        Case("from the end, a new axis", normal((2, 3, 4)), {"key": (..., -1, None)}),
        Case("rows, one of them twice", normal((4, 5)), {"key": np.array([0, 2, 2])}),
        Case("a list, one twice", normal((4, 5)), {"key": [1, -1, 1]}),
        Case("pairs, one twice", normal((4, 5)), {"key": (np.array([0, 3, 0]), np.array([1, 1, 1]))}),
        Case("a slice and a list", normal((3, 4, 2)), {"key": (slice(1, None), [0, 0, 3])}),
        Case("a mask", normal((3, 4)), {"key": np.arange(12).reshape(3, 4) % 3 == 0}),
        Case("a mask of rows", normal((3, 4)), {"key": [True, False, True]}),
        Case("no list element", normal((3, 4)), {"key": ([],)}),
    ),
    lambda x, key: np.array(x[key]),
)


def concat(*tensors: Tensor, axis: int) -> Tensor:
    """`ops.concat` with the tensors as arguments."""
    return ops.concat(tensors, axis)


CONCAT = Table(
    "concat",
    concat,
    (
        Case("channels", normal((2, 3, 4, 2), (2, 1, 4, 2), (2, 2, 4, 2)), {"axis": 1}),
        Case("rows", normal((2, 3), (4, 3)), {"axis": 0}),
        Case("last axis", normal((2, 1), (2, 3)), {"axis": -1}),
        Case("one tensor", normal((2, 3)), {"axis": 1}),
        Case("an empty one", normal((2, 3), (2, 0)), {"axis": 1}),
    ),
    lambda *arrays, axis: np.concatenate(arrays, axis),
)


def append(x: Tensor, *new: Tensor, channels: int | None = None, branch: bool = False) -> Tensor:
    """`ops.append_channels` new maps one after the other, behind room for so many channels; or, as branches, each to x.

    The branches are multiplied: if one had written over another, both the product and its gradients would be wrong.
    """
    y = x if channels is None else ops.reserve_channels(x, channels)
    if branch:
        first, second = (ops.append_channels(y, maps) for maps in new)
        return ops.multiply(first, second)
    for maps in new:
        y = ops.append_channels(y, maps)
    return y


def append_oracle(x: np.ndarray, *new: np.ndarray, channels: int | None = None, branch: bool = False) -> np.ndarray:
    """The same with NumPy, which copies everything."""
    if branch:
        return np.concatenate([x, new[0]], axis=1) * np.concatenate([x, new[1]], axis=1)
    return np.concatenate([x, *new], axis=1)


GROW = Table(
    "reserve_channels",
    ops.reserve_channels,
    (
        Case("room behind it", normal((2, 3, 4, 2)), {"channels": 5}),
        Case("no room", normal((2, 3, 1, 2)), {"channels": 3}),
    ),
    lambda x, channels: x.copy(),
)
APPEND = Table(
    "append_channels",
    append,
    (
        Case("without room", normal((2, 3, 4, 2), (2, 2, 4, 2)), {}),
        Case("with room", normal((2, 3, 4, 2), (2, 2, 4, 2)), {"channels": 7}),
        Case("three times", normal((2, 1, 3, 2), (2, 2, 3, 2), (2, 1, 3, 2), (2, 3, 3, 2)), {"channels": 7}),
        Case("two to one", normal((2, 2, 3, 1), (2, 2, 3, 1), (2, 2, 3, 1)), {"channels": 6, "branch": True}),
        Case("more than there is room", normal((2, 2, 1, 3), (2, 1, 1, 3), (2, 2, 1, 3)), {"channels": 4}),
    ),
    append_oracle,
    views=True,
)


def part_of_split(x: Tensor, sizes_or_count: Any, axis: int, part: int) -> Tensor:
    """One part of `ops.split`."""
    return ops.split(x, sizes_or_count, axis)[part]


def split_oracle(x: np.ndarray, sizes_or_count: Any, axis: int, part: int) -> np.ndarray:
    """The same with NumPy, which wants the places of the cuts."""
    cuts = sizes_or_count if isinstance(sizes_or_count, int) else np.cumsum(sizes_or_count)[:-1]
    return np.split(x, cuts, axis)[part].copy()


SPLIT = Table(
    "split",
    part_of_split,
    (
        Case("first half of the channels", normal((2, 4, 3, 2)), {"sizes_or_count": 2, "axis": 1, "part": 0}),
        Case("second half of the channels", normal((2, 4, 3, 2)), {"sizes_or_count": 2, "axis": 1, "part": 1}),
        Case("the middle one", normal((6, 3)), {"sizes_or_count": [1, 3, 2], "axis": 0, "part": 1}),
        Case("the last one", normal((2, 5)), {"sizes_or_count": (2, 3), "axis": -1, "part": -1}),
    ),
    split_oracle,
)


def pad_oracle(x: np.ndarray, padding: Any, value: float = 0.0) -> np.ndarray:
    """The same with NumPy, which wants the border of every axis."""
    return np.pad(x, (*[(0, 0)] * (x.ndim - 2), *as_padding(padding)), constant_values=value)


PAD = Table(
    "pad",
    ops.pad,
    (
        Case("an int", normal((2, 3, 4, 2)), {"padding": 1}),
        Case("a pair", normal((1, 2, 3, 3)), {"padding": (0, 2), "value": -1.5}),
        Case("uneven", normal((2, 1, 3, 4)), {"padding": ((2, 0), (1, 3))}),
        Case("a matrix", normal((3, 2)), {"padding": ((0, 1), (0, 0)), "value": 7}),
    ),
    pad_oracle,
)


def interpolate_oracle(
    x: np.ndarray, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None
) -> np.ndarray:
    """The loop, with sizes and steps of rows and columns."""
    h, width = x.shape[2:]
    if size is not None:
        oh, ow = size if isinstance(size, tuple) else (size, size)
        return oracles.interpolate(x, (oh, ow), (h / oh, width / ow), mode, bool(align_corners))
    rows, columns = scale_factor if isinstance(scale_factor, tuple) else (scale_factor, scale_factor)
    out = math.floor(h * rows), math.floor(width * columns)
    return oracles.interpolate(x, out, (1 / rows, 1 / columns), mode, bool(align_corners))


BILINEAR: dict[str, Any] = {"mode": "bilinear"}
INTERPOLATE = Table(
    "interpolate",
    ops.interpolate,
    (
        Case("nearest, twice as large", normal((2, 3, 3, 2)), {"scale_factor": 2}),
        Case("nearest, to a size", normal((1, 2, 3, 4)), {"size": (5, 7)}),
        Case("nearest, smaller", normal((1, 2, 5, 6)), {"size": (2, 4)}),
        Case("nearest, 1.5 times", normal((1, 2, 3, 5)), {"scale_factor": 1.5}),
        Case("bilinear, twice as large", normal((2, 3, 3, 2)), {"scale_factor": 2, **BILINEAR}),
        Case("bilinear, to a size", normal((1, 2, 3, 4)), {"size": (5, 7), **BILINEAR}),
        Case("bilinear, smaller", normal((1, 2, 7, 6)), {"size": (2, 4), **BILINEAR}),
        Case("bilinear, 1.7 and 0.6 times", normal((1, 2, 3, 5)), {"scale_factor": (1.7, 0.6), **BILINEAR}),
        Case("bilinear, one pixel", normal((2, 2, 1, 1)), {"size": 3, **BILINEAR}),
        Case("bilinear, to one pixel", normal((2, 2, 4, 3)), {"size": 1, **BILINEAR}),
        Case("corners", normal((2, 2, 3, 4)), {"size": (5, 7), "align_corners": True, **BILINEAR}),
        Case("corners, smaller", normal((1, 2, 5, 6)), {"size": (3, 1), "align_corners": True, **BILINEAR}),
        Case("corners, by a factor", normal((1, 2, 2, 3)), {"scale_factor": 3, "align_corners": True, **BILINEAR}),
    ),
    interpolate_oracle,
)
CHANNEL_SHUFFLE = Table(
    "channel_shuffle",
    ops.channel_shuffle,
    (
        Case("two groups", normal((2, 6, 3, 2)), {"groups": 2}),
        Case("three groups", normal((1, 6, 2, 2)), {"groups": 3}),
        Case("one group", normal((2, 4, 2, 1)), {"groups": 1}),
        Case("as many groups as channels", normal((2, 4, 1, 2)), {"groups": 4}),
    ),
    lambda x, groups: (
        x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:]).swapaxes(1, 2).reshape(x.shape).copy()
    ),
)

AXES = (
    Case("all axes", normal((2, 3, 4)), {"axis": None}),
    Case("one axis", normal((2, 3, 4)), {"axis": 1}),
    Case("two axes, kept", normal((2, 3, 4)), {"axis": (0, -1), "keepdims": True}),
    Case("one element", normal((1,)), {"axis": 0}),
)
SUM = Table("sum", ops.sum, AXES, lambda x, **settings: np.asarray(x.sum(**settings)))
MEAN = Table("mean", ops.mean, AXES, lambda x, **settings: np.asarray(x.mean(**settings)))
MAX = Table(
    "max",
    ops.max,
    (
        *(Case(case.name, separated((2, 3, 4)), case.settings) for case in AXES[:3]),
        Case("one element", separated((1,)), {"axis": 0}),
        Case("more than 256 elements", separated((3, 100)), {"axis": None}),
    ),
    lambda x, **settings: np.asarray(x.max(**settings)),
)
VAR = Table(
    "var",
    ops.var,
    (*AXES[:3], Case("biased", normal((2, 3, 4)), {"axis": (0, 2), "correction": 0})),
    lambda x, axis=None, correction=1, keepdims=False: np.asarray(x.var(axis=axis, ddof=correction, keepdims=keepdims)),
)

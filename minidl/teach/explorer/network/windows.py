"""One window of an operation, cut out with its numbers: what is behind one number of one map.

Windows are small enough to be drawn: at most 8 channels of 16×16. Where a sum runs over more channels, those that
weigh most are cut out, and what all others add is put to the bias, so that the sum of the window is the number of the
network, and no other. Where there are few channels, some neighbouring windows come along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.tensor import Event

MOST_CHANNELS = 8
MOST_SIDE = 16
MOST_OUTPUTS = 4  # a side
MOST_INPUTS = 8  # of a step that is told in words


@dataclass
class Window:
    """What made one number.

    Attributes:
        channel: of the map it lies in.
        at: its row and column.
        y: the number.
        op: the operation of the explorer that draws it, or "" where words do.
        settings: of that operation, for the crop.
        operands: x, w, b of the crop, by name.
        channels: which channels of the input were cut out.
        rest: what all others add.
        cell: where in the result of the crop the number lies.
        values: of a step told in words: its inputs, and what it knows of the channel.
    """

    channel: int
    at: tuple[int, int]
    y: float
    op: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    operands: dict[str, np.ndarray] = field(default_factory=dict)
    channels: list[int] = field(default_factory=list)
    rest: float = 0.0
    cell: tuple[int, int, int] = (0, 0, 0)
    values: list[float] = field(default_factory=list)

    def is_told(self) -> bool:
        """Tell whether there is something to show, and all of it finite."""
        found = (np.array([self.y, *self.values]), *self.operands.values())
        return bool(self.op or self.values) and all(bool(np.isfinite(numbers).all()) for numbers in found)


@dataclass(frozen=True)
class _Side:
    """Along one axis: which outputs are cut out, from which inputs, behind how much padding."""

    first: int
    outputs: int
    begin: int
    end: int
    padding: list[int]


def window_of(event: Event, channel: int, at: tuple[int, int] | None = None) -> Window | None:
    """Return the window behind one number of a map, by default the one of largest size; None if it is too large.

    Args:
        event: one step forward of one picture.
        channel: the map.
        at: row and column of the number.

    Example:
        >>> from minidl import models
        >>> from minidl.teach.explorer.network.trace import follow
        >>> x = np.random.default_rng(0).standard_normal((1, 32, 32)).astype("float32")
        >>> window = window_of(follow(models.lenet5_modern(), x).steps[0], 2, (5, 7))
        >>> window.op, window.operands["x"].shape, window.cell
        ('conv', (1, 8, 8), (0, 2, 2))
    """
    y = as_maps(event.output)[channel]
    if event.op in ("conv2d", "max_pool2d", "avg_pool2d"):
        return _sliding(event, channel, y, at)
    at = at or _largest(y)
    found = Window(channel, at, float(y[at]))
    if event.op == "linear":
        x, w, b = event.inputs
        seen, out = np.asarray(x)[0], channel
        if seen.ndim > 1:  # tokens, each by itself: a row of the map
            seen, out = (seen if seen.ndim == 2 else seen[channel])[at[0]], at[1]
        rest = 0.0 if b is None else float(b[out])
        _weigh(found, seen[:, None, None], w[out][:, None, None], rest)  # type: ignore[index]
        found.op, found.settings = "conv", _conv_settings(found, ([1, 1], [1, 1], [[0, 0], [0, 0]], [1, 1]))
    elif event.op == "local_response_norm":
        _across(found, event)
    else:
        found.values = _values(event, channel, at)
    return found


def as_maps(array: Any) -> np.ndarray:
    """Return what an operation made of one picture as maps (C, H, W); a vector is maps of one number each."""
    y = np.asarray(array)[0]
    if y.ndim == 3:
        return y
    return y.reshape(-1, 1, 1) if y.ndim < 2 else y.reshape(1, -1, y.shape[-1])


def _largest(y: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(int(np.abs(y).argmax()), y.shape)
    return int(row), int(column)


def _sliding(event: Event, channel: int, y: np.ndarray, at: tuple[int, int] | None) -> Window | None:
    x, set_ = np.asarray(event.inputs[0])[0], event.settings
    kernel = event.inputs[1].shape[2:] if event.op == "conv2d" else set_["kernel_size"]  # type: ignore[union-attr]
    stride, padding = set_["stride"], set_["padding"]
    dilation = set_.get("dilation", (1, 1))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    if max(spans) > MOST_SIDE:
        return None
    whole = [(n + sum(p) - span) // s + 1 for n, p, span, s in zip(x.shape[1:], padding, spans, stride)]
    if min(whole) < 1:
        return None
    at = at or _largest(y[: whole[0], : whole[1]])  # without windows that ceil_mode lets reach beyond the padding
    if not (at[0] < whole[0] and at[1] < whole[1]):
        return None
    found = Window(channel, at, float(y[at]))
    few = event.op != "conv2d" or event.inputs[1].shape[1] <= MOST_CHANNELS  # type: ignore[union-attr]
    rows, columns = (
        _side(found.at[axis], whole[axis], x.shape[1 + axis], stride[axis], padding[axis], spans[axis], few)
        for axis in (0, 1)
    )
    sides = [list(kernel), list(stride), [rows.padding, columns.padding], list(dilation)]
    found.cell = (0, found.at[0] - rows.first, found.at[1] - columns.first)
    crop = x[:, rows.begin : rows.end, columns.begin : columns.end]
    if event.op == "conv2d":
        w, b = event.inputs[1], event.inputs[2]
        per_group = w.shape[1]  # type: ignore[union-attr]
        first = channel // (w.shape[0] // set_["groups"]) * per_group  # type: ignore[union-attr]
        _weigh(
            found,
            crop[first : first + per_group],
            np.asarray(w)[channel],
            0.0 if b is None else float(b[channel]),
            (rows, columns) if not few else None,
            dilation,
            first,
        )
        found.op, found.settings = "conv", _conv_settings(found, sides)
        return found
    found.channels, found.operands = [channel], {"x": crop[channel : channel + 1]}
    found.settings = {"input": list(found.operands["x"].shape), "kernel": sides[0], "stride": sides[1]}
    found.settings |= {"padding": sides[2], "ceil_mode": False}
    if event.op == "max_pool2d":
        found.op, found.settings["dilation"] = "max-pool", sides[3]
    else:
        found.op, found.settings["count_include_pad"] = "avg-pool", set_["count_include_pad"]
    return found


def _side(at: int, whole: int, n: int, stride: int, padding: tuple[int, int], span: int, few: bool) -> _Side:
    """Return what is cut out along an axis of n numbers, so that output `at` is in it."""
    outputs = max(1, min(MOST_OUTPUTS, (MOST_SIDE - span) // stride + 1, whole)) if few else 1
    first = max(0, min(at - outputs // 2, whole - outputs))
    begin = first * stride - padding[0]
    end = begin + (outputs - 1) * stride + span
    return _Side(first, outputs, max(0, begin), min(n, end), [max(0, -begin), max(0, end - n)])


def _weigh(
    found: Window,
    x: np.ndarray,
    w: np.ndarray,
    bias: float,
    sides: tuple[_Side, _Side] | None = None,
    dilation: tuple[int, int] = (1, 1),
    first: int = 0,
) -> None:
    """Cut out the channels that weigh most in the only window there is, and put the others to the bias."""
    kept = np.arange(len(x))
    if len(x) > MOST_CHANNELS:
        whole = x if sides is None else np.pad(x, ((0, 0), *(tuple(side.padding) for side in sides)))
        met = whole[:, :: dilation[0], :: dilation[1]].astype(np.float64)
        parts = (met * w).sum(axis=(1, 2))
        kept = np.sort(np.argsort(-np.abs(parts), kind="stable")[:MOST_CHANNELS])
        found.rest = float(parts.sum() - parts[kept].sum())
    found.channels = [int(first + channel) for channel in kept]
    found.operands = {"x": x[kept], "w": w[kept][None], "b": np.array([bias + found.rest])}


def _conv_settings(found: Window, sides: Any) -> dict[str, Any]:
    names = ("kernel", "stride", "padding", "dilation")
    return {"input": list(found.operands["x"].shape), "filters": 1, **dict(zip(names, sides)), "groups": 1}


def _across(found: Window, event: Event) -> None:
    """The channels around one, at one pixel."""
    x, set_ = np.asarray(event.inputs[0])[0], event.settings
    begin = max(0, found.channel - set_["size"] // 2)
    end = min(len(x), found.channel + (set_["size"] - 1) // 2 + 1)
    if end - begin > MOST_CHANNELS:
        return
    r, c = found.at
    found.op, found.channels = "lrn", list(range(begin, end))
    found.operands = {"x": x[begin:end, r : r + 1, c : c + 1]}
    found.settings = {"input": [end - begin, 1, 1], "convention": "paper"}
    found.settings |= {name: set_[name] for name in ("size", "alpha", "beta", "k")}
    found.cell = (found.channel - begin, 0, 0)


def _values(event: Event, channel: int, at: tuple[int, int]) -> list[float]:
    """Return the numbers that one number of the result was made of, as far as they are few."""
    if event.op == "batch_norm_eval":
        x, w, b, residual = event.inputs
        set_ = event.settings
        mean, var = float(set_["running_mean"][channel]), float(set_["running_var"][channel])
        before = [float(as_maps(one)[channel][at]) for one in (x, residual) if one is not None]
        line = [float(w[channel]), float(b[channel]), mean, (var + set_["eps"]) ** -0.5]  # type: ignore[index]
        return [*before[:1], *line, *before[1:]]
    if event.op in ("concat", "append_channels", "index", "channel_shuffle", "pad", "transpose"):
        return []
    found: list[float] = []
    for array in event.inputs[:MOST_INPUTS]:
        if array is not None:
            same = np.broadcast_to(array, event.output.shape) if _broadcasts(array, event.output) else None
            if same is None and event.op == "scale_channels":
                same = np.broadcast_to(np.asarray(array).reshape(1, -1, 1, 1), event.output.shape)
            if same is None:
                return []
            found.append(float(as_maps(same)[channel][at]))
    return found


def _broadcasts(array: Any, output: Any) -> bool:
    try:
        return np.broadcast_shapes(array.shape, output.shape) == output.shape
    except ValueError:
        return False

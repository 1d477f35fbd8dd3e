"""The operations that can be explored: their settings, what their arrays look like, and how the engine is called.

Settings are kept as they stand in a page, in lists and plain numbers: `input` is [C, H, W]; `kernel`, `stride`,
`dilation` and `output_padding` are pairs; `padding` is [[top, bottom], [left, right]]. What is legal says the engine,
in its own words, when it is called. Judged here is only what it is never asked: whether there are sizes at all, and
whether all of it can be drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from minidl import ops
from minidl._checks import check_divides, is_int, nearest, shown, to_padding, to_pair
from minidl.tensor import Tensor

Settings = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]

MOST = {"side": 16, "channels": 8, "filters": 8, "kernel": 16, "batch": 8, "classes": 16}
MOST_STEP = 16  # stride, padding, dilation
MOST_CELLS = 9216  # of the largest matrix: 36 rows for 16×16 windows
PAIRS = ("kernel", "stride", "dilation", "output_padding")
COUNTS = ("filters", "multiplier", "groups", "size", "batch", "classes")
NUMBERS = ("alpha", "beta", "k", "eps", "label_smoothing")
FLAGS = ("ceil_mode", "count_include_pad")


@dataclass(frozen=True)
class Operation:
    """An operation as the explorer knows it.

    Attributes:
        name: what it is called on the command line.
        engine: its name in `minidl.ops`, with which the engine's errors begin.
        settings: all settings, with their defaults.
        shapes: what its operands look like, from the settings; each without the batch axis.
        call: runs it: from operands by name, and the settings.
    """

    name: str
    engine: str
    settings: Mapping[str, Any]
    shapes: Callable[[Settings], Shapes]
    call: Callable[[Mapping[str, Tensor], Settings], Tensor]


def _windows(s: Settings, *names: str) -> dict[str, Any]:
    """Return some settings as keyword arguments of an operation; lists become the tuples of its error messages."""
    return {name: _tuples(s[name]) for name in names}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _conv_shapes(s: Settings) -> Shapes:
    c, groups = s["input"][0], s["groups"]
    return {
        "x": tuple(s["input"]),
        "w": (s["filters"], c // groups if groups >= 1 else c, *s["kernel"]),
        "b": (s["filters"],),
    }


def _depthwise_shapes(s: Settings) -> Shapes:
    filters = s["input"][0] * s["multiplier"]
    return {"x": tuple(s["input"]), "w": (filters, 1, *s["kernel"]), "b": (filters,)}


def _transpose_shapes(s: Settings) -> Shapes:
    c, groups = s["input"][0], s["groups"]
    if groups >= 1:
        check_divides("explore", "groups", groups, "filters", s["filters"])
    return {
        "x": tuple(s["input"]),
        "w": (c, s["filters"] // groups if groups >= 1 else s["filters"], *s["kernel"]),
        "b": (s["filters"],),
    }


def _conv(t: Mapping[str, Tensor], s: Settings) -> Tensor:
    return ops.conv2d(t["x"], t["w"], t["b"], **_windows(s, "stride", "padding", "dilation", "groups"))


def _depthwise(t: Mapping[str, Tensor], s: Settings) -> Tensor:
    settings = _windows(s, "stride", "padding", "dilation")
    return ops.conv2d(t["x"], t["w"], t["b"], groups=s["input"][0], **settings)


def _transpose(t: Mapping[str, Tensor], s: Settings) -> Tensor:
    settings = _windows(s, "stride", "padding", "output_padding", "dilation", "groups")
    return ops.conv_transpose2d(t["x"], t["w"], t["b"], **settings)


def _max_pool(t: Mapping[str, Tensor], s: Settings) -> Tensor:
    return ops.max_pool2d(t["x"], tuple(s["kernel"]), **_windows(s, "stride", "padding", "dilation", "ceil_mode"))


def _avg_pool(t: Mapping[str, Tensor], s: Settings) -> Tensor:
    settings = _windows(s, "stride", "padding", "ceil_mode", "count_include_pad")
    return ops.avg_pool2d(t["x"], tuple(s["kernel"]), **settings)


def _lrn(t: Mapping[str, Tensor], s: Settings) -> Tensor:
    return ops.local_response_norm(t["x"], **_windows(s, "size", "alpha", "beta", "k", "convention"))


def _batch_norm(t: Mapping[str, Tensor], s: Settings) -> Tensor:
    return ops.batch_norm(t["x"], t["w"], t["b"], None, None, training=True, eps=s["eps"])


def _cross_entropy(t: Mapping[str, Tensor], s: Settings) -> Tensor:
    return ops.cross_entropy(t["x"], t["labels"], label_smoothing=s["label_smoothing"])


def _only_x(s: Settings) -> Shapes:
    return {"x": tuple(s["input"])}


def _batch_shapes(s: Settings) -> Shapes:
    return {"x": (s["batch"], *s["input"]), "w": (s["input"][0],), "b": (s["input"][0],)}


def _logit_shapes(s: Settings) -> Shapes:
    return {"x": (s["batch"], s["classes"]), "labels": (s["batch"],)}


INPUT = {"input": [3, 6, 6]}
SLIDING = {"kernel": [3, 3], "stride": [1, 1], "padding": [[0, 0], [0, 0]], "dilation": [1, 1]}
POOLING = {"input": [2, 6, 6], "kernel": [2, 2], "stride": [2, 2], "padding": [[0, 0], [0, 0]]}

OPERATIONS = {
    one.name: one
    for one in (
        Operation("conv", "conv2d", {**INPUT, "filters": 2, **SLIDING, "groups": 1}, _conv_shapes, _conv),
        Operation(
            "conv-transpose",
            "conv_transpose2d",
            {"input": [2, 3, 3], "filters": 2, **SLIDING, "stride": [2, 2], "output_padding": [0, 0], "groups": 1},
            _transpose_shapes,
            _transpose,
        ),
        Operation("depthwise", "conv2d", {**INPUT, "multiplier": 1, **SLIDING}, _depthwise_shapes, _depthwise),
        Operation("max-pool", "max_pool2d", {**POOLING, "dilation": [1, 1], "ceil_mode": False}, _only_x, _max_pool),
        Operation(
            "avg-pool", "avg_pool2d", {**POOLING, "ceil_mode": False, "count_include_pad": True}, _only_x, _avg_pool
        ),
        Operation(
            "lrn",
            "local_response_norm",
            {"input": [6, 3, 3], "size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0, "convention": "paper"},
            _only_x,
            _lrn,
        ),
        Operation(
            "batch-norm", "batch_norm", {"batch": 2, "input": [2, 3, 3], "eps": 1e-5}, _batch_shapes, _batch_norm
        ),
        Operation(
            "softmax-cross-entropy",
            "cross_entropy",
            {"batch": 2, "classes": 5, "label_smoothing": 0.0},
            _logit_shapes,
            _cross_entropy,
        ),
    )
}


def complete(name: str, given: Mapping[str, Any]) -> Settings:
    """Return all settings of an operation in the form of a page: those that are given, and the defaults.

    A pooling whose stride is not given strides by its kernel, as the engine does.

    Raises:
        ValueError: if there is no such operation or setting, a setting cannot be read, or it cannot be drawn.

    Example:
        >>> complete("max-pool", {"kernel": 3, "input": (1, 7, 7)})["stride"]
        [3, 3]
    """
    if name not in OPERATIONS:
        raise ValueError(f"explore: there is no operation {shown(name)}; there are {', '.join(OPERATIONS)}")
    known = OPERATIONS[name].settings
    for one in given:
        if one not in known:
            raise ValueError(f"explore: {name} has no setting {one}; did you mean {nearest(one, known)}?")
    read = {one: _read(one, value) for one, value in given.items()}
    if name.endswith("-pool") and "kernel" in read:
        read.setdefault("stride", read["kernel"])
    settings = {one: read.get(one, default) for one, default in known.items()}
    check_drawable(settings)
    return settings


def _read(name: str, value: Any) -> Any:
    """Return one setting in the form of a page."""
    if name == "input":
        return _sizes(value)
    if name in PAIRS:
        return list(_pair(name, value))
    if name == "padding":
        return [list(side) for side in to_padding("explore", value)]
    if name in COUNTS and not is_int(value):
        raise ValueError(f"explore: {name} must be an int; received {name}={shown(value)}")
    if name in FLAGS and not isinstance(value, bool):
        raise ValueError(f"explore: {name} must be True or False; received {name}={shown(value)}")
    if name in NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise ValueError(f"explore: {name} must be a number; received {name}={shown(value)}")
    return value


def _sizes(value: Any) -> list[int]:
    if not isinstance(value, (tuple, list)) or len(value) != 3 or not all(map(is_int, value)):
        raise ValueError(f"explore: input must be three sizes (C, H, W); received input={shown(value)}")
    return [int(size) for size in value]


def _pair(name: str, value: Any) -> tuple[int, int]:
    """Read an int or a pair; a number that is out of range is the engine's to judge."""
    pair = (value, value) if is_int(value) else value
    if isinstance(pair, (tuple, list)) and len(pair) == 2 and all(map(is_int, pair)):
        return int(pair[0]), int(pair[1])
    return to_pair("explore", name, value, least=0)


def check_drawable(s: Settings) -> None:
    """Refuse what has no sizes, or more cells than can be seen; the page says the same in the same words."""
    sides = dict(zip(("C", "H", "W"), s.get("input", [])))
    counted: dict[str, int] = {name: s[name] for name in ("filters", "multiplier", "batch", "classes") if name in s}
    for name, size in (sides | counted).items():
        if size < 1:
            raise ValueError(f"explore: {name} must be an int >= 1; received {name}={size}")
    for name, size in zip(("KH", "KW"), s.get("kernel", [])):
        if not 0 <= size <= MOST["kernel"]:
            raise ValueError(f"explore: {name} must be an int from 0 to {MOST['kernel']}; received {name}={size}")
    for name in (*PAIRS[1:], "padding"):
        given = [number for side in s.get(name, ()) for number in (side if isinstance(side, list) else [side])]
        if max(given, default=0) > MOST_STEP:
            raise ValueError(f"explore: {name}={max(given)} is too much to draw; the most is {MOST_STEP}")
    if sides and (sides["C"] > MOST["channels"] or max(sides["H"], sides["W"]) > MOST["side"]):
        limits = (MOST["channels"], MOST["side"], MOST["side"])
        crop = "x".join(str(min(size, limit)) for size, limit in zip(sides.values(), limits))
        raise ValueError(
            f"explore: an input of {'x'.join(map(str, sides.values()))} is too large to draw; the most is "
            f"{'x'.join(map(str, limits))}; take a crop: input {crop}"
        )
    for name in ("filters", "batch", "classes"):
        if counted.get(name, 0) > MOST[name]:
            raise ValueError(f"explore: {name}={counted[name]} is too many to draw; the most is {MOST[name]}")
    if sides and counted.get("multiplier", 1) * sides["C"] > MOST["filters"]:
        raise ValueError(
            f"explore: C * multiplier = {sides['C']} * {s['multiplier']} = {sides['C'] * s['multiplier']} filters are "
            f"too many to draw; the most is {MOST['filters']}"
        )


def check_cells(what: str, *sizes: int) -> None:
    """Refuse a matrix with more cells than can be seen."""
    if prod(sizes) > MOST_CELLS:
        raise ValueError(
            f"explore: {what} has {' * '.join(map(str, sizes))} = {prod(sizes)} cells, too many to draw; the most is "
            f"{MOST_CELLS}; take a smaller input, a smaller kernel or a larger stride"
        )

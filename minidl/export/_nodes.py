"""Each operation in the words of ONNX: a table from its name to the function that writes its nodes.

A function gets the graph, the event of the operation, and the names of its inputs, None where there was none. It
returns the name of the result. Attributes and inputs are those of opset 17.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.export._indexing import index
from minidl.kernels.textbook.activation import TANH_HEIGHT, TANH_SLOPE
from minidl.kernels.textbook.pool import adaptive_windows
from minidl.kernels.textbook.smooth import CUBE
from minidl.ops.interpolate import places
from minidl.tensor import Event

if TYPE_CHECKING:
    from minidl.export._graph import Graph

Names = Sequence[Any]
Rule = Callable[["Graph", Event, Names], str]


def _plain(kind: str) -> Rule:
    """An operation that ONNX has under another name."""
    return lambda graph, event, names: graph.node(kind, names)


def _setting(kind: str, **settings: str) -> Rule:
    """An operation whose settings ONNX calls otherwise: attribute=setting."""
    return lambda graph, event, names: graph.node(kind, names, **{a: event.settings[s] for a, s in settings.items()})


def _ends(padding: Any) -> list[int]:
    """ONNX's order of ((top, bottom), (left, right)): beginnings first."""
    return [*(front for front, _ in padding), *(back for _, back in padding)]


def _geometry(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "strides": settings["stride"],
        "dilations": settings["dilation"],
        "group": settings["groups"],
        "pads": _ends(settings["padding"]),
    }


def _activated(graph: Graph, name: str, activation: str | None, event: Event) -> str:
    return name if activation is None else ACTIVATIONS[activation](graph, event, [name])


def _finished(graph: Graph, event: Event, name: str, residual: str | None) -> str:
    """What the operation does in the same step: the sum with a residual, an activation."""
    if residual is not None:
        name = graph.node("Add", [name, residual])
    return _activated(graph, name, event.settings["activation"], event)


def _conv2d(graph: Graph, event: Event, names: Names) -> str:
    return graph.node("Conv", names[:3], kernel_shape=event.inputs[1].shape[2:], **_geometry(event.settings))  # type: ignore[union-attr]


def _conv2d_fused(graph: Graph, event: Event, names: Names) -> str:
    return _finished(graph, event, _conv2d(graph, event, names), names[3])


def _conv_transpose2d(graph: Graph, event: Event, names: Names) -> str:
    x, w, settings = event.inputs[0].shape, event.inputs[1].shape, event.settings  # type: ignore[union-attr]
    reached = [
        (size - 1) * stride - sum(padding) + dilation * (k - 1) + 1
        for size, stride, padding, dilation, k in zip(
            x[2:], settings["stride"], settings["padding"], settings["dilation"], w[2:]
        )
    ]
    more = [size - end for size, end in zip(settings["out_size"], reached)]
    return graph.node("ConvTranspose", names, kernel_shape=w[2:], output_padding=more, **_geometry(settings))


def _batch_norm_eval(graph: Graph, event: Event, names: Names) -> str:
    x, weight, bias, residual = names
    mean, var = (graph.name_of(event.settings[which], event) for which in ("running_mean", "running_var"))
    y = graph.node("BatchNormalization", [x, weight, bias, mean, var], epsilon=float(event.settings["eps"]))
    return _finished(graph, event, y, residual)


def _local_response_norm(graph: Graph, event: Event, names: Names) -> str:
    size, alpha, beta, k = (event.settings[name] for name in ("size", "alpha", "beta", "k"))
    if size % 2 == 0:
        graph.refuse(event, f"a window of an odd number of channels; received size={size}")
    return graph.node("LRN", names, alpha=float(alpha * size), beta=float(beta), bias=float(k), size=size)


def _cover(event: Event, dilation: Sequence[int]) -> list[int]:
    """The padding under which every window lies, also the last one that `ceil_mode` adds."""
    settings, shape = event.settings, event.inputs[0].shape  # type: ignore[union-attr]
    both = []
    for size, k, stride, step, (front, back), count in zip(
        shape[2:], settings["kernel_size"], settings["stride"], dilation, settings["padding"], settings["out_size"]
    ):
        needed = (count - 1) * stride + step * (k - 1) + 1 - size - front
        both.append((front, max(back, needed)))
    return _ends(both)


def _max_pool2d(graph: Graph, event: Event, names: Names) -> str:
    settings = event.settings
    pads = _cover(event, settings["dilation"])
    return graph.node(
        "MaxPool",
        names,
        kernel_shape=settings["kernel_size"],
        strides=settings["stride"],
        dilations=settings["dilation"],
        pads=pads,
    )


def _avg_pool2d(graph: Graph, event: Event, names: Names) -> str:
    """Zeros of the padding that count are made real ones, so that what lies beyond them never counts."""
    (x,), settings = names, event.settings
    pads = _cover(event, (1, 1))
    if settings["count_include_pad"] and any(_ends(settings["padding"])):
        own = _ends(settings["padding"])
        x = graph.node("Pad", [x, graph.whole([0, 0, *own[:2], 0, 0, *own[2:]])], mode="constant")
        pads = [end - there for end, there in zip(pads, own)]
    kernel_shape, strides = settings["kernel_size"], settings["stride"]
    return graph.node("AveragePool", [x], kernel_shape=kernel_shape, strides=strides, pads=pads, count_include_pad=0)


def _adaptive_avg_pool2d(graph: Graph, event: Event, names: Names) -> str:
    """Equal windows are a pooling; others a product with a matrix of shares from each side."""
    (*_, h, width), (*_, oh, ow) = event.inputs[0].shape, event.output.shape  # type: ignore[union-attr]
    if (oh, ow) == (1, 1):
        return graph.node("GlobalAveragePool", names)
    if h % oh == 0 and width % ow == 0:
        window = (h // oh, width // ow)
        return graph.node("AveragePool", names, kernel_shape=window, strides=window)
    rows, columns = (graph.constant(_shares(*sizes), event) for sizes in ((h, oh), (width, ow)))
    columns = graph.node("Transpose", [columns], perm=(1, 0))
    return graph.node("MatMul", [rows, graph.node("MatMul", [names[0], columns])])


def _shares(size: int, out_size: int) -> np.ndarray:
    """A matrix (out_size, size) whose product with a column averages each window of it."""
    shares = np.zeros((out_size, size), np.float32)
    for row, window in zip(shares, adaptive_windows(size, out_size)):
        row[window] = 1 / (window.stop - window.start)
    return shares


def _global_avg_pool2d(graph: Graph, event: Event, names: Names) -> str:
    y = graph.node("GlobalAveragePool", names)
    return y if event.output.ndim == 4 else graph.node("Flatten", [y], axis=1)


def _linear(graph: Graph, event: Event, names: Names) -> str:
    if event.output.ndim == 2:
        return graph.node("Gemm", names, transB=1)
    x, w, b = names
    y = graph.node("MatMul", [x, graph.node("Transpose", [w], perm=(1, 0))])
    return y if b is None else graph.node("Add", [y, b])


def _attention(graph: Graph, event: Event, names: Names) -> str:
    q, k, v, mask = names
    ndim, allowed = event.output.ndim, event.inputs[3]
    turned = graph.node("Transpose", [k], perm=(*range(ndim - 2), ndim - 1, ndim - 2))
    scores = graph.node("MatMul", [_times(graph, event, q, event.inputs[0].shape[-1] ** -0.5), turned])  # type: ignore[union-attr]
    if allowed is not None and allowed.dtype == bool:
        if not allowed.any(axis=-1).all():
            graph.refuse(event, "a mask that lets every query look at a key, or it would give NaN")
        scores = graph.node("Where", [mask, scores, graph.constant(np.asarray(-np.inf), event)])
    elif allowed is not None:
        scores = graph.node("Add", [scores, mask])
    return graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), v])


def _reshape(graph: Graph, event: Event, names: Names) -> str:
    """The pictures of the batch are what the other sizes leave."""
    shape = event.output.shape
    return graph.node("Reshape", [names[0], graph.whole([-1, *shape[1:]] if shape[:1] == (0,) else shape)])


def _channel_shuffle(graph: Graph, event: Event, names: Names) -> str:
    _, c, h, width = event.output.shape
    groups = event.settings["groups"]
    x = graph.node("Reshape", [names[0], graph.whole([0, groups, c // groups, h, width])])
    x = graph.node("Transpose", [x], perm=(0, 2, 1, 3, 4))
    return graph.node("Reshape", [x, graph.whole([0, c, h, width])])


def _pad(graph: Graph, event: Event, names: Names) -> str:
    ends, rank = _ends(event.settings["padding"]), event.output.ndim
    before = [0] * (rank - 2)
    value = graph.constant(np.asarray(event.settings["value"], event.output.dtype), event)
    return graph.node("Pad", [names[0], graph.whole([*before, *ends[:2], *before, *ends[2:]]), value], mode="constant")


def _reduce(kind: str) -> Rule:
    def rule(graph: Graph, event: Event, names: Names) -> str:
        axes, keepdims = event.settings["axes"], int(event.settings["keepdims"])
        if kind == "ReduceSum":  # the one whose axes are an input in this opset
            return graph.node(kind, [names[0], graph.whole(axes)], keepdims=keepdims, noop_with_empty_axes=1)
        return graph.node(kind, names, axes=axes, keepdims=keepdims) if axes else graph.node("Identity", names)

    return rule


def _var(graph: Graph, event: Event, names: Names) -> str:
    axes, x = event.settings["axes"], event.inputs[0]
    count = np.prod([x.shape[axis] for axis in axes]) - event.settings["correction"]  # type: ignore[union-attr]
    centred = graph.node("Sub", [names[0], graph.node("ReduceMean", names, axes=axes, keepdims=1)])
    square = graph.node("Mul", [centred, centred])
    total = graph.node("ReduceSum", [square, graph.whole(axes)], keepdims=int(event.settings["keepdims"]))
    return graph.node("Div", [total, graph.constant(np.asarray(count, event.output.dtype), event)])


def _clip(graph: Graph, event: Event, names: Names) -> str:
    bounds = (event.settings["low"], event.settings["high"])
    return _clipped(graph, event, names[0], *bounds)


def _clipped(graph: Graph, event: Event, x: str, low: float | None, high: float | None) -> str:
    kind = event.output.dtype
    return graph.node(
        "Clip", [x, *(None if b is None else graph.constant(np.asarray(b, kind), event) for b in (low, high))]
    )


def _times(graph: Graph, event: Event, x: str, number: float) -> str:
    return graph.node("Mul", [x, graph.constant(np.asarray(number, event.output.dtype), event)])


def _power(graph: Graph, event: Event, names: Names) -> str:
    exponent = np.asarray(event.settings["exponent"], event.output.dtype)
    return graph.node("Pow", [names[0], graph.constant(exponent, event)])


def _power_of(graph: Graph, event: Event, names: Names) -> str:
    base = np.asarray(event.settings["base"], event.output.dtype)
    return graph.node("Pow", [graph.constant(base, event), names[0]])


def _scaled_tanh(graph: Graph, event: Event, names: Names) -> str:
    y = graph.node("Tanh", [_times(graph, event, names[0], TANH_SLOPE)])
    return _times(graph, event, y, TANH_HEIGHT)


def _gelu(graph: Graph, event: Event, names: Names) -> str:
    (x,) = names
    if event.settings["approximate"] == "tanh":
        cube = _times(graph, event, graph.node("Mul", [graph.node("Mul", [x, x]), x]), CUBE)
        share = graph.node("Tanh", [_times(graph, event, graph.node("Add", [x, cube]), math.sqrt(2 / math.pi))])
    else:
        share = graph.node("Erf", [_times(graph, event, x, math.sqrt(1 / 2))])
    one = graph.constant(np.asarray(1, event.output.dtype), event)
    return graph.node("Mul", [x, _times(graph, event, graph.node("Add", [share, one]), 1 / 2)])


def _softplus(graph: Graph, event: Event, names: Names) -> str:
    """Above its threshold it is x; where that is high, a float32 sees no difference."""
    beta, threshold = event.settings["beta"], event.settings["threshold"]
    x = _times(graph, event, names[0], beta)
    y = _times(graph, event, graph.node("Softplus", [x]), 1 / beta)
    if threshold >= 17:  # e⁻¹⁷ / 17 < 2⁻²⁴
        return y
    above = graph.node("Greater", [x, graph.constant(np.asarray(threshold, event.output.dtype), event)])
    return graph.node("Where", [above, names[0], y])


def _group_norm(graph: Graph, event: Event, names: Names) -> str:
    """Each group in the place of a channel of an instance norm, which has weights for channels of its own."""
    x, weight, bias = names
    groups, rest, dtype = event.settings["groups"], event.output.shape[1:], event.output.dtype
    rows = graph.node("Reshape", [x, graph.whole([0, groups, -1])])
    lines = (graph.constant(np.full(groups, value, dtype), event) for value in (1, 0))
    y = graph.node("InstanceNormalization", [rows, *lines], epsilon=float(event.settings["eps"]))
    y = graph.node("Reshape", [y, graph.whole([-1, *rest])])
    over = graph.whole(range(1, len(rest)))
    if len(rest) > 1:
        weight, bias = (graph.node("Unsqueeze", [line, over]) for line in (weight, bias))
    return graph.node("Add", [graph.node("Mul", [y, weight]), bias])


def _layer_norm(graph: Graph, event: Event, names: Names) -> str:
    axis = -event.inputs[1].ndim  # type: ignore[union-attr]
    return graph.node("LayerNormalization", names, axis=axis, epsilon=float(event.settings["eps"]))


def _interpolate(graph: Graph, event: Event, names: Names) -> str:
    """What ONNX calls resizing, if its float32 scale leads to our size; else a product with a matrix from each side."""
    settings, sizes = event.settings, event.inputs[0].shape[2:]  # type: ignore[union-attr]
    bilinear, corners = settings["mode"] == "bilinear", settings["align_corners"]
    scales = np.array([1 / step for step in settings["step"]])
    if (scales.astype(np.float32) == scales).all() and (scales * sizes == settings["out_size"]).all():
        kind = ("align_corners" if corners else "half_pixel") if bilinear else "asymmetric"
        inputs = [names[0], None, graph.constant(np.array([1, 1, *scales]), event)]
        mode = "linear" if bilinear else "nearest"
        return graph.node("Resize", inputs, mode=mode, coordinate_transformation_mode=kind, nearest_mode="floor")
    shares = []
    for size, out, step in zip(sizes, settings["out_size"], settings["step"]):
        matrix = np.zeros((out, size))
        for row, (low, high, share) in zip(matrix, places(size, out, step, settings["mode"], corners)):
            row[low] += 1 - share
            row[high] += share
        shares.append(matrix)
    rows, columns = (graph.constant(matrix, event) for matrix in (shares[0], shares[1].T.copy()))
    return graph.node("MatMul", [rows, graph.node("MatMul", [names[0], columns])])


def _scale_channels(graph: Graph, event: Event, names: Names) -> str:
    x, s = names
    if event.inputs[1].ndim == 2:  # type: ignore[union-attr]
        s = graph.node("Unsqueeze", [s, graph.whole([2, 3])])
    return graph.node("Mul", [x, s])


ACTIVATIONS: dict[str, Rule] = {
    "relu": _plain("Relu"),
    "relu6": lambda graph, event, names: _clipped(graph, event, names[0], 0.0, 6.0),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "scaled_tanh": _scaled_tanh,
    "silu": lambda graph, event, names: graph.node("Mul", [names[0], graph.node("Sigmoid", names)]),
    "hardsigmoid": lambda graph, event, names: graph.node("HardSigmoid", names, alpha=1 / 6, beta=0.5),
    "hardswish": _plain("HardSwish"),
    "leaky_relu": _setting("LeakyRelu", alpha="negative_slope"),
    "elu": lambda graph, event, names: graph.node("Elu", names, alpha=float(event.settings["alpha"])),
    "gelu": _gelu,
    "softplus": _softplus,
}

RULES: dict[str, Rule] = {
    **ACTIVATIONS,
    "abs": _plain("Abs"),
    "adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "add": _plain("Add"),
    "add_relu": lambda graph, event, names: graph.node("Relu", [graph.node("Add", names)]),
    "append_channels": lambda graph, event, names: graph.node("Concat", names, axis=1),
    "avg_pool2d": _avg_pool2d,
    "batch_norm_eval": _batch_norm_eval,
    "channel_shuffle": _channel_shuffle,
    "clip": _clip,
    "concat": _setting("Concat", axis="axis"),
    "conv2d": _conv2d,
    "conv2d_fused": _conv2d_fused,
    "conv_transpose2d": _conv_transpose2d,
    "divide": _plain("Div"),
    "embedding": lambda graph, event, names: graph.node("Gather", [names[1], names[0]], axis=0),
    "exp": _plain("Exp"),
    "global_avg_pool2d": _global_avg_pool2d,
    "group_norm": _group_norm,
    "reserve_channels": _plain("Identity"),
    "index": index,
    "interpolate": _interpolate,
    "layer_norm": _layer_norm,
    "linear": _linear,
    "local_response_norm": _local_response_norm,
    "log": _plain("Log"),
    "log_softmax": _setting("LogSoftmax", axis="axis"),
    "matmul": _plain("MatMul"),
    "max": _reduce("ReduceMax"),
    "max_pool2d": _max_pool2d,
    "mean": _reduce("ReduceMean"),
    "multiply": _plain("Mul"),
    "pad": _pad,
    "power": _power,
    "power_of": _power_of,
    "reshape": _reshape,
    "scale_channels": _scale_channels,
    "scaled_dot_product_attention": _attention,
    "softmax": _setting("Softmax", axis="axis"),
    "sqrt": _plain("Sqrt"),
    "subtract": _plain("Sub"),
    "sum": _reduce("ReduceSum"),
    "to_device": _plain("Identity"),
    "transpose": _setting("Transpose", perm="axes"),
    "var": _var,
    "where": _plain("Where"),
}

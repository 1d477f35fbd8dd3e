"""What one operation costs for one picture.

MACs are the products of a convolution, a linear layer or a matrix product, each with the addition that takes it into a
sum. FLOPs are

    2 a MAC       K products and K additions for every result, the addition of the bias (or to zero) among them
    1 each        for + − × ÷, and for a function such as exp, log, tanh, a square root or a power
    0             for comparisons (relu, maximum, clipping) and for moving numbers

A batch norm in evaluation is y = a·x + b, where a and b are known; `walk` meets no other. The window of a local
response norm counts as full at the borders, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minidl._checks import shown
from minidl._sharing import owner
from minidl.tensor import Event

VIEWS = frozenset(("reshape", "transpose", "to_device"))  # their results lie in the memory of their input
MOVES = VIEWS | {
    "index",
    "concat",
    "reserve_channels",
    "append_channels",
    "pad",
    "channel_shuffle",
    "im2col",
    "embedding",
}

# FLOPs for each element of the result.
FOR_EACH = {
    **dict.fromkeys(MOVES, 0),
    **dict.fromkeys(("relu", "relu6", "max", "max_pool2d", "roi_pool", "clip", "abs", "where"), 0),
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "power", "power_of", "exp", "log", "sqrt", "tanh"), 1),
    **dict.fromkeys(("add_relu", "scale_channels", "leaky_relu", "dropout", "dropout2d", "stochastic_depth"), 1),
    "scaled_tanh": 3,  # 1.7159 · tanh(2/3 · x)
    "sigmoid": 4,  # 1 / (1 + exp(-x))
    "silu": 5,  # x · sigmoid(x)
    "hardsigmoid": 2,  # (x + 3) / 6, clipped
    "hardswish": 3,  # x · hardsigmoid(x)
    "elu": 3,  # alpha · (exp(x) - 1)
    "softplus": 5,  # log(1 + exp(beta · x)) / beta
    "softmax": 4,  # exp(x - max) / Σ
    "log_softmax": 4,  # x - max - log Σ exp(x - max), the logarithm shared
    "batch_norm_eval": 2,  # a·x + b
    "batch_norm": 6,  # of a batch: the mean; x - mean, squared, added; a·(x - mean) + b
    "group_norm": 6,  # the mean; x - mean, squared, added; a·(x - mean) + b, with one a for each channel of a picture
    "layer_norm": 7,  # the same, with a weight for each place: w·rstd·(x - mean) + b
}


def _average(event: Event) -> int:
    """Windows of one size: KH·KW - 1 additions and a division."""
    return math.prod(event.output.shape[1:]) * math.prod(event.settings["kernel_size"])


def _adaptive_average(event: Event) -> int:
    """Window i of O reaches from floor(i·H/O) to ceil((i + 1)·H/O); where O does not divide H, windows overlap."""
    (*_, h, width), (*_, oh, ow) = event.inputs[0].shape, event.output.shape  # type: ignore[union-attr]
    rows, columns = (
        sum(-(-(i + 1) * long // short) - i * long // short for i in range(short))
        for long, short in ((h, oh), (width, ow))
    )
    return math.prod(event.output.shape[1:-2]) * rows * columns


def _interpolated(event: Event) -> int:
    """Two products and an addition for each row, and again for each column, that lies between two."""
    if event.settings["mode"] == "nearest":
        return 0
    (c, oh, ow), width = event.output.shape[1:], event.inputs[0].shape[3]  # type: ignore[union-attr]
    return 3 * c * oh * (width + ow)


def _aligned(event: Event) -> int:
    """R X Cᵀ of each region: each row of bins of each row of pixels, and then each bin of the pixels of its row."""
    (*_, h, width), (regions, c, oh, ow) = event.inputs[0].shape, event.output.shape  # type: ignore[union-attr]
    return 2 * regions * c * oh * width * (h + ow)


def _attention(event: Event) -> int:
    """Two products, and for each score of theirs: the division by √D, what is added for a mask, and softmax."""
    mask = event.inputs[3]
    added = mask is not None and mask.dtype != bool
    return 2 * macs(event) + _scores(event) * (1 + added + FOR_EACH["softmax"])


def _scores(event: Event) -> int:
    """How many scores the queries and keys of a picture have."""
    q, k = event.inputs[0].shape, event.inputs[1].shape  # type: ignore[union-attr]
    return math.prod(q[1:-1] if q[0] == 0 else q[:-1]) * k[-2]


def _once(event: Event) -> int:
    """As many as the input has elements."""
    return math.prod(event.inputs[0].shape[1:])  # type: ignore[union-attr]


SPECIAL: dict[str, Callable[[Event], int]] = {
    # x · (1 + erf(x / √2)) / 2, or x · (1 + tanh(√(2/π) · (x + 0.044715 · x · x · x))) / 2
    "gelu": lambda event: elements(event) * (9 if event.settings["approximate"] == "tanh" else 5),
    "interpolate": _interpolated,
    "roi_align": _aligned,
    "scaled_dot_product_attention": _attention,
    "avg_pool2d": _average,
    "adaptive_avg_pool2d": _adaptive_average,
    "global_avg_pool2d": _once,
    "sum": _once,
    "mean": _once,
    "col2im": _once,
    "var": lambda event: 4 * _once(event),  # the mean; x - mean, squared, added
    # x · (k + alpha · Σ x²)^-beta: a square, size - 1 additions, and four more
    "local_response_norm": lambda event: elements(event) * (event.settings["size"] + 4),
    # Losses meet no empty batch, so `walk` meets none.
    "cross_entropy": lambda event: 6 * _once(event),  # log_softmax; times t, added
    "nll_loss": lambda event: 2 * _once(event),  # times t, added
    "mse_loss": lambda event: 3 * _once(event),  # x - t, squared, added
    "l1_loss": _once,  # x - t
    "smooth_l1_loss": lambda event: 3 * _once(event),  # x - t, squared, divided by 2β
    # (1 - t)·x + q·log(1 + exp(-x)), q = (pos_weight - 1)·t + 1
    "binary_cross_entropy_with_logits": lambda event: _once(event) * (7 if event.inputs[2] is None else 10),
}


def elements(event: Event) -> int:
    """Return how many numbers the result of an operation has for one picture.

    What does not depend on the pictures (a mask on the weights) has no axis of 0 and counts whole.
    """
    shape = event.output.shape
    return math.prod(shape[1:] if shape and shape[0] == 0 else shape)


def _check_event(name: str, event: Any) -> None:
    if not isinstance(event, Event):
        raise TypeError(f"{name}: expects an event of cost.walk(net); received {shown(event)}")


def macs(event: Event) -> int:
    """Return the multiply-accumulates of an operation for one picture; biases do not count.

    Example:
        >>> from minidl import cost, models
        >>> [cost.macs(event) for event in cost.walk(models.lenet5_modern()) if event.op == "conv2d"]  # 25·28², 150·10²
        [117600, 240000]
    """
    _check_event("macs", event)
    if event.op in ("conv2d", "conv2d_fused"):  # every weight meets one pixel for every place of the window
        return event.inputs[1].size * math.prod(event.output.shape[2:])  # type: ignore[union-attr]
    if event.op == "conv_transpose2d":  # every weight meets every pixel of its channel
        return event.inputs[1].size * math.prod(event.inputs[0].shape[2:])  # type: ignore[union-attr]
    if event.op in ("linear", "matmul"):
        return elements(event) * event.inputs[0].shape[-1]  # type: ignore[union-attr]
    if event.op == "scaled_dot_product_attention":  # a score is a sum over D, and goes into E sums
        return _scores(event) * (event.inputs[0].shape[-1] + event.output.shape[-1])  # type: ignore[union-attr]
    return 0


def flops(event: Event) -> int | None:
    """Return the additions, multiplications and functions of an operation for one picture; None if there is no rule.

    Example:
        >>> from minidl import cost, models
        >>> [(event.op, cost.flops(event)) for event in cost.walk(models.lenet5_modern())][:3]
        [('conv2d', 235200), ('relu', 0), ('max_pool2d', 0)]
    """
    _check_event("flops", event)
    if event.op in ("conv2d", "conv2d_fused", "conv_transpose2d", "linear", "matmul"):
        return 2 * macs(event) + elements(event) * _fused(event)
    if event.op in SPECIAL:
        return SPECIAL[event.op](event)
    if event.op not in FOR_EACH:
        return None
    return elements(event) * (FOR_EACH[event.op] + _fused(event))


def _fused(event: Event) -> int:
    """Return the FLOPs for each element of what was done in the same step: the sum with a residual, an activation."""
    activation = event.settings.get("activation")
    joined = event.op in ("batch_norm", "batch_norm_eval", "conv2d_fused") and event.inputs[3] is not None
    return (FOR_EACH[activation] if activation else 0) + (FOR_EACH["add"] if joined else 0)


def activation_bytes(event: Event) -> int:
    """Return the bytes of the result for one picture; none where it lies in the memory of its input."""
    if event.op in VIEWS:
        return 0
    grown = event.op == "append_channels" and owner(event.output) is owner(event.inputs[0])  # x has not moved
    return (elements(event) - (_once(event) if grown else 0)) * event.output.dtype.itemsize

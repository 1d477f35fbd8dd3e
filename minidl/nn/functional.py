"""Layers as functions, under PyTorch's names and with its arguments in its order: `import minidl.nn.functional as F`.

Each is a line that calls an operation of `minidl.ops`, where the documentation stands. What PyTorch has and minidl has
not is answered in one line. Arguments that could only change nothing (`inplace=False`) are taken; all else is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from minidl import ops
from minidl._answers import answering
from minidl._checks import IntOrPair, PaddingLike, PaddingOrSame, is_int, shown, to_int
from minidl.ops.pool import OutputSize
from minidl.tensor import Tensor


def _plain(op: str, **settings: Any) -> None:
    """Refuse a setting that is not left as it is."""
    for name, value in settings.items():
        if value not in (None, False):
            from minidl._words.modules import ARGUMENTS

            raise TypeError(f"{op}: takes no {name}; {ARGUMENTS[name].way}")


# Activations


def _activation(name: str) -> Callable[..., Tensor]:
    def activation(input: Tensor, inplace: bool = False) -> Tensor:
        _plain(name, inplace=inplace)
        return getattr(ops, name)(input)

    activation.__name__, activation.__doc__ = name, f"See `minidl.ops.{name}`."
    return activation


relu, relu6, silu = _activation("relu"), _activation("relu6"), _activation("silu")
hardswish, hardsigmoid = _activation("hardswish"), _activation("hardsigmoid")
sigmoid, tanh = ops.sigmoid, ops.tanh


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """See `minidl.ops.leaky_relu`."""
    _plain("leaky_relu", inplace=inplace)
    return ops.leaky_relu(input, negative_slope)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return the input within bounds: `minidl.ops.clip`."""
    _plain("hardtanh", inplace=inplace)
    return ops.clip(input, min_val, max_val)


def softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """See `minidl.ops.softmax`; dim may be left out for one or two axes, where it is the last."""
    return Tensor.softmax(input, dim)


def log_softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """See `minidl.ops.log_softmax`; dim may be left out for one or two axes, where it is the last."""
    return Tensor.log_softmax(input, dim)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """See `minidl.ops.dropout`; as in PyTorch, it drops unless training=False is said: training=self.training."""
    _plain("dropout", inplace=inplace)
    return ops.dropout(input, p, training=training)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """See `minidl.ops.dropout2d`; as in PyTorch, it drops unless training=False is said."""
    _plain("dropout2d", inplace=inplace)
    return ops.dropout2d(input, p, training=training)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """See `minidl.ops.elu`."""
    _plain("elu", inplace=inplace)
    return ops.elu(input, alpha)


gelu, softplus = ops.gelu, ops.softplus


# Layers


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """See `minidl.ops.linear`."""
    return ops.linear(input, weight, bias)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrPair = 1,
    padding: PaddingLike | Literal["same", "valid"] = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Tensor:
    """See `minidl.ops.conv2d`."""
    width: PaddingOrSame = 0 if padding == "valid" else padding
    return ops.conv2d(input, weight, bias, stride=stride, padding=width, dilation=dilation, groups=groups)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    output_padding: IntOrPair = 0,
    groups: int = 1,
    dilation: IntOrPair = 1,
) -> Tensor:
    """See `minidl.ops.conv_transpose2d`."""
    geometry: Any = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
    return ops.conv_transpose2d(input, weight, bias, groups=groups, **geometry)


def max_pool2d(
    input: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: PaddingLike = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """See `minidl.ops.max_pool2d`."""
    _plain("max_pool2d", return_indices=return_indices)
    settings: Any = {"padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return ops.max_pool2d(input, kernel_size, stride=stride, **settings)


def avg_pool2d(
    input: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: PaddingLike = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: None = None,
) -> Tensor:
    """See `minidl.ops.avg_pool2d`."""
    _plain("avg_pool2d", divisor_override=divisor_override)
    settings: Any = {"padding": padding, "ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    return ops.avg_pool2d(input, kernel_size, stride=stride, **settings)


def adaptive_avg_pool2d(input: Tensor, output_size: OutputSize) -> Tensor:
    """See `minidl.ops.adaptive_avg_pool2d`."""
    return ops.adaptive_avg_pool2d(input, output_size)


def batch_norm(
    input: Tensor,
    running_mean: Any,
    running_var: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """See `minidl.ops.batch_norm`; the running statistics are arrays."""
    settings: Any = {"training": training, "momentum": momentum, "eps": eps}
    return ops.batch_norm(input, weight, bias, running_mean, running_var, **settings)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """See `minidl.ops.local_response_norm`; alpha is divided by size, as PyTorch does."""
    return ops.local_response_norm(input, size, alpha=alpha, beta=beta, k=k, convention="torch")


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """See `minidl.ops.group_norm`."""
    return ops.group_norm(input, num_groups, weight, bias, eps=eps)


def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """See `minidl.ops.layer_norm`."""
    return ops.layer_norm(input, normalized_shape, weight, bias, eps=eps)


def embedding(input: Any, weight: Tensor) -> Tensor:
    """See `minidl.ops.embedding`."""
    return ops.embedding(input, weight)


def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Any = None) -> Tensor:
    """See `minidl.ops.scaled_dot_product_attention`; a mask of bools is true where a query may look."""
    return ops.scaled_dot_product_attention(query, key, value, attn_mask)


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """See `minidl.ops.interpolate`."""
    return ops.interpolate(input, size, scale_factor=scale_factor, mode=mode, align_corners=align_corners)


def unfold(
    input: Tensor,
    kernel_size: IntOrPair,
    dilation: IntOrPair = 1,
    padding: PaddingOrSame = 0,
    stride: IntOrPair = 1,
) -> Tensor:
    """See `minidl.ops.im2col`."""
    return ops.im2col(input, kernel_size, stride=stride, padding=padding, dilation=dilation)


def fold(
    input: Tensor,
    output_size: IntOrPair,
    kernel_size: IntOrPair,
    dilation: IntOrPair = 1,
    padding: PaddingOrSame = 0,
    stride: IntOrPair = 1,
) -> Tensor:
    """See `minidl.ops.col2im`."""
    return ops.col2im(input, output_size, kernel_size, stride=stride, padding=padding, dilation=dilation)


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Put a border around the last axes: pad is (left, right) or (left, right, top, bottom).

    Example:
        >>> import minidl
        >>> pad(minidl.zeros(1, 1, 4, 4), (1, 1, 0, 2)).shape
        (1, 1, 6, 6)
    """
    sides = tuple(pad) if isinstance(pad, (tuple, list)) else ()
    if mode != "constant":
        raise ValueError(f"pad: only mode='constant' is there; received mode={shown(mode)}")
    if len(sides) not in (2, 4) or not all(is_int(side) and side >= 0 for side in sides):
        raise ValueError(f"pad: expects (left, right) or (left, right, top, bottom), ints >= 0; received {shown(pad)}")
    rows = sides[2:] or (0, 0)
    return ops.pad(input, (rows, sides[:2]), 0.0 if value is None else value)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """See `minidl.ops.channel_shuffle`."""
    return ops.channel_shuffle(input, groups)


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Return whole numbers that are 1 at the class of each label and 0 elsewhere, along a new last axis.

    Example:
        >>> import minidl
        >>> one_hot(minidl.tensor([2, 0]), 3).tolist()
        [[0, 0, 1], [1, 0, 0]]
    """
    labels = np.asarray(tensor._data if isinstance(tensor, Tensor) else tensor)
    if labels.dtype.kind not in "iu" or (labels.size and labels.min() < 0):
        raise ValueError(f"one_hot: expects whole numbers from 0 on; received dtype={labels.dtype}")
    most = int(labels.max()) + 1 if labels.size else 0
    count = most if num_classes == -1 else to_int("one_hot", "num_classes", num_classes, least=1)
    if most > count:
        raise ValueError(f"one_hot: the largest label is {most - 1}, which num_classes={count} has not")
    return Tensor((labels[..., None] == np.arange(count)).astype(np.int64))


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Divide by the norm along an axis, or by eps where that is smaller."""
    return input / ops.clip(input.norm(p, dim, True), eps)


# Losses


def cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """See `minidl.ops.cross_entropy`."""
    _plain("cross_entropy", size_average=size_average, reduce=reduce)
    settings: Any = {"ignore_index": ignore_index, "reduction": reduction}
    return ops.cross_entropy(input, target, weight, label_smoothing=label_smoothing, **settings)


def nll_loss(
    input: Tensor,
    target: Any,
    weight: Any = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """See `minidl.ops.nll_loss`."""
    _plain("nll_loss", size_average=size_average, reduce=reduce)
    return ops.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Any,
    weight: Any = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """See `minidl.ops.binary_cross_entropy_with_logits`."""
    _plain("binary_cross_entropy_with_logits", size_average=size_average, reduce=reduce)
    settings: Any = {"reduction": reduction, "pos_weight": pos_weight}
    return ops.binary_cross_entropy_with_logits(input, target, weight, **settings)


def mse_loss(
    input: Tensor, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean"
) -> Tensor:
    """See `minidl.ops.mse_loss`."""
    _plain("mse_loss", size_average=size_average, reduce=reduce)
    return ops.mse_loss(input, target, reduction=reduction)


def l1_loss(
    input: Tensor, target: Any, size_average: None = None, reduce: None = None, reduction: str = "mean"
) -> Tensor:
    """See `minidl.ops.l1_loss`."""
    _plain("l1_loss", size_average=size_average, reduce=reduce)
    return ops.l1_loss(input, target, reduction=reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Any,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """See `minidl.ops.smooth_l1_loss`."""
    _plain("smooth_l1_loss", size_average=size_average, reduce=reduce)
    return ops.smooth_l1_loss(input, target, reduction=reduction, beta=beta)


__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "channel_shuffle",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "fold",
    "gelu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "interpolate",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "relu",
    "relu6",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
    "unfold",
]


def __dir__() -> list[str]:
    return [*__all__]


__getattr__ = answering("nn.functional", "modules.FUNCTIONAL", else_say=f"; it has {', '.join(__all__)}")

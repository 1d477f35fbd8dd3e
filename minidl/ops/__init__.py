"""Differentiable operations: each judges its arguments, saves what backward needs, and calls a kernel both ways."""

from typing import TYPE_CHECKING

from minidl._deprecated import lookup
from minidl.ops.activation import hardsigmoid, hardswish, leaky_relu, relu, relu6, scaled_tanh, sigmoid, silu, tanh
from minidl.ops.arithmetic import add, divide, multiply, negative, power, subtract
from minidl.ops.attention import scaled_dot_product_attention
from minidl.ops.columns import col2im, im2col
from minidl.ops.conv import conv2d, conv_transpose2d
from minidl.ops.device import to_device
from minidl.ops.difference import binary_cross_entropy_with_logits, l1_loss, mse_loss, smooth_l1_loss
from minidl.ops.dropout import dropout, dropout2d, stochastic_depth
from minidl.ops.elementwise import abs, clip, exp, log, sqrt, where
from minidl.ops.embedding import embedding
from minidl.ops.fused import conv2d_fused, scale_channels
from minidl.ops.growing import append_channels, reserve_channels
from minidl.ops.interpolate import interpolate
from minidl.ops.linear import linear, matmul
from minidl.ops.loss import cross_entropy, nll_loss
from minidl.ops.maxout import maxout
from minidl.ops.norm import batch_norm, local_response_norm
from minidl.ops.own_norm import group_norm, layer_norm
from minidl.ops.pool import adaptive_avg_pool2d, avg_pool2d, global_avg_pool2d, max_pool2d
from minidl.ops.reduce import max, mean, sum, var
from minidl.ops.regions import roi_align, roi_pool
from minidl.ops.reshape import flatten, reshape, unflatten
from minidl.ops.shape import channel_shuffle, concat, index, pad, split, transpose
from minidl.ops.smooth import elu, gelu, softplus
from minidl.ops.softmax import log_softmax, softmax

__all__ = [
    "abs",
    "adaptive_avg_pool2d",
    "add",
    "append_channels",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "channel_shuffle",
    "clip",
    "col2im",
    "concat",
    "conv2d",
    "conv2d_fused",
    "conv_transpose2d",
    "cross_entropy",
    "divide",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "exp",
    "flatten",
    "gelu",
    "global_avg_pool2d",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "im2col",
    "index",
    "interpolate",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log",
    "log_softmax",
    "matmul",
    "max",
    "max_pool2d",
    "maxout",
    "mean",
    "mse_loss",
    "multiply",
    "negative",
    "nll_loss",
    "pad",
    "power",
    "relu",
    "relu6",
    "reserve_channels",
    "reshape",
    "roi_align",
    "roi_pool",
    "scale_channels",
    "scaled_dot_product_attention",
    "scaled_tanh",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "split",
    "sqrt",
    "stochastic_depth",
    "subtract",
    "sum",
    "tanh",
    "to_device",
    "transpose",
    "unflatten",
    "var",
    "where",
]


def __dir__() -> list[str]:
    return [*__all__]


if not TYPE_CHECKING:  # a type checker would believe every name
    __getattr__ = lookup("minidl.ops")

"""Differentiable operations: each judges its arguments, saves what backward needs, and calls a kernel both ways."""

from minidl.ops.activation import hardsigmoid, hardswish, leaky_relu, relu, relu6, scaled_tanh, sigmoid, silu, tanh
from minidl.ops.arithmetic import add, divide, multiply, negative, power, subtract
from minidl.ops.columns import col2im, im2col
from minidl.ops.conv import conv2d, conv_transpose2d
from minidl.ops.device import to_device
from minidl.ops.dropout import dropout, stochastic_depth
from minidl.ops.elementwise import abs, clip, exp, log, sqrt, where
from minidl.ops.fused import conv2d_fused, scale_channels
from minidl.ops.growing import append, grow
from minidl.ops.linear import linear, matmul
from minidl.ops.loss import cross_entropy, mse_loss
from minidl.ops.norm import batch_norm, local_response_norm
from minidl.ops.pool import adaptive_avg_pool2d, avg_pool2d, global_avg_pool2d, max_pool2d
from minidl.ops.reduce import max, mean, sum, var
from minidl.ops.shape import channel_shuffle, concat, flatten, index, pad, reshape, split, transpose
from minidl.ops.softmax import log_softmax, softmax

__all__ = [
    "abs",
    "adaptive_avg_pool2d",
    "add",
    "append",
    "avg_pool2d",
    "batch_norm",
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
    "exp",
    "flatten",
    "global_avg_pool2d",
    "grow",
    "hardsigmoid",
    "hardswish",
    "im2col",
    "index",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log",
    "log_softmax",
    "matmul",
    "max",
    "max_pool2d",
    "mean",
    "mse_loss",
    "multiply",
    "negative",
    "pad",
    "power",
    "relu",
    "relu6",
    "reshape",
    "scale_channels",
    "scaled_tanh",
    "sigmoid",
    "silu",
    "softmax",
    "split",
    "sqrt",
    "stochastic_depth",
    "subtract",
    "sum",
    "tanh",
    "to_device",
    "transpose",
    "var",
    "where",
]


def __dir__() -> list[str]:
    return [*__all__]

"""Differentiable operations: each judges its arguments, saves what backward needs, and calls a kernel both ways."""

from minidl.ops.activation import relu
from minidl.ops.arithmetic import add, divide, multiply, negative, power, subtract
from minidl.ops.columns import col2im, im2col
from minidl.ops.conv import conv2d, conv_transpose2d
from minidl.ops.device import to_device
from minidl.ops.fused import scale_channels
from minidl.ops.linear import linear, matmul
from minidl.ops.loss import cross_entropy
from minidl.ops.norm import batch_norm, local_response_norm
from minidl.ops.pool import adaptive_avg_pool2d, avg_pool2d, global_avg_pool2d, max_pool2d
from minidl.ops.reduce import mean, sum
from minidl.ops.shape import flatten, index, reshape, transpose

__all__ = [
    "adaptive_avg_pool2d",
    "add",
    "avg_pool2d",
    "batch_norm",
    "col2im",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "divide",
    "flatten",
    "global_avg_pool2d",
    "im2col",
    "index",
    "linear",
    "local_response_norm",
    "matmul",
    "max_pool2d",
    "mean",
    "multiply",
    "negative",
    "power",
    "relu",
    "reshape",
    "scale_channels",
    "subtract",
    "sum",
    "to_device",
    "transpose",
]

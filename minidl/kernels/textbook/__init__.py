"""The book: plain array code for every kernel, the same on NumPy and CuPy, with its derivation above it."""

from minidl.kernels.textbook.activation import relu, relu_dx
from minidl.kernels.textbook.conv import conv2d, conv2d_dw, conv2d_dx
from minidl.kernels.textbook.fused import add_relu, scale_channels, scale_channels_grads
from minidl.kernels.textbook.loss import cross_entropy, cross_entropy_dx, log_softmax
from minidl.kernels.textbook.norm import (
    batch_norm,
    batch_norm_eval,
    batch_norm_eval_grads,
    batch_norm_grads,
    lrn,
    lrn_dx,
)
from minidl.kernels.textbook.pool import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_dx,
    avg_pool2d,
    avg_pool2d_dx,
    max_pool2d,
    max_pool2d_dx,
)
from minidl.kernels.textbook.windows import col2im, im2col

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_dx",
    "add_relu",
    "avg_pool2d",
    "avg_pool2d_dx",
    "batch_norm",
    "batch_norm_eval",
    "batch_norm_eval_grads",
    "batch_norm_grads",
    "col2im",
    "conv2d",
    "conv2d_dw",
    "conv2d_dx",
    "cross_entropy",
    "cross_entropy_dx",
    "im2col",
    "log_softmax",
    "lrn",
    "lrn_dx",
    "max_pool2d",
    "max_pool2d_dx",
    "relu",
    "relu_dx",
    "scale_channels",
    "scale_channels_grads",
]

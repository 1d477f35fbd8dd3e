"""The book: plain array code for every kernel, the same on NumPy and CuPy, with its derivation above it."""

from minidl.kernels.textbook.activation import relu, relu_dx
from minidl.kernels.textbook.conv import conv2d, conv2d_dw, conv2d_dx
from minidl.kernels.textbook.loss import cross_entropy, cross_entropy_dx, log_softmax
from minidl.kernels.textbook.pool import avg_pool2d, avg_pool2d_dx, max_pool2d, max_pool2d_dx
from minidl.kernels.textbook.windows import col2im, im2col

__all__ = [
    "avg_pool2d",
    "avg_pool2d_dx",
    "col2im",
    "conv2d",
    "conv2d_dw",
    "conv2d_dx",
    "cross_entropy",
    "cross_entropy_dx",
    "im2col",
    "log_softmax",
    "max_pool2d",
    "max_pool2d_dx",
    "relu",
    "relu_dx",
]

"""The fast room for the CPU: the names of the book, compiled with Numba, on channels-last memory.

Every function here equals its twin in `kernels/textbook/`, which derives it; a function that is not here, or that
declines its arguments with NotImplemented (float64, no elements), is done by the textbook. Read `layout.py`,
`compile.py` and `vector.py` first, then any kernel: each stands alone.
"""

from minidl.kernels.cpu.average import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_dx,
    avg_pool2d,
    avg_pool2d_dx,
    global_avg_pool2d,
)
from minidl.kernels.cpu.channel_sums import channel_sums
from minidl.kernels.cpu.channels import concat, lrn, lrn_dx, scale_channels, scale_channels_grads
from minidl.kernels.cpu.conv import conv2d, conv2d_dw, conv2d_dx, conv2d_fused, prepare_conv2d_fused
from minidl.kernels.cpu.copies import copy_to
from minidl.kernels.cpu.elementwise import (
    add,
    add_relu,
    add_to,
    dropout,
    hardsigmoid,
    hardsigmoid_dx,
    hardswish,
    hardswish_dx,
    leaky_relu,
    leaky_relu_dx,
    relu,
    relu6,
    relu6_dx,
    relu_dx,
    scaled_tanh,
    scaled_tanh_dx,
    sigmoid,
    sigmoid_dx,
    silu,
    silu_dx,
    tanh,
    tanh_dx,
)
from minidl.kernels.cpu.linear import linear, linear_dw, linear_dx
from minidl.kernels.cpu.loss import (
    cross_entropy,
    cross_entropy_dx,
    log_softmax,
    log_softmax_dx,
    softmax,
    softmax_dx,
)
from minidl.kernels.cpu.norm import batch_norm, batch_norm_eval, batch_norm_eval_grads, batch_norm_grads
from minidl.kernels.cpu.pool import max_pool2d, max_pool2d_dx
from minidl.kernels.cpu.update import adam, rmsprop, sgd

__all__ = [
    "adam",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_dx",
    "add",
    "add_relu",
    "add_to",
    "avg_pool2d",
    "avg_pool2d_dx",
    "batch_norm",
    "batch_norm_eval",
    "batch_norm_eval_grads",
    "batch_norm_grads",
    "channel_sums",
    "concat",
    "conv2d",
    "conv2d_dw",
    "conv2d_dx",
    "conv2d_fused",
    "copy_to",
    "cross_entropy",
    "cross_entropy_dx",
    "dropout",
    "global_avg_pool2d",
    "hardsigmoid",
    "hardsigmoid_dx",
    "hardswish",
    "hardswish_dx",
    "leaky_relu",
    "leaky_relu_dx",
    "linear",
    "linear_dw",
    "linear_dx",
    "log_softmax",
    "log_softmax_dx",
    "lrn",
    "lrn_dx",
    "max_pool2d",
    "max_pool2d_dx",
    "prepare_conv2d_fused",
    "relu",
    "relu6",
    "relu6_dx",
    "relu_dx",
    "rmsprop",
    "scale_channels",
    "scale_channels_grads",
    "scaled_tanh",
    "scaled_tanh_dx",
    "sgd",
    "sigmoid",
    "sigmoid_dx",
    "silu",
    "silu_dx",
    "softmax",
    "softmax_dx",
    "tanh",
    "tanh_dx",
]


def __dir__() -> list[str]:
    return [*__all__]

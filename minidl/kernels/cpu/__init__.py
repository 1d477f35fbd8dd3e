"""The fast room for the CPU: the names of the book, compiled with Numba, on channels-last memory.

Every function here equals its twin in `kernels/textbook/`, which derives it; a function that is not here, or that
declines its arguments with NotImplemented (float64, no elements), is done by the textbook. Read `layout.py`,
`compile.py` and `vector.py` first, then any kernel: each stands alone.
"""

from minidl.kernels.cpu.conv import conv2d, conv2d_dw, conv2d_dx
from minidl.kernels.cpu.elementwise import (
    add,
    add_relu,
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
from minidl.kernels.cpu.norm import batch_norm, batch_norm_eval, batch_norm_eval_grads, batch_norm_grads
from minidl.kernels.cpu.pool import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_dx,
    avg_pool2d,
    avg_pool2d_dx,
    global_avg_pool2d,
    global_avg_pool2d_dx,
    max_pool2d,
    max_pool2d_dx,
)
from minidl.kernels.cpu.update import adam, sgd

__all__ = [
    "adam",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_dx",
    "add",
    "add_relu",
    "avg_pool2d",
    "avg_pool2d_dx",
    "batch_norm",
    "batch_norm_eval",
    "batch_norm_eval_grads",
    "batch_norm_grads",
    "conv2d",
    "conv2d_dw",
    "conv2d_dx",
    "dropout",
    "global_avg_pool2d",
    "global_avg_pool2d_dx",
    "hardsigmoid",
    "hardsigmoid_dx",
    "hardswish",
    "hardswish_dx",
    "leaky_relu",
    "leaky_relu_dx",
    "linear",
    "linear_dw",
    "linear_dx",
    "max_pool2d",
    "max_pool2d_dx",
    "relu",
    "relu6",
    "relu6_dx",
    "relu_dx",
    "scaled_tanh",
    "scaled_tanh_dx",
    "sgd",
    "sigmoid",
    "sigmoid_dx",
    "silu",
    "silu_dx",
    "tanh",
    "tanh_dx",
]

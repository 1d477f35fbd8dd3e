"""The fast kernel set for the CPU: the names of the book, compiled with Numba, on channels-last memory.

Every function here equals its twin in `kernels/textbook/`, which derives it; a function that is not here, or that
declines its arguments with NotImplemented (float64, no elements), is done by the textbook.

    conv/           convolutions: algorithms, packing, geometry, blocking, epilogue
    simd/           vectors inside Numba: compiling, the vector type, accumulators, matrix products; the crew of threads
    memory/         channels-last layout, stacks of matrices, copies, workspace
    door.py         what the arrays of a call must have in common, judged before a kernel runs

    elementwise.py    activations, sums, dropout          norm.py          batch norm
    running.py        its running statistics              affine.py        what a norm does to each channel
    excite.py         gates of squeeze-and-excitation
    max_pool.py       max pooling                         avg_pool.py      averages of windows and whole maps
    linear.py         linear layers, matrix products      channels.py      concat, attention over channels, LRN
    loss.py           softmax and cross-entropy           channel_sums.py  gradients of biases
    update.py         the optimisers' steps               attention.py     attention
    own_norm.py       layer norm                         suppression.py   of boxes over each other, the best
    render.py         a picture with boxes, moved and coloured

Read `memory/layout.py`, `simd/compile.py` and `simd/vector.py` first, then any kernel: each stands alone.
"""

from minidl.kernels.cpu.attention import attention, attention_grads
from minidl.kernels.cpu.avg_pool import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_dx,
    avg_pool2d,
    avg_pool2d_dx,
    global_avg_pool2d,
)
from minidl.kernels.cpu.channel_sums import channel_sums, conv2d_fused_grads
from minidl.kernels.cpu.channels import concat, lrn, lrn_dx, scale_channels, scale_channels_grads
from minidl.kernels.cpu.conv.algorithms import CONV_ALGORITHMS as CONV_ALGORITHMS
from minidl.kernels.cpu.conv.algorithms import circumstances as circumstances
from minidl.kernels.cpu.conv.algorithms import explain_conv2d as explain_conv2d
from minidl.kernels.cpu.conv.conv2d import conv2d, conv2d_dw, conv2d_dx, conv2d_fused, prepare_conv2d_fused
from minidl.kernels.cpu.conv.shortened import read_through as read_through
from minidl.kernels.cpu.conv.shortened import shortened as shortened
from minidl.kernels.cpu.elementwise import (
    add,
    add_relu,
    add_to,
    dropout,
    gelu,
    gelu_dx,
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
from minidl.kernels.cpu.excite import excite
from minidl.kernels.cpu.linear import linear, linear_dw, linear_dx, matmul
from minidl.kernels.cpu.loss import (
    cross_entropy,
    cross_entropy_dx,
    log_softmax,
    log_softmax_dx,
    softmax,
    softmax_dx,
)
from minidl.kernels.cpu.max_pool import max_pool2d, max_pool2d_dx
from minidl.kernels.cpu.memory.copies import copy_to
from minidl.kernels.cpu.norm import (
    batch_norm,
    batch_norm_eval,
    batch_norm_eval_fused,
    batch_norm_eval_fused_grads,
    batch_norm_eval_grads,
    batch_norm_fused,
    batch_norm_fused_grads,
    batch_norm_grads,
)
from minidl.kernels.cpu.own_norm import layer_norm, layer_norm_grads
from minidl.kernels.cpu.render import render
from minidl.kernels.cpu.running import batch_norm_running
from minidl.kernels.cpu.simd.compile import ALL as COMPILED  # noqa: F401
from minidl.kernels.cpu.simd.sequence import in_moving_sequence as in_moving_sequence
from minidl.kernels.cpu.simd.sequence import in_sequence as in_sequence
from minidl.kernels.cpu.suppression import nms
from minidl.kernels.cpu.update import adam, rmsprop, sgd

__all__ = [
    "adam",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_dx",
    "add",
    "add_relu",
    "add_to",
    "attention",
    "attention_grads",
    "avg_pool2d",
    "avg_pool2d_dx",
    "batch_norm",
    "batch_norm_eval",
    "batch_norm_eval_fused",
    "batch_norm_eval_fused_grads",
    "batch_norm_eval_grads",
    "batch_norm_fused",
    "batch_norm_fused_grads",
    "batch_norm_grads",
    "batch_norm_running",
    "channel_sums",
    "concat",
    "conv2d",
    "conv2d_dw",
    "conv2d_dx",
    "conv2d_fused",
    "conv2d_fused_grads",
    "copy_to",
    "cross_entropy",
    "cross_entropy_dx",
    "dropout",
    "excite",
    "gelu",
    "gelu_dx",
    "global_avg_pool2d",
    "hardsigmoid",
    "hardsigmoid_dx",
    "hardswish",
    "hardswish_dx",
    "layer_norm",
    "layer_norm_grads",
    "leaky_relu",
    "leaky_relu_dx",
    "linear",
    "linear_dw",
    "linear_dx",
    "log_softmax",
    "log_softmax_dx",
    "lrn",
    "lrn_dx",
    "matmul",
    "max_pool2d",
    "max_pool2d_dx",
    "nms",
    "prepare_conv2d_fused",
    "relu",
    "relu6",
    "relu6_dx",
    "relu_dx",
    "render",
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

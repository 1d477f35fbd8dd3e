"""The fast kernels of the CPU as a set: which calls are worth their while, and what they need.

They need Numba, SciPy and a processor with vectors, and seconds of compiling when they run for the first time on a
machine. So without `kernels.use`, calls below a size at which that pays stay with the textbook, and a small network
never waits for the compiler. The rules look at sizes, and at whether weights can change: the same call always goes to
the same set, whatever has happened before, and gives the same bits.
"""

from __future__ import annotations

import functools
import importlib
import math
import os
import sys
from typing import Any

import numpy as np

from minidl import _backend
from minidl.kernels._launches import is_rehearsed
from minidl.kernels._sets import KernelSet, Rule

MACS = 2**25  # multiply-adds of a convolution or a product: about a millisecond of the textbook's
WIDE, MACS_WIDE = 2**9, 2**17  # the same, from so many pairs of channels on: then its network is a large one
BROAD, MACS_BROAD = 2**5, 2**22  # from so many outputs on: the stem of a large network, on small pictures
MACS_WIDE_DW = 2**16  # of their gradient: the textbook makes one for each picture, and adds them up
MACS_FUSED = 2**18  # of conv2d_fused with weights that cannot change: whoever folds a network asks for speed
MACS_GATES = 2**12  # of either product of a squeeze-and-excitation
ELEMENTS = 2**17  # numbers that an elementwise kernel walks over, or a mean of whole maps
JOINED = 2**15  # numbers of which an activation's gradient is made, and added up: the textbook walks six times
NORM = 2**14  # numbers that a batch norm walks over: the textbook walks ten times
POOLING = 2**19  # numbers times the taps of a window: the textbook walks over a picture once for each
GROUPED = 2**14  # numbers that a convolution in groups walks over: the textbook makes columns group by group
BOXES = 2**10  # that lie over each other
PIXELS = 2**14  # of a picture that is seen through a frame
CPU_SWITCHES = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")  # with these Numba writes code for another processor
FLOAT32 = np.dtype(np.float32)


def _is_single(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype == FLOAT32


def _serves(x: Any) -> str:
    if isinstance(x, tuple):  # several arrays, given as one
        x = x[0]
    return "" if _is_single(x) else f"the fast kernels serve float32, this is {getattr(x, 'dtype', type(x).__name__)}"


# The rules: sizes; and for what gives the same bits by whichever set, whether kernels alone follow each other otherwise


def _in_a_row(x: Any, *others: Any) -> bool:
    return _is_single(x) and (x.size >= ELEMENTS or (is_rehearsed() and CPU.is_open))


def _several_in_a_row(arrays: tuple[Any, ...], axis: int) -> bool:
    return _in_a_row(arrays[0])


def _elements(x: Any, *others: Any) -> bool:
    return _is_single(x) and x.size >= ELEMENTS


def _joined(dy: Any, *others: Any) -> bool:
    return _is_single(dy) and dy.size >= JOINED


def _pooling(x: Any, kernel: Any, *settings: Any) -> bool:
    return _is_single(x) and x.size * math.prod(kernel) >= POOLING


def _pooling_dx(dy: Any, x_shape: tuple[int, ...], kernel: Any, *settings: Any) -> bool:
    return _is_single(dy) and math.prod(x_shape) * math.prod(kernel) >= POOLING


def _pixels(dy: Any, x_shape: tuple[int, ...], *settings: Any) -> bool:
    """The gradient is larger than what it is made of."""
    return _is_single(dy) and math.prod(x_shape) >= ELEMENTS


def _pooling_of_winners(dy: Any, winners: Any, *others: Any) -> bool:
    return _pooling_dx(dy, *others)


def _norm(x: Any, *others: Any) -> bool:
    return _is_single(x) and x.size >= NORM


def _statistics(running_mean: Any, running_var: Any, mean: Any, rstd: Any, eps: float, m: int, *others: Any) -> bool:
    """Where its batch norm is worth it: there is no other sign that the compiler has been waited for."""
    return _is_single(running_mean) and m * running_mean.size >= NORM


def _weights(x: Any, w: Any, *others: Any) -> bool:
    """A linear layer waits for its weights, however few rows there are; with many rows, few weights are work enough."""
    return _is_single(x) and (w.size >= ELEMENTS or x.shape[0] * w.size >= MACS)


def _weights_dw(dy: Any, x: Any) -> bool:
    weights = dy.shape[1] * x.shape[1]
    return _is_single(dy) and (weights >= ELEMENTS or len(dy) * weights >= MACS)


def _fused(x: Any, w: Any, b: Any, residual: Any, activation: Any, *settings: Any) -> bool:
    """Weights that cannot change any more are those of a folded network; others are trained like any convolution's."""
    if not _backend.is_constant(w):
        return _conv(x, w, b, *settings)
    return _is_single(x) and x.size // max(1, x.shape[1]) * w.size >= MACS_FUSED


def _conv(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int, *rest: Any) -> bool:
    return _is_single(x) and _windows(x, w.shape, groups, MACS_WIDE, stride[0] * stride[1])


def _conv_dx(dy: Any, w: Any, x_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int, *rest: Any) -> bool:
    return _is_single(dy) and _windows(dy, w.shape, groups, MACS_WIDE)


def _conv_dw(dy: Any, x: Any, w_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int, *rest: Any) -> bool:
    return _is_single(dy) and _windows(dy, w_shape, groups, MACS_WIDE_DW)


def _products(a: Any, b: Any) -> bool:
    """Multiply-adds of all pairs of matrices; one side may be repeated for the other."""
    return _is_single(a) and max(a.size * b.shape[-1], a.shape[-2] * b.size) >= MACS


def _scores(q: Any, k: Any, v: Any, mask: Any, *others: Any) -> bool:
    """Rows of q times keys; the fast kernels know pictures and heads, or heads alone."""
    return _is_single(q) and q.ndim <= 4 and q.size // max(1, q.shape[-1]) * k.shape[-2] >= ELEMENTS


def _scores_of(dy: Any, q: Any, k: Any, v: Any, mask: Any, y: Any, log_sums: Any, with_mask: bool) -> bool:
    """The same, but for a mask that wants its gradient."""
    return _scores(q, k, v, mask) and not (with_mask and mask is not None)


def _boxes(boxes: Any, threshold: float) -> bool:
    """The textbook compares each box with all others in one step, which is as quick as long as they are few."""
    return isinstance(boxes, np.ndarray) and boxes.dtype.kind == "f" and len(boxes) >= BOXES


def _gates(s: Any, w1: Any, *others: Any) -> bool:
    return _is_single(s) and len(s) * w1.size >= MACS_GATES


def _rendered(row_shares: Any, column_shares: Any, *others: Any) -> bool:
    return _is_single(row_shares) and len(row_shares) * len(column_shares) >= PIXELS


def _windows(x: Any, w_shape: tuple[int, ...], groups: int, macs_wide: int, every: int = 1) -> bool:
    """Judge by the multiply-adds of windows at one in `every` pixels of x, or in groups by the pixels alone."""
    if groups > 1:
        return x.size >= GROUPED
    o, c, *taps = w_shape
    windows = x.size // x.shape[1] // every if x.size else 0
    least = macs_wide if o * c >= WIDE else MACS_BROAD if o >= BROAD else MACS
    return windows * o * c * math.prod(taps) >= least


WORTH: dict[str, Rule] = {
    **dict.fromkeys(("add", "add_to", "copy_to"), _in_a_row),
    **dict.fromkeys(("add_relu", "channel_sums", "dropout"), _elements),
    **dict.fromkeys(("relu", "relu_dx", "relu6", "relu6_dx", "leaky_relu", "leaky_relu_dx"), _elements),
    **dict.fromkeys(("sigmoid", "sigmoid_dx", "tanh", "tanh_dx", "scaled_tanh", "scaled_tanh_dx"), _elements),
    **dict.fromkeys(("silu", "silu_dx", "hardsigmoid", "hardsigmoid_dx", "hardswish", "hardswish_dx"), _elements),
    **dict.fromkeys(("gelu", "gelu_dx"), _elements),
    **dict.fromkeys(("softmax", "softmax_dx", "log_softmax", "log_softmax_dx"), _elements),
    **dict.fromkeys(("cross_entropy", "cross_entropy_dx"), _elements),
    **dict.fromkeys(("lrn", "lrn_dx", "scale_channels", "scale_channels_grads"), _elements),
    **dict.fromkeys(("adaptive_avg_pool2d", "global_avg_pool2d"), _elements),
    **dict.fromkeys(("max_pool2d", "avg_pool2d"), _pooling),
    **dict.fromkeys(("sgd", "adam", "rmsprop"), _elements),
    "adaptive_avg_pool2d_dx": _pixels,
    "avg_pool2d_dx": _pooling_dx,
    **dict.fromkeys(("batch_norm", "batch_norm_grads", "batch_norm_eval", "batch_norm_eval_grads"), _norm),
    **dict.fromkeys(("batch_norm_fused", "batch_norm_fused_grads"), _norm),
    "batch_norm_running": _statistics,
    **dict.fromkeys(("layer_norm", "layer_norm_grads"), _norm),
    **dict.fromkeys(("batch_norm_eval_fused", "batch_norm_eval_fused_grads"), _norm),
    **dict.fromkeys(("linear", "linear_dx"), _weights),
    "linear_dw": _weights_dw,
    "matmul": _products,
    "attention": _scores,
    "attention_grads": _scores_of,
    "concat": _several_in_a_row,
    "nms": _boxes,
    "render": _rendered,
    "excite": _gates,
    "max_pool2d_dx": _pooling_of_winners,
    "conv2d": _conv,
    "conv2d_dx": _conv_dx,
    "conv2d_dw": _conv_dw,
    "conv2d_fused": _fused,
    "conv2d_fused_grads": _joined,
}


# What they need


@functools.cache
def _lack() -> str:
    import platform

    try:
        import llvmlite.binding
        import numba

        if numba.config.DISABLE_JIT:
            return "NUMBA_DISABLE_JIT is set"
        host = llvmlite.binding.get_host_cpu_name()
        foreign = any(os.environ.get(name) for name in CPU_SWITCHES) and os.environ.get("NUMBA_CPU_NAME") != host
        if foreign and _signal_of_a_trial():
            return f"this processor, {host}, cannot run what NUMBA_CPU_NAME or NUMBA_CPU_FEATURES asks for"
        if platform.machine().lower() in ("x86_64", "amd64"):
            features = llvmlite.binding.get_host_cpu_features()
            if not (features.get("avx2") and features.get("fma")):
                return "the processor has no AVX2"
        importlib.import_module("minidl.kernels.cpu")
    except Exception as error:  # a Numba that does not fit NumPy or LLVM fails in its own ways
        return str(error) or type(error).__name__
    return ""


def _signal_of_a_trial() -> int:
    """Run a kernel in another process, which ends by a signal where the processor does not know an instruction."""
    import subprocess

    code = "import numpy, minidl.kernels.cpu as fast; fast.relu(numpy.ones(3, numpy.float32))"
    return max(0, -subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode)


CPU = KernelSet(
    "cpu", "minidl.kernels.cpu", called="the fast kernels", worth=WORTH, serves=_serves, lack=lambda: _lack()
)

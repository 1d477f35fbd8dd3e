"""Kernel sets: array functions with agreed names, and the choice between several that have them.

`kernels.conv2d(...)` runs the function of the set in use: the one that `with kernels.use(...)` named, else the first
that finds the call worth its while (`_cpu.py` says when the fast kernels do), else the textbook. A set may leave
functions out, and a function may decline its arguments by returning NotImplemented; the textbook has and takes them
all. Any module or object with the agreed names will do, so that a student's own `conv2d` can train a network; it is
called with the arguments that have no default.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minidl._checks import check_choice, shown
from minidl._deprecated import renamed_value
from minidl.kernels import textbook
from minidl.kernels._cpu import CPU
from minidl.kernels._dispatch import add_set, routed
from minidl.kernels._explain import explain as explain
from minidl.kernels._own import are_own as are_own
from minidl.kernels._own import judged
from minidl.kernels._plan import plan as plan
from minidl.kernels._sets import SETS, KernelSet, in_use, options
from minidl.kernels._warmup import kept_in as kept_in
from minidl.kernels._warmup import warmup as warmup

add_set(CPU)
NAMES: tuple[str, ...] = tuple(textbook.__all__)

__all__ = ["NAMES", "SETS", "explain", "use", "warmup", *NAMES]


def __dir__() -> list[str]:
    return [*__all__]


# The kernels: each takes what the textbook's takes, and is derived there.

adam = routed(textbook.adam)
adaptive_avg_pool2d = routed(textbook.adaptive_avg_pool2d)
adaptive_avg_pool2d_dx = routed(textbook.adaptive_avg_pool2d_dx)
add = routed(textbook.add)
add_relu = routed(textbook.add_relu)
add_to = routed(textbook.add_to)
attention = routed(textbook.attention)
attention_grads = routed(textbook.attention_grads)
avg_pool2d = routed(textbook.avg_pool2d)
avg_pool2d_dx = routed(textbook.avg_pool2d_dx)
batch_norm = routed(textbook.batch_norm)
batch_norm_eval = routed(textbook.batch_norm_eval)
batch_norm_eval_fused = routed(textbook.batch_norm_eval_fused)
batch_norm_eval_fused_grads = routed(textbook.batch_norm_eval_fused_grads)
batch_norm_eval_grads = routed(textbook.batch_norm_eval_grads)
batch_norm_fused = routed(textbook.batch_norm_fused)
batch_norm_fused_grads = routed(textbook.batch_norm_fused_grads)
batch_norm_grads = routed(textbook.batch_norm_grads)
batch_norm_running = routed(textbook.batch_norm_running)
bce = routed(textbook.bce)
bce_dt = routed(textbook.bce_dt)
bce_dx = routed(textbook.bce_dx)
channel_sums = routed(textbook.channel_sums)
col2im = routed(textbook.col2im)
concat = routed(textbook.concat)
conv2d = routed(textbook.conv2d)
conv2d_dw = routed(textbook.conv2d_dw)
conv2d_dx = routed(textbook.conv2d_dx)
conv2d_fused = routed(textbook.conv2d_fused)
conv2d_fused_grads = routed(textbook.conv2d_fused_grads)
copy_to = routed(textbook.copy_to)
cross_entropy = routed(textbook.cross_entropy)
cross_entropy_dx = routed(textbook.cross_entropy_dx)
dropout = routed(textbook.dropout)
elu = routed(textbook.elu)
elu_dx = routed(textbook.elu_dx)
embedding = routed(textbook.embedding)
embedding_dw = routed(textbook.embedding_dw)
excite = routed(textbook.excite)
gelu = routed(textbook.gelu)
gelu_dx = routed(textbook.gelu_dx)
global_avg_pool2d = routed(textbook.global_avg_pool2d)
global_avg_pool2d_dx = routed(textbook.global_avg_pool2d_dx)
group_norm = routed(textbook.group_norm)
group_norm_grads = routed(textbook.group_norm_grads)
hardsigmoid = routed(textbook.hardsigmoid)
hardsigmoid_dx = routed(textbook.hardsigmoid_dx)
hardswish = routed(textbook.hardswish)
hardswish_dx = routed(textbook.hardswish_dx)
im2col = routed(textbook.im2col)
interpolate = routed(textbook.interpolate)
interpolate_dx = routed(textbook.interpolate_dx)
l1 = routed(textbook.l1)
l1_dx = routed(textbook.l1_dx)
layer_norm = routed(textbook.layer_norm)
layer_norm_grads = routed(textbook.layer_norm_grads)
leaky_relu = routed(textbook.leaky_relu)
leaky_relu_dx = routed(textbook.leaky_relu_dx)
linear = routed(textbook.linear)
linear_dw = routed(textbook.linear_dw)
linear_dx = routed(textbook.linear_dx)
log_softmax = routed(textbook.log_softmax)
log_softmax_dx = routed(textbook.log_softmax_dx)
lrn = routed(textbook.lrn)
lrn_dx = routed(textbook.lrn_dx)
matmul = routed(textbook.matmul)
max_pool2d = routed(textbook.max_pool2d)
max_pool2d_dx = routed(textbook.max_pool2d_dx)
mse = routed(textbook.mse)
mse_dx = routed(textbook.mse_dx)
nll = routed(textbook.nll)
nll_dx = routed(textbook.nll_dx)
nms = routed(textbook.nms)
relu = routed(textbook.relu)
relu6 = routed(textbook.relu6)
relu6_dx = routed(textbook.relu6_dx)
relu_dx = routed(textbook.relu_dx)
render = routed(textbook.render)
rmsprop = routed(textbook.rmsprop)
roi_align = routed(textbook.roi_align)
roi_align_dx = routed(textbook.roi_align_dx)
roi_pool = routed(textbook.roi_pool)
roi_pool_dx = routed(textbook.roi_pool_dx)
scale_channels = routed(textbook.scale_channels)
scale_channels_grads = routed(textbook.scale_channels_grads)
scaled_tanh = routed(textbook.scaled_tanh)
scaled_tanh_dx = routed(textbook.scaled_tanh_dx)
sgd = routed(textbook.sgd)
sigmoid = routed(textbook.sigmoid)
sigmoid_dx = routed(textbook.sigmoid_dx)
silu = routed(textbook.silu)
silu_dx = routed(textbook.silu_dx)
smooth_l1 = routed(textbook.smooth_l1)
smooth_l1_dx = routed(textbook.smooth_l1_dx)
softmax = routed(textbook.softmax)
softmax_dx = routed(textbook.softmax_dx)
softplus = routed(textbook.softplus)
softplus_dx = routed(textbook.softplus_dx)
tanh = routed(textbook.tanh)
tanh_dx = routed(textbook.tanh_dx)


@contextmanager
def use(kernel_set: Any, *, conv: str = "auto") -> Iterator[Any]:
    """Run operations with one set of kernels: "textbook", "cpu", a module, or an object with some of the names.

    "cpu" takes the fast kernels for every call that they can serve, however small.

    Args:
        kernel_set: which one.
        conv: the algorithm of its convolutions: "auto" (default) lets the table in `kernels/cpu/conv/algorithms.py`
            choose, other names are those of the table, and "im2col", the textbook's. Where the named one cannot serve
            a call, the one that serves every convolution does. MINIDL_WINOGRAD=0 in the environment switches that one
            off.

    Raises:
        ValueError: if no set has that name, if the object offers none of the agreed functions, or if one of its
            functions cannot take the arguments it is called with.

    Example:
        >>> from minidl import Tensor, kernels, ops
        >>> import numpy as np
        >>> class Mine:
        ...     @staticmethod
        ...     def conv2d(x, w, b, stride, padding, dilation, groups, out_size):
        ...         return np.full((1, 1, 2, 2), 7.0)
        >>> with kernels.use(Mine):
        ...     ops.conv2d(Tensor(np.ones((1, 1, 3, 3))), Tensor(np.ones((1, 1, 2, 2)))).data.max()
        np.float64(7.0)
    """
    if isinstance(kernel_set, str):
        if kernel_set not in SETS:
            known = ", ".join(repr(name) for name in SETS)
            raise ValueError(f"kernels.use: the sets are {known}; received {shown(kernel_set)}")
        kernel_set = SETS[kernel_set]
    elif hasattr(kernel_set, "dtype") or not any(hasattr(kernel_set, name) for name in NAMES):
        raise ValueError(
            f"kernels.use: expects a set name or an object with at least one of {', '.join(NAMES)}; "
            f"received {shown(kernel_set)}"
        )
    conv = renamed_value("kernels.use(conv=…)", conv, level=3)
    if not isinstance(conv, str) or conv != "auto":
        _check_algorithm(kernel_set, conv)
    served = kernel_set if kernel_set is textbook or isinstance(kernel_set, KernelSet) else judged(kernel_set)
    tokens = in_use.set(served), options.set({**options.get(), "conv": conv})
    try:
        yield kernel_set
    finally:
        in_use.reset(tokens[0])
        options.reset(tokens[1])


def _check_algorithm(kernel_set: Any, conv: str) -> None:
    if not isinstance(kernel_set, KernelSet):
        raise ValueError(f'kernels.use: conv={shown(conv)} chooses among the algorithms of "cpu"; received another set')
    if reason := kernel_set.lack():
        raise RuntimeError(f"kernels.use: {kernel_set.called} cannot be used: {reason}; received conv={shown(conv)}")
    check_choice("kernels.use", "conv", conv, kernel_set.offers("CONV_ALGORITHMS") or ("auto",))


@contextmanager
def prefer(name: str) -> Iterator[None]:
    """Run operations with a set of kernels, however small they are, unless somebody has chosen another."""
    token = in_use.set(SETS[name]) if in_use.get() is None else None  # of a known name, without what `use` judges
    try:
        yield
    finally:
        if token is not None:
            in_use.reset(token)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"kernels: there is no kernel {name!r}; the kernels are {', '.join(NAMES)}")

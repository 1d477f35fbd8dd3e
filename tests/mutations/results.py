"""Bugs in results rather than gradients, of kernels whose ways back the other files spoil."""

import numpy as np

from minidl.kernels import textbook
from tests.mutations.mutant import Mutant, kernel

MUTANTS = [
    Mutant("add: subtracts", "add", kernel("add", lambda f, a, b: f(a, -b))),
    Mutant("linear: the weights from the last one on", "linear", kernel("linear", lambda f, x, w, b: f(x, w[::-1], b))),
    Mutant("concat: in reverse", "concat", kernel("concat", lambda f, arrays, axis: f(arrays[::-1], axis))),
    Mutant("relu6: no end above", "relu6", kernel("relu6", lambda f, x: textbook.relu(x))),
    Mutant("tanh: another curve of that look", "tanh", kernel("tanh", lambda f, x: x / (1 + abs(x)))),
    Mutant("scaled_tanh: not stretched", "scaled_tanh", kernel("scaled_tanh", lambda f, x: textbook.tanh(x))),
    Mutant("silu: sigmoid alone", "silu", kernel("silu", lambda f, x: textbook.sigmoid(x))),
    Mutant(
        "hardsigmoid: without its ends", "hardsigmoid", kernel("hardsigmoid", lambda f, x: x / 6 + x.dtype.type(0.5))
    ),
    Mutant("hardswish: 3 forgotten", "hardswish", kernel("hardswish", lambda f, x: x * textbook.relu6(x) / 6)),
    Mutant("log_softmax: no logarithm", "log_softmax", kernel("log_softmax", lambda f, *args: np.exp(f(*args)))),
    Mutant("avg_pool2d: upside down", "avg_pool2d", kernel("avg_pool2d", lambda f, *args: f(*args)[:, :, ::-1])),
    Mutant(
        "adaptive_avg_pool2d: from the right",
        "adaptive_avg_pool2d",
        kernel("adaptive_avg_pool2d", lambda f, x, out_size: f(x[..., ::-1], out_size)),
    ),
    Mutant(
        "global_avg_pool2d: the sum",
        "global_avg_pool2d",
        kernel("global_avg_pool2d", lambda f, x: f(x) * x.dtype.type(x[0, 0].size)),
    ),
    Mutant(
        "scale_channels: the scales of the picture beside it",
        "scale_channels",
        kernel("scale_channels", lambda f, x, s: f(x, np.roll(s, 1, axis=0))),
    ),
    Mutant(
        "roi_align: pictures from the last one on",
        "roi_align",
        kernel("roi_align", lambda f, x, *regions: f(x[::-1], *regions)),
    ),
]

"""Step e4: batch norm, forward."""

TITLE = "Batch norm, in training and in evaluation"

TASK = """
Give each channel of a batch mean 0 and variance 1, then the weight w and bias
b that it has learnt. M = N·H·W numbers belong to a channel. In training, mean
and variance are those of the batch (divided by M); in evaluation, mean and
rstd are given. The running numbers that evaluation uses are updated after
each batch, and here the variance is the unbiased one, divided by M - 1.

x is (N, C, H, W), all others (C,); rstd is 1 / sqrt(var + eps). Change no
argument in place: whoever called still needs it.
"""

PICTURE = """
    channel c of all pictures, M numbers        y
       3 1 | 5 3       mean 3, var 2        0 -1.4 |  1.4 0        w = 1
       1 3 | 5 3       rstd 0.707       -1.4     0 |  1.4 0        b = 0
"""

FORMULA = """
    mean = sum x / M    var = sum (x - mean)² / M    rstd = 1 / sqrt(var + eps)
    y = w · (x - mean) · rstd + b
    running = (1 - momentum) · running + momentum · that of the batch
"""

SKELETON = '''
import numpy as np


def batch_norm(x, w, b, eps):
    """y like x, mean (C,), rstd (C,): with the statistics of the batch."""
    raise NotImplementedError("batch_norm: mean, rstd, y")


def batch_norm_eval(x, w, b, mean, rstd):
    """y like x: with a mean and an rstd that are given."""
    raise NotImplementedError("batch_norm_eval: y of the given numbers")


def running_statistics(x, mean, var, momentum):
    """The new running mean (C,) and var (C,), after a batch x."""
    raise NotImplementedError("running_statistics: a weighted mean")
'''

HINTS = (
    "Over which axes of (N, C, H, W) does one channel run, and how do C numbers meet x?",
    "Axes (0, 2, 3) belong to a channel. C numbers multiply with x as numbers[:, None, None]. eps stands inside of the "
    "root. For the running variance NumPy has ddof=1.",
    "y = (w * rstd)[:, None, None] * (x - mean[:, None, None]) + b[:, None, None]",
)

SOLUTION = '''
import numpy as np

CHANNEL = (0, 2, 3)


def along(v):
    """C numbers, so that they meet x (N, C, H, W)."""
    return v[:, None, None]


def batch_norm(x, w, b, eps):
    """y like x, mean (C,), rstd (C,): with the statistics of the batch."""
    mean = x.mean(axis=CHANNEL)
    rstd = 1 / np.sqrt(x.var(axis=CHANNEL) + eps)
    return along(w) * (x - along(mean)) * along(rstd) + along(b), mean, rstd


def batch_norm_eval(x, w, b, mean, rstd):
    """y like x: with a mean and an rstd that are given."""
    return along(w) * (x - along(mean)) * along(rstd) + along(b)


def running_statistics(x, mean, var, momentum):
    """The new running mean (C,) and var (C,), after a batch x."""
    new_mean = (1 - momentum) * mean + momentum * x.mean(axis=CHANNEL)
    new_var = (1 - momentum) * var + momentum * x.var(axis=CHANNEL, ddof=1)
    return new_mean, new_var
'''

WRONG = {
    "the variance is divided by M - 1 (ddof=1); the batch's own is divided by M": (
        "x.var(axis=CHANNEL) + eps",
        "x.var(axis=CHANNEL, ddof=1) + eps",
    ),
    "eps stands outside of the root: 1 / (√var + eps)": (
        "np.sqrt(x.var(axis=CHANNEL) + eps)",
        "(np.sqrt(x.var(axis=CHANNEL)) + eps)",
    ),
    "the root is forgotten: x is divided by the variance": (
        "np.sqrt(x.var(axis=CHANNEL) + eps)",
        "(x.var(axis=CHANNEL) + eps)",
    ),
    "the weight w is forgotten": ("along(w) * (x", "(x"),
    "the statistics of the batch are taken, not the given ones": (
        'given."""\n    return along(w)',
        'given."""\n    _, mean, rstd = batch_norm(x, w, b, 1e-5)\n    return along(w)',
    ),
    "the variance of the batch is divided by M; the running one is unbiased, divided by M - 1": (", ddof=1", ""),
    "momentum counts for the old number, not for the new one": (
        "    new_mean =",
        "    momentum = 1 - momentum\n    new_mean =",
    ),
    "the argument mean is changed in place": ("    new_mean =", "    mean *= 1 - momentum\n    new_mean ="),
}

CHECKS = {"batch_norm": (), "batch_norm_eval": (), "running_statistics": ()}

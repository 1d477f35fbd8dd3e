"""Step e7: cross-entropy."""

TITLE = "Softmax with cross-entropy, in one piece"

TASK = """
The loss of a row is minus the logarithm of the share that the right class got.
t holds 1 for the right class and 0 elsewhere, or other weights: count them all.
The loss of a batch is the mean over its rows; a map (N, M, H, W) has a row of M
numbers for each pixel. Classes lie along axis 1.

Do not take the logarithm of a softmax: a share that has become 0 gives -inf.
Write log p at once. Its gradient is the simplest there is, p - t, but for the
mean over the rows, for dy, and for rows of t that do not sum to 1.
"""

PICTURE = """
    x           log p                 t          -t · log p
    3 1 0     -0.2 -2.2 -3.2        1 0 0        0.17
    5 5 4     -0.9 -0.9 -1.9        0 0 1        1.86        loss = 1.02
"""

FORMULA = """
    log p = x - max - log sum exp(x - max)           along axis 1
    loss  = - sum t · log p / rows
    dx    = (p · sum t - t) · dy / rows              sum t: of each row
"""

SKELETON = '''
import numpy as np


def cross_entropy(x, t):
    """loss () and log p like x, for logits x and weights t (N, M, …)."""
    raise NotImplementedError("cross_entropy: log p, then the loss")


def cross_entropy_dx(dy, log_p, t):
    """dx like t; dy is one number."""
    raise NotImplementedError("cross_entropy_dx: from p and t")
'''

HINTS = (
    "How many rows does a batch of maps have, and which axes do they lie along?",
    "rows = x.size / x.shape[1] is right for both, tables and maps. log p needs no p: x - max, minus the logarithm of "
    "the sum of its exponentials. p is exp(log p).",
    "dx = (np.exp(log_p) * t.sum(axis=1, keepdims=True) - t) * dy / rows",
)

SOLUTION = '''
import numpy as np


def cross_entropy(x, t):
    """loss () and log p like x, for logits x and weights t (N, M, …)."""
    x = x - x.max(axis=1, keepdims=True)
    log_p = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    rows = x.size // x.shape[1]
    loss = -(t * log_p).sum() / rows
    return np.asarray(loss, dtype=x.dtype), log_p


def cross_entropy_dx(dy, log_p, t):
    """dx like t; dy is one number."""
    rows = t.size // t.shape[1]
    p = np.exp(log_p)
    dx = (p * t.sum(axis=1, keepdims=True) - t) * dy / rows
    return dx.astype(t.dtype)
'''

WRONG = {
    "the losses are added up, not averaged: / N is missing": (".sum() / rows\n    return", ".sum()\n    return"),
    "the loss is averaged over all numbers, N·M, not over the N rows": (
        ".sum() / rows\n    return",
        ".mean()\n    return",
    ),
    "the loss is divided by the pictures, not by all rows, N·H·W": ("x.size // x.shape[1]", "len(x)"),
    "softmax runs over the pictures (axis 0), not over the classes": (
        "np.exp(x).sum(axis=1, keepdims=True)",
        "np.exp(x).sum(axis=0, keepdims=True)",
    ),
    "the largest number is not taken off before exp, which overflows or leaves log 0": (
        "    x = x - x.max(axis=1, keepdims=True)\n",
        "",
    ),
    "/ N is missing: the loss is a mean over the rows": (" * dy / rows", " * dy"),
    "the sign: t - p": ("(p * t.sum(axis=1, keepdims=True) - t)", "(t - p * t.sum(axis=1, keepdims=True))"),
    "p - t, though t does not add up to 1: p·Σt - t": ("p * t.sum(axis=1, keepdims=True) - t", "p - t"),
}

CHECKS = {"cross_entropy": (), "cross_entropy_dx": ()}

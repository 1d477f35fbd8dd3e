"""Step e9: a step of SGD."""

TITLE = "One step of SGD"

TASK = """
Return the new p, and the new velocity. Weight decay adds a share of p to the
gradient. Without momentum the velocity is None, and p goes against g. With
momentum, the velocity keeps its direction: g counts in full, and the learning
rate stays outside of it, so that it can change. In the first step velocity is
None, and the new one is g itself. Nesterov's step looks ahead: it takes
g + momentum · v in place of v, and returns v all the same.

All arrays have one shape; none is changed in place.
"""

PICTURE = """
    p ---- g + wd·p ----> v = m·v + g ----> p - lr·v          Nesterov:
                          (kept for the next step)            p - lr·(g + m·v)
"""

FORMULA = """
    g = g + weight_decay · p
    v = momentum · v + g               the first v is g
    p = p - lr · v                     without momentum: p - lr · g
    p = p - lr · (g + momentum · v)    Nesterov
"""

SKELETON = '''
import numpy as np


def sgd(p, g, velocity, lr, momentum, weight_decay, nesterov):
    """The new p and velocity, both like p; None without momentum."""
    raise NotImplementedError("sgd: weight decay, velocity, step")
'''

HINTS = (
    "Which of g, v and the step may hold the learning rate, if it shall be changed between two steps?",
    "Four lines in the order of the formula, and two cases: no momentum, and no velocity yet. In float32 the numbers "
    "must stay float32: Python's floats do no harm, NumPy's float64 would.",
    "v = g.copy() if velocity is None else momentum * velocity + g",
)

SOLUTION = '''
import numpy as np


def sgd(p, g, velocity, lr, momentum, weight_decay, nesterov):
    """The new p and velocity, both like p; None without momentum."""
    g = g + weight_decay * p
    if not momentum:
        return p - lr * g, None
    v = g.copy() if velocity is None else momentum * velocity + g
    step = g + momentum * v if nesterov else v
    return p - lr * step, v
'''

WRONG = {
    "the step goes uphill: p + lr·g": ("return p - lr * g", "return p + lr * g"),
    "weight decay is forgotten": ("    g = g + weight_decay * p\n", ""),
    "g is damped: v = m·v + (1 - m)·g; here g counts in full": (
        "momentum * velocity + g",
        "momentum * velocity + (1 - momentum) * g",
    ),
    "the old velocity is not multiplied with momentum": ("momentum * velocity + g", "velocity + g"),
    "nesterov is ignored": ("g + momentum * v if nesterov else v", "v"),
    "the argument p is changed in place": (
        "        return p - lr * g, None",
        "        p -= lr * g\n        return p, None",
    ),
}

CHECKS = {"sgd": ()}

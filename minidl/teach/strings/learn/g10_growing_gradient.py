"""Step g10: find the bug."""

TITLE = "Gradients that grow"

TASK = """
Two optimisers share a layer, and its training explodes; each alone works. A
log shows that the gradient of this layer is another one after the first
optimiser has made its step. Its weight decay is switched on.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    grad ----> optimiser 1 ----> p1
      |        (g += …)
      +------> optimiser 2: this is no longer the gradient that came out
"""

FORMULA = """
    g = g + weight_decay · p
    v = momentum · v + g               the first v is g
    p = p - lr · v                     Nesterov: p - lr · (g + momentum · v)
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def sgd(p, g, velocity, lr, momentum, weight_decay, nesterov):
    """The new p and velocity, both like p; None without momentum."""
    g += weight_decay * p                                             # (1)
    if not momentum:                                                  # (2)
        return p - lr * g, None                                       # (3)
    if velocity is None:                                              # (4)
        v = g.copy()                                                  # (5)
    else:
        v = momentum * velocity + g                                   # (6)
    step = g + momentum * v if nesterov else v                        # (7)
    return p - lr * step, v                                           # (8)
'''

HINTS = (
    "Which of the lines writes into memory that somebody else holds, too?",
    "g = g + … makes a new array and gives it the name g; g += … writes into the one that was handed in.",
    "g = g + weight_decay * p",
)

SOLUTION = '''
import numpy as np

LINE = 1  # the number of the line with the bug


def sgd(p, g, velocity, lr, momentum, weight_decay, nesterov):
    """The new p and velocity, both like p; None without momentum."""
    g = g + weight_decay * p                                          # (1)
    if not momentum:                                                  # (2)
        return p - lr * g, None                                       # (3)
    if velocity is None:                                              # (4)
        v = g.copy()                                                  # (5)
    else:
        v = momentum * velocity + g                                   # (6)
    step = g + momentum * v if nesterov else v                        # (7)
    return p - lr * step, v                                           # (8)
'''

WRONG = {
    "the argument g is changed in place": (
        "g = g + weight_decay * p                                          # (1)",
        "g += weight_decay * p                                             # (1)",
    ),
    "line 5 is right": ("LINE = 1", "LINE = 5"),
    "line 7 is right": ("LINE = 1", "LINE = 7"),
    "weight decay is forgotten": ("g = g + weight_decay * p ", "g = g + 0 * p            "),
}

CHECKS = {"sgd": ()}
KIND = "bugs"
KERNELS = ()
BUG = 1
INNOCENT = {
    5: "the first velocity is a copy of the gradient",
    7: "Nesterov's step looks ahead",
}

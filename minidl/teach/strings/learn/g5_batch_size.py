"""Step g5: find the bug."""

TITLE = "The learning rate that depends on the batch"

TASK = """
Whoever doubles the batch must halve the learning rate, or the training breaks.
The loss that is printed is a mean and looks as it should; the gradient is this
one. Finite differences would have told.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    batch of 2         batch of 4         the printed loss is the same,
    dx: 0.3 …          dx: 0.3 …          every dx should be half as large
"""

FORMULA = """
    loss = - sum t · log p / rows
    dx   = (p · sum t - t) · dy / rows
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def cross_entropy_dx(dy, log_p, t):
    """dx like t; dy is one number, the gradient of the mean loss."""
    p = np.exp(log_p)                                                 # (1)
    weights = t.sum(axis=1, keepdims=True)                            # (2)
    rows = t.size // t.shape[1]                                       # (3)
    each = dy                                                         # (4)
    dx = (p * weights - t) * each                                     # (5)
    return dx.astype(t.dtype)                                         # (6)
'''

HINTS = (
    "What does every single row add to a loss that is a mean?",
    "Nothing divides by the number of rows any more; `rows` is counted and never used.",
    "each = dy / rows",
)

SOLUTION = '''
import numpy as np

LINE = 4  # the number of the line with the bug


def cross_entropy_dx(dy, log_p, t):
    """dx like t; dy is one number, the gradient of the mean loss."""
    p = np.exp(log_p)                                                 # (1)
    weights = t.sum(axis=1, keepdims=True)                            # (2)
    rows = t.size // t.shape[1]                                       # (3)
    each = dy / rows                                                  # (4)
    dx = (p * weights - t) * each                                     # (5)
    return dx.astype(t.dtype)                                         # (6)
'''

WRONG = {
    "/ N is missing: the loss is a mean over the rows": (
        "each = dy / rows                                                  # (4)",
        "each = dy                                                         # (4)",
    ),
    "line 3 is right": ("LINE = 4", "LINE = 3"),
    "line 2 is right": ("LINE = 4", "LINE = 2"),
    "dx is divided by the pictures, not by all rows, N·H·W": ("t.size // t.shape[1]", "len(t)"),
}

CHECKS = {"cross_entropy_dx": ()}
KIND = "bugs"
KERNELS = ()
BUG = 4
INNOCENT = {
    3: "a map has a row for each pixel, and all are counted",
    2: "the weights of a row need not sum to 1",
}

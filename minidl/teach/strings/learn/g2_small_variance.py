"""Step g2: find the bug."""

TITLE = "Good in training, worse in evaluation"

TASK = """
A network with batch norm trains well on batches of 2, and evaluates worse than
it should. On batches of 256 nobody ever noticed. Both use the same weights; the
running numbers are updated here, after every batch, and nothing else is known.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    batch of M numbers     variance / M     variance / (M - 1)
    M = 2                      0.5                1.0
    M = 1000                   0.999              1.0
"""

FORMULA = """
    running = (1 - momentum) · running + momentum · that of the batch
    mean = sum x / M      var = sum (x - mean)² / (M - 1)      M = N·H·W
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def running_statistics(x, mean, var, momentum):
    """The new running mean (C,) and var (C,), after a batch x."""
    axes = (0, 2, 3)                                                  # (1)
    m = x.shape[0] * x.shape[2] * x.shape[3]                          # (2)
    batch_mean = x.sum(axis=axes) / m                                 # (3)
    centred = x - batch_mean[:, None, None]                           # (4)
    batch_var = (centred**2).sum(axis=axes) / m                       # (5)
    new_mean = (1 - momentum) * mean + momentum * batch_mean          # (6)
    new_var = (1 - momentum) * var + momentum * batch_var             # (7)
    return new_mean, new_var                                          # (8)
'''

HINTS = (
    "What is the variance of two numbers, divided by 2, and divided by 1?",
    "The batch normalises itself with / M; what is kept for later is the unbiased variance.",
    "batch_var = (centred**2).sum(axis=axes) / (m - 1)",
)

SOLUTION = '''
import numpy as np

LINE = 5  # the number of the line with the bug


def running_statistics(x, mean, var, momentum):
    """The new running mean (C,) and var (C,), after a batch x."""
    axes = (0, 2, 3)                                                  # (1)
    m = x.shape[0] * x.shape[2] * x.shape[3]                          # (2)
    batch_mean = x.sum(axis=axes) / m                                 # (3)
    centred = x - batch_mean[:, None, None]                           # (4)
    batch_var = (centred**2).sum(axis=axes) / (m - 1)                 # (5)
    new_mean = (1 - momentum) * mean + momentum * batch_mean          # (6)
    new_var = (1 - momentum) * var + momentum * batch_var             # (7)
    return new_mean, new_var                                          # (8)
'''

WRONG = {
    "the variance of the batch is divided by M; the running one is unbiased, divided by M - 1": (
        "batch_var = (centred**2).sum(axis=axes) / (m - 1)                 # (5)",
        "batch_var = (centred**2).sum(axis=axes) / m                       # (5)",
    ),
    "line 6 is right": ("LINE = 5", "LINE = 6"),
    "line 2 is right": ("LINE = 5", "LINE = 2"),
    "momentum counts for the old number, not for the new one": (
        "    new_mean = (",
        "    momentum = 1 - momentum\n    new_mean = (",
    ),
}

CHECKS = {"running_statistics": ()}
KIND = "bugs"
KERNELS = ()
BUG = 5
INNOCENT = {
    6: "the old mean keeps its share, and the new one gets momentum",
    2: "M counts all numbers of a channel",
}

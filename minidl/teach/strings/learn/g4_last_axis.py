"""Step g4: find the bug."""

TITLE = "Right for tables, wrong for maps"

TASK = """
A network that classifies pictures becomes one that classifies every pixel: its
logits are now (N, M, H, W). The loss goes down, and it predicts stripes. For
tables (N, M) this softmax has passed all tests for two years.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    (N, M): axis -1 is the classes        (N, M, H, W): axis -1 is the columns
      0  1                                  0  1  2  3
"""

FORMULA = """
    y = exp(x - max) / sum exp(x - max)         along the axis that is given
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def softmax(x, axis):
    """y like x: shares along one axis."""
    largest = x.max(axis=axis, keepdims=True)                         # (1)
    e = np.exp(x - largest)                                           # (2)
    total = e.sum(axis=-1, keepdims=True)                             # (3)
    return e / total                                                  # (4)
'''

HINTS = (
    "Along which axis do the shares sum to 1, if x is (2, 3, 4, 4)?",
    "One of the four lines does not use what it was given.",
    "total = e.sum(axis=axis, keepdims=True)",
)

SOLUTION = '''
import numpy as np

LINE = 3  # the number of the line with the bug


def softmax(x, axis):
    """y like x: shares along one axis."""
    largest = x.max(axis=axis, keepdims=True)                         # (1)
    e = np.exp(x - largest)                                           # (2)
    total = e.sum(axis=axis, keepdims=True)                           # (3)
    return e / total                                                  # (4)
'''

WRONG = {
    "the sum runs over axis 1, not over the axis that is asked for": (
        "total = e.sum(axis=axis, keepdims=True)                           # (3)",
        "total = e.sum(axis=-1, keepdims=True)                             # (3)",
    ),
    "line 1 is right": ("LINE = 3", "LINE = 1"),
    "line 4 is right": ("LINE = 3", "LINE = 4"),
    "the largest number is not taken off before exp, which overflows": ("np.exp(x - largest)", "np.exp(x)"),
}

CHECKS = {"softmax": ()}
KIND = "bugs"
KERNELS = ()
BUG = 3
INNOCENT = {
    1: "the largest along the axis that is given; any number of the row would do as well",
    4: "shares of the sum",
}

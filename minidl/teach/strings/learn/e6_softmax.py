"""Step e6: softmax."""

TITLE = "Softmax, and numbers that are too large"

TASK = """
Softmax turns numbers into shares: all positive, and they sum to 1 along one
axis. exp(1000) is inf, and inf / inf is nan, so take the largest number of
each row off first: that changes no share, and the largest exponent is 0.

Every y depends on every x of its row, because all share one sum. So dx has two
terms: y's own, and that of the sum. The axis is given; do not assume the last.
"""

PICTURE = """
    x               x - max          exp             y
    3 1 0           0 -2 -3      1  0.14  0.05    0.84 0.11 0.04    sum 1
    5 5 4           0  0 -1      1  1     0.37    0.42 0.42 0.16    sum 1
"""

FORMULA = """
    y = exp(x - max) / sum exp(x - max)         along the axis
    dx = y · (dy - sum dy · y)                  along the axis
"""

SKELETON = '''
import numpy as np


def softmax(x, axis):
    """y like x: shares along one axis."""
    raise NotImplementedError("softmax: shares that sum to 1")


def softmax_dx(dy, y, axis):
    """dx like y, of the result y."""
    raise NotImplementedError("softmax_dx: two terms")
'''

HINTS = (
    "What happens to y if the same number is added to every x of a row?",
    "keepdims=True lets a maximum or a sum meet the array that it came from, along whichever axis. For dx, write the "
    "sum of dy · y along the axis once: it is the mean of dy, weighted with y.",
    "e = np.exp(x - x.max(axis=axis, keepdims=True));   y * (dy - (dy * y).sum(axis=axis, keepdims=True))",
)

SOLUTION = '''
import numpy as np


def softmax(x, axis):
    """y like x: shares along one axis."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_dx(dy, y, axis):
    """dx like y, of the result y."""
    mean = (dy * y).sum(axis=axis, keepdims=True)
    return y * (dy - mean)
'''

WRONG = {
    "the largest number is not taken off before exp, which overflows": (
        "np.exp(x - x.max(axis=axis, keepdims=True))",
        "np.exp(x)",
    ),
    "the sum runs over axis 0, not over the axis that is asked for": (
        "    e = np.exp(",
        "    axis = 0\n    e = np.exp(",
    ),
    "the sum runs over all numbers, not along one axis": ("e / e.sum(axis=axis, keepdims=True)", "e / e.sum()"),
    "the sum is forgotten: exp(x - max)": ("e / e.sum(axis=axis, keepdims=True)", "e"),
    "the sum is forgotten: dy·y": ("y * (dy - mean)", "y * dy"),
    "only each number's effect on itself is counted: dy·y·(1 - y)": ("y * (dy - mean)", "dy * y * (1 - y)"),
    "y in front is forgotten": ("y * (dy - mean)", "dy - mean"),
}

CHECKS = {"softmax": (), "softmax_dx": ()}

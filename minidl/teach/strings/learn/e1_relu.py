"""Step e1: relu."""

TITLE = "relu and its mask"

TASK = """
relu lets positive numbers pass and makes all others 0. Its gradient lets dy
pass where y is positive: where x was 0 or less, nothing came through.

`relu_dx` is given y, the result, not x: the network keeps y anyway, and from
y > 0 everything follows. Make new arrays; x, dy and y stay as they are.
"""

PICTURE = """
    x               y               dy              dx
     3 -3 -2        3  0  0         5  6  7         5  0  0
    -1  4  2        0  4  2         8  9 10         0  9 10
"""

FORMULA = """
    y = max(x, 0)          dx = dy where y > 0, else 0
"""

SKELETON = '''
import numpy as np


def relu(x):
    """y like x: max(x, 0)."""
    raise NotImplementedError("relu: negative numbers become 0")


def relu_dx(dy, y):
    """dx like dy: dy where y > 0, else 0."""
    raise NotImplementedError("relu_dx: dy where y is positive")
'''

HINTS = (
    "If x grows by a little where it is -2, by how much does y grow?",
    "One comparison gives the mask; multiplied with dy, or in np.where, it makes the gradient. Where does the mask "
    "come from: x, y or dy?",
    "return np.maximum(x, 0)   and   return dy * (y > 0)",
)

SOLUTION = '''
import numpy as np


def relu(x):
    """y like x: max(x, 0)."""
    return np.maximum(x, 0)


def relu_dx(dy, y):
    """dx like dy: dy where y > 0, else 0."""
    return dy * (y > 0)
'''

WRONG = {
    "negative numbers keep their size": ("np.maximum(x, 0)", "np.abs(x)"),
    "the mask is returned, not the numbers that it selects": ("np.maximum(x, 0)", "(x > 0).astype(x.dtype)"),
    "the argument x is changed in place": ("return np.maximum(x, 0)", "x[x < 0] = 0\n    return x"),
    "the mask is forgotten": ("dy * (y > 0)", "dy.copy()"),
    "the mask is that of dy": ("dy * (y > 0)", "dy * (dy > 0)"),
    "dy is multiplied with y itself, not with the mask y > 0": ("dy * (y > 0)", "dy * y"),
}

CHECKS = {"relu": (), "relu_dx": ()}

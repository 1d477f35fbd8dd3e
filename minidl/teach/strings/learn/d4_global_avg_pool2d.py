"""Step d4: global_avg_pool2d and global_avg_pool2d_dx."""

TITLE = "One number for each map"

TASK = """
Global average pooling stands at the end of nearly every network since
GoogLeNet: the mean of each map, whatever its size, so that the linear layer
behind it needs no weights for places. Write it, and its gradient: every pixel
of a map has had the same part in the mean.

dx is an array of its own, of the shape x_shape, and can be written to.
"""

PICTURE = """
    x (one map)      y           dy      dx
    1 2 3            5            9      1 1 1
    4 5 6                                1 1 1
    7 8 9                                1 1 1
"""

FORMULA = """
    y[n, c]            = Σ_h Σ_w x[n, c, h, w] / (H·W)
    dx[n, c, h, w]     = dy[n, c] / (H·W)
"""

SKELETON = '''
import numpy as np


def global_avg_pool2d(x):
    """y (N, C): the mean of each map of x (N, C, H, W)."""
    raise NotImplementedError("the mean of each map")


def global_avg_pool2d_dx(dy, x_shape):
    """dx (N, C, H, W) of dy (N, C)."""
    raise NotImplementedError("every pixel gets the same share")
'''

HINTS = (
    "Over which two axes is the mean taken, and how many numbers are in it?",
    "`np.full` or `np.broadcast_to` lay one number over a map; what broadcast_to returns cannot be written to, so copy "
    "it.",
    "return np.broadcast_to(dy[:, :, None, None] / (h * width), x_shape).copy()",
)

SOLUTION = '''
import numpy as np


def global_avg_pool2d(x):
    """y (N, C): the mean of each map of x (N, C, H, W)."""
    return x.mean(axis=(2, 3))


def global_avg_pool2d_dx(dy, x_shape):
    """dx (N, C, H, W) of dy (N, C)."""
    h, width = x_shape[2:]
    return np.broadcast_to(dy[:, :, None, None] / (h * width), x_shape).astype(dy.dtype)
'''

WRONG = {
    "the pixels are added up, not averaged": ("x.mean(axis=(2, 3))", "x.sum(axis=(2, 3))"),
    "dy is not divided by H·W": ("/ (h * width)", "/ 1"),
    "dy is divided by H alone": ("/ (h * width)", "/ h"),
}

CHECKS = {"global_avg_pool2d": (), "global_avg_pool2d_dx": ()}

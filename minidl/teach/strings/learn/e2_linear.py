"""Step e2: linear layers."""

TITLE = "A linear layer and its three gradients"

TASK = """
Every number of y is a row of x times a row of w, plus a bias. Both gradients
are matrix products, too: x[n, m] meets w[o, m] once for every o, so dx sums
over o; w[o, m] meets x[n, m] once for every picture, so dw sums over n.

The bias of a channel is added at every pixel of every picture. So its gradient
is a sum over all of them: that is `channel_sums`, here for maps (N, O, OH, OW).

x is (N, M), w (O, M), b (O,) or None, y and dy (N, O).
"""

PICTURE = """
      x (N×M)       wT (M×O)       y (N×O)
     [. . . .]     [. . .]       [. . .]     y[n, o]: row n of x
     [. . . .]  @  [. . .]   =   [. . .]              times row o of w
                   [. . .]
                   [. . .]
"""

FORMULA = """
    y = x @ wT + b         dx = dy @ w         dw = dyT @ x
    db[o] = sum of dy[n, o, oh, ow] over n, oh, ow
"""

SKELETON = '''
import numpy as np


def linear(x, w, b):
    """y (N, O) of x (N, M), w (O, M) and b (O,), or None."""
    raise NotImplementedError("linear: x times w transposed, plus b")


def linear_dx(dy, w):
    """dx (N, M) of dy (N, O) and w (O, M)."""
    raise NotImplementedError("linear_dx: which product has the shape of x?")


def linear_dw(dy, x):
    """dw (O, M) of dy (N, O) and x (N, M)."""
    raise NotImplementedError("linear_dw: which product has the shape of w?")


def channel_sums(dy):
    """db (O,): the sum of each channel of dy (N, O, OH, OW)."""
    raise NotImplementedError("channel_sums: add up every channel")
'''

HINTS = (
    "Which product of dy (N, O) and w (O, M) has the shape (N, M)?",
    "Write the sum for one number, say dw[o, m]: over which letter does it run? Put this letter in the middle of a "
    "matrix product. Shapes decide the rest, but in a square case both orders fit: only the letters are right.",
    "x @ w.T + b;   dy @ w;   dy.T @ x;   dy.sum(axis=(0, 2, 3))",
)

SOLUTION = '''
import numpy as np


def linear(x, w, b):
    """y (N, O) of x (N, M), w (O, M) and b (O,), or None."""
    y = x @ w.T
    return y if b is None else y + b


def linear_dx(dy, w):
    """dx (N, M) of dy (N, O) and w (O, M)."""
    return dy @ w


def linear_dw(dy, x):
    """dw (O, M) of dy (N, O) and x (N, M)."""
    return dy.T @ x


def channel_sums(dy):
    """db (O,): the sum of each channel of dy (N, O, OH, OW)."""
    return dy.sum(axis=(0, 2, 3))
'''

WRONG = {
    "the bias is not added": ("y if b is None else y + b", "y"),
    "w is reshaped where it must be transposed: w.reshape(M, O) is not w.T": (
        "x @ w.T",
        "x @ w.reshape(x.shape[1], -1)",
    ),
    "w is transposed, as it is forward: dy @ w.T": (
        "dy @ w\n",
        "dy @ (w.T if w.shape[0] == w.shape[1] else w)\n",
    ),
    "the rows are averaged, not added up": ("dy.T @ x", "dy.T @ x / len(x)"),
    "the product is x.T @ dy, (M, O), and is reshaped where it must be transposed": (
        "dy.T @ x",
        "(x.T @ dy).reshape(dy.shape[1], -1)",
    ),
    "the numbers are averaged, not added up": ("dy.sum(axis", "dy.mean(axis"),
}

CHECKS = {"linear": (), "linear_dx": (), "linear_dw": (), "channel_sums": ()}

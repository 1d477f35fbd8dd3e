"""Step e8: dropout."""

TITLE = "Dropout, and why it scales"

TASK = """
In training, dropout sets a share of the numbers to 0. So that the next layer
sees the same mean as in evaluation, what is kept is multiplied with `scale`,
1 / (1 - p), already in training: evaluation then does nothing at all.

The mask is drawn elsewhere: `keep` holds True where a number stays. The
gradient is the same function of dy, with the same mask. x stays as it is.
"""

PICTURE = """
    x            keep (p = 1/2)      y, scale 2
     3 -3 -2       1 0 1              6  0 -4
    -1  4  2       0 1 0              0  8  0
"""

FORMULA = """
    y = scale · x where keep, else 0
"""

SKELETON = '''
import numpy as np


def dropout(x, keep, scale):
    """y like x; keep is a mask of its shape, scale a number."""
    raise NotImplementedError("dropout: keep, and scale")
'''

HINTS = (
    "If half of the numbers become 0 and the others stay, what happens to the mean?",
    "A mask multiplies like 0 and 1, or chooses in np.where. `scale` is a Python float; float32 must stay float32.",
    "return x * keep * x.dtype.type(scale)",
)

SOLUTION = '''
import numpy as np


def dropout(x, keep, scale):
    """y like x; keep is a mask of its shape, scale a number."""
    return np.where(keep, x * x.dtype.type(scale), x.dtype.type(0))
'''

WRONG = {
    "scale is forgotten: in training the mean shrinks": ("x * x.dtype.type(scale)", "x"),
    "keep is read the other way round: what is kept is dropped": ("np.where(keep", "np.where(~keep"),
    "x is divided by scale, not multiplied with it": ("x * x.dtype", "x / x.dtype"),
    "the argument x is changed in place": ("    return np.where", "    x[~keep] = 0\n    return np.where"),
    "what is dropped keeps its value, without scale": ("x.dtype.type(0))", "x)"),
}

CHECKS = {"dropout": ()}

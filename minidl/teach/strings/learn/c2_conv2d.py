"""Step c2: conv2d."""

TITLE = "Convolution as a matrix product"

TASK = """
With K = C·KH·KW and P = OH·OW, the loops of c1 are one matrix product for each
picture: (O×K) @ (K×P). Write `conv2d` with your im2col and `@`.

Leave the two lines about the groups as they are: they wait for step c5.
"""

PICTURE = """
         w (O, K)              cols (K, P)               y (O, P)
    [ kernel 0 in a row ]   [ w  w       w ]       [ map 0 in a row ]
    [ kernel 1 in a row ] @ [ i  i  ...  i ]   =   [ map 1 in a row ]
                            [ n  n       n ]
"""

FORMULA = """
    y[n] = w.reshape(O, K) @ cols[n].reshape(K, P) + b
"""

SKELETON = '''
import numpy as np
from b1_im2col import im2col  # your own


def conv2d(x, w, b, stride, padding, dilation, groups):
    """y (N, O, OH, OW) of x (N, C, H, W), w (O, C, KH, KW), b (O,) or None."""
    if groups != 1:
        raise NotImplementedError("groups come in step c5")
    raise NotImplementedError("one matrix product for each picture")
'''

HINTS = (
    "Which axes of the columns are summed over, and which ones stay?",
    "`@` multiplies the last two axes and repeats the others: the product is one line for all pictures at once. The "
    "bias has to be added along axis 1.",
    "y = w.reshape(o, k) @ cols.reshape(n, k, p)       and       b[:, None, None]",
)

SOLUTION = '''
import numpy as np
from b1_im2col import im2col


def conv2d(x, w, b, stride, padding, dilation, groups):
    """y (N, O, OH, OW) of x (N, C, H, W), w (O, C, KH, KW), b (O,) or None."""
    if groups != 1:
        raise NotImplementedError("groups come in step c5")
    cols = im2col(x, w.shape[2:], stride, padding, dilation)
    n, o, (oh, ow) = len(x), len(w), cols.shape[4:]
    y = w.reshape(o, -1) @ cols.reshape(n, -1, oh * ow)
    y = y.reshape(n, o, oh, ow)
    return y if b is None else y + b[:, None, None]
'''

WRONG = {
    "the bias is not added": ("y if b is None else y + b[:, None, None]", "y"),
    "w is reshaped where it must be transposed: w.reshape(-1, O) is not w.reshape(O, -1).T": (
        "w.reshape(o, -1) @",
        "w.reshape(-1, o).T @",
    ),
    "the result is reshaped between (N, O, OH, OW) and (N, OH, OW, O), where its axes must be moved": (
        "y = y.reshape(n, o, oh, ow)",
        "y = y.swapaxes(1, 2).reshape(n, o, oh, ow)",
    ),
    "the windows still stand in one row, (N, O, P)": (
        "y = y.reshape(n, o, oh, ow)\n    return y if b is None else y + b[:, None, None]",
        "return y if b is None else y + b[:, None]",
    ),
    "the kernel is turned by 180°": ("w.reshape(o, -1) @", "w[:, :, ::-1, ::-1].reshape(o, -1) @"),
}

CHECKS = {"conv2d": ("loops",)}

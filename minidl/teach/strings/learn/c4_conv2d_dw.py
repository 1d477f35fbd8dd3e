"""Step c4: conv2d_dw."""

TITLE = "The gradient of the kernels"

TASK = """
Each weight meets one pixel in every window of every picture. It collects them
all, each times the dy of its window: a product with the columns, added up over
the pictures. The columns were not kept by forward, they are large: make them
again.

Leave the two lines about the groups as they are: they wait for step c5.
"""

PICTURE = """
    dw (O, K)         dy (O, P)            colsᵀ (P, K)
    [ kernel 0 ]   [ map 0 in a row ]   [ window 0 in a row ]
    [ kernel 1 ] = [ map 1 in a row ] @ [ window 1 in a row ]     and Σ over n
                                        [        ...        ]
"""

FORMULA = """
    dw = Σ_n dy[n].reshape(O, P) @ cols[n].reshape(K, P).T
"""

SKELETON = '''
import numpy as np
from b1_im2col import im2col  # your own


def conv2d_dw(dy, x, w_shape, stride, padding, dilation, groups):
    """dw (O, C, KH, KW) of dy (N, O, OH, OW) and x (N, C, H, W)."""
    if groups != 1:
        raise NotImplementedError("groups come in step c5")
    raise NotImplementedError("a product with the columns, over all pictures")
'''

HINTS = (
    "y = w @ cols is linear in w, too. What stands in the place of wᵀ now?",
    "dy @ colsᵀ for every picture at once, with swapaxes for the transpose; the sum over the pictures comes last.",
    "dw = (dy.reshape(n, o, p) @ cols.reshape(n, k, p).swapaxes(1, 2)).sum(axis=0)",
)

SOLUTION = '''
import numpy as np
from b1_im2col import im2col


def conv2d_dw(dy, x, w_shape, stride, padding, dilation, groups):
    """dw (O, C, KH, KW) of dy (N, O, OH, OW) and x (N, C, H, W)."""
    if groups != 1:
        raise NotImplementedError("groups come in step c5")
    n, o, oh, ow = dy.shape
    cols = im2col(x, w_shape[2:], stride, padding, dilation).reshape(n, -1, oh * ow)
    dw = dy.reshape(n, o, oh * ow) @ cols.swapaxes(1, 2)
    return dw.sum(axis=0).reshape(w_shape)
'''

WRONG = {
    "only the last picture is counted (`=` stands for `+=` over the batch)": ("dw.sum(axis=0)", "dw[-1]"),
    "the pictures are averaged, not added up": ("dw.sum(axis=0)", "dw.mean(axis=0)"),
    "the windows are averaged, not added up": ("dw.sum(axis=0)", "(dw.sum(axis=0) / (oh * ow))"),
    "the result is turned by 180°": ("reshape(w_shape)", "reshape(w_shape)[:, :, ::-1, ::-1]"),
    "the product is cols @ dyᵀ, (K, O), and is reshaped where it must be transposed": (
        "dw.sum(axis=0)",
        "dw.sum(axis=0).T",
    ),
    "dy is reshaped to (O, N·P), where its axes must be moved": (
        "dy.reshape(n, o, oh * ow)",
        "dy.reshape(o, n, oh * ow).swapaxes(0, 1)",
    ),
    "the pictures are not added up: sum over the first axis": (
        "dw.sum(axis=0).reshape(w_shape)",
        "dw.reshape(n, *w_shape)",
    ),
}

CHECKS = {"conv2d_dw": ("loops", "adjoint identity", "finite differences")}

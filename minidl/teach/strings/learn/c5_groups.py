"""Step c5: conv2d, conv2d_dx and conv2d_dw with groups."""

TITLE = "Groups"

TASK = """
With G groups, kernel o sees only the C/G channels of its group, and that is
group o // (O/G); w is (O, C/G, KH, KW). G = 1 is what you have, G = C is a
depthwise convolution.

Copy your three functions here, take the lines about the groups away, and make
them work for any G that divides C and O. No loop is needed, and no second
version for G = 1.
"""

PICTURE = """
    C = 4, O = 6, G = 2
    channels   0 1  |  2 3
    kernels  0 1 2  |  3 4 5      kernel 4 sees channels 2 and 3, and no others
"""

FORMULA = """
    w (G, O/G, K)     cols (N, G, K, P)     dy (N, G, O/G, P)     K = C/G·KH·KW
"""

SKELETON = '''
import numpy as np
from b1_im2col import im2col  # your own
from b2_col2im import col2im


def conv2d(x, w, b, stride, padding, dilation, groups):
    """y (N, O, OH, OW) of x (N, C, H, W), w (O, C/G, KH, KW), b or None."""
    raise NotImplementedError("conv2d of step c2, with groups")


def conv2d_dx(dy, w, x_shape, stride, padding, dilation, groups):
    """dx (N, C, H, W) of dy (N, O, OH, OW) and w (O, C/G, KH, KW)."""
    raise NotImplementedError("conv2d_dx of step c3, with groups")


def conv2d_dw(dy, x, w_shape, stride, padding, dilation, groups):
    """dw (O, C/G, KH, KW) of dy (N, O, OH, OW) and x (N, C, H, W)."""
    raise NotImplementedError("conv2d_dw of step c4, with groups")
'''

HINTS = (
    "A matrix product for each picture has become one for each picture and each group. What does `@` do with the axes "
    "in front of the last two?",
    "Reshape w to (G, O/G, K), the columns to (N, G, K, P) and dy to (N, G, O/G, P). Take care which of (G, O/G) "
    "stands first.",
    "y = w.reshape(groups, o // groups, -1) @ cols.reshape(n, groups, -1, p)",
)

SOLUTION = '''
import numpy as np
from b1_im2col import im2col
from b2_col2im import col2im


def conv2d(x, w, b, stride, padding, dilation, groups):
    """y (N, O, OH, OW) of x (N, C, H, W), w (O, C/G, KH, KW), b or None."""
    cols = im2col(x, w.shape[2:], stride, padding, dilation)
    n, o, (oh, ow) = len(x), len(w), cols.shape[4:]
    y = w.reshape(groups, o // groups, -1) @ cols.reshape(n, groups, -1, oh * ow)
    y = y.reshape(n, o, oh, ow)
    return y if b is None else y + b[:, None, None]


def conv2d_dx(dy, w, x_shape, stride, padding, dilation, groups):
    """dx (N, C, H, W) of dy (N, O, OH, OW) and w (O, C/G, KH, KW)."""
    n, o, oh, ow = dy.shape
    w_mat = w.reshape(groups, o // groups, -1)
    dcols = w_mat.swapaxes(1, 2) @ dy.reshape(n, groups, o // groups, oh * ow)
    dcols = dcols.reshape(n, x_shape[1], *w.shape[2:], oh, ow)
    return col2im(dcols, x_shape, stride, padding, dilation)


def conv2d_dw(dy, x, w_shape, stride, padding, dilation, groups):
    """dw (O, C/G, KH, KW) of dy (N, O, OH, OW) and x (N, C, H, W)."""
    n, o, oh, ow = dy.shape
    cols = im2col(x, w_shape[2:], stride, padding, dilation)
    cols = cols.reshape(n, groups, -1, oh * ow)
    dw = dy.reshape(n, groups, o // groups, oh * ow) @ cols.swapaxes(2, 3)
    return dw.sum(axis=0).reshape(w_shape)
'''

WRONG = {
    "the kernels are read as (O/G, G), but they lie as (G, O/G)": (
        "w.reshape(groups, o // groups, -1) @",
        "w.reshape(o // groups, groups, -1).swapaxes(0, 1) @",
    ),
    "every kernel sees the channels of the first group": (
        "cols.reshape(n, groups, -1, oh * ow)\n    y =",
        "cols.reshape(n, groups, -1, oh * ow)[:, :1]\n    y =",
    ),
    "the groups are taken in reverse order": (
        "cols.reshape(n, groups, -1, oh * ow)\n    y =",
        "cols.reshape(n, groups, -1, oh * ow)[:, ::-1]\n    y =",
    ),
    "the kernels are dealt out to the groups one by one (kernel o to group o % G)": (
        "y = w.reshape(groups, o // groups, -1) @ cols.reshape(n, groups, -1, oh * ow)",
        "y = w.reshape(o // groups, groups, -1).swapaxes(0, 1) @ cols.reshape(n, groups, -1, oh * ow)\n"
        "    y = y.swapaxes(1, 2)",
    ),
}

GRADIENT = ("loops", "adjoint identity", "loops, groups", "finite differences, groups")
CHECKS = {"conv2d": (), "conv2d_dx": GRADIENT, "conv2d_dw": GRADIENT}

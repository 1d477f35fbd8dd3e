"""Step c7: conv_transpose2d."""

TITLE = "The transposed convolution"

TASK = """
A transposed convolution goes the other way: every pixel of x lays the kernel,
times itself, into a larger picture, and what overlaps is added up. It is what
`conv2d_dx` does, called forward: the pixels of x are its dy.

w is (C, O, KH, KW), as a convolution from O to C channels would have it; there
are no groups and no dilation. `output_padding` is a pair: so many rows and
columns more at the end, which a convolution with a stride would not have seen.
"""

PICTURE = """
    x          w           stride 2                stride 1
    a b        1 1         a a b b                 a  a+b    b
    c d        1 1         a a b b                a+c  …    b+d
                           c c d d                 c  c+d    d
                           c c d d
"""

FORMULA = """
    OH = (H - 1)·s - top - bottom + KH + output_padding
    y[n, o, row, col] = b[o] + Σ_c Σ_(i, j) w[c, o, i, j] · x[n, c, h, w]
    over all taps with  row = h·s + i - top,  col = w·s + j - left
"""

SKELETON = '''
import numpy as np
from b2_col2im import col2im  # your own


def conv_transpose2d(x, w, b, stride, padding, output_padding):
    """y (N, O, OH, OW) of x (N, C, H, W), w (C, O, KH, KW), b (O,) or None.

    stride and output_padding are pairs (rows, columns),
    padding is ((top, bottom), (left, right)): so much is cut off.
    """
    raise NotImplementedError("lay the kernel into a larger picture")
'''

HINTS = (
    "If y were the picture of a convolution with w, what would x be?",
    "Work out the shape of y, multiply x with wᵀ as conv2d_dx does with dy, and give the columns to col2im with the "
    "shape of y. The bias comes last.",
    "cols = w.reshape(c, -1).T @ x.reshape(n, c, -1)",
)

SOLUTION = '''
import numpy as np
from b2_col2im import col2im


def conv_transpose2d(x, w, b, stride, padding, output_padding):
    """y (N, O, OH, OW) of x (N, C, H, W), w (C, O, KH, KW), b (O,) or None."""
    n, c, h, width = x.shape
    o, kh, kw = w.shape[1:]
    oh = (h - 1) * stride[0] - sum(padding[0]) + kh + output_padding[0]
    ow = (width - 1) * stride[1] - sum(padding[1]) + kw + output_padding[1]
    cols = w.reshape(c, -1).T @ x.reshape(n, c, -1)
    y = col2im(cols.reshape(n, o, kh, kw, h, width), (n, o, oh, ow), stride, padding, (1, 1))
    return y if b is None else y + b[:, None, None]
'''

WRONG = {
    "the output padding is left out of OH": (
        "    cols = w.reshape(",
        "    oh, ow = oh - output_padding[0], ow - output_padding[1]\n    cols = w.reshape(",
    ),
    "the padding is added to OH: here it is cut off": (
        "    cols = w.reshape(",
        "    oh, ow = oh + 2 * sum(padding[0]), ow + 2 * sum(padding[1])\n    cols = w.reshape(",
    ),
    "the kernel is turned by 180°": ("cols = w.reshape(", "cols = w[:, :, ::-1, ::-1].reshape("),
    "w is reshaped where it must be transposed: w.reshape(-1, C) is not w.reshape(C, -1).T": (
        "w.reshape(c, -1).T @",
        "w.reshape(-1, c) @",
    ),
    "the bias is not added": ("y if b is None else y + b[:, None, None]", "y"),
}

CHECKS = {"conv_transpose2d": ()}

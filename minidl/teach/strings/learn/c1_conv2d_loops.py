"""Step c1: conv2d_loops."""

TITLE = "A convolution, word for word"

TASK = """
Write the convolution as its formula stands, with nested loops. Every kernel o
lays itself over every window, multiplies weight by pixel, and adds all of it
up; then comes its bias, once. It is slow, and it is what all others are
compared with.

Leave groups aside, it is 1. b is (O,), or None: then there is no bias. The
result has the dtype of x.
"""

PICTURE = """
    x            w         y
    1 2 3        1  0      1·1 + 2·0 + 4·0 - 5·1 = -4      -4  -4
    4 5 6        0 -1                                      -4  -4
    7 8 9
"""

FORMULA = """
    y[n, o, oh, ow] = b[o] + Σ_c Σ_i Σ_j
                  w[o, c, i, j] · x[n, c, oh·s + i·d - top, ow·s + j·d - left]
"""

SKELETON = '''
import numpy as np


def conv2d_loops(x, w, b, stride, padding, dilation, groups):
    """y (N, O, OH, OW) of x (N, C, H, W), w (O, C, KH, KW), b (O,) or None.

    stride and dilation are pairs (rows, columns),
    padding is ((top, bottom), (left, right)); groups is 1.
    """
    raise NotImplementedError("nested loops, as the formula stands")
'''

HINTS = (
    "How many loops are there: one for each letter on either side of the formula?",
    "Seven loops. Put zeros around the picture once, with `np.pad`; then the row is oh·s + i·d, without the padding. "
    "Begin with a `y` of zeros, and mind the plus in `+=`.",
    "y[n, o, row, column] += w[o, c, i, j] * padded[n, c, row * s + i * d, column * s + j * d]",
)

SOLUTION = '''
import numpy as np


def conv2d_loops(x, w, b, stride, padding, dilation, groups):
    """y (N, O, OH, OW) of x (N, C, H, W), w (O, C, KH, KW), b (O,) or None."""
    kh, kw = w.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    oh = (padded.shape[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (padded.shape[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((x.shape[0], w.shape[0], oh, ow), dtype=x.dtype)
    for n in range(x.shape[0]):
        for o in range(w.shape[0]):
            for row in range(oh):
                for column in range(ow):
                    top, left = row * stride[0], column * stride[1]
                    for c in range(w.shape[1]):
                        for i in range(kh):
                            for j in range(kw):
                                pixel = padded[n, c, top + i * dilation[0], left + j * dilation[1]]
                                y[n, o, row, column] += w[o, c, i, j] * pixel
                    if b is not None:
                        y[n, o, row, column] += b[o]
    return y
'''

WRONG = {
    "the stride is forgotten (each window begins one pixel after the last)": (
        "row * stride[0], column * stride[1]",
        "row, column",
    ),
    "the dilation is forgotten (the taps lie next to each other)": (
        "top + i * dilation[0], left + j * dilation[1]",
        "top + i, left + j",
    ),
    "the kernel is turned by 180°, as in mathematics (networks do not)": (
        "w[o, c, i, j]",
        "w[o, c, kh - 1 - i, kw - 1 - j]",
    ),
    "the bias is not added": ("+= b[o]", "+= 0"),
    "the bias is added once for every channel": ("+= b[o]", "+= b[o] * w.shape[1]"),
    "only the first channel is counted": ("range(w.shape[1])", "range(1)"),
    "only the last tap is counted (`=` stands for `+=`)": (
        "y[n, o, row, column] += w[",
        "y[n, o, row, column] = w[",
    ),
    "the stride of the rows, stride[0], is taken for the columns, too": ("column * stride[1]", "column * stride[0]"),
    "the dilation is forgotten for the columns, dilation[1]": ("left + j * dilation[1]", "left + j"),
    "the dilation is forgotten for the rows, dilation[0]": ("top + i * dilation[0]", "top + i"),
    "the + 1 at the end of OH is forgotten": (
        "    y = np.zeros(",
        "    oh, ow = oh - 1, ow - 1\n    y = np.zeros(",
    ),
}

CHECKS = {"conv2d_loops": ()}

"""Step b1: im2col."""

TITLE = "Windows become columns"

TASK = """
Write out what every window sees: cols[n, c, i, j, oh, ow] is the pixel that
tap (i, j) of window (oh, ow) meets. Outside of the picture there are zeros.

Every number of x is copied to all the places where a window meets it: nothing
is added up, nothing is multiplied. A convolution is then one matrix product.

x is (N, C, H, W), cols is (N, C, KH, KW, OH, OW), and keeps the dtype of x.
"""

PICTURE = """
    x          window (0, 0)   window (0, 1)     cols[0, 0, 0, 0], tap (0, 0)
    1 2 3          1 2             2 3                1 2
    4 5 6          4 5             5 6                4 5
    7 8 9
"""

FORMULA = """
    cols[n, c, i, j, oh, ow] = x[n, c, oh·s + i·d - top, ow·s + j·d - left]
    OH = (H + top + bottom - d·(KH - 1) - 1) // s + 1          OW likewise
"""

SKELETON = '''
import numpy as np


def im2col(x, kernel_size, stride, padding, dilation):
    """cols (N, C, KH, KW, OH, OW): what every window of x (N, C, H, W) sees.

    kernel_size, stride and dilation are pairs (rows, columns),
    padding is ((top, bottom), (left, right)).
    """
    raise NotImplementedError("write out what every window sees")
'''

HINTS = (
    "Which pixels does one tap (i, j) meet while the window runs over the whole picture?",
    "A regular grid: one slice with a step for each tap. KH·KW slices of the padded picture fill all columns, and no "
    "loop over windows is needed. Where does the slice begin, where does it end, what is its step?",
    "cols[:, :, i, j] = padded[:, :, i * d : i * d + s * (oh - 1) + 1 : s, …]",
)

SOLUTION = '''
import numpy as np


def im2col(x, kernel_size, stride, padding, dilation):
    """cols (N, C, KH, KW, OH, OW): what every window of x (N, C, H, W) sees."""
    (kh, kw), (sh, sw), (dh, dw) = kernel_size, stride, dilation
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    oh = (padded.shape[2] - dh * (kh - 1) - 1) // sh + 1
    ow = (padded.shape[3] - dw * (kw - 1) - 1) // sw + 1
    cols = np.empty((*x.shape[:2], kh, kw, oh, ow), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            top, left = i * dh, j * dw
            cols[:, :, i, j] = padded[:, :, top : top + sh * (oh - 1) + 1 : sh, left : left + sw * (ow - 1) + 1 : sw]
    return cols
'''

WRONG = {
    "the padding at the end is put in front and the other way round": (
        "*padding))",
        "*(side[::-1] for side in padding)))",
    ),
    "the padding repeats the edge of the picture": ("*padding))", "*padding), mode='edge')"),
    "the taps i and j are exchanged": ("cols[:, :, i, j] =", "cols[:, :, j % kh, i % kw] ="),
    "the dilation is forgotten for the columns, dilation[1]": ("top, left = i * dh, j * dw", "top, left = i * dh, j"),
}

CHECKS = {"im2col": ()}

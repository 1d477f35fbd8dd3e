"""Step b2: col2im."""

TITLE = "Back to the pixels"

TASK = """
im2col copies numbers. Its adjoint adds every number of cols back to the pixel
that it was copied from. It is not the inverse: a pixel that four windows saw
gets four numbers, and one that no window saw gets 0.

What fell on the border of zeros is lost: the result is x (N, C, H, W) alone.
"""

PICTURE = """
    how often each pixel of a 3×3 picture is added to,      1 2 1
    with a kernel of 2×2 and a stride of 1                  2 4 2
                                                            1 2 1
"""

FORMULA = """
    x[n, c, row, col] = Σ cols[n, c, i, j, oh, ow]
    over all taps and windows with
    row = oh·s + i·d - top,  col = ow·s + j·d - left
"""

SKELETON = '''
import numpy as np


def col2im(cols, x_shape, stride, padding, dilation):
    """x (N, C, H, W): cols (N, C, KH, KW, OH, OW) added back to its pixels.

    stride and dilation are pairs (rows, columns),
    padding is ((top, bottom), (left, right)).
    """
    raise NotImplementedError("add every number back to its pixel")
'''

HINTS = (
    "Which slices did im2col copy from? On which side of the equals sign do they stand now?",
    "Add into a picture with its border, one slice for each tap (i, j), with `+=`; then cut the border off. A border "
    "cut off with [p:-p] is a trap: where p is 0, nothing is left.",
    "x[:, :, i * d : i * d + s * (oh - 1) + 1 : s, …] += cols[:, :, i, j]",
)

SOLUTION = '''
import numpy as np


def col2im(cols, x_shape, stride, padding, dilation):
    """x (N, C, H, W): cols (N, C, KH, KW, OH, OW) added back to its pixels."""
    n, c, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    x = np.zeros((n, c, x_shape[2] + top + bottom, x_shape[3] + left + right), dtype=cols.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dilation[0], i * dilation[0] + stride[0] * (oh - 1) + 1, stride[0])
            columns = slice(j * dilation[1], j * dilation[1] + stride[1] * (ow - 1) + 1, stride[1])
            x[:, :, rows, columns] += cols[:, :, i, j]
    return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]
'''

WRONG = {
    "a pixel keeps the number of the last tap (`=` stands for `+=`)": ("columns] +=", "columns] ="),
    "the padding in front is forgotten, or cut off at the wrong end": (
        "x[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "x[:, :, : x_shape[2], : x_shape[3]]",
    ),
    "the border is cut off with [p:-p], which leaves nothing where p is 0": (
        "x[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "x[:, :, top:-bottom, left:-right]",
    ),
    "as much is cut off at the end as in front": (
        "x[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "x[:, :, top : x.shape[2] - top, left : x.shape[3] - left]",
    ),
    "the border of the padding is not cut off": (
        "x[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "x",
    ),
}

CHECKS = {"col2im": ()}

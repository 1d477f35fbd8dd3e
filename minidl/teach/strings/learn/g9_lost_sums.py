"""Step g9: find the bug."""

TITLE = "Sums that get lost"

TASK = """
The gradient of a picture is too small wherever windows overlap. Without overlap
(stride = kernel size) it is exact. There is a += in the code, and it was put in
just because of this.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    a = zeros(3)      a[[0, 1, 1]] += 1      gives [1, 1, 0], not [1, 2, 0]
    np.add.at(a, [0, 1, 1], 1)               gives [1, 2, 0]
"""

FORMULA = """
    x[n, c, row, column] = sum of all cols[n, c, i, j, oh, ow] that came from it
    row = oh·s + i·d - top          column = ow·s + j·d - left
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def col2im(cols, x_shape, stride, padding, dilation):
    """x (N, C, H, W): every number of cols back to its pixel."""
    n, c, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    h, width = x_shape[2] + top + bottom, x_shape[3] + left + right   # (1)
    x = np.zeros((n, c, h * width), dtype=cols.dtype)                 # (2)
    i, j, r, q = np.indices((kh, kw, oh, ow)).reshape(4, -1)          # (3)
    rows = r * stride[0] + i * dilation[0]                            # (4)
    columns = q * stride[1] + j * dilation[1]                         # (5)
    pixel = rows * width + columns                                    # (6)
    x[..., pixel] += cols.reshape(n, c, -1)                           # (7)
    x = x.reshape(n, c, h, width)                                     # (8)
    return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]  # (9)
'''

HINTS = (
    "What does a[[1, 1]] += 1 do, if a begins as zeros?",
    "With an array of places, += reads, adds and writes once: of several numbers for one place the last remains. "
    "np.add.at adds them all.",
    "np.add.at(x, (..., pixel), cols.reshape(n, c, -1))",
)

SOLUTION = '''
import numpy as np

LINE = 7  # the number of the line with the bug


def col2im(cols, x_shape, stride, padding, dilation):
    """x (N, C, H, W): every number of cols back to its pixel."""
    n, c, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    h, width = x_shape[2] + top + bottom, x_shape[3] + left + right   # (1)
    x = np.zeros((n, c, h * width), dtype=cols.dtype)                 # (2)
    i, j, r, q = np.indices((kh, kw, oh, ow)).reshape(4, -1)          # (3)
    rows = r * stride[0] + i * dilation[0]                            # (4)
    columns = q * stride[1] + j * dilation[1]                         # (5)
    pixel = rows * width + columns                                    # (6)
    np.add.at(x, (..., pixel), cols.reshape(n, c, -1))                # (7)
    x = x.reshape(n, c, h, width)                                     # (8)
    return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]  # (9)
'''

WRONG = {
    "a pixel keeps the number of the last tap (`=` stands for `+=`)": (
        "np.add.at(x, (..., pixel), cols.reshape(n, c, -1))                # (7)",
        "x[..., pixel] += cols.reshape(n, c, -1)                           # (7)",
    ),
    "line 6 is right": ("LINE = 7", "LINE = 6"),
    "line 9 is right": ("LINE = 7", "LINE = 9"),
    "every pixel is divided by how often it was seen: an average, not a sum": (
        "    x = x.reshape(n, c, h, width)",
        "    x /= np.maximum(np.bincount(pixel, minlength=h * width), 1)\n    x = x.reshape(n, c, h, width)",
    ),
}

CHECKS = {"col2im": ()}
KIND = "bugs"
KERNELS = ()
BUG = 7
INNOCENT = {
    6: "the number of a pixel in a row of all pixels",
    9: "the border of the padding is cut off in front and at the end",
}

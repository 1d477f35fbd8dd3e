"""Step d2: max_pool2d_dx."""

TITLE = "Back to the winners"

TASK = """
A window's dy goes to its winner and to nobody else: a small change of the
others changes nothing. A pixel that won in several windows gets the dy of all
of them. `winners` holds the tap i·KW + j of each window, as d1 gives it.

Where several were largest, the first has won and gets everything: a gradient
is not shared, or a network of zeros would blur it.
"""

PICTURE = """
    winners (2×2, stride 2)   dy            dx
       1 0                    a b           0 a b 0
       2 3                    c d           0 0 0 0
                                            0 0 0 0
                                            c 0 0 d
"""

FORMULA = """
    dx[n, c, row, col] = Σ dy[n, c, oh, ow]  over all windows whose winner
    (i, j) = (winner // KW, winner % KW)  lies at that pixel
"""

SKELETON = '''
import numpy as np


def max_pool2d_dx(dy, winners, x_shape, kernel_size, stride, padding, dilation):
    """dx (N, C, H, W): dy (N, C, OH, OW) carried back to the winners."""
    raise NotImplementedError("every dy goes to the winner of its window")
'''

HINTS = (
    "col2im adds every tap of a window to its pixel. Which taps of a window have something to add here?",
    "Take col2im, and let only the winner through: for tap (i, j) what is added is dy where winners == i·KW + j, else "
    "0. Add (`+=`), since windows may overlap, into a picture that is as wide as the last window needs.",
    "dx[:, :, rows, columns] += np.where(winners == i * kw + j, dy, 0)",
)

SOLUTION = '''
import numpy as np


def max_pool2d_dx(dy, winners, x_shape, kernel_size, stride, padding, dilation):
    """dx (N, C, H, W): dy (N, C, OH, OW) carried back to the winners."""
    (kh, kw), (oh, ow) = kernel_size, dy.shape[2:]
    top, left = padding[0][0], padding[1][0]
    h = max(top + x_shape[2], (oh - 1) * stride[0] + dilation[0] * (kh - 1) + 1)
    width = max(left + x_shape[3], (ow - 1) * stride[1] + dilation[1] * (kw - 1) + 1)
    dx = np.zeros((*x_shape[:2], h, width), dtype=dy.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dilation[0], i * dilation[0] + stride[0] * (oh - 1) + 1, stride[0])
            columns = slice(j * dilation[1], j * dilation[1] + stride[1] * (ow - 1) + 1, stride[1])
            dx[:, :, rows, columns] += np.where(winners == i * kw + j, dy, 0)
    return dx[:, :, top : top + x_shape[2], left : left + x_shape[3]]
'''

WRONG = {
    "every tap of a window gets its dy, not the winner alone": ("np.where(winners == i * kw + j, dy, 0)", "dy"),
    "the winner is taken apart by columns, not by rows": ("winners == i * kw + j", "winners == j * kh + i"),
    "a pixel keeps the number of the last tap (`=` stands for `+=`)": ("columns] +=", "columns] ="),
    "the padding in front is forgotten, or cut off at the wrong end": (
        "dx[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "dx[:, :, : x_shape[2], : x_shape[3]]",
    ),
    "the border is cut off with [p:-p], which leaves nothing where p is 0": (
        "dx[:, :, top : top + x_shape[2], left : left + x_shape[3]]",
        "dx[:, :, top : -padding[0][1], left : -padding[1][1]]",
    ),
}

CHECKS = {"max_pool2d_dx": ()}

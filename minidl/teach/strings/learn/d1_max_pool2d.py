"""Step d1: max_pool2d."""

TITLE = "The largest of each window"

TASK = """
Max pooling, for every channel by itself: y is the largest number of each
window, and `winners` says which tap it was, as i·KW + j. Of several largest
ones the first wins: such ties are common, relu leaves many zeros.

`out_size` = (OH, OW) is given, because a last window may reach over the end of
the picture (ceil_mode). What lies outside of the picture never wins.
"""

PICTURE = """
    x            y (2×2, stride 2)     winners      taps   0 1
    1 7 0 0          7 0                 1 0               2 3
    2 3 0 0          9 4                 2 3
    5 8 1 2
    9 6 3 4
"""

FORMULA = """
    y[n, c, oh, ow] = max x[n, c, oh·s + i·d - top, ow·s + j·d - left]
    over all taps (i, j) that lie in the picture
"""

SKELETON = '''
import numpy as np


def max_pool2d(x, kernel_size, stride, padding, dilation, out_size):
    """y (N, C, OH, OW) and winners, the tap i·KW + j of each maximum.

    kernel_size, stride, dilation and out_size are pairs (rows, columns),
    padding is ((top, bottom), (left, right)).
    """
    raise NotImplementedError("the largest of each window, and where it was")
'''

HINTS = (
    "What must stand around the picture, so that it never wins, not even over negative numbers?",
    "im2col with the KH·KW taps on one axis, then `max` and `argmax` along it; argmax takes the first of several. "
    "The border is -inf, and at the end as wide as the last window needs.",
    "taps[:, :, i * kw + j] = padded[:, :, rows, columns];  return taps.max(axis=2), taps.argmax(axis=2)",
)

SOLUTION = '''
import numpy as np


def max_pool2d(x, kernel_size, stride, padding, dilation, out_size):
    """y (N, C, OH, OW) and winners, the tap i·KW + j of each maximum."""
    (kh, kw), (oh, ow) = kernel_size, out_size
    reach = [(out_size[a] - 1) * stride[a] + dilation[a] * (kernel_size[a] - 1) + 1 for a in range(2)]
    border = [(padding[a][0], max(padding[a][1], reach[a] - padding[a][0] - x.shape[2 + a])) for a in range(2)]
    padded = np.pad(x, ((0, 0), (0, 0), *border), constant_values=-np.inf)
    taps = np.empty((*x.shape[:2], kh * kw, oh, ow), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dilation[0], i * dilation[0] + stride[0] * (oh - 1) + 1, stride[0])
            columns = slice(j * dilation[1], j * dilation[1] + stride[1] * (ow - 1) + 1, stride[1])
            taps[:, :, i * kw + j] = padded[:, :, rows, columns]
    return taps.max(axis=2), taps.argmax(axis=2)
'''

WRONG = {
    "the padding counts as 0; as -inf it can never win": ("constant_values=-np.inf", "constant_values=0"),
    "the smallest number is taken": (
        "taps.max(axis=2), taps",
        "np.where(np.isinf(taps), np.inf, taps).min(axis=2), taps",
    ),
    "of several largest numbers the last one wins, not the first": (
        "taps.argmax(axis=2)",
        "kh * kw - 1 - taps[:, :, ::-1].argmax(axis=2)",
    ),
    "the tap is numbered by columns, j·KH + i, not i·KW + j": (
        "taps.argmax(axis=2)",
        "taps.argmax(axis=2) % kw * kh + taps.argmax(axis=2) // kw",
    ),
    "the average is taken": (
        "taps.max(axis=2), ",
        "np.where(np.isinf(taps), 0, taps).mean(axis=2), ",
    ),
    "the dilation is forgotten (the taps lie next to each other)": (
        "    (kh, kw), (oh, ow) = kernel_size, out_size",
        "    (kh, kw), (oh, ow), dilation = kernel_size, out_size, (1, 1)",
    ),
}

CHECKS = {"max_pool2d": ()}

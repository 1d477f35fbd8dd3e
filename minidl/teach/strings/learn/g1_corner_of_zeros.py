"""Step g1: find the bug."""

TITLE = "A border that wins"

TASK = """
A detector works on pictures from 0 to 1. Then somebody subtracts the mean, and
at the border of every map the network answers 0, whatever is in the picture.
The max pooling is from the same repository. With positive numbers it is right,
so its tests pass.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    x, all negative         y (3×3, padding 1)       expected
    -5 -3                      0  0                    -2 -2
    -4 -2                      0  0                    -2 -2
"""

FORMULA = """
    y[n, c, oh, ow] = max x[n, c, oh·s + i·d - top, ow·s + j·d - left]
    over all taps (i, j) that lie in the picture
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def max_pool2d(x, kernel_size, stride, padding, dilation, out_size):
    """y (N, C, OH, OW), and the tap i·KW + j of each maximum."""
    reach = [(o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(
        out_size, stride, dilation, kernel_size)]                     # (1)
    ends = [max(p[1], r - p[0] - n) for p, r, n in zip(
        padding, reach, x.shape[2:])]                                 # (2)
    border = [(0, 0), (0, 0), *zip([p[0] for p in padding], ends)]    # (3)
    padded = np.pad(x, border)                                        # (4)
    taps = []
    for i in range(kernel_size[0]):                                   # (5)
        for j in range(kernel_size[1]):                               # (6)
            rows = i * dilation[0] + stride[0] * np.arange(out_size[0]) # (7)
            columns = j * dilation[1] + stride[1] * np.arange(out_size[1]) # (8)
            taps.append(padded[:, :, rows[:, None], columns])         # (9)
    taps = np.stack(taps, axis=2)                                     # (10)
    return taps.max(axis=2), taps.argmax(axis=2)                      # (11)
'''

HINTS = (
    "Which number stands outside of the picture, and when does it win?",
    "Look at what np.pad fills in if nobody says so.",
    "padded = np.pad(x, border, constant_values=-np.inf)",
)

SOLUTION = '''
import numpy as np

LINE = 4  # the number of the line with the bug


def max_pool2d(x, kernel_size, stride, padding, dilation, out_size):
    """y (N, C, OH, OW), and the tap i·KW + j of each maximum."""
    reach = [(o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(
        out_size, stride, dilation, kernel_size)]                     # (1)
    ends = [max(p[1], r - p[0] - n) for p, r, n in zip(
        padding, reach, x.shape[2:])]                                 # (2)
    border = [(0, 0), (0, 0), *zip([p[0] for p in padding], ends)]    # (3)
    padded = np.pad(x, border, constant_values=-np.inf)               # (4)
    taps = []
    for i in range(kernel_size[0]):                                   # (5)
        for j in range(kernel_size[1]):                               # (6)
            rows = i * dilation[0] + stride[0] * np.arange(out_size[0]) # (7)
            columns = j * dilation[1] + stride[1] * np.arange(out_size[1]) # (8)
            taps.append(padded[:, :, rows[:, None], columns])         # (9)
    taps = np.stack(taps, axis=2)                                     # (10)
    return taps.max(axis=2), taps.argmax(axis=2)                      # (11)
'''

WRONG = {
    "the padding counts as 0; as -inf it can never win": (
        "padded = np.pad(x, border, constant_values=-np.inf)               # (4)",
        "padded = np.pad(x, border)                                        # (4)",
    ),
    "line 11 is right": ("LINE = 4", "LINE = 11"),
    "line 1 is right": ("LINE = 4", "LINE = 1"),
}

CHECKS = {"max_pool2d": ()}
KIND = "bugs"
KERNELS = ()
BUG = 4
INNOCENT = {
    11: "the taps lie in the order i·KW + j, and argmax takes the first of several",
    1: "it counts the rows and columns that the last window needs",
}

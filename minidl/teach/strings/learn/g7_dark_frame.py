"""Step g7: find the bug."""

TITLE = "A dark frame around the picture"

TASK = """
A network that sharpens pictures leaves a dark frame, one pixel wide. Its
average pooling has padding 1 and count_include_pad=False: the zeros of the
padding shall not count. In the middle of the picture everything is right.

Which line is wrong? Write its number, LINE = …, and mend the line.
"""

PICTURE = """
    in a corner: 4 pixels of the picture, 5 zeros of the padding
    0 0 0
    0 8 8       sum 32       / 4 = 8, as bright as the picture
    0 8 8                    / 9 = 3.6
"""

FORMULA = """
    y = sum of the window / count
    count: the places inside the picture; with count_include_pad those inside
    the padded picture
"""

SKELETON = '''
import numpy as np

LINE = None  # the number of the line with the bug


def avg_pool2d(x, kernel_size, stride, padding, out_size, count_include_pad):
    """y (N, C, OH, OW): the average of each window."""
    (top, bottom), (left, right) = padding
    h, width = x.shape[2:]
    y = np.empty((*x.shape[:2], *out_size), dtype=x.dtype)
    for oh, ow in np.ndindex(*out_size):
        r0, c0 = oh * stride[0] - top, ow * stride[1] - left          # (1)
        r1, c1 = r0 + kernel_size[0], c0 + kernel_size[1]             # (2)
        inside = x[:, :, max(r0, 0) : r1, max(c0, 0) : c1]            # (3)
        count = kernel_size[0] * kernel_size[1]                       # (4)
        if count_include_pad:
            rows = min(r1, h + bottom) - r0                           # (5)
            columns = min(c1, width + right) - c0                     # (6)
            count = rows * columns                                    # (7)
        y[:, :, oh, ow] = inside.sum(axis=(2, 3)) / count             # (8)
    return y
'''

HINTS = (
    "By what is the sum in a corner divided?",
    "Two counts are needed, one with the padding and one without. Which line makes the one without?",
    "count = inside.shape[2] * inside.shape[3]",
)

SOLUTION = '''
import numpy as np

LINE = 4  # the number of the line with the bug


def avg_pool2d(x, kernel_size, stride, padding, out_size, count_include_pad):
    """y (N, C, OH, OW): the average of each window."""
    (top, bottom), (left, right) = padding
    h, width = x.shape[2:]
    y = np.empty((*x.shape[:2], *out_size), dtype=x.dtype)
    for oh, ow in np.ndindex(*out_size):
        r0, c0 = oh * stride[0] - top, ow * stride[1] - left          # (1)
        r1, c1 = r0 + kernel_size[0], c0 + kernel_size[1]             # (2)
        inside = x[:, :, max(r0, 0) : r1, max(c0, 0) : c1]            # (3)
        count = inside.shape[2] * inside.shape[3]                     # (4)
        if count_include_pad:
            rows = min(r1, h + bottom) - r0                           # (5)
            columns = min(c1, width + right) - c0                     # (6)
            count = rows * columns                                    # (7)
        y[:, :, oh, ow] = inside.sum(axis=(2, 3)) / count             # (8)
    return y
'''

WRONG = {
    "count_include_pad is read as True": (
        "count = inside.shape[2] * inside.shape[3]                     # (4)",
        "count = kernel_size[0] * kernel_size[1]                       # (4)",
    ),
    "line 3 is right": ("LINE = 4", "LINE = 3"),
    "line 5 is right": ("LINE = 4", "LINE = 5"),
    "the sum is taken, not the average": ("inside.sum(axis=(2, 3)) / count", "inside.sum(axis=(2, 3))"),
}

CHECKS = {"avg_pool2d": ()}
KIND = "bugs"
KERNELS = ()
BUG = 4
INNOCENT = {
    3: "slices end at the picture by themselves; only a negative beginning must be cut off",
    5: "a window may reach over the end of the padding, too, and nothing counts there",
}

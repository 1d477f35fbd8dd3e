"""Step d3: avg_pool2d and avg_pool2d_dx."""

TITLE = "The average of each window"

TASK = """
The mean of each window, for every channel by itself, and its gradient: each
pixel gets dy divided by the same number.

By which number? Zeros of the padding count if `count_include_pad` is true, and
only pixels of the picture if it is not. What a last window reaches over, beyond
picture and padding (ceil_mode; out_size is given), never counts.
"""

PICTURE = """
    3×3 windows, stride 2, padding 1          count_include_pad
      0 0 0 0 0                               yes        no
      0 1 2 3 0       first window            12/9       12/4
      0 4 5 6 0       (1 + 2 + 4 + 5)
"""

FORMULA = """
    y[n, c, oh, ow]    = Σ x[n, c, row, col] / count[oh, ow]
    dx[n, c, row, col] = Σ dy[n, c, oh, ow]  / count[oh, ow]  over all windows
                         that see the pixel
"""

SKELETON = '''
import numpy as np


def avg_pool2d(x, kernel_size, stride, padding, out_size, count_include_pad):
    """y (N, C, OH, OW): the mean of each window of x (N, C, H, W).

    kernel_size, stride and out_size are pairs (rows, columns),
    padding is ((top, bottom), (left, right)).
    """
    raise NotImplementedError("the sum of each window, divided by its count")


def avg_pool2d_dx(
    dy, x_shape, kernel_size, stride, padding, out_size, count_include_pad
):
    """dx (N, C, H, W) of dy (N, C, OH, OW)."""
    raise NotImplementedError("every pixel of a window gets its share of dy")
'''

HINTS = (
    "How would you find out, without thinking about borders, how many pixels each window sees?",
    "Sum up a picture of ones with the same windows: ones in the picture, and in the padding ones or zeros. That is "
    "count (OH, OW). The gradient is the slices of col2im, with dy / count in every tap.",
    "ones = np.pad(np.ones(x.shape[2:]), padding, constant_values=1 if count_include_pad else 0)",
)

SOLUTION = '''
import numpy as np


def slices(kernel_size, stride, out_size):
    """The slices (rows, columns) that each tap meets."""
    for i in range(kernel_size[0]):
        for j in range(kernel_size[1]):
            rows = slice(i, i + stride[0] * (out_size[0] - 1) + 1, stride[0])
            yield rows, slice(j, j + stride[1] * (out_size[1] - 1) + 1, stride[1])


def widened(x, kernel_size, stride, padding, out_size, inside=0):
    """x with its padding, filled with `inside`, and with zeros as far as the last window reaches."""
    x = np.pad(x, ((0, 0), (0, 0), *padding), constant_values=inside)
    more = [max((out_size[a] - 1) * stride[a] + kernel_size[a] - x.shape[2 + a], 0) for a in range(2)]
    return np.pad(x, ((0, 0), (0, 0), (0, more[0]), (0, more[1])))


def counts(x_shape, kernel_size, stride, padding, out_size, count_include_pad):
    """By how many pixels each window is divided: (OH, OW)."""
    ones = np.ones((1, 1, *x_shape[2:]))
    ones = widened(ones, kernel_size, stride, padding, out_size, 1 if count_include_pad else 0)
    return sum(ones[0, 0, rows, columns] for rows, columns in slices(kernel_size, stride, out_size))


def avg_pool2d(x, kernel_size, stride, padding, out_size, count_include_pad):
    """y (N, C, OH, OW): the mean of each window of x (N, C, H, W)."""
    padded = widened(x, kernel_size, stride, padding, out_size)
    total = sum(padded[:, :, rows, columns] for rows, columns in slices(kernel_size, stride, out_size))
    return (total / counts(x.shape, kernel_size, stride, padding, out_size, count_include_pad)).astype(x.dtype)


def avg_pool2d_dx(dy, x_shape, kernel_size, stride, padding, out_size, count_include_pad):
    """dx (N, C, H, W) of dy (N, C, OH, OW)."""
    count = counts(x_shape, kernel_size, stride, padding, out_size, count_include_pad)
    dx = widened(np.zeros(x_shape, dtype=dy.dtype), kernel_size, stride, padding, out_size)
    for rows, columns in slices(kernel_size, stride, out_size):
        dx[:, :, rows, columns] += (dy / count).astype(dy.dtype)
    top, left = padding[0][0], padding[1][0]
    return dx[:, :, top : top + x_shape[2], left : left + x_shape[3]]
'''

WRONG = {
    "count_include_pad is read as False": ("1 if count_include_pad else 0)", "0)"),
    "the sum is taken, not the average": (
        "(total / counts(x.shape, kernel_size, stride, padding, out_size, count_include_pad))",
        "total",
    ),
    "every window is divided by KH·KW, also where it reaches over the end": (
        "total / counts(x.shape, kernel_size, stride, padding, out_size, count_include_pad)",
        "total / (kernel_size[0] * kernel_size[1] if count_include_pad else counts(\n"
        "        x.shape, kernel_size, stride, padding, out_size, False))",
    ),
    "dy is not divided by the number of pixels": ("(dy / count).astype(dy.dtype)", "dy"),
    "a pixel keeps the number of the last tap (`=` stands for `+=`)": ("columns] +=", "columns] ="),
}

CHECKS = {"avg_pool2d": (), "avg_pool2d_dx": ()}

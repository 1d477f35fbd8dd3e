"""What is right, by nested loops: every formula as it is defined, with no thought of speed. NumPy only.

Shapes and letters as in the rest of minidl; padding is ((top, bottom), (left, right)), stride and dilation are pairs.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]


def out_size(size: int, kernel: int, stride: int, padding: Pair, dilation: int, ceil_mode: bool = False) -> int:
    """Count the windows along one axis by walking along it.

    A window counts if it lies inside the padded picture. With ceil_mode one more counts, which reaches over the end, if
    the windows before it leave something over and it does not begin in the padding behind the picture.
    """
    span = dilation * (kernel - 1) + 1
    count, start = 0, -padding[0]
    while start + span <= size + padding[1]:
        count, start = count + 1, start + stride
    left_over = start - stride + span < size + padding[1]
    return count + 1 if ceil_mode and left_over and start < size else count


Windows = list[tuple[int, int, list[tuple[int, int, int, int]]]]


@lru_cache(256)
def windows(
    x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, size: Pair
) -> Windows:
    """Return for each window its place (oh, ow) and its taps inside the picture as (i, j, row, column)."""
    found: Windows = []
    for oh in range(size[0]):
        for ow in range(size[1]):
            inside = []
            for i in range(kernel_size[0]):
                for j in range(kernel_size[1]):
                    row = oh * stride[0] + i * dilation[0] - padding[0][0]
                    column = ow * stride[1] + j * dilation[1] - padding[1][0]
                    if 0 <= row < x_shape[2] and 0 <= column < x_shape[3]:
                        inside.append((i, j, row, column))
            found.append((oh, ow, inside))
    return found


def _sizes(x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair) -> Pair:
    oh = out_size(x_shape[2], kernel_size[0], stride[0], padding[0], dilation[0])
    return oh, out_size(x_shape[3], kernel_size[1], stride[1], padding[1], dilation[1])


def im2col(x: np.ndarray, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair) -> np.ndarray:
    """cols (N, C, KH, KW, OH, OW): what every tap of every window sees."""
    size = _sizes(x.shape, kernel_size, stride, padding, dilation)
    cols = np.zeros((*x.shape[:2], *kernel_size, *size), dtype=x.dtype)
    for oh, ow, inside in windows(x.shape, kernel_size, stride, padding, dilation, size):
        for i, j, row, column in inside:
            cols[:, :, i, j, oh, ow] = x[:, :, row, column]
    return cols


def col2im(cols: np.ndarray, x_shape: tuple[int, ...], stride: Pair, padding: Padding, dilation: Pair) -> np.ndarray:
    """x (N, C, H, W): every entry of cols added back to the pixel it came from."""
    x = np.zeros(x_shape, dtype=cols.dtype)
    kernel_size, size = cols.shape[2:4], cols.shape[4:6]
    for oh, ow, inside in windows(x_shape, kernel_size, stride, padding, dilation, size):
        for i, j, row, column in inside:
            x[:, :, row, column] += cols[:, :, i, j, oh, ow]
    return x


def conv2d(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    stride: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    """y (N, O, OH, OW): every kernel laid on every window of its group's channels."""
    (o, c_group, kh, kw) = w.shape
    size = _sizes(x.shape, (kh, kw), stride, padding, dilation)
    y = np.zeros((x.shape[0], o, *size), dtype=x.dtype)
    for oh, ow, inside in windows(x.shape, (kh, kw), stride, padding, dilation, size):
        for kernel in range(o):
            first = kernel // (o // groups) * c_group  # first channel of this kernel's group
            for c in range(c_group):
                for i, j, row, column in inside:
                    y[:, kernel, oh, ow] += w[kernel, c, i, j] * x[:, first + c, row, column]
    return y if b is None else y + b.reshape(1, -1, 1, 1)


def conv2d_dx(
    dy: np.ndarray,
    w: np.ndarray,
    x_shape: tuple[int, ...],
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
) -> np.ndarray:
    """dx (N, C, H, W): each pixel collects dy times the weight it met, from every window that saw it."""
    o, c_group, kh, kw = w.shape
    dx = np.zeros(x_shape, dtype=dy.dtype)
    for oh, ow, inside in windows(x_shape, (kh, kw), stride, padding, dilation, dy.shape[2:]):
        for kernel in range(o):
            first = kernel // (o // groups) * c_group
            for c in range(c_group):
                for i, j, row, column in inside:
                    dx[:, first + c, row, column] += w[kernel, c, i, j] * dy[:, kernel, oh, ow]
    return dx


def conv2d_dw(
    dy: np.ndarray,
    x: np.ndarray,
    w_shape: tuple[int, ...],
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
) -> np.ndarray:
    """dw (O, C/G, KH, KW): each weight collects dy times the pixel it met, over all windows and pictures."""
    o, c_group, kh, kw = w_shape
    dw = np.zeros(w_shape, dtype=dy.dtype)
    for oh, ow, inside in windows(x.shape, (kh, kw), stride, padding, dilation, dy.shape[2:]):
        for kernel in range(o):
            first = kernel // (o // groups) * c_group
            for c in range(c_group):
                for i, j, row, column in inside:
                    dw[kernel, c, i, j] += (dy[:, kernel, oh, ow] * x[:, first + c, row, column]).sum()
    return dw


def conv_transpose2d(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    stride: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
    output_padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    """y (N, O, OH, OW): every pixel paints its group's kernels, weighted with its value, and the border is cut off."""
    (n, c, h, width), (_, o_group, kh, kw) = x.shape, w.shape
    full_h = (h - 1) * stride[0] + dilation[0] * (kh - 1) + 1 + output_padding[0]
    full_w = (width - 1) * stride[1] + dilation[1] * (kw - 1) + 1 + output_padding[1]
    full = np.zeros((n, o_group * groups, full_h, full_w), dtype=x.dtype)
    for channel in range(c):
        first = channel // (c // groups) * o_group  # first output channel of this channel's group
        for o in range(o_group):
            for row in range(h):
                for column in range(width):
                    for i in range(kh):
                        for j in range(kw):
                            place = (row * stride[0] + i * dilation[0], column * stride[1] + j * dilation[1])
                            full[:, first + o, *place] += w[channel, o, i, j] * x[:, channel, row, column]
    (top, bottom), (left, right) = padding
    y = full[:, :, top : full_h - bottom, left : full_w - right]
    return y if b is None else y + b.reshape(1, -1, 1, 1)


def max_pool2d(
    x: np.ndarray,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    ceil_mode: bool = False,
) -> np.ndarray:
    """y (N, C, OH, OW): the largest pixel inside each window."""
    oh_size = out_size(x.shape[2], kernel_size[0], stride[0], padding[0], dilation[0], ceil_mode)
    ow_size = out_size(x.shape[3], kernel_size[1], stride[1], padding[1], dilation[1], ceil_mode)
    y = np.full((*x.shape[:2], oh_size, ow_size), -np.inf, dtype=x.dtype)
    for oh, ow, inside in windows(x.shape, kernel_size, stride, padding, dilation, (oh_size, ow_size)):
        for _, _, row, column in inside:
            y[:, :, oh, ow] = np.maximum(y[:, :, oh, ow], x[:, :, row, column])
    return y


def avg_pool2d(
    x: np.ndarray,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding = ((0, 0), (0, 0)),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> np.ndarray:
    """y (N, C, OH, OW): the sum of the pixels inside each window, divided by how many places the window covers."""
    h, width = x.shape[2:]
    oh_size = out_size(h, kernel_size[0], stride[0], padding[0], 1, ceil_mode)
    ow_size = out_size(width, kernel_size[1], stride[1], padding[1], 1, ceil_mode)
    y = np.zeros((*x.shape[:2], oh_size, ow_size), dtype=x.dtype)
    for oh, ow, inside in windows(x.shape, kernel_size, stride, padding, (1, 1), (oh_size, ow_size)):
        for _, _, row, column in inside:
            y[:, :, oh, ow] += x[:, :, row, column]
        top, left = oh * stride[0] - padding[0][0], ow * stride[1] - padding[1][0]
        rows = [r for r in range(top, top + kernel_size[0]) if r < h + padding[0][1]]
        columns = [c for c in range(left, left + kernel_size[1]) if c < width + padding[1][1]]
        y[:, :, oh, ow] /= len(rows) * len(columns) if count_include_pad else len(inside)
    return y


def adaptive_avg_pool2d(x: np.ndarray, output_size: Pair) -> np.ndarray:
    """y (N, C, OH, OW): the average of the pixels whose square touches the square of the output pixel.

    Lay both grids over each other: in units of 1 / (H · OH), pixel r runs from r · OH to (r + 1) · OH and output i from
    i · H to (i + 1) · H.
    """
    h, width = x.shape[2:]
    y = np.zeros((*x.shape[:2], *output_size), dtype=x.dtype)
    for i in range(output_size[0]):
        for j in range(output_size[1]):
            count = 0
            for row in range(h):
                for column in range(width):
                    touches_rows = row * output_size[0] < (i + 1) * h and (row + 1) * output_size[0] > i * h
                    if (
                        touches_rows
                        and column * output_size[1] < (j + 1) * width
                        and (column + 1) * output_size[1] > j * width
                    ):
                        y[:, :, i, j] += x[:, :, row, column]
                        count += 1
            y[:, :, i, j] /= count
    return y


def batch_norm(
    x: np.ndarray,
    w: np.ndarray | None = None,
    b: np.ndarray | None = None,
    running_mean: np.ndarray | None = None,
    running_var: np.ndarray | None = None,
    training: bool = True,
    eps: float = 1e-5,
    activation: str | None = None,
    residual: np.ndarray | None = None,
) -> np.ndarray:
    """y like x (N, C, …): each channel by itself, with the statistics of its values or the running ones."""
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        values = x[:, c].ravel().tolist()
        if training:
            mean = math.fsum(values) / len(values)
            var = math.fsum((value - mean) ** 2 for value in values) / len(values)
        else:
            mean, var = float(running_mean[c]), float(running_var[c])  # type: ignore[index]
        scale, shift = 1.0 if w is None else float(w[c]), 0.0 if b is None else float(b[c])
        for place in np.ndindex(x[:, c].shape):
            z = (float(x[:, c][place]) - mean) / math.sqrt(var + eps) * scale + shift
            z += 0.0 if residual is None else float(residual[:, c][place])
            y[:, c][place] = _ACTIVATIONS[activation](z)
    return y


def running_statistics(
    batches: list[np.ndarray], mean: np.ndarray, var: np.ndarray, momentum: float
) -> tuple[np.ndarray, np.ndarray]:
    """Running mean and variance (C,) after training on the batches: the variance is the unbiased one."""
    mean, var = mean.copy(), var.copy()
    for batch in batches:
        for c in range(batch.shape[1]):
            values = batch[:, c].ravel().tolist()
            batch_mean = math.fsum(values) / len(values)
            batch_var = math.fsum((value - batch_mean) ** 2 for value in values) / (len(values) - 1)
            mean[c] += momentum * (batch_mean - mean[c])
            var[c] += momentum * (batch_var - var[c])
    return mean, var


_ACTIVATIONS = {
    None: lambda z: z,
    "relu": lambda z: max(z, 0.0),
    "relu6": lambda z: min(max(z, 0.0), 6.0),
    "silu": lambda z: z / (1 + math.exp(-z)),
    "hardswish": lambda z: z * min(max(z + 3, 0.0), 6.0) / 6,
}


def activated(z: np.ndarray, activation: str | None) -> np.ndarray:
    """y of the shape of z: the activation of every number."""
    y = np.zeros_like(z)
    for place in np.ndindex(z.shape):
        y[place] = _ACTIVATIONS[activation](z[place])
    return y


def local_response_norm(x: np.ndarray, size: int, alpha: float, beta: float, k: float) -> np.ndarray:
    """y (N, C, H, W): each number divided by the activity of the channels around it; alpha as it is."""
    y = np.zeros_like(x)
    for n, c, row, column in np.ndindex(x.shape):
        total = 0.0
        for other in range(c - size // 2, c + (size - 1) // 2 + 1):
            if 0 <= other < x.shape[1]:
                total += float(x[n, other, row, column]) ** 2
        y[n, c, row, column] = x[n, c, row, column] / (k + alpha * total) ** beta
    return y


def standardised(x: np.ndarray, groups: list[list[tuple[int, ...]]], eps: float) -> np.ndarray:
    """y like x: the numbers at the places of each group with mean 0 and variance 1."""
    y = np.zeros_like(x)
    for places in groups:
        values = [float(x[place]) for place in places]
        mean = math.fsum(values) / len(values)
        var = math.fsum((value - mean) ** 2 for value in values) / len(values)
        for place, value in zip(places, values, strict=True):
            y[place] = (value - mean) / math.sqrt(var + eps)
    return y


def interpolate(x: np.ndarray, size: Pair, steps: tuple[float, float], mode: str, align_corners: bool) -> np.ndarray:
    """y (N, C, OH, OW): for every pixel of the result, where it lies among the pixels of x.

    With "bilinear" a pixel of x counts the more the nearer it is, from 1 at no distance to 0 at a distance of 1.
    """
    h, width = x.shape[2:]
    y = np.zeros((*x.shape[:2], *size), dtype=x.dtype)
    for i, j in np.ndindex(size):
        at = []
        for place, length, out, step in zip((i, j), (h, width), size, steps, strict=True):
            if mode == "nearest":
                at.append(float(min(int(place * step), length - 1)))
            elif align_corners:
                at.append(place * (length - 1) / (out - 1) if out > 1 else 0.0)
            else:
                at.append(min(max((place + 0.5) * step - 0.5, 0.0), length - 1.0))
        for row in range(h):
            for column in range(width):
                share = max(0.0, 1 - abs(row - at[0])) * max(0.0, 1 - abs(column - at[1]))
                y[:, :, i, j] += share * x[:, :, row, column]
    return y

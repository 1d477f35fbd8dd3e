"""Pooling: the largest or the average number of every window, and the gradients.

    max      y[n, c, oh, ow] = max over the taps (i, j) of the window
             dx at the winner of each window += dy; all others get nothing
    average  y = (Σ of the taps) / count;   every tap of the window gets dy / count

Padding counts as -inf in the maximum (with 0 it would beat negative numbers) and as 0 in the average. Where several
taps are the largest, the first one in reading order wins and gets the whole gradient; where nobody wants a gradient
(`with_winners=False`), nobody asks which. Like im2col, both run tap by tap:
one slice of the padded picture holds what one tap of all windows sees. No columns are made. A window may be a whole
picture, so its taps are added up in float64 (`sums.py` says why).
"""

from __future__ import annotations

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import Padding, Pair, Shape
from minidl.kernels.textbook.select import select
from minidl.kernels.textbook.sums import average, rounded, total
from minidl.kernels.textbook.windows import crop, pad, taps


def covering_padding(
    x_shape: Shape, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, out_size: Pair
) -> Padding:
    """Return the padding with as much added at the end as the last window needs (ceil_mode lets it reach over)."""
    sides = []
    for axis in range(2):
        front, back = padding[axis]
        reach = (out_size[axis] - 1) * stride[axis] + dilation[axis] * (kernel_size[axis] - 1) + 1
        sides.append((front, max(back, reach - x_shape[2 + axis] - front)))
    return sides[0], sides[1]


def first_taps(like: Array, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, out_size: Pair) -> Array:
    """Return for each window the index i·KW + j of its first tap inside the picture: (OH, OW)."""
    xp, first = _backend.array_module(like), []
    for axis in range(2):
        outside = padding[axis][0] - xp.arange(out_size[axis]) * stride[axis]
        first.append((-(-outside // dilation[axis])).clip(0, kernel_size[axis] - 1))
    return first[0][:, None] * kernel_size[1] + first[1][None, :]


def winner_dtype(kernel_size: Pair) -> np.dtype:
    """Return the smallest unsigned integer type that can number the taps of a window: one byte up to 256 taps."""
    return np.min_scalar_type(kernel_size[0] * kernel_size[1] - 1)


def max_pool2d(
    x: Array,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    out_size: Pair,
    with_winners: bool = True,
) -> tuple[Array, Array | None]:
    """Take the largest number of every window: y (N, C, OH, OW), and which tap i·KW + j it was, or None."""
    xp = _backend.array_module(x)
    shape, winners = (*x.shape[:2], *out_size), None
    y = _backend.full(shape, -xp.inf, x.dtype, like=x)
    if with_winners:
        winners = _backend.empty(shape, winner_dtype(kernel_size), like=x)
        winners[...] = first_taps(x, kernel_size, stride, padding, dilation, out_size)
    padded = pad(x, covering_padding(x.shape, kernel_size, stride, padding, dilation, out_size), -xp.inf)
    for i, j, rows, columns in taps(kernel_size, stride, dilation, out_size):
        seen = padded[:, :, rows, columns]
        better = (seen > y) | (seen != seen)  # NaN is not larger than anything, and must not get lost
        xp.copyto(y, seen, where=better)
        if winners is not None:
            xp.copyto(winners, i * kernel_size[1] + j, where=better)
    return y, winners


def max_pool2d_dx(
    dy: Array, winners: Array, x_shape: Shape, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> Array:
    """Send dy (N, C, OH, OW) to the winner of each window: dx (N, C, H, W)."""
    out_size = dy.shape[2:]
    cover = covering_padding(x_shape, kernel_size, stride, padding, dilation, out_size)
    dx = pad(_backend.full(x_shape, 0, dy.dtype, like=dy), cover)
    for i, j, rows, columns in taps(kernel_size, stride, dilation, out_size):
        dx[:, :, rows, columns] += select(winners == i * kernel_size[1] + j, dy)
    return crop(dx, cover)


def window_counts(
    like: Array, x_shape: Shape, kernel_size: Pair, stride: Pair, padding: Padding, out_size: Pair, with_pad: bool
) -> Array:
    """Return by how many pixels each window divides: (OH, OW); windows are cut at the end of the padding or picture."""
    xp, counts = _backend.array_module(like), []
    for axis in range(2):
        size, (front, back) = x_shape[2 + axis], padding[axis]
        start = xp.arange(out_size[axis]) * stride[axis] - front
        end = (start + kernel_size[axis]).clip(None, size + back)
        counts.append(end - start if with_pad else end.clip(None, size) - start.clip(0, None))
    return counts[0][:, None] * counts[1][None, :]


def avg_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Padding, out_size: Pair, count_include_pad: bool
) -> Array:
    """Average every window: y (N, C, OH, OW)."""
    y = _backend.full((*x.shape[:2], *out_size), 0, "float64", like=x)
    padded = pad(x, covering_padding(x.shape, kernel_size, stride, padding, (1, 1), out_size))
    for _, _, rows, columns in taps(kernel_size, stride, (1, 1), out_size):
        y += padded[:, :, rows, columns]
    y /= window_counts(x, x.shape, kernel_size, stride, padding, out_size, count_include_pad)
    return rounded(y, x.dtype)


def avg_pool2d_dx(
    dy: Array,
    x_shape: Shape,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    out_size: Pair,
    count_include_pad: bool,
) -> Array:
    """Spread dy (N, C, OH, OW) evenly over every window: dx (N, C, H, W)."""
    cover = covering_padding(x_shape, kernel_size, stride, padding, (1, 1), out_size)
    counts = window_counts(dy, x_shape, kernel_size, stride, padding, out_size, count_include_pad)
    share = dy / counts.astype(dy.dtype)
    dx = pad(_backend.full(x_shape, 0, dy.dtype, like=dy), cover)
    for _, _, rows, columns in taps(kernel_size, stride, (1, 1), out_size):
        dx[:, :, rows, columns] += share
    return crop(dx, cover)


def adaptive_windows(size: int, out_size: int) -> list[slice]:
    """Return out_size windows that cover size pixels as evenly as whole numbers allow.

    Window i runs from floor(i · size / out_size) to ceil((i + 1) · size / out_size): windows overlap where out_size
    does not divide size, and where out_size is larger, pixels are repeated.

    Example:
        >>> [(window.start, window.stop) for window in adaptive_windows(5, 3)]
        [(0, 2), (1, 4), (3, 5)]
    """
    return [slice(i * size // out_size, -(-(i + 1) * size // out_size)) for i in range(out_size)]


def adaptive_avg_pool2d(x: Array, out_size: Pair) -> Array:
    """Average over windows that are chosen so that y is (N, C, *out_size): first down the rows, then along them."""
    n, c, h, width = x.shape
    rows = _backend.empty((n, c, out_size[0], width), "float64", like=x)
    for i, window in enumerate(adaptive_windows(h, out_size[0])):
        rows[:, :, i] = total(x[:, :, window], (2,)) / (window.stop - window.start)
    y = _backend.empty((n, c, *out_size), x.dtype, like=x)
    for j, window in enumerate(adaptive_windows(width, out_size[1])):
        y[:, :, :, j] = total(rows[:, :, :, window], (3,)) / (window.stop - window.start)
    return y


def adaptive_avg_pool2d_dx(dy: Array, x_shape: Shape) -> Array:
    """Spread dy (N, C, OH, OW) evenly over the windows: dx (N, C, H, W), the two steps in reverse."""
    n, c, h, width = x_shape
    drows = _backend.full((n, c, dy.shape[2], width), 0, dy.dtype, like=dy)
    for j, window in enumerate(adaptive_windows(width, dy.shape[3])):
        drows[:, :, :, window] += dy[:, :, :, j : j + 1] / (window.stop - window.start)
    dx = _backend.full(x_shape, 0, dy.dtype, like=dy)
    for i, window in enumerate(adaptive_windows(h, dy.shape[2])):
        dx[:, :, window] += drows[:, :, i : i + 1] / (window.stop - window.start)
    return dx


def global_avg_pool2d(x: Array) -> Array:
    """Average each channel of each picture: y (N, C)."""
    return average(x, (2, 3))


def global_avg_pool2d_dx(dy: Array, x_shape: Shape) -> Array:
    """Spread dy (N, C) evenly over the pixels: dx (N, C, H, W), a read-only view that repeats every share."""
    share = dy / (x_shape[2] * x_shape[3])
    return _backend.array_module(dy).broadcast_to(share[:, :, None, None], x_shape)

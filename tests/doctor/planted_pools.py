"""Planted bugs: pooling and relu; written as people write them."""

import numpy as np

from tests.doctor.planted_windows import columns
from tests.doctor.planting import bug


@bug("max_pool2d", "pool", "the padding counts as 0")
def max_padded_with_zero(x, kernel_size, stride, padding, dilation, out_size):
    return largest(x, kernel_size, stride, padding, dilation, out_size, 0.0)


def largest(x, kernel_size, stride, padding, dilation, out_size, value=-np.inf):
    """The right pooling, for any number of windows; the padding has a value."""
    need = [(o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(out_size, stride, dilation, kernel_size, strict=True)]
    ends = [(p[0], max(n - size - p[0], p[1])) for n, size, p in zip(need, x.shape[2:], padding, strict=True)]
    cols = columns(x, kernel_size, stride, ends, dilation, value)[..., : out_size[0], : out_size[1]]
    flat = cols.reshape(*x.shape[:2], -1, *out_size)
    return flat.max(axis=2), flat.argmax(axis=2).astype("uint8")


@bug("max_pool2d", "pool", "the average is taken")
def max_is_mean(x, kernel_size, stride, padding, dilation, out_size):
    return columns(x, kernel_size, stride, padding, dilation).mean(axis=(2, 3)), largest(
        x, kernel_size, stride, padding, dilation, out_size
    )[1]


@bug("max_pool2d", "pool", "the last one wins")
def last_wins(x, kernel_size, stride, padding, dilation, out_size):
    y, winners = largest(x, kernel_size, stride, padding, dilation, out_size)
    if padding == ((0, 0), (0, 0)):
        cols = columns(x, kernel_size, stride, padding, dilation)
        flat = cols.reshape(*x.shape[:2], -1, *cols.shape[-2:])
        if flat.shape[-2:] == tuple(out_size):
            winners = flat.shape[2] - 1 - flat[:, :, ::-1].argmax(axis=2)
    return y, winners


@bug("max_pool2d", "pool", "numbered by columns")
def winners_by_columns(x, kernel_size, stride, padding, dilation, out_size):
    y, winners = largest(x, kernel_size, stride, padding, dilation, out_size)
    kh, kw = kernel_size
    return y, winners % kw * kh + winners // kw


@bug("max_pool2d_dx", "pool", "every tap of a window gets its dy")
def max_dx_all_taps(dy, winners, x_shape, kernel_size, stride, padding, dilation):
    cols = np.broadcast_to(dy[:, :, None, None], (*dy.shape[:2], *kernel_size, *dy.shape[2:]))
    return pooled_back(cols, x_shape, stride, padding, dilation)


def pooled_back(cols, x_shape, stride, padding, dilation):
    x = np.zeros(x_shape, cols.dtype)
    for i, j, oh, ow in np.ndindex(*cols.shape[2:]):
        row, column = oh * stride[0] + i * dilation[0] - padding[0][0], ow * stride[1] + j * dilation[1] - padding[1][0]
        if 0 <= row < x_shape[2] and 0 <= column < x_shape[3]:
            x[:, :, row, column] += cols[:, :, i, j, oh, ow]
    return x


@bug("max_pool2d_dx", "pool", "`=` stands for `+=`")
def max_dx_assigned(dy, winners, x_shape, kernel_size, stride, padding, dilation):
    dx = np.zeros(x_shape, dy.dtype)
    for n, c, oh, ow in np.ndindex(dy.shape):
        i, j = divmod(int(winners[n, c, oh, ow]), kernel_size[1])
        row = oh * stride[0] + i * dilation[0] - padding[0][0]
        dx[n, c, row, ow * stride[1] + j * dilation[1] - padding[1][0]] = dy[n, c, oh, ow]
    return dx


@bug("max_pool2d_dx", "pool", "taken apart by columns")
def max_dx_by_columns(dy, winners, x_shape, kernel_size, stride, padding, dilation):
    kh, kw = kernel_size
    taps = np.arange(kh * kw).reshape(kw, kh).T.reshape(1, 1, kh, kw, 1, 1)
    cols = np.where(winners[:, :, None, None] == taps, dy[:, :, None, None], 0)
    return pooled_back(cols, x_shape, stride, padding, dilation)


@bug("avg_pool2d", "pool", "the sum is taken, not the average")
def avg_sum(x, kernel_size, stride, padding, out_size, count_include_pad):
    return means(x, kernel_size, stride, padding, out_size, lambda rows, columns: 1)


def means(x, kernel_size, stride, padding, out_size, share):
    """Sums of windows over a share of (rows, columns), which each window has inside the padded picture."""
    y = np.empty((*x.shape[:2], *out_size), x.dtype)
    for oh, ow in np.ndindex(*out_size):
        top, left = oh * stride[0] - padding[0][0], ow * stride[1] - padding[1][0]
        rows, columns = slice(max(top, 0), top + kernel_size[0]), slice(max(left, 0), left + kernel_size[1])
        high = min(top + kernel_size[0], x.shape[2] + padding[0][1]) - top
        wide = min(left + kernel_size[1], x.shape[3] + padding[1][1]) - left
        y[:, :, oh, ow] = x[:, :, rows, columns].sum(axis=(2, 3)) / share(high, wide)
    return y


@bug("avg_pool2d", "pool", "count_include_pad is read as True")
def avg_always_counts(x, kernel_size, stride, padding, out_size, count_include_pad):
    return means(x, kernel_size, stride, padding, out_size, lambda rows, columns: rows * columns)


@bug("avg_pool2d", "pool", "divided by KH·KW")
def avg_by_kernel(x, kernel_size, stride, padding, out_size, count_include_pad):
    if not count_include_pad:
        inside = means(np.ones_like(x), kernel_size, stride, padding, out_size, lambda rows, columns: 1)
        return means(x, kernel_size, stride, padding, out_size, lambda rows, columns: 1) / inside
    return means(x, kernel_size, stride, padding, out_size, lambda *_: kernel_size[0] * kernel_size[1])


@bug("avg_pool2d_dx", "pool", "dy is not divided")
def avg_dx_not_divided(dy, x_shape, kernel_size, stride, padding, out_size, count_include_pad):
    cols = np.broadcast_to(dy[:, :, None, None], (*dy.shape[:2], *kernel_size, *dy.shape[2:]))
    return pooled_back(cols, x_shape, stride, padding, (1, 1))


@bug("global_avg_pool2d", "pool", "added up, not averaged")
def global_sum(x):
    return x.sum(axis=(2, 3))


@bug("global_avg_pool2d", "pool", "C·H·W")
def global_over_all(x):
    return x.sum(axis=(2, 3)) / np.prod(x.shape[1:], dtype=x.dtype)


@bug("global_avg_pool2d_dx", "pool", "dy is not divided by H·W")
def global_dx_not_divided(dy, x_shape):
    return np.broadcast_to(dy[:, :, None, None], x_shape)


@bug("relu_dx", "pool", "the mask is forgotten")
def relu_no_mask(dy, y):
    return dy.copy()

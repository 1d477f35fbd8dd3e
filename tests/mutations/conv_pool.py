"""Bugs in the convolutions and poolings, as they are really made."""

import numpy as np

from minidl import Tensor, ops
from minidl.kernels.textbook import conv as conv_kernels
from minidl.kernels.textbook import pool as pool_kernels
from minidl.kernels.textbook import windows
from minidl.ops.columns import Col2im, Im2col
from minidl.ops.conv import Conv2d, ConvTranspose2d
from minidl.ops.pool import GlobalAvgPool2d
from tests.contract import assert_close
from tests.kernels.twins import sized
from tests.mutations.mutant import Mutant, attribute, kernel


def swap(pair):
    return pair[1], pair[0]


def flipped(w):
    return w[:, :, ::-1, ::-1]


def mixed_axes(dy):
    """Rows taken for columns, in the same shape."""
    return np.ascontiguousarray(dy.swapaxes(2, 3)).reshape(dy.shape)


def shifted(x, axis=2):
    return np.roll(x, 1, axis=axis)


def in_one_corner(original, dy, x_shape):
    """The first pixel gets what all of them should share."""
    dx = original(dy, x_shape)
    corner = np.zeros_like(dx)
    corner[:, :, 0, 0] = dx.sum(axis=(2, 3))
    return corner


# ---------------------------------------------------------------------------------------------------- convolution


def activated_before_the_sum(original, x, w, b, residual, activation, *geometry):
    """The residual added behind the activation."""
    y = original(x, w, b, None, activation, *geometry)
    return y if residual is None else y + residual


def overwriting_col2im(original, cols, x_shape, stride, padding, dilation):
    """`=` for `+=`: the last window wins."""
    n, c, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    padded = np.zeros((n, c, x_shape[2] + top + bottom, x_shape[3] + left + right), cols.dtype)
    for i, j, rows, columns in windows.taps((kh, kw), stride, dilation, (oh, ow)):
        padded[:, :, rows, columns] = cols[:, :, i, j]
    return windows.crop(padded, padding)


def uncropped_col2im(original, cols, x_shape, stride, padding, dilation):
    """The padding cut off at the end instead of on both sides."""
    (top, bottom), (left, right) = padding
    return original(cols, x_shape, stride, ((0, top + bottom), (0, left + right)), dilation)


def mixed_groups(original, x, w, b, stride, padding, dilation, groups, out_size):
    """Every group sees the channels of its neighbour."""
    return original(np.roll(x, x.shape[1] // groups, axis=1), w, b, stride, padding, dilation, groups, out_size)


def swapped_strides(original, x, w, b, stride, padding, dilation, groups, out_size):
    return original(x, w, b, *sized(x.shape, w.shape, swap(stride), padding, dilation, groups))


def swapped_dilations(original, x, w, b, stride, padding, dilation, groups, out_size):
    return original(x, w, b, *sized(x.shape, w.shape, stride, padding, swap(dilation), groups))


def wrong_side(original, x, w, b, stride, padding, *rest):
    """Uneven padding on the other side."""
    return original(x, w, b, stride, (swap(padding[0]), swap(padding[1])), *rest)


def greedy_conv2d(original, dy, w, *rest):
    """The gradient is right, but dy is used as scratch memory."""
    result = original(dy, w, *rest)
    if dy.flags.writeable:
        dy *= 2
    return result


def bias_gradient(change):
    def broken(original, ctx, dy):
        dx, dw, db = original(ctx, dy)
        return dx, dw, None if db is None else change(db, dy)

    return broken


def dw_only_with_dx(original, ctx, dy):
    """dw is made only where dx is wanted, too."""
    dx, dw, db = original(ctx, dy)
    return dx, None if dw is None or dx is None else dw, db


CONVOLUTION = [
    Mutant("conv2d: scaled by 1.001", "conv2d", kernel("conv2d", lambda f, *a: f(*a) * 1.001)),
    Mutant("conv2d: kernel flipped", "conv2d", kernel("conv2d", lambda f, x, w, *a: f(x, flipped(w), *a))),
    Mutant("conv2d: bias forgotten", "conv2d", kernel("conv2d", lambda f, x, w, b, *a: f(x, w, None, *a))),
    Mutant("conv2d: groups mixed", "conv2d", kernel("conv2d", mixed_groups)),
    Mutant("conv2d: padding on the wrong side", "conv2d", kernel("conv2d", wrong_side)),
    Mutant("conv2d: strides swapped", "conv2d", kernel("conv2d", swapped_strides)),
    Mutant("conv2d: dilations swapped", "conv2d", kernel("conv2d", swapped_dilations)),
    Mutant("conv2d: changes its input", "conv2d", kernel("conv2d", greedy_conv2d)),
    Mutant("conv2d: im2col forgets the border", "conv2d", attribute(windows, "pad", lambda f, x, p, v=0: f(x, p, 1))),
    Mutant("conv2d dx: scaled by 1.001", "conv2d", kernel("conv2d_dx", lambda f, *a: f(*a) * 1.001)),
    Mutant("conv2d dx: sign", "conv2d", kernel("conv2d_dx", lambda f, *a: -f(*a))),
    Mutant("conv2d dx: kernel flipped", "conv2d", kernel("conv2d_dx", lambda f, dy, w, *a: f(dy, flipped(w), *a))),
    Mutant("conv2d dx: rows for columns", "conv2d", kernel("conv2d_dx", lambda f, dy, *a: f(mixed_axes(dy), *a))),
    Mutant("conv2d dx: = for +=", "conv2d", attribute(conv_kernels, "col2im", overwriting_col2im)),
    Mutant("conv2d dx: padding not cropped", "conv2d", attribute(conv_kernels, "col2im", uncropped_col2im)),
    Mutant("conv2d dx: groups mixed", "conv2d", kernel("conv2d_dx", lambda f, dy, w, *a: f(dy, shifted(w, 0), *a))),
    Mutant("conv2d dx: changes dy", "conv2d", kernel("conv2d_dx", greedy_conv2d)),
    Mutant("conv2d dw: scaled by 1.001", "conv2d", kernel("conv2d_dw", lambda f, *a: f(*a) * 1.001)),
    Mutant("conv2d dw: rows for columns", "conv2d", kernel("conv2d_dw", lambda f, dy, *a: f(mixed_axes(dy), *a))),
    Mutant("conv2d dw: transposed", "conv2d", kernel("conv2d_dw", lambda f, *a: mixed_axes(f(*a)))),
    Mutant(
        "conv2d dw: only the first picture", "conv2d", kernel("conv2d_dw", lambda f, dy, x, *a: f(dy[:1], x[:1], *a))
    ),
    Mutant("conv2d dw: mean of the pictures", "conv2d", kernel("conv2d_dw", lambda f, dy, *a: f(dy, *a) / len(dy))),
    Mutant(
        "conv2d db: mean for sum",
        "conv2d",
        attribute(Conv2d, "backward", bias_gradient(lambda db, dy: db / dy[0, 0].size)),
    ),
    Mutant(
        "conv2d db: only the first picture",
        "conv2d",
        attribute(Conv2d, "backward", bias_gradient(lambda db, dy: dy[0].sum((1, 2)))),
    ),
    Mutant("conv2d db: the mean", "conv2d", kernel("channel_sums", lambda f, dy: f(dy) / dy.dtype.type(len(dy)))),
    Mutant("conv2d_fused: the residual behind relu", "conv2d_fused", kernel("conv2d_fused", activated_before_the_sum)),
    Mutant(
        "conv2d_fused: the residual forgotten",
        "conv2d_fused",
        kernel("conv2d_fused", lambda f, x, w, b, residual, *a: f(x, w, b, None, *a)),
    ),
    Mutant(
        "conv2d_fused db: of dy, not of dz",
        "conv2d_fused",
        kernel("conv2d_fused_grads", lambda f, dy, z, a: (f(dy, z, a)[0], dy.sum((0, 2, 3)))),
    ),
    Mutant(
        "conv2d_fused: the slope of the other side",
        "conv2d_fused",
        kernel("conv2d_fused_grads", lambda f, dy, z, a: f(dy, -z, a)),
    ),
    Mutant("conv2d: dw lost where dx is not needed", "conv2d", attribute(Conv2d, "backward", dw_only_with_dx)),
    Mutant(
        "conv_transpose2d: kernel flipped",
        "conv_transpose2d",
        kernel("conv2d_dx", lambda f, x, w, *a: f(x, flipped(w), *a)),
    ),
    Mutant(
        "conv_transpose2d: bias forgotten",
        "conv_transpose2d",
        attribute(ConvTranspose2d, "forward", lambda f, ctx, x, w, b, **s: f(ctx, x, w, None, **s)),
    ),
    Mutant(
        "conv_transpose2d: off by one row",
        "conv_transpose2d",
        kernel(
            "conv2d_dx",
            lambda f, x, w, shape, s, *a: shifted(f(x, w, shape, s, *a)) if shape[2] % 2 else f(x, w, shape, s, *a),
        ),
    ),
    Mutant(
        "conv_transpose2d dx: not the adjoint",
        "conv_transpose2d",
        kernel("conv2d", lambda f, dy, w, *a: f(dy, flipped(w), *a)),
    ),
    Mutant("conv_transpose2d dw: transposed", "conv_transpose2d", kernel("conv2d_dw", lambda f, *a: mixed_axes(f(*a)))),
    Mutant("im2col: taps in the wrong order", "im2col", kernel("im2col", lambda f, *a: f(*a)[:, :, ::-1])),
    Mutant(
        "im2col: rows of the columns off by one",
        "im2col",
        attribute(Im2col, "forward", lambda f, ctx, x, **s: np.roll(f(ctx, x, **s), 1, axis=1)),
    ),
    Mutant("im2col dx: = for +=", "im2col", kernel("col2im", overwriting_col2im)),
    Mutant("col2im: = for +=", "col2im", kernel("col2im", overwriting_col2im)),
    Mutant("col2im: padding not cropped", "col2im", kernel("col2im", uncropped_col2im)),
    Mutant(
        "col2im dcols: windows in the wrong order",
        "col2im",
        attribute(Col2im, "backward", lambda f, ctx, dy: f(ctx, dy)[:, :, ::-1]),
    ),
]

# ---------------------------------------------------------------------------------------------------- pooling


def last_winner(original, x, kernel_size, *rest):
    """`>=` for `>`: of equal pixels the last one wins."""
    y, winners = original(x[:, :, ::-1, ::-1], kernel_size, *rest)
    return y[:, :, ::-1, ::-1], (kernel_size[0] * kernel_size[1] - 1 - winners[:, :, ::-1, ::-1]).astype(winners.dtype)


def check_ties():
    """Of equal pixels the first in reading order gets the whole gradient."""
    x = Tensor(np.ones((1, 1, 4, 4)), requires_grad=True)
    ops.max_pool2d(x, 2).sum().backward()
    assert_close(x.grad[0, 0], np.tile([[1.0, 0.0], [0.0, 0.0]], (2, 2)))


def padded_with_zeros(original, x, kernel_size, stride, padding, dilation, out_size):
    """The maximum over a border of zeros."""
    y, winners = original(x, kernel_size, stride, padding, dilation, out_size)
    return (np.maximum(y, 0), winners) if padding != ((0, 0), (0, 0)) else (y, winners)


def to_every_tap(original, dy, winners, x_shape, kernel_size, *rest):
    """The mask forgotten: every tap of a window gets its dy."""
    return sum(
        original(dy, np.full_like(winners, tap), x_shape, kernel_size, *rest)
        for tap in range(kernel_size[0] * kernel_size[1])
    )


def overwriting_max_dx(original, dy, winners, x_shape, kernel_size, *rest):
    """`=` for `+=`: of several windows with the same winner the last one counts."""
    dx = np.zeros(x_shape, dy.dtype)
    for window in np.ndindex(dy.shape):
        alone = np.zeros_like(dy)
        alone[window] = dy[window]
        part = original(alone, winners, x_shape, kernel_size, *rest)
        dx[part != 0] = part[part != 0]
    return dx


def transposed_winners(original, x, kernel_size, *rest):
    """The number of a tap is j·KH + i."""
    y, winners = original(x, kernel_size, *rest)
    i, j = np.divmod(winners, kernel_size[1])
    return y, (j * kernel_size[0] + i).astype(winners.dtype)


def full_divisor(original, xp, x_shape, kernel_size, *rest):
    return np.full_like(original(xp, x_shape, kernel_size, *rest), kernel_size[0] * kernel_size[1])


def always_with_pad(original, xp, x_shape, kernel_size, stride, padding, out_size, with_pad):
    return original(xp, x_shape, kernel_size, stride, padding, out_size, True)


def short_windows(original, size, out_size):
    """floor for ceil at the end of a window."""
    return [
        slice(w.start, max(w.start + 1, (i + 1) * size // out_size)) for i, w in enumerate(original(size, out_size))
    ]


POOLING = [
    Mutant("max_pool2d: winner last instead of first", check_ties, kernel("max_pool2d", last_winner)),
    Mutant("max_pool2d: border of zeros", "max_pool2d", kernel("max_pool2d", padded_with_zeros)),
    Mutant("max_pool2d: winners transposed", "max_pool2d", kernel("max_pool2d", transposed_winners)),
    Mutant(
        "max_pool2d: dilation ignored",
        "max_pool2d",
        kernel("max_pool2d", lambda f, x, k, s, p, d, size: f(x, k, s, p, (1, 1), size)),
    ),
    Mutant("max_pool2d dx: mask forgotten", "max_pool2d", kernel("max_pool2d_dx", to_every_tap)),
    Mutant("max_pool2d dx: = for +=", "max_pool2d", kernel("max_pool2d_dx", overwriting_max_dx)),
    Mutant("max_pool2d dx: off by one row", "max_pool2d", kernel("max_pool2d_dx", lambda f, *a: shifted(f(*a)))),
    Mutant("avg_pool2d: divisor always KH·KW", "avg_pool2d", attribute(pool_kernels, "window_counts", full_divisor)),
    Mutant(
        "avg_pool2d: padding always counted", "avg_pool2d", attribute(pool_kernels, "window_counts", always_with_pad)
    ),
    Mutant(
        "avg_pool2d dx: not divided",
        "avg_pool2d",
        kernel("avg_pool2d_dx", lambda f, dy, s, k, *a: f(dy, s, k, *a) * k[0] * k[1]),
    ),
    Mutant("avg_pool2d dx: scaled by 1.001", "avg_pool2d", kernel("avg_pool2d_dx", lambda f, *a: f(*a) * 1.001)),
    Mutant(
        "adaptive_avg_pool2d: windows too short",
        "adaptive_avg_pool2d",
        attribute(pool_kernels, "adaptive_windows", short_windows),
    ),
    Mutant(
        "adaptive_avg_pool2d dx: transposed",
        "adaptive_avg_pool2d",
        kernel("adaptive_avg_pool2d_dx", lambda f, dy, s: f(mixed_axes(dy), s)),
    ),
    Mutant(
        "global_avg_pool2d dx: all of it in one corner",
        "global_avg_pool2d",
        kernel("global_avg_pool2d_dx", in_one_corner),
    ),
    Mutant(
        "global_avg_pool2d dx: not divided",
        "global_avg_pool2d",
        attribute(GlobalAvgPool2d, "backward", lambda f, ctx, dy: f(ctx, dy) * np.prod(ctx.x_shape[2:])),
    ),
    Mutant(
        "global_avg_pool2d dx: divided by the batch",
        "global_avg_pool2d",
        attribute(GlobalAvgPool2d, "backward", lambda f, ctx, dy: f(ctx, dy) / ctx.x_shape[0]),
    ),
]

MUTANTS = [*CONVOLUTION, *POOLING]

"""Convolution by im2col and matrix multiplication, forward and both gradients.

    x (N, C, H, W)   w (O, C/G, KH, KW)   ->   y (N, O, OH, OW)
    K = C/G·KH·KW, the length of one column;   P = OH·OW, the number of windows;   G groups, each on its own channels

    forward    y[o, p]     = Σ_k  w[o, k] · cols[k, p]        y     = w @ cols
    backward   dw[o, k]    = Σ_np dy[o, p] · cols[k, p]       dw    = Σ_n dy @ colsᵀ
               dcols[k, p] = Σ_o  w[o, k] · dy[o, p]          dcols = wᵀ @ dy,   dx = col2im(dcols)

The last step is the chain rule through im2col, which is linear: its adjoint carries the gradient back. (What is called
convolution here is cross-correlation, as in all of the field: the kernel is not flipped.) The full derivation is in
docs/derivations/convolution.md.

The columns are KH·KW times as large as the picture, so they are never made for a whole batch: a block of pictures at a
time, as many as fit BLOCK_BYTES. They are not kept for the backward pass either; making them again is cheap.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidl import _backend
from minidl._backend import Array
from minidl._checks import Padding, Pair, Shape
from minidl.kernels.textbook.sums import rounded, total
from minidl.kernels.textbook.windows import col2im, im2col

BLOCK_BYTES = 4 * 2**20  # columns of one block; about what a second-level cache holds


def blocks(n: int, bytes_per_picture: int) -> Iterator[slice]:
    """Cut a batch of n pictures into blocks that need at most BLOCK_BYTES (but hold at least one picture)."""
    step = max(1, BLOCK_BYTES // max(1, bytes_per_picture))
    for start in range(0, n, step):
        yield slice(start, min(n, start + step))


def columns(
    x: Array, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int, out_size: Pair
) -> Array:
    """Return the columns of x as the matrices (N, G, K, P) that are multiplied with w."""
    n = x.shape[0]
    if kernel_size == stride == (1, 1) and padding == ((0, 0), (0, 0)) and out_size == x.shape[2:]:
        return x.reshape(n, groups, x.shape[1] // groups, x.shape[2] * x.shape[3])  # 1×1: the picture is its columns
    cols = im2col(x, kernel_size, stride, padding, dilation, out_size)  # (N, C, KH, KW, OH, OW)
    return cols.reshape(n, groups, -1, out_size[0] * out_size[1])


def conv2d(
    x: Array, w: Array, b: Array | None, stride: Pair, padding: Padding, dilation: Pair, groups: int, out_size: Pair
) -> Array:
    """Convolve x (N, C, H, W) with w (O, C/G, KH, KW) and add b (O,) or nothing: y (N, O, OH, OW)."""
    n, (o, c_group, kh, kw), (oh, ow) = x.shape[0], w.shape, out_size
    k, p = c_group * kh * kw, oh * ow
    y = _backend.empty((n, o, oh, ow), x.dtype, like=x)
    w_mat = w.reshape(groups, o // groups, k)  # (G, O/G, K)
    for block in blocks(n, groups * k * p * x.itemsize):
        cols = columns(x[block], (kh, kw), stride, padding, dilation, groups, out_size)  # (B, G, K, P)
        y[block] = (w_mat @ cols).reshape(-1, o, oh, ow)  # (B, G, O/G, P) -> (B, O, OH, OW)
        del cols  # before those of the next block are made
    if b is not None:
        y += b[:, None, None]
    return y


def conv2d_dx(
    dy: Array, w: Array, x_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> Array:
    """Carry dy (N, O, OH, OW) back to the picture: dx (N, C, H, W)."""
    (n, o, oh, ow), (_, c_group, kh, kw) = dy.shape, w.shape
    k, p = c_group * kh * kw, oh * ow
    dx = _backend.empty(x_shape, dy.dtype, like=dy)
    w_mat = w.reshape(groups, o // groups, k).swapaxes(1, 2)  # (G, K, O/G)
    for block in blocks(n, groups * k * p * dy.itemsize):
        dy_mat = dy[block].reshape(-1, groups, o // groups, p)  # (B, G, O/G, P)
        dcols = (w_mat @ dy_mat).reshape(-1, groups * c_group, kh, kw, oh, ow)  # (B, G, K, P) -> (B, C, KH, KW, OH, OW)
        dx[block] = col2im(dcols, (len(dcols), *x_shape[1:]), stride, padding, dilation)
        del dcols
    return dx


def conv2d_dw(
    dy: Array, x: Array, w_shape: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> Array:
    """Collect from all windows what each weight has contributed: dw (O, C/G, KH, KW)."""
    (n, o, oh, ow), (_, c_group, kh, kw) = dy.shape, w_shape
    k, p = c_group * kh * kw, oh * ow
    dw = _backend.full((groups, o // groups, k), 0, "float64", like=dy)
    for block in blocks(n, max(groups * k * p, o * k) * dy.itemsize):
        cols = columns(x[block], (kh, kw), stride, padding, dilation, groups, (oh, ow))  # (B, G, K, P)
        dy_mat = dy[block].reshape(-1, groups, o // groups, p)  # (B, G, O/G, P)
        dw += total(dy_mat @ cols.swapaxes(2, 3), (0,))  # (B, G, O/G, K) -> (G, O/G, K)
        del cols
    return rounded(dw, dy.dtype).reshape(w_shape)


def channel_sums(dy: Array) -> Array:
    """Add up every channel of dy (N, O, OH, OW): db (O,), because b[o] is added at each of those places."""
    return rounded(total(dy, (0, 2, 3)), dy.dtype)

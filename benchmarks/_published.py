"""The published NumPy way to convolve: columns of the whole batch, then one product.

This is how the books and courses on deep learning from scratch do it, as a set of kernels that any network here runs
with: `kernels.use(published)`. It is kept for comparison.
"""

from __future__ import annotations

import numpy as np


def _im2col(x, kh, kw, stride, padding):
    n, c, h, width = x.shape
    (top, bottom), (left, right) = padding
    oh = (h + top + bottom - kh) // stride[0] + 1
    ow = (width + left + right - kw) // stride[1] + 1
    padded = np.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)])
    cols = np.empty((n, c, kh, kw, oh, ow), x.dtype)
    for i in range(kh):
        for j in range(kw):
            cols[:, :, i, j] = padded[:, :, i : i + stride[0] * oh : stride[0], j : j + stride[1] * ow : stride[1]]
    return cols


def _col2im(cols, x_shape, stride, padding):
    n, c, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    padded = np.zeros((n, c, x_shape[2] + top + bottom, x_shape[3] + left + right), cols.dtype)
    for i in range(kh):
        for j in range(kw):
            padded[:, :, i : i + stride[0] * oh : stride[0], j : j + stride[1] * ow : stride[1]] += cols[:, :, i, j]
    return padded[:, :, top : padded.shape[2] - bottom, left : padded.shape[3] - right]


def conv2d(x, w, b, stride, padding, dilation, groups):
    """Columns, tensordot, and the channels moved to their place."""
    if groups > 1:
        parts = zip(np.split(x, groups, axis=1), np.split(w, groups), strict=True)
        y = np.concatenate([conv2d(*part, None, stride, padding, dilation, 1) for part in parts], axis=1)
    else:
        y = np.tensordot(_im2col(x, *w.shape[2:], stride, padding), w, ((1, 2, 3), (1, 2, 3)))
        y = np.moveaxis(y, 3, 1)
    return y if b is None else y + b[:, None, None]


def conv2d_dx(dy, w, x_shape, stride, padding, dilation, groups):
    """Tensordot, and every column added back."""
    if groups > 1:
        shape = (x_shape[0], x_shape[1] // groups, *x_shape[2:])
        parts = zip(np.split(dy, groups, axis=1), np.split(w, groups), strict=True)
        return np.concatenate([conv2d_dx(*part, shape, stride, padding, dilation, 1) for part in parts], axis=1)
    return _col2im(np.moveaxis(np.tensordot(w, dy, (0, 1)), 3, 0), x_shape, stride, padding)


def conv2d_dw(dy, x, w_shape, stride, padding, dilation, groups):
    """Tensordot over pictures and places."""
    if groups > 1:
        shape = (w_shape[0] // groups, *w_shape[1:])
        parts = zip(np.split(dy, groups, axis=1), np.split(x, groups, axis=1), strict=True)
        return np.concatenate([conv2d_dw(*part, shape, stride, padding, dilation, 1) for part in parts])
    return np.tensordot(dy, _im2col(x, *w_shape[2:], stride, padding), ((0, 2, 3), (0, 4, 5)))

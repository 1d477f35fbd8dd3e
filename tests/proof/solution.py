"""A file with all functions from the loops to max pooling, as a learner would write them."""

import numpy as np


def sizes(x_shape, kernel_size, stride, padding, dilation):
    return tuple(
        (x_shape[2 + a] + sum(padding[a]) - dilation[a] * (kernel_size[a] - 1) - 1) // stride[a] + 1 for a in range(2)
    )


def pad(x, padding, value=0):
    return np.pad(x, ((0, 0), (0, 0), *padding), constant_values=value)


def slices(i, j, stride, dilation, oh, ow):
    rows = slice(i * dilation[0], i * dilation[0] + stride[0] * (oh - 1) + 1, stride[0])
    return rows, slice(j * dilation[1], j * dilation[1] + stride[1] * (ow - 1) + 1, stride[1])


def conv2d_loops(x, w, b, stride, padding, dilation, groups):
    kh, kw = w.shape[2:]
    oh, ow = sizes(x.shape, (kh, kw), stride, padding, dilation)
    padded = pad(x, padding)
    y = np.zeros((x.shape[0], w.shape[0], oh, ow), dtype=x.dtype)
    for n in range(x.shape[0]):
        for o in range(w.shape[0]):
            for row in range(oh):
                for column in range(ow):
                    top, left = row * stride[0], column * stride[1]
                    for c in range(w.shape[1]):
                        for i in range(kh):
                            for j in range(kw):
                                pixel = padded[n, c, top + i * dilation[0], left + j * dilation[1]]
                                y[n, o, row, column] += w[o, c, i, j] * pixel
                    if b is not None:
                        y[n, o, row, column] += b[o]
    return y


def im2col(x, kernel_size, stride, padding, dilation):
    kh, kw = kernel_size
    oh, ow = sizes(x.shape, kernel_size, stride, padding, dilation)
    cols = np.empty((*x.shape[:2], kh, kw, oh, ow), dtype=x.dtype)
    padded = pad(x, padding)
    for i in range(kh):
        for j in range(kw):
            rows, columns = slices(i, j, stride, dilation, oh, ow)
            cols[:, :, i, j] = padded[:, :, rows, columns]
    return cols


def conv2d(x, w, b, stride, padding, dilation, groups):
    n, o = x.shape[0], w.shape[0]
    cols = im2col(x, w.shape[2:], stride, padding, dilation)
    oh, ow = cols.shape[4:]
    y = w.reshape(groups, o // groups, -1) @ cols.reshape(n, groups, -1, oh * ow)
    y = y.reshape(n, o, oh, ow)
    return y if b is None else y + b[:, None, None]


def col2im(cols, x_shape, stride, padding, dilation):
    n, c, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    x = np.zeros((n, c, x_shape[2] + top + bottom, x_shape[3] + left + right), dtype=cols.dtype)
    for i in range(kh):
        for j in range(kw):
            rows, columns = slices(i, j, stride, dilation, oh, ow)
            x[:, :, rows, columns] += cols[:, :, i, j]
    return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]


def conv2d_dx(dy, w, x_shape, stride, padding, dilation, groups):
    n, o, oh, ow = dy.shape
    w_mat = w.reshape(groups, o // groups, -1)
    dcols = w_mat.swapaxes(1, 2) @ dy.reshape(n, groups, o // groups, oh * ow)
    return col2im(dcols.reshape(n, x_shape[1], *w.shape[2:], oh, ow), x_shape, stride, padding, dilation)


def conv2d_dw(dy, x, w_shape, stride, padding, dilation, groups):
    n, o, oh, ow = dy.shape
    cols = im2col(x, w_shape[2:], stride, padding, dilation).reshape(n, groups, -1, oh * ow)
    dw = dy.reshape(n, groups, o // groups, oh * ow) @ cols.swapaxes(2, 3)
    return dw.sum(axis=0).reshape(w_shape)


def covering(x_shape, kernel_size, stride, padding, dilation, out_size):
    """The padding, with as much at the end as the last window needs."""
    reach = [(out_size[a] - 1) * stride[a] + dilation[a] * (kernel_size[a] - 1) + 1 for a in range(2)]
    return [(padding[a][0], max(padding[a][1], reach[a] - padding[a][0] - x_shape[2 + a])) for a in range(2)]


def max_pool2d(x, kernel_size, stride, padding, dilation, out_size):
    (kh, kw), (oh, ow) = kernel_size, out_size
    padded = pad(x, covering(x.shape, kernel_size, stride, padding, dilation, out_size), -np.inf)
    taps = np.empty((*x.shape[:2], kh * kw, oh, ow), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            rows, columns = slices(i, j, stride, dilation, oh, ow)
            taps[:, :, i * kw + j] = padded[:, :, rows, columns]
    return taps.max(axis=2), taps.argmax(axis=2)


def max_pool2d_dx(dy, winners, x_shape, kernel_size, stride, padding, dilation):
    (kh, kw), (oh, ow) = kernel_size, dy.shape[2:]
    cover = covering(x_shape, kernel_size, stride, padding, dilation, (oh, ow))
    dx = pad(np.zeros(x_shape, dtype=dy.dtype), cover)
    for i in range(kh):
        for j in range(kw):
            rows, columns = slices(i, j, stride, dilation, oh, ow)
            dx[:, :, rows, columns] += np.where(winners == i * kw + j, dy, 0)
    (top, _), (left, _) = cover
    return dx[:, :, top : top + x_shape[2], left : left + x_shape[3]]

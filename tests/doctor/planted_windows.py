"""Planted bugs: convolution, depthwise convolution, col2im; written as people write them."""

import numpy as np

from tests.doctor.planting import bug


def span(size, front, back, k, s, d):
    return (size + front + back - d * (k - 1) - 1) // s + 1


def padded(x, padding, value=0.0):
    return np.pad(x, ((0, 0), (0, 0), *padding), constant_values=value)


def columns(x, kernel_size, stride, padding, dilation, value=0.0):
    (kh, kw), (sh, sw), (dh, dw) = kernel_size, stride, dilation
    oh, ow = (span(x.shape[2 + a], *padding[a], kernel_size[a], stride[a], dilation[a]) for a in range(2))
    x = padded(x, padding, value)
    cols = np.empty((*x.shape[:2], kh, kw, oh, ow), x.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
            cols[:, :, i, j] = x[:, :, rows, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
    return cols


def back(cols, x_shape, stride, padding, dilation):
    _, _, kh, kw, oh, ow = cols.shape
    (sh, sw), (dh, dw), ((top, bottom), (left, right)) = stride, dilation, padding
    x = np.zeros((*x_shape[:2], x_shape[2] + top + bottom, x_shape[3] + left + right), cols.dtype)
    for i in range(kh):
        for j in range(kw):
            x[:, :, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw] += cols[
                :, :, i, j
            ]
    return x[:, :, top : top + x_shape[2], left : left + x_shape[3]].copy()


def grouped(x, w, b, stride, padding, dilation, groups, pick=lambda g, o, groups: g):
    """The right convolution, group by group, but for the group that a kernel is given."""
    n, o = len(x), len(w)
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    c = x.shape[1] // groups
    y = np.empty((n, o, *cols.shape[-2:]), x.dtype)
    for kernel in range(o):
        g = pick(kernel // (o // groups), kernel, groups)
        y[:, kernel] = np.einsum("cij,ncijhw->nhw", w[kernel], cols[:, g * c : (g + 1) * c])
    return y if b is None else y + b[:, None, None]


# ------------------------------------------------------------------ convolution


@bug("conv2d", "conv", "turned by 180°")
def flipped_kernel(x, w, b, stride, padding, dilation, groups):
    return grouped(x, np.flip(w, (2, 3)), b, stride, padding, dilation, groups)


@bug("conv2d", "conv", "the bias is not added")
def no_bias(x, w, b, stride, padding, dilation, groups):
    return grouped(x, w, None, stride, padding, dilation, groups)


@bug("conv2d", "conv", "the stride is forgotten")
def no_stride(x, w, b, stride, padding, dilation, groups):
    y = grouped(x, w, b, stride, padding, dilation, groups)
    return grouped(x, w, b, (1, 1), padding, dilation, groups)[:, :, : y.shape[2], : y.shape[3]].copy()


@bug("conv2d", "conv", "the dilation is forgotten")
def no_dilation(x, w, b, stride, padding, dilation, groups):
    y = grouped(x, w, b, stride, padding, dilation, groups)
    return grouped(x, w, b, stride, padding, (1, 1), groups)[:, :, : y.shape[2], : y.shape[3]].copy()


@bug("conv2d", "conv", "without the padding")
def no_padding(x, w, b, stride, padding, dilation, groups):
    return grouped(x, w, b, stride, ((0, 0), (0, 0)), dilation, groups)


@bug("conv2d", "conv", "reshaped between (N, O, OH, OW) and (N, OH, OW, O)")
def maps_reshaped(x, w, b, stride, padding, dilation, groups):
    y = grouped(x, w, None, stride, padding, dilation, groups)
    n, o, oh, ow = y.shape
    rows = y.transpose(0, 2, 3, 1).reshape(-1, o)
    y = rows.reshape(n, o, oh, ow)
    return y if b is None else y + b[:, None, None]


@bug("conv2d", "conv", "only the first channel is counted")
def first_channel(x, w, b, stride, padding, dilation, groups):
    w = w * (np.arange(w.shape[1]) == 0)[:, None, None]
    return grouped(x, w, b, stride, padding, dilation, groups)


@bug("conv2d", "conv", "repeats the edge of the picture")
def edge_padding(x, w, b, stride, padding, dilation, groups):
    x = np.pad(x, ((0, 0), (0, 0), *padding), mode="edge")
    return grouped(x, w, b, stride, ((0, 0), (0, 0)), dilation, groups)


@bug("conv2d", "conv", "the + 1 at the end of OH is forgotten")
def off_by_one(x, w, b, stride, padding, dilation, groups):
    return grouped(x, w, b, stride, padding, dilation, groups)[:, :, :-1, :-1].copy()


@bug("conv2d_dx", "conv", "the kernel is turned")
def dx_flipped(dy, w, x_shape, stride, padding, dilation, groups):
    return right_dx(dy, np.flip(w, (2, 3)), x_shape, stride, padding, dilation, groups)


def right_dx(dy, w, x_shape, stride, padding, dilation, groups, scatter=back):
    o, c, kh, kw = w.shape
    dcols = np.zeros((*x_shape[:2], kh, kw, *dy.shape[2:]), dy.dtype)
    for kernel in range(o):
        g = kernel // (o // groups)
        dcols[:, g * c : (g + 1) * c] += np.einsum("cij,nhw->ncijhw", w[kernel], dy[:, kernel])
    return scatter(dcols, x_shape, stride, padding, dilation)


@bug("conv2d_dx", "conv", "cut off at the wrong end")
def dx_wrong_crop(dy, w, x_shape, stride, padding, dilation, groups):
    def scatter(cols, x_shape, stride, padding, dilation):
        (top, bottom), (left, right) = padding
        whole = (*x_shape[:2], x_shape[2] + top + bottom, x_shape[3] + left + right)
        return back(cols, whole, stride, ((0, 0), (0, 0)), dilation)[:, :, : x_shape[2], : x_shape[3]].copy()

    return right_dx(dy, w, x_shape, stride, padding, dilation, groups, scatter)


@bug("conv2d_dx", "conv", "the border of the padding is not cut off")
def dx_not_cropped(dy, w, x_shape, stride, padding, dilation, groups):
    (top, bottom), (left, right) = padding
    whole = (*x_shape[:2], x_shape[2] + top + bottom, x_shape[3] + left + right)
    return right_dx(dy, w, whole, stride, ((0, 0), (0, 0)), dilation, groups)


@bug("conv2d_dx", "conv", "the stride is forgotten")
def dx_no_stride(dy, w, x_shape, stride, padding, dilation, groups):
    return right_dx(dy, w, x_shape, (1, 1), padding, dilation, groups)


@bug("conv2d_dx", "conv", "the pictures are averaged")
def dx_averaged(dy, w, x_shape, stride, padding, dilation, groups):
    return right_dx(dy, w, x_shape, stride, padding, dilation, groups) / len(dy)


def right_dw(dy, x, w_shape, stride, padding, dilation, groups):
    o, c = w_shape[:2]
    cols = columns(x, w_shape[2:], stride, padding, dilation)
    groups_of = [(kernel // (o // groups)) * c for kernel in range(o)]
    return np.stack([np.einsum("nhw,ncijhw->cij", dy[:, k], cols[:, g : g + c]) for k, g in enumerate(groups_of)])


@bug("conv2d_dw", "conv", "the pictures are averaged")
def dw_mean(dy, x, w_shape, stride, padding, dilation, groups):
    return right_dw(dy, x, w_shape, stride, padding, dilation, groups) / x.shape[0]


@bug("conv2d_dw", "conv", "only the last picture is counted")
def dw_assigned(dy, x, w_shape, stride, padding, dilation, groups):
    dw = np.zeros(w_shape, x.dtype)
    for n in range(len(x)):
        dw = right_dw(dy[n : n + 1], x[n : n + 1], w_shape, stride, padding, dilation, groups)
    return dw


@bug("conv2d_dw", "conv", "turned by 180°")
def dw_flipped(dy, x, w_shape, stride, padding, dilation, groups):
    return np.flip(right_dw(dy, x, w_shape, stride, padding, dilation, groups), (2, 3)).copy()


@bug("conv2d_dw", "conv", "row")
def dw_last_row_lost(dy, x, w_shape, stride, padding, dilation, groups):
    dy = dy.copy()
    dy[:, :, -1] = 0
    return right_dw(dy, x, w_shape, stride, padding, dilation, groups)


@bug("conv2d", "conv", "changes its argument x")
def in_place(x, w, b, stride, padding, dilation, groups):
    y = grouped(x, w, b, stride, padding, dilation, groups)
    x -= x.mean()
    return y


# ------------------------------------------------------------------ depthwise


@bug("conv2d", "depthwise", "every kernel sees the channels of the first group")
def depthwise_first(x, w, b, stride, padding, dilation, groups):
    return grouped(x, w, b, stride, padding, dilation, groups, lambda g, o, groups: 0)


@bug("conv2d", "depthwise", "dealt out to the groups one by one")
def depthwise_modulo(x, w, b, stride, padding, dilation, groups):
    return grouped(x, w, b, stride, padding, dilation, groups, lambda g, o, groups: o % groups)


@bug("conv2d", "depthwise", "reverse order")
def depthwise_reversed(x, w, b, stride, padding, dilation, groups):
    return grouped(x, w, b, stride, padding, dilation, groups, lambda g, o, groups: groups - 1 - g)


@bug("conv2d", "depthwise", "the channels of all groups are added up")
def depthwise_summed(x, w, b, stride, padding, dilation, groups):
    if groups == 1:
        return grouped(x, w, b, stride, padding, dilation, groups)
    y = sum(grouped(x, w, None, stride, padding, dilation, groups, lambda g, o, _, k=k: k) for k in range(groups))
    return y if b is None else y + b[:, None, None]


@bug("conv2d_dx", "depthwise", "only")
def depthwise_dx_first(dy, w, x_shape, stride, padding, dilation, groups):
    dx = right_dx(dy, w, x_shape, stride, padding, dilation, groups)
    if groups > 1:
        dx[:, x_shape[1] // groups :] = 0
    return dx


@bug("conv2d_dw", "depthwise", "the first group")
def depthwise_dw_first(dy, x, w_shape, stride, padding, dilation, groups):
    c = w_shape[1]
    return right_dw(dy, np.concatenate([x[:, :c]] * groups, 1), w_shape, stride, padding, dilation, groups)


@bug("conv2d_dx", "depthwise", "is counted (axis 1): a sum is missing")
def depthwise_dx_assigned(dy, w, x_shape, stride, padding, dilation, groups):
    o, c, kh, kw = w.shape
    dcols = np.zeros((*x_shape[:2], kh, kw, *dy.shape[2:]), dy.dtype)
    for kernel in range(o):
        g = kernel // (o // groups)
        share = np.einsum("cij,nhw->ncijhw", w[kernel], dy[:, kernel])
        dcols[:, g * c : (g + 1) * c] = share if groups > 1 else dcols[:, g * c : (g + 1) * c] + share
    return back(dcols, x_shape, stride, padding, dilation)


# ------------------------------------------------------------------ col2im, im2col


@bug("col2im", "col2im", "`=` stands for `+=`")
def col2im_assigned(cols, x_shape, stride, padding, dilation):
    _, _, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    x = np.zeros((*x_shape[:2], x_shape[2] + top + bottom, x_shape[3] + left + right), cols.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = i * dilation[0] + stride[0] * np.arange(oh)
            x[:, :, rows[:, None], j * dilation[1] + stride[1] * np.arange(ow)] = cols[:, :, i, j]
    return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]


@bug("col2im", "col2im", "`=` stands for `+=`")
def col2im_assigned_by_windows(cols, x_shape, stride, padding, dilation):
    _, _, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    x = np.zeros((*x_shape[:2], x_shape[2] + top + bottom, x_shape[3] + left + right), cols.dtype)
    rows, places = dilation[0] * np.arange(kh), dilation[1] * np.arange(kw)
    for r in range(oh):
        for c in range(ow):
            x[:, :, (rows + r * stride[0])[:, None], places + c * stride[1]] = cols[:, :, :, :, r, c]
    return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]


@bug("col2im", "col2im", "an average, not a sum")
def col2im_inverse(cols, x_shape, stride, padding, dilation):
    count = back(np.ones_like(cols), x_shape, stride, padding, dilation)
    return back(cols, x_shape, stride, padding, dilation) / np.maximum(count, 1).astype(cols.dtype)


@bug("col2im", "col2im", "leaves nothing where p is 0")
def col2im_negative_crop(cols, x_shape, stride, padding, dilation):
    (top, bottom), (left, right) = padding
    whole = (*x_shape[:2], x_shape[2] + top + bottom, x_shape[3] + left + right)
    x = back(cols, whole, stride, ((0, 0), (0, 0)), dilation)
    return x if padding == ((0, 0), (0, 0)) else x[:, :, top:-bottom, left:-right]


@bug("col2im", "col2im", "rows and columns of the stride are exchanged")
def col2im_stride_exchanged(cols, x_shape, stride, padding, dilation):
    big = (*x_shape[:2], x_shape[2] + 20, x_shape[3] + 20)
    return back(cols, big, stride[::-1], padding, dilation)[:, :, : x_shape[2], : x_shape[3]].copy()


@bug("im2col", "col2im", "the taps i and j are exchanged")
def im2col_taps(x, kernel_size, stride, padding, dilation):
    cols = columns(x, kernel_size, stride, padding, dilation)
    return cols.swapaxes(2, 3).reshape(cols.shape)


@bug("im2col", "col2im", "(N, K, P)")
def im2col_matrix(x, kernel_size, stride, padding, dilation):
    cols = columns(x, kernel_size, stride, padding, dilation)
    return cols.reshape(len(x), -1, cols.shape[-1] * cols.shape[-2])

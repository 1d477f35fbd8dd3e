"""Planted bugs: convolutions."""

import numpy as np

from minidl.kernels import textbook
from minidl.kernels.textbook.windows import pad, taps
from tests.gradcheck.planting import conv, draw, plant, unary

X, W, B = draw(2, 4, 5, 5), draw(6, 4, 3, 3), draw(6)
GROUPED = [draw(2, 4, 5, 4), draw(6, 2, 3, 3), draw(6)]
ONE = ((1, 1), (1, 1))


def dx_cropped_wrongly(dy, w, x_shape, stride, padding, dilation, groups):
    padded = textbook.conv2d_dx(dy, w, (*x_shape[:2], x_shape[2] + 2, x_shape[3] + 2), stride, NONE, dilation, groups)
    return padded[:, :, : x_shape[2], : x_shape[3]].copy()


NONE = ((0, 0), (0, 0))


def dx_assigned(dy, w, x_shape, stride, padding, dilation, groups):
    """`=` for `+=`, tap by tap."""
    dx = pad(np.zeros(x_shape), padding)
    for i, j, rows, columns in taps(w.shape[2:], stride, dilation, dy.shape[2:]):
        dx[:, :, rows, columns] = np.einsum("oc,nohw->nchw", w[:, :, i, j], dy)
    return dx[:, :, 1:-1, 1:-1].copy()


def dx_assigned_by_window(dy, w, x_shape, stride, padding, dilation, groups):
    """`=` for `+=`, window by window."""
    dx = np.zeros(x_shape)
    for row in range(dy.shape[2]):
        for column in range(dy.shape[3]):
            dx[:, :, row : row + 3, column : column + 3] = np.einsum("ocij,no->ncij", w, dy[:, :, row, column])
    return dx


def dw_with(change_dy=lambda dy: dy, change_dw=lambda dw: dw):
    return lambda dy, x, *rest: change_dw(textbook.conv2d_dw(change_dy(dy), x, *rest))


def dx_with(change_w=lambda w: w, change_dy=lambda dy: dy, change_dx=lambda dx: dx):
    return lambda dy, w, *rest: change_dx(textbook.conv2d_dx(change_dy(dy), change_w(w), *rest))


def zeroed(array, *key):
    array = array.copy()
    array[key] = 0
    return array


def multiplied(array, factor, *key):
    array = array.copy()
    array[key] *= factor
    return array


ALL = slice(None)
plant("dw flipped", "flipped", conv(conv2d_dw=dw_with(change_dw=lambda dw: dw[:, :, ::-1, ::-1])), [X, W, B], "w")
plant(
    "kernel not flipped in dx",
    "kernel",
    conv(padding=1, conv2d_dx=dx_with(change_w=lambda w: w[:, :, ::-1, ::-1])),
    [X, W, B],
    says="reversed along axis 2, 3",
)
plant(
    "kernel transposed in dx",
    "kernel",
    conv(padding=1, conv2d_dx=dx_with(change_w=lambda w: w.swapaxes(2, 3))),
    [X, W, B],
    says="rows and columns",
)
plant(
    "w[c, o] for w[o, c]",
    "kernel",
    conv(padding=1, conv2d_dx=dx_with(change_w=lambda w: w.swapaxes(0, 1))),
    [X, draw(4, 4, 3, 3)],
    says="transposed",
)
plant("padding cut off at the wrong side", "shifted", conv(padding=1, conv2d_dx=dx_cropped_wrongly), [X, W, B])
plant("= for +=, by taps", "missing sum", conv(padding=1, conv2d_dx=dx_assigned), [X, W, B], says="first output")
plant("= for +=, by windows", "missing sum", conv(conv2d_dx=dx_assigned_by_window), [X, W, B], says="last output")
plant(
    "= for += over the batch",
    "missing sum",
    conv(conv2d_dw=dw_with(change_dy=lambda dy: zeroed(dy, 0))),
    [X, W, B],
    "w",
    says="only picture 1 of y is counted",
)
plant(
    "a loop that stops before the last row",
    "missing sum",
    conv(padding=1, conv2d_dw=dw_with(change_dy=lambda dy: zeroed(dy, ALL, ALL, -1))),
    [X, W, B],
    "w",
    says="row 4 of y is not counted",
)
plant(
    "dw of mixed groups",
    "dy reordered",
    conv(groups=2, conv2d_dw=dw_with(change_dy=lambda dy: np.roll(dy, 3, axis=1))),
    GROUPED,
    "w",
    says="groups or channels",
)
plant(
    "dx of mixed groups",
    "permuted",
    conv(groups=2, conv2d_dx=dx_with(change_dx=lambda dx: np.roll(dx, 2, axis=1))),
    GROUPED,
    says="2, 3, 0, 1",
)
plant(
    "dx of the first group only",
    "first only",
    conv(groups=2, conv2d_dx=dx_with(change_dx=lambda dx: zeroed(dx, ALL, slice(2, None)))),
    GROUPED,
    says="channel 0, 1",
)
plant(
    "dw of the first channel only",
    "first only",
    conv(conv2d_dw=dw_with(change_dw=lambda dw: zeroed(dw, ALL, slice(1, None)))),
    [X, W, B],
    "w",
    says="channel 0 only",
)
plant(
    "channels interleaved",
    "permuted",
    conv(conv2d_dx=dx_with(change_dx=lambda dx: dx[:, [0, 2, 1, 3]])),
    [X, W, B],
    says="0, 2, 1, 3",
)
plant(
    "dy read as (O, N, P)",
    "dy reordered",
    conv(conv2d_dw=dw_with(change_dy=lambda dy: dy.reshape(6, 2, 3, 3).swapaxes(0, 1))),
    [X, W, B],
    "w",
    says="dy.reshape(6, 2, 3, 3).transpose(1, 0, 2, 3)",
)
plant(
    "the border left out",
    "incomplete",
    conv(padding=1, conv2d_dx=dx_with(change_dx=lambda dx: pad(dx[:, :, 1:-1, 1:-1], ONE))),
    [X, W, B],
    says="at the border (top and bottom and left and right, 1 wide)",
)
plant(
    "the border counted twice",
    "border",
    conv(padding=1, conv2d_dx=dx_with(change_dy=lambda dy: multiplied(dy, 1.5, ALL, ALL, 0))),
    [X, W, B],
    says="windows of row 0 of y count 1.5",
)
plant(
    "the first picture counted twice",
    "weighted",
    conv(conv2d_dw=dw_with(change_dy=lambda dy: multiplied(dy, 2, 0))),
    [X, W, B],
    "w",
    says="picture 0, 1, … of y (axis 0) count 2, 1 times",
)
plant(
    "one window counted twice",
    "weighted",
    conv(padding=1, conv2d_dx=dx_with(change_dy=lambda dy: multiplied(dy, 2, ALL, ALL, 2, 2))),
    [X, W, B],
    says="1 of the 25 windows count 2 times",
)
plant(
    "the middle use only",
    "missing sum",
    unary(
        lambda x: x[:-2] + 2 * x[1:-1] + 3 * x[2:],
        lambda x, y, dy: np.concatenate([dy[:1], 2 * dy, 3 * dy[-1:]]),
    ),
    [draw(7)],
    says="one of its outputs",
)
plant(
    "something wrong in one channel",
    "part",
    conv(padding=1, conv2d_dx=dx_with(change_dx=lambda dx: dx + np.eye(4)[2][:, None, None] * dx**2)),
    [X, W, B],
    says="wrong in channel 2",
)
plant(
    "something wrong at the border",
    "border",
    conv(padding=1, conv2d_dx=dx_with(change_dx=lambda dx: dx + dx**2 * (1 - pad(np.ones((1, 1, 3, 3)), ONE)))),
    [X, W, B],
    says="only the border",
)
plant(
    "something wrong after the first picture",
    "first only",
    conv(
        padding=1, conv2d_dx=dx_with(change_dx=lambda dx: dx + dx**2 * np.eye(3)[[0, 1, 1]][:, 1][:, None, None, None])
    ),
    [draw(3, 2, 4, 4), draw(2, 2, 3, 3)],
    says="right in picture 0, wrong in picture 1, 2",
)

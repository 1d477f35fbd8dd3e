"""Planted bugs: factors, signs, masks, missing gradients, linear layers."""

import numpy as np

from minidl import Tensor
from minidl.kernels import textbook
from tests.gradcheck.planting import draw, function, plant, unary

# ------------------------------------------------------------------ factors, signs, masks

plant("sign", "sign", unary(lambda x: x * x, lambda x, y, dy: -2 * x * dy), [draw(3, 4)])
plant("sign of the negative half", "sign", unary(np.abs, lambda x, y, dy: dy), [draw(3, 4)], says="in ")
plant("twice", "scaled", unary(lambda x: x * x, lambda x, y, dy: 4 * x * dy), [draw(3, 5)], says="is 2 times")
plant("half", "scaled", unary(lambda x: x * x, lambda x, y, dy: x * dy), [draw(3, 5)], says="is 1/2 times")
plant("1.001", "scaled", unary(np.exp, lambda x, y, dy: 1.001 * y * dy), [draw(3, 4)], says="1.001 times")
plant(
    "mean without 1/N",
    "scaled",
    unary(lambda x: np.array(x.mean()), lambda x, y, dy: np.full(x.shape, dy)),
    [draw(3, 5)],
    says="15 (= x.shape[0] * x.shape[1])",
)
plant(
    "sum with 1/N",
    "scaled",
    unary(lambda x: x.sum(axis=(0, 2, 3)), lambda x, y, dy: np.ones(x.shape) * dy[:, None, None] / (3 * 4 * 5)),
    [draw(3, 2, 4, 5)],
    says="1/60 (60 = x.shape[0] * x.shape[2] * x.shape[3])",
)
plant(
    "cross-entropy not divided by N",
    "scaled",
    function(
        lambda x, t: textbook.cross_entropy(x, t)[0],
        lambda ctx, dy: (
            3 * textbook.cross_entropy_dx(dy, textbook.log_softmax(ctx.arrays[0], 1), ctx.arrays[1]),
            None,
        ),
    ),
    [draw(3, 4), np.eye(4, dtype=int)[[0, 2, 1]]],
    argument="tensors[0]",
    says="is 3 (= tensors[0].shape[0]) times",
)
plant(
    "average pooling not divided by the window",
    "scaled",
    unary(
        lambda x: textbook.avg_pool2d(x, (2, 3), (2, 3), ((0, 0), (0, 0)), (2, 2), True),
        lambda x, y, dy: 6 * textbook.avg_pool2d_dx(dy, x.shape, (2, 3), (2, 3), ((0, 0), (0, 0)), (2, 2), True),
    ),
    [draw(2, 2, 4, 6)],
    says="is 6",
)
plant("relu without its mask", "mask", unary(lambda x: np.maximum(x, 0), lambda x, y, dy: dy), [draw(3, 4)])
DROP = np.array([[1, 0, 1, 1], [0, 1, 1, 0]]) * 2.0
plant("dropout without its mask", "mask", unary(lambda x: x * DROP, lambda x, y, dy: dy), [draw(2, 4)], says="1/2")
plant(
    "max pooling to all taps",
    "mask",
    unary(
        lambda x: x.reshape(2, 3, 2, 2, 2).max(axis=(3, 4)),
        lambda x, y, dy: np.broadcast_to(dy[..., None, None], (2, 3, 2, 2, 2)).reshape(x.shape).copy(),
    ),
    [draw(2, 3, 8)],
)
plant("sin passes dy on", "dy unchanged", unary(np.sin, lambda x, y, dy: dy), [draw(3, 4)])
plant("tanh passes dy on", "factor", unary(np.tanh, lambda x, y, dy: dy), [draw(3, 4)], says="(1 - y²) is missing")
plant(
    "sigmoid without 1 - y",
    "factor",
    unary(lambda x: 1 / (1 + np.exp(-x)), lambda x, y, dy: dy * y),
    [draw(3, 4)],
    says="(1 - y) is missing",
)
plant(
    "a factor too many",
    "factor",
    function(np.multiply, lambda ctx, dy: (dy * ctx.arrays[1] * ctx.arrays[1], dy * ctx.arrays[0])),
    [draw(3, 4), draw(3, 4)],
    argument="tensors[0]",
    says="the factor tensors[1] is one too many",
)
plant(
    "scale per channel forgotten",
    "factor",
    lambda x, gamma: SCALE(x, gamma),
    [draw(2, 3, 2, 2), draw(3)],
    says="the factor gamma is missing along axis 1",
)
SCALE = function(
    lambda x, g: x**3 * g[:, None, None],
    lambda ctx, dy: (
        3 * ctx.arrays[0] ** 2 * dy,
        (dy * ctx.arrays[0] ** 3).sum(axis=(0, 2, 3)),
    ),
)
STD = np.array([0.5, 1.5, 4.0])[:, None, None]
plant(
    "1/std forgotten",
    "factor",
    unary(lambda x: x**2 / STD, lambda x, y, dy: 2 * x * dy),
    [draw(2, 3, 2, 2)],
    says="each channel (axis 1) has a factor of its own: dx is 0.5, 1.5, 4 times",
)
plant(
    "dy ignored",
    "dy ignored",
    unary(lambda x: x**3, lambda x, y, dy: 3 * x**2),
    [draw(3, 4)],
)
plant("dy of a loss ignored", "dy ignored", unary(lambda x: np.array((x * x).sum()), lambda x, y, dy: 2 * x), [draw(3)])

# ------------------------------------------------------------------ nothing

plant("never filled", "zero", unary(np.sin, lambda x, y, dy: np.zeros_like(x)), [draw(4)])
plant("None", "none", unary(np.sin, lambda x, y, dy: None), [draw(4)])
plant("cut off", "none", lambda x: Tensor(np.sin(x.data), requires_grad=True), [draw(4)])
plant("0/0", "nan", unary(np.sin, lambda x, y, dy: dy * np.where(x > 0, np.nan, 1)), [draw(5)])
plant(
    "an argument without influence",
    "no influence",
    function(lambda x, b: x * 2, lambda ctx, dy: (2 * dy, dy)),
    [draw(2, 3), draw(2, 3)],
    argument="tensors[1]",
)

# ------------------------------------------------------------------ linear layers


def linear(dx=None, dw=None, db=None):
    """A linear layer with some planted gradients: functions of (dy, x, w)."""
    apply = function(
        lambda x, w, b: x @ w.T + b,
        lambda ctx, dy: (
            dx(dy, *ctx.arrays[:2]) if dx else dy @ ctx.arrays[1],
            dw(dy, *ctx.arrays[:2]) if dw else dy.T @ ctx.arrays[0],
            db(dy, *ctx.arrays[:2]) if db else dy.sum(axis=0),
        ),
    )
    return lambda x, w, b: apply(x, w, b)


WIDE, SQUARE = [draw(4, 5), draw(3, 5), draw(3)], [draw(5, 4), draw(4, 4), draw(4)]
plant("dw reshaped, not transposed", "transposed", linear(dw=lambda dy, x, w: (x.T @ dy).reshape(w.shape)), WIDE, "w")
plant("dw not transposed", "transposed", linear(dw=lambda dy, x, w: x.T @ dy), SQUARE, "w", "dx.transpose(1, 0)")
plant("w transposed in dx", "kernel", linear(dx=lambda dy, x, w: dy @ w.T), SQUARE, "x", "transposed")
plant("db of the first picture", "missing sum", linear(db=lambda dy, x, w: dy[0].copy()), WIDE, "b", "only row 0 of y")
plant("db a mean", "scaled", linear(db=lambda dy, x, w: dy.mean(axis=0)), WIDE, "b", "1/4 (4 = y.shape[0])")
plant("dw of all but the last", "missing sum", linear(dw=lambda dy, x, w: dy[:-1].T @ x[:-1]), WIDE, "w", "row 3 of y")
plant("dx of the first row", "first only", linear(dx=lambda dy, x, w: np.eye(4)[:, :1] * (dy @ w)), WIDE, "x", "row 0")

# ------------------------------------------------------------------ two arguments, two cases

plant(
    "gradients in the wrong order",
    "swapped",
    function(
        lambda a, b: np.sin(a) + b**3,
        lambda ctx, dy: (3 * ctx.arrays[1] ** 2 * dy, np.cos(ctx.arrays[0]) * dy),
    ),
    [draw(3, 4), draw(3, 4)],
    argument="tensors[0]",
    says="dx is the gradient of tensors[1]",
)
plant(
    "times its own operand",
    "factor",
    function(np.multiply, lambda ctx, dy: (dy * ctx.arrays[0], dy * ctx.arrays[0])),
    [draw(3, 4), draw(3, 4)],
    argument="tensors[0]",
    says="dx is dy * tensors[0], but dy * tensors[1] is right",
)
plant(
    "the mask of dy",
    "mask",
    unary(lambda x: np.maximum(x, 0), lambda x, y, dy: np.maximum(dy, 0)),
    [draw(4, 5)],
    says="the mask is another one: dx is 0 in ",
)
plant(
    "the slope on the wrong side",
    "branches",
    unary(lambda x: np.where(x > 0, x, 0.2 * x), lambda x, y, dy: np.where(x > 0, 0.2 * dy, dy)),
    [draw(4, 5)],
    says="times the slope in ",
)
plant(
    "a slope forgotten",
    "branches",
    unary(lambda x: np.where(x > 0, x, 0.3 * x), lambda x, y, dy: dy),
    [draw(4, 5)],
    says="3.3333 times the slope in ",
)
LOG_SOFTMAX = lambda x: x - np.log(np.exp(x).sum(axis=1, keepdims=True))  # noqa: E731
plant(
    "log softmax without its sum",
    "term",
    unary(LOG_SOFTMAX, lambda x, y, dy: dy),
    [draw(3, 6)],
    says="a multiple of exp(y) along axis 1",
)

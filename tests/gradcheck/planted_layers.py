"""Planted bugs: pooling, normalisation, shapes, and gradients of another call."""

from typing import Any

import numpy as np

from minidl import Function
from minidl.kernels import textbook
from minidl.kernels.textbook.windows import pad
from tests.gradcheck.planting import draw, function, plant, unary

ONE = ((1, 1), (1, 1))

POOL = (3, 3), (1, 1), ONE
plant(
    "average pooling counts the padding backward only",
    "border",
    unary(
        lambda x: textbook.avg_pool2d(x, *POOL, x.shape[2:], False),
        lambda x, y, dy: textbook.avg_pool2d_dx(dy, x.shape, *POOL, x.shape[2:], True),
    ),
    [draw(2, 2, 4, 5)],
    says="at the border",
)
plant(
    "padding in one direction counted",
    "border",
    unary(
        lambda x: textbook.avg_pool2d(x, (3, 1), (1, 1), ((1, 1), (0, 0)), x.shape[2:], False),
        lambda x, y, dy: textbook.avg_pool2d_dx(dy, x.shape, (3, 1), (1, 1), ((1, 1), (0, 0)), x.shape[2:], True),
    ),
    [draw(2, 2, 4, 5)],
    says="of row 0, 3 of y count 0.6667, 0.6667 times",
)


def max_pool_assigned(x, y, dy):
    """`=` for `+=` in overlapping max pooling."""
    dx = np.zeros_like(x)
    for row in range(y.shape[0]):
        window = x[row : row + 3]
        dx[row + window.argmax()] = dy[row]
    return dx


LINE = np.array([0.1, 0.9, 0.3, 0.5, 0.2, 0.8, 0.4, 0.0])
plant(
    "max pooling assigns",
    "missing sum",
    unary(lambda x: np.array([x[i : i + 3].max() for i in range(6)]), max_pool_assigned),
    [LINE],
    says="last output",
)


def batch_norm(x):
    return (x - x.mean(axis=(0, 2, 3), keepdims=True)) / np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + 1e-5)


def batch_norm_dx(x, y, dy, mean_term=True, variance_term=True):
    axes = {"axis": (0, 2, 3), "keepdims": True}
    terms = dy - mean_term * dy.mean(**axes) - variance_term * y * (dy * y).mean(**axes)
    return terms / np.sqrt(x.var(**axes) + 1e-5)


plant(
    "batch norm without the mean's term",
    "offset",
    unary(batch_norm, lambda x, y, dy: batch_norm_dx(x, y, dy, mean_term=False)),
    [draw(3, 2, 3, 4)],
    says="the same along axis 0, 2, 3",
)
plant(
    "batch norm without the variance's term",
    "term",
    unary(batch_norm, lambda x, y, dy: batch_norm_dx(x, y, dy, variance_term=False)),
    [draw(3, 2, 3, 4)],
    says="a multiple of y along axis 0, 2, 3",
)
plant(
    "batch norm without both",
    "term",
    unary(batch_norm, lambda x, y, dy: batch_norm_dx(x, y, dy, mean_term=False, variance_term=False)),
    [draw(3, 2, 3, 4)],
    says="α + β·y along axis 0, 2, 3",
)
plant(
    "mean subtracted, not differentiated",
    "offset",
    unary(lambda x: x - x.mean(), lambda x, y, dy: dy),
    [draw(3, 4)],
    says="everywhere",
)
SOFTMAX = lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)  # noqa: E731
plant("softmax without its sum", "term", unary(SOFTMAX, lambda x, y, dy: dy * y), [draw(3, 6)], says="multiple of y")
plant(
    "flatten reads back in another order",
    "transposed",
    unary(lambda x: x.reshape(2, -1), lambda x, y, dy: dy.reshape(2, 5, 4, 3).transpose(0, 3, 2, 1)),
    [draw(2, 3, 4, 5)],
    says="a reshape stands where a transpose belongs",
)
plant(
    "channel shuffle shuffled again",
    "permuted",
    unary(
        lambda x: x.reshape(2, 2, 3, 4).swapaxes(1, 2).reshape(2, 6, 4),
        lambda x, y, dy: dy.reshape(2, 2, 3, 4).swapaxes(1, 2).reshape(2, 6, 4),
    ),
    [draw(2, 6, 4)],
)
plant(
    "all pictures get the first one's",
    "permuted",
    unary(lambda x: np.sin(x), lambda x, y, dy: np.repeat((np.cos(x) * dy)[:1], 3, axis=0)),
    [draw(3, 4)],
    says="repeated",
)
plant(
    "pad crops at the wrong end",
    "shifted",
    unary(lambda x: pad(x, ((2, 0), (0, 1))), lambda x, y, dy: dy[:, :, :-2, :-1].copy()),
    [draw(1, 2, 5, 4)],
    says="2 rows down",
)
plant(
    "concat gives each the other's",
    "dy reordered",
    function(lambda a, b: np.concatenate([a, b], 1), lambda ctx, dy: (dy[:, 3:].copy(), dy[:, 3:].copy())),
    [draw(2, 3, 2), draw(2, 3, 2)],
    argument="tensors[0]",
)


class Cached(Function):
    """Keeps its input on the class, where the next call finds it."""

    x: Any = None

    @staticmethod
    def forward(ctx, x):
        Cached.x = x
        return np.sin(x)

    @staticmethod
    def backward(ctx, dy):
        return np.cos(Cached.x) * dy


class CachedOnce(Cached):
    """Keeps the input of the first call."""

    first: Any = None

    @staticmethod
    def forward(ctx, x):
        CachedOnce.first = x if CachedOnce.first is None else CachedOnce.first
        return np.sin(x)

    @staticmethod
    def backward(ctx, dy):
        return np.cos(CachedOnce.first) * dy


plant("the input of a later call", "stale", lambda x: Cached.apply(x), [draw(3, 4)])
plant("the input of the first call", "stale", lambda x: CachedOnce.apply(x), [draw(3, 4)])


# ------------------------------------------------------------------ local response norm, and softmax by itself

WINDOW = {"size": 4, "alpha": 0.5, "beta": 0.75}
LRN_X = draw(2, 5, 2, 3)


def lrn(times=1.0, own=False):
    """Local response norm whose second term counts so many times, or is that of the number itself."""

    def dx(x, y, dy):
        scale = textbook.lrn(x, **WINDOW, k=2.0)[1]
        first = dy * scale**-0.75
        if own:
            return first - 2 * 0.5 * 0.75 * dy * x * x * scale**-1.75
        return first + times * (textbook.lrn_dx(dy, x, scale, **WINDOW) - first)

    return unary(lambda x: textbook.lrn(x, **WINDOW, k=2.0)[0], dx)


plant("lrn takes scale for a constant", "constant", lrn(times=0), [LRN_X], says="dx is dy * y / x")
plant("lrn without the 2 of the square", "constant", lrn(times=0.5), [LRN_X], says="this factor counts 1/2")
plant("lrn adds its second term", "constant", lrn(times=-1), [LRN_X], says="this factor counts -1 times")
plant("lrn divides alpha by the window", "constant", lrn(times=1 / 4), [LRN_X], says="this factor counts 1/4")
plant("lrn without its neighbours", "own place", lrn(own=True), [LRN_X], says="at its own place only")
plant("softmax by itself", "own place", unary(SOFTMAX, lambda x, y, dy: dy * y * (1 - y)), [draw(3, 6)])

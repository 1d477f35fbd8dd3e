"""Every sum keeps its digits, in both kernel sets and in every memory order.

A naive float32 sum of the numbers here, 10 ± 1, is wrong by ten units in the last place and more. The exact value is
that of `math.fsum`, or of float64, whose own error does not show in a float32. (Matrix products are left to the BLAS.)
"""

import math

import numpy as np
import pytest

from minidl import Tensor, kernels, nn, ops
from minidl.kernels.textbook.sums import total
from minidl.optim import clip_grad_norm

N, C, H, W = SHAPE = 4, 19, 48, 45
PIXELS = (0, 2, 3)
M = N * H * W
UNITS = {"local_response_norm": 4}  # in the last place of the largest result, else 2; here the roots are rounded, too


def c_order(x):
    return np.ascontiguousarray(x)


def channels_last(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def transposed(x):
    return np.ascontiguousarray(x.T).T


def sliced(x):
    """Every second pixel of a part of the channels of a wider block."""
    wide = np.full((N, H, 2 * W, C + 5), 7, x.dtype)
    wide[:, :, ::2, 2 : 2 + C] = x.transpose(0, 2, 3, 1)
    return wide[:, :, ::2, 2 : 2 + C].transpose(0, 3, 1, 2)


def reversed_rows(x):
    return np.ascontiguousarray(x[:, :, ::-1, ::-1])[:, :, ::-1, ::-1]


def broadcast(x):
    """Rows of one number, repeated."""
    return np.broadcast_to(x[..., :1], x.shape)


ORDERS = (c_order, channels_last, transposed, sliced, reversed_rows, broadcast)


def gradient(function, *arrays, dy, wanted):
    """Return the gradient of one of the arrays."""
    tensors = [Tensor(array, requires_grad=number == wanted) for number, array in enumerate(arrays)]
    function(*tensors).backward(dy)
    return tensors[wanted].grad


def norm_of(*arrays, dy=None, wanted=None, **settings):
    def call(x, w, b):
        return ops.batch_norm(x, w, b, None, None, training=True, **settings)

    return call(*map(Tensor, arrays)).data if wanted is None else gradient(call, *arrays, dy=dy, wanted=wanted)


def normed(x):
    return (x - x.mean(axis=PIXELS, keepdims=True)) / np.sqrt(x.var(axis=PIXELS, keepdims=True) + 1e-5)


def log_sum(x, axis):
    top = x.max(axis=axis, keepdims=True)
    return top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True))


def rows(x):
    return x.transpose(0, 2, 3, 1).reshape(-1, C)


def one(shape, dtype):
    return np.ones(shape, dtype)


def around_0(x):
    return x - x.dtype.type(10)


# Each takes x (N, C, H, W) and gives what minidl makes of it, and in float64 what is right.
CASES = {
    "sum": (lambda x: ops.sum(Tensor(x)).data, lambda x: math.fsum(x.ravel())),
    "sum of channels": (lambda x: ops.sum(Tensor(x), axis=PIXELS).data, lambda x: x.sum(axis=PIXELS)),
    "sum along one axis": (lambda x: ops.sum(Tensor(x), axis=2).data, lambda x: x.sum(axis=2)),
    "mean": (lambda x: ops.mean(Tensor(x)).data, lambda x: x.mean()),
    "mean of channels": (lambda x: ops.mean(Tensor(x), axis=PIXELS).data, lambda x: x.mean(axis=PIXELS)),
    "var": (lambda x: ops.var(Tensor(x)).data, lambda x: x.var(ddof=1)),
    "var of channels": (lambda x: ops.var(Tensor(x), axis=PIXELS).data, lambda x: x.var(axis=PIXELS, ddof=1)),
    "var far from 0": (
        lambda x: ops.var(Tensor(np.ldexp(x, 3)), axis=PIXELS, correction=0).data,
        lambda x: np.ldexp(x, 3).var(axis=PIXELS),
    ),
    **{
        f"{name}, repeated {which}": (
            lambda x, f=f, shape=shape: gradient(f, one(SHAPE, x.dtype), one(shape, x.dtype), dy=x, wanted=1).ravel(),
            lambda x, sign=sign, axes=axes: sign * x.sum(axis=axes).ravel(),
        )
        for name, f, sign in (
            ("add", ops.add, 1),
            ("add relu", lambda a, b: ops.add(a, b, activation="relu"), 1),
            ("subtract", ops.subtract, -1),
            ("multiply", ops.multiply, 1),
            ("divide", ops.divide, -1),
            ("where", lambda a, b: ops.where(np.array(False), a, b), 1),
        )
        for which, shape, axes in (("channels", (1, C, 1, 1), PIXELS), ("number", (), (0, 1, 2, 3)))
    },
    "matmul, repeated matrix": (
        lambda x: gradient(
            ops.matmul, one((H, C, 1), x.dtype), one((1, W), x.dtype), dy=x[0].transpose(1, 0, 2), wanted=1
        ),
        lambda x: x[0].sum(axis=(0, 1))[None],
    ),
    "conv2d, bias": (
        lambda x: gradient(
            ops.conv2d, one((N, 1, H, W), x.dtype), one((C, 1, 1, 1), x.dtype), one(C, x.dtype), dy=x, wanted=2
        ),
        lambda x: x.sum(axis=PIXELS),
    ),
    "conv2d_fused, bias": (
        lambda x: gradient(
            lambda x, w, b: ops.conv2d_fused(x, w, b, activation="relu"),
            one((N, 1, H, W), x.dtype),
            one((C, 1, 1, 1), x.dtype),
            one(C, x.dtype),
            dy=x,
            wanted=2,
        ),
        lambda x: x.sum(axis=PIXELS),
    ),
    "linear, bias": (
        lambda x: gradient(
            ops.linear, one((M, 1), x.dtype), one((C, 1), x.dtype), one(C, x.dtype), dy=rows(x), wanted=2
        ),
        lambda x: x.sum(axis=PIXELS),
    ),
    "global_avg_pool2d": (lambda x: ops.global_avg_pool2d(Tensor(x)).data, lambda x: x.mean(axis=(2, 3))),
    "adaptive_avg_pool2d": (
        lambda x: ops.adaptive_avg_pool2d(Tensor(x), (2, 3)).data,
        lambda x: x.reshape(N, C, 2, H // 2, 3, W // 3).mean(axis=(3, 5)),
    ),
    "avg_pool2d": (
        lambda x: ops.avg_pool2d(Tensor(x), (H // 2, W // 3)).data,
        lambda x: x.reshape(N, C, 2, H // 2, 3, W // 3).mean(axis=(3, 5)),
    ),
    "avg_pool2d, a row": (
        lambda x: ops.avg_pool2d(Tensor(x), (1, W)).data,
        lambda x: x.mean(axis=3, keepdims=True),
    ),
    "batch_norm": (
        lambda x: norm_of(x, one(C, x.dtype), np.full(C, 9, x.dtype)),
        lambda x: normed(x) + 9,
    ),
    "batch_norm, db": (
        lambda x: norm_of(x, one(C, x.dtype), one(C, x.dtype), dy=x, wanted=2),
        lambda x: x.sum(axis=PIXELS),
    ),
    "batch_norm relu, db": (
        lambda x: norm_of(x, one(C, x.dtype), np.full(C, 50, x.dtype), dy=x, wanted=2, activation="relu"),
        lambda x: x.sum(axis=PIXELS),
    ),
    "batch_norm, dw": (
        lambda x: norm_of(x, one(C, x.dtype), one(C, x.dtype), dy=around_0(x), wanted=1),
        lambda x: (around_0(x) * normed(x)).sum(axis=PIXELS),
    ),
    "scale_channels, ds": (
        lambda x: gradient(ops.scale_channels, one(SHAPE, x.dtype), one((N, C), x.dtype), dy=x, wanted=1),
        lambda x: x.sum(axis=(2, 3)),
    ),
    "softmax": (lambda x: ops.softmax(Tensor(x), axis=2).data, lambda x: np.exp(x - log_sum(x, 2))),
    "log_softmax": (lambda x: ops.log_softmax(Tensor(x), axis=3).data, lambda x: x - log_sum(x, 3)),
    "log_softmax of many": (
        lambda x: ops.log_softmax(Tensor(x.reshape(N, -1)), axis=1).data,
        lambda x: x.reshape(N, -1) - log_sum(x.reshape(N, -1), 1),
    ),
    "cross_entropy": (
        lambda x: ops.cross_entropy(Tensor(rows(x)), np.arange(M) % C).data,
        lambda x: -(rows(x) - log_sum(rows(x), 1))[np.arange(M), np.arange(M) % C].mean(),
    ),
    "mse_loss": (
        lambda x: ops.mse_loss(Tensor(x), Tensor(one(SHAPE, x.dtype))).data,
        lambda x: ((x - 1) ** 2).mean(),
    ),
    "local_response_norm": (
        lambda x: ops.local_response_norm(Tensor(x), 2 * C, alpha=0.01).data,
        lambda x: x * (2 + 0.01 * (x * x).sum(axis=1, keepdims=True)) ** -0.75,
    ),
    "clip_grad_norm": (lambda x: length(x), lambda x: math.sqrt(math.fsum((x * x).ravel()))),
    "index, one place": (
        lambda x: gradient(lambda t: t[np.zeros(x.size, int)], one(1, x.dtype), dy=x.ravel(), wanted=0)[0],
        lambda x: math.fsum(x.ravel()),
    ),
}


def length(x):
    parameter = nn.Parameter(one(SHAPE, x.dtype))
    parameter.grad = x
    return clip_grad_norm([parameter], math.inf)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.__name__)
@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
@pytest.mark.parametrize("name", CASES)
def test_sums_keep_their_digits(name, kernel_set, order):
    ours, exact = CASES[name]
    x = order((10 + np.random.default_rng(0).standard_normal(SHAPE)).astype("float32"))
    right = np.asarray(exact(x.astype("float64")))
    with kernels.use(kernel_set):
        found = np.asarray(ours(x), dtype="float64")
    assert found.shape == right.shape
    unit = np.spacing(np.abs(right).max().astype("float32"))
    assert np.abs(found - right).max() <= UNITS.get(name, 2) * unit


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.__name__)
@pytest.mark.parametrize("axes", [PIXELS, (0, 1, 2, 3), (1,), (3, 0), ()])
def test_sums_of_float64_are_made_in_pairs(order, axes):
    x = order(10 + np.random.default_rng(0).standard_normal(SHAPE))
    found, right = total(x, axes, keepdims=True), x.astype(np.longdouble).sum(axis=axes, keepdims=True)
    terms = math.prod(SHAPE[axis] for axis in axes)
    assert found.shape == right.shape
    bound = max(1, math.log2(terms)) if terms > 1 else 0  # roundings of a number on its way, and 128 at the end
    assert np.abs(found - right).max() <= bound * np.spacing(np.abs(right).max().astype("float64"))


def test_twenty_million_ones():
    ones = np.ones((20_000_000, 1), "float32")
    for x in (ones, np.broadcast_to(np.float32(1), (20_000_000, 1)), ones[::-1]):
        assert ops.sum(Tensor(x)).item() == ops.sum(Tensor(x), axis=0).item() == 20_000_000
        assert ops.mean(Tensor(x)).item() == 1
        bias = Tensor(np.zeros(1, "float32"), requires_grad=True)
        (bias + Tensor(ones)).backward(x)
        assert bias.grad.item() == 20_000_000

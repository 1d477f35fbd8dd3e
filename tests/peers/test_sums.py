"""Sums over ten million numbers, 10 ± 1: the error is at most twice PyTorch's, or two units in the last place.

Units are those of the largest number of the exact result, which float64 gives.
"""

import functools

import numpy as np
import pytest

from minidl import Tensor, kernels, ops

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers

N, C, H, W = 10, 16, 250, 250
PIXELS = (0, 2, 3)


@functools.cache
def drawn(seed):
    """Pictures, channels-last, and the same numbers as rows (1,000,000, 10)."""
    x = 10 + np.random.default_rng(seed).standard_normal((N, H, W, C), dtype="float32")
    return x.transpose(0, 3, 1, 2)


def as_rows(x):
    return x.transpose(0, 2, 3, 1).reshape(-1, 10)


def ours(function, dy, wanted, *arrays):
    tensors = [Tensor(array, requires_grad=dy is not None) for array in arrays]
    y = function(ops, *tensors)
    if dy is None:
        return y.data
    y.backward(dy)
    return tensors[wanted].grad


def theirs(function, dy, wanted, *arrays):
    tensors = [torch.tensor(array, requires_grad=dy is not None) for array in arrays]
    if arrays[0].ndim == 4:  # in the same memory order
        tensors[0] = tensors[0].detach().contiguous(memory_format=torch.channels_last)
        tensors[0].requires_grad_(dy is not None)
    y = function(Peer, *tensors)
    if dy is None:
        return y.numpy()
    y.backward(torch.tensor(dy))
    return tensors[wanted].grad.numpy()


class Peer:
    """PyTorch under our names."""

    sum, mean = staticmethod(lambda x, axis: x.sum(axis)), staticmethod(lambda x, axis: x.mean(axis))
    var = staticmethod(lambda x, axis: x.var(axis))
    add, multiply = torch.add, torch.mul
    conv2d, linear = F.conv2d, F.linear
    softmax = staticmethod(lambda x, axis: torch.softmax(x, axis))
    log_softmax = staticmethod(lambda x, axis: torch.log_softmax(x, axis))
    mse_loss, adaptive_avg_pool2d, avg_pool2d = F.mse_loss, F.adaptive_avg_pool2d, F.avg_pool2d
    global_avg_pool2d = staticmethod(lambda x: F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0])
    scale_channels = staticmethod(lambda x, s: x * s[:, :, None, None])

    @staticmethod
    def batch_norm(x, w, b, mean, var, *, training):
        return F.batch_norm(x, mean, var, w, b, training=training)


def norm(lib, x, w, b):
    return lib.batch_norm(x, w, b, None, None, training=True)


def norm_gradients(x, dy):
    """Exactly: dx, dw and db of a norm with weights 1."""
    x, dy = x.astype("float64"), dy.astype("float64")
    rstd = 1 / np.sqrt(x.var(axis=PIXELS, keepdims=True) + 1e-5)
    x_hat = (x - x.mean(axis=PIXELS, keepdims=True)) * rstd
    dw, db = (dy * x_hat).sum(axis=PIXELS), dy.sum(axis=PIXELS)
    count = x.size // C
    return rstd * (dy - db[:, None, None] / count - x_hat * dw[:, None, None] / count), dw, db, x_hat


def log_of_sum(x, axis):
    top = x.max(axis=axis, keepdims=True)
    return top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True))


def ones(*shape):
    return np.ones(shape, "float32")


# Each: the function of a library, which gradient is meant (None: the result), the operands behind x, the exact result.
CASES = {
    "sum": (lambda lib, x: lib.sum(x, (0, 1, 2, 3)), None, (), lambda x, dy: x.sum()),
    "sum of channels": (lambda lib, x: lib.sum(x, PIXELS), None, (), lambda x, dy: x.sum(axis=PIXELS)),
    "mean of channels": (lambda lib, x: lib.mean(x, PIXELS), None, (), lambda x, dy: x.mean(axis=PIXELS)),
    "var of channels": (lambda lib, x: lib.var(x, PIXELS), None, (), lambda x, dy: x.var(axis=PIXELS, ddof=1)),
    "add, repeated": (lambda lib, x, b: lib.add(x, b), 1, (ones(1, C, 1, 1),), lambda x, dy: dy.sum(axis=PIXELS)),
    "multiply, repeated": (
        lambda lib, x, b: lib.multiply(x, b),
        1,
        (ones(1, C, 1, 1),),
        lambda x, dy: (dy * x).sum(axis=PIXELS),
    ),
    "conv2d, bias": (
        lambda lib, x, w, b: lib.conv2d(x, w, b),
        2,
        (ones(C, C, 1, 1), ones(C)),
        lambda x, dy: dy.sum(axis=PIXELS),
    ),
    "global_avg_pool2d": (lambda lib, x: lib.global_avg_pool2d(x), None, (), lambda x, dy: x.mean(axis=(2, 3))),
    "avg_pool2d": (
        lambda lib, x: lib.avg_pool2d(x, 125),
        None,
        (),
        lambda x, dy: x.reshape(N, C, 2, 125, 2, 125).mean(axis=(3, 5)),
    ),
    "batch_norm": (norm, None, (ones(C), ones(C)), lambda x, dy: norm_gradients(x, dy)[3] + 1),
    "batch_norm, dx": (norm, 0, (ones(C), ones(C)), lambda x, dy: norm_gradients(x, dy)[0]),
    "batch_norm, dw": (norm, 1, (ones(C), ones(C)), lambda x, dy: norm_gradients(x, dy)[1]),
    "batch_norm, db": (norm, 2, (ones(C), ones(C)), lambda x, dy: norm_gradients(x, dy)[2]),
    "scale_channels, ds": (
        lambda lib, x, s: lib.scale_channels(x, s),
        1,
        (ones(N, C),),
        lambda x, dy: (dy * x).sum(axis=(2, 3)),
    ),
    "mse_loss": (lambda lib, x, t: lib.mse_loss(x, t), None, (ones(N, C, H, W),), lambda x, dy: ((x - 1) ** 2).mean()),
}
OF_ROWS = {
    "softmax": (lambda lib, x: lib.softmax(x, 0), None, (), lambda x, dy: np.exp(x - log_of_sum(x, 0))),
    "log_softmax": (lambda lib, x: lib.log_softmax(x, 0), None, (), lambda x, dy: x - log_of_sum(x, 0)),
    "linear, bias": (
        lambda lib, x, w, b: lib.linear(x, w, b),
        2,
        (ones(10, 10), ones(10)),
        lambda x, dy: dy.sum(axis=0),
    ),
}


def units(found, right):
    return np.abs(found.astype("float64") - right).max() / np.spacing(np.abs(right).max().astype("float32"))


@pytest.mark.parametrize("name", [*CASES, *OF_ROWS])
def test_ten_million_numbers(name):
    function, wanted, others, exact = {**CASES, **OF_ROWS}[name]
    x, dy = (as_rows(drawn(seed)) if name in OF_ROWS else drawn(seed) for seed in (0, 1))
    right = np.asarray(exact(x.astype("float64"), dy.astype("float64")))
    given = None if wanted is None else dy
    bound = max(2, 2 * units(theirs(function, given, wanted, x, *others), right))
    for kernel_set in ("textbook", "cpu"):
        with kernels.use(kernel_set):
            assert units(ours(function, given, wanted, x, *others), right) <= bound, kernel_set

"""The way back writes a gradient over the one it is made of, where nobody would notice, and nowhere else."""

import sys
import weakref

import numpy as np
import pytest

import minidl.tensor  # noqa: F401
from minidl import Function, Tensor, kernels, manual_seed, nn, observe, ops
from minidl._sharing import HELD_ONCE

ENGINE = sys.modules["minidl.tensor"]
counting = pytest.mark.skipif(np.isnan(HELD_ONCE), reason="this Python does not tell who refers to an array")


class Looking(Function):
    """y = x; notes where the gradient lies that it hands on, and holds it only if it should."""

    places, held = [], []

    @staticmethod
    def forward(ctx, x, *, hold=False):
        ctx.hold = hold
        return x.copy(order="K")

    @staticmethod
    def backward(ctx, dy):
        Looking.places.append(dy.ctypes.data)
        if ctx.hold:
            Looking.held.append((dy, dy.copy()))
        return dy


def walked(function, *, hold=False, shape=(2, 16, 8, 8)):
    """Return where the gradient lay before and behind an operation, the latest first."""
    Looking.places.clear()
    Looking.held.clear()
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal(shape, dtype=np.float32), requires_grad=True)
    with kernels.use("cpu"):
        y = Looking.apply(function(Looking.apply(x)), hold=hold)
        (y * Tensor(rng.standard_normal(y.shape, dtype=np.float32))).backward(np.ones(y.shape, "float32"))
    return Looking.places


NORM = (None, None, None, None)
OPERATIONS = {
    "relu": ops.relu,
    "relu6": ops.relu6,
    "silu": ops.silu,
    "hardswish": ops.hardswish,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "gelu": ops.gelu,
    "batch_norm": lambda x: ops.batch_norm(x, *NORM, training=True),
    "batch_norm relu": lambda x: ops.batch_norm(x, *NORM, training=True, activation="relu"),
    "dropout": lambda x: ops.dropout(x, 0.5, training=True, rng=np.random.default_rng(1)),
}


@counting
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_gradient_that_nobody_holds_is_written_over(name):
    behind, before = walked(OPERATIONS[name])
    if not name.startswith("batch_norm"):  # whose results are channels-last, and this picture is not
        assert before == behind
    held_behind, held_before = walked(OPERATIONS[name], hold=True)
    assert held_before != held_behind
    for array, was in Looking.held:
        np.testing.assert_array_equal(array, was)


class Branches(nn.Module):
    """Everything that writes over gradients, with ways that part and meet before and behind it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU())
        self.norms = nn.ModuleList(nn.BatchNorm2d(32, activation=it) for it in (None, "relu", "silu", "hardswish"))
        self.ends = nn.ModuleList(nn.BatchNorm2d(32, activation=it) for it in (None, "relu", "silu", "relu6"))
        self.convs = nn.ModuleList(nn.Conv2d(32, 32, 1) for _ in range(4))
        self.fused = nn.Conv2d(32, 32, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        for norm, end, conv in zip(self.norms, self.ends, self.convs, strict=True):
            y = norm(x)
            x = end(conv(y) + y, x)  # y and x are both read twice
        kept = ops.relu(x)
        x = ops.conv2d_fused(kept, self.fused.weight, self.fused.bias, kept, activation="silu", padding=1)
        x = ops.conv2d_fused(x, self.fused.weight, self.fused.bias, kept, activation="relu6", padding=1)
        x = ops.add(ops.hardswish(x), ops.leaky_relu(x), activation="relu")
        x = ops.scale_channels(x, ops.sigmoid(ops.global_avg_pool2d(x)))
        x = ops.local_response_norm(ops.tanh(x)) + ops.gelu(x)
        left, right = ops.split(ops.dropout(x, 0.3, training=True, rng=np.random.default_rng(2)), 2, 1)
        return ops.concat([ops.relu6(left) * right, ops.hardsigmoid(right), ops.relu(left)], 1)


def gradients(monkeypatch, over, served="cpu"):
    manual_seed(0)
    net, rng = Branches(), np.random.default_rng(0)
    x = Tensor(rng.standard_normal((2, 3, 12, 12), dtype=np.float32), requires_grad=True)
    with monkeypatch.context() as patch, kernels.use(served):
        if not over:
            patch.setattr(ENGINE, "OVER", {})
        y = net(x)
        dy = rng.standard_normal(y.shape, dtype=np.float32)
        given = dy.copy()
        y.backward(dy)
        np.testing.assert_array_equal(dy, given)
    return [x.grad, *(p.grad for p in net.parameters())]


def test_gradients_are_the_same_bits_as_without(monkeypatch):
    for one, other in zip(gradients(monkeypatch, True), gradients(monkeypatch, False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_observer_may_keep_what_it_is_shown(rng):
    x, seen = Tensor(rng.standard_normal((2, 16, 8, 8), dtype=np.float32), requires_grad=True), []
    y = ops.relu(ops.batch_norm(ops.relu(x), *NORM, training=True, activation="relu"))
    with kernels.use("cpu"), observe(lambda event: seen.append((event.inputs[0], event.inputs[0].copy()))):
        y.backward(rng.standard_normal(y.shape, dtype=np.float32))
    assert len(seen) == 3
    for array, was in seen:
        np.testing.assert_array_equal(array, was)


@counting
def test_a_fused_convolution_lets_go_of_what_it_does_not_need_any_more(rng, monkeypatch):
    """While dx and dw are made, dy and the result are gone: both are as large as dz."""
    x, w = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((2, 8, 16, 16), (8, 8, 3, 3)))
    y = ops.conv2d_fused(x, w, activation="relu", padding=1)
    result, original, alive = weakref.ref(y._data), kernels.conv2d_dx, []

    class Handing(Function):
        """A result that goes on, and a gradient that nobody else holds."""

        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, dy):
            dx = 2 * dy
            gone.append(weakref.ref(dx))
            return dx

    gone = []
    monkeypatch.setattr(kernels, "conv2d_dx", lambda *a, **s: alive.append((result(), gone[0]())) or original(*a, **s))
    z = Handing.apply(y)
    del y
    z.backward(rng.standard_normal(z.shape))
    assert alive == [(None, None)]

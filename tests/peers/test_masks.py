"""What comes from above where a function is flat, infinite or NaN, has the effect that it has in PyTorch: none."""

import itertools

import numpy as np
import pytest

from minidl import Tensor, kernels, ops

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.peers

# No NaN, of which PyTorch's lanes make different things, and no -1.5, where the slope of hardswish is 0 without a mask.
X = [-np.inf, -200, -6, -3, -1.25, -1, -0.0, 0, 0.5, 1, 2, 3, 5, 6, 7, 200, np.inf]
UPSTREAM = [1, 0, np.inf, -np.inf, np.nan]
PAIRS = {
    "relu": (ops.relu, F.relu),
    "relu6": (ops.relu6, F.relu6),
    "leaky_relu": (lambda x: ops.leaky_relu(x, 0.1), lambda x: F.leaky_relu(x, 0.1)),
    "hardsigmoid": (ops.hardsigmoid, F.hardsigmoid),
    "hardswish": (ops.hardswish, F.hardswish),
    "silu": (ops.silu, F.silu),
    "softplus": (ops.softplus, F.softplus),
    "sigmoid": (ops.sigmoid, torch.sigmoid),
    "tanh": (ops.tanh, torch.tanh),
    "clip": (lambda x: ops.clip(x, -1, 2), lambda x: x.clamp(-1, 2)),
    "clip, low": (lambda x: ops.clip(x, low=-1), lambda x: x.clamp(min=-1)),
    "where": (lambda x: ops.where(x.data > 0, x, 0.0), lambda x: torch.where(x > 0, x, torch.zeros_like(x))),
    "add, relu": (lambda x: ops.add(x, 1.0, activation="relu"), lambda x: F.relu(x + 1)),
    "sqrt, relu": (lambda x: ops.sqrt(ops.relu(x)), lambda x: torch.sqrt(F.relu(x))),
}


@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_gradients_are_pytorchs_whatever_comes_from_above(name, dtype, kernel_set):
    ours, theirs = PAIRS[name]
    x, dy = (np.array(column, dtype) for column in zip(*itertools.product(X, UPSTREAM), strict=True))
    mine, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    with kernels.use(kernel_set), np.errstate(all="ignore"):
        ours(mine).backward(dy)
    theirs(other).backward(torch.tensor(dy))
    np.testing.assert_allclose(mine.grad, other.grad.numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
@pytest.mark.parametrize("activation", ["relu", "relu6", "hardswish"])
def test_a_norm_with_its_activation(activation, kernel_set):
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((4, 5, 6, 7)), 4 + rng.random(5), rng.standard_normal(5)
    mine, other = ([make(array) for array in (x, w, b)] for make in (leaf, torch.tensor))
    for tensor in other:
        tensor.requires_grad_()
    z = F.batch_norm(other[0], None, None, other[1], other[2], training=True)
    y = getattr(F, activation)(z)
    dy = np.where((z.detach() <= (-3 if activation == "hardswish" else 0)).numpy(), np.nan, 1.0)
    y.backward(torch.tensor(dy))
    with kernels.use(kernel_set):
        ops.batch_norm(*mine, None, None, training=True, activation=activation).backward(dy)
    for one, right in zip(mine, other, strict=True):
        np.testing.assert_allclose(one.grad, right.grad.numpy(), rtol=1e-9, atol=1e-9)


def leaf(array):
    return Tensor(array, requires_grad=True)

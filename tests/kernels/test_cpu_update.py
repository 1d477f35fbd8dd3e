"""Update rules of the fast set against the textbook's."""

import numpy as np
import pytest

from minidl import nn, optim
from tests.kernels.twins import FAST, channels_last, equal, equal_in_every_order, single


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd(momentum, decay, nesterov, rng):
    p, g, velocity = (single(rng, 3, 5, 3, 2) for _ in range(3))
    if momentum:
        settings = 0.1, momentum, decay, nesterov
        equal_in_every_order("sgd", p, g, velocity, *settings)
        equal("sgd", p, g, None, *settings)
    else:
        found, none = FAST.sgd(p, g, None, 0.1, 0.0, decay, False)
        assert none is None
        np.testing.assert_allclose(found, p - 0.1 * (g + decay * p), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("t", [1, 2, 1000])
def test_adam(decay, decoupled, t, rng):
    p, g, mean = (single(rng, 3, 5, 3, 2) for _ in range(3))
    square = single(rng, 3, 5, 3, 2) ** 2
    settings = t, 0.1, (0.9, 0.999), 1e-8, decay, decoupled
    equal_in_every_order("adam", p, g, mean, square, *settings)
    equal("adam", p, g, None, None, *settings)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rmsprop(decay, inside, momentum, rng):
    p, g, velocity = (single(rng, 3, 5, 3, 2) for _ in range(3))
    square = single(rng, 3, 5, 3, 2) ** 2
    settings = 0.1, 0.9, 1e-3, decay, momentum, inside
    equal_in_every_order("rmsprop", p, g, square, velocity, *settings)
    for begins in ((None, None), (square, None), (None, velocity)):
        equal("rmsprop", p, g, *begins, *settings)
    assert (FAST.rmsprop(p, g, square, velocity, *settings)[2] is None) == (momentum == 0)


def test_a_gradient_that_is_not_finite_shows():
    p, g = np.ones(20, "float32"), np.full(20, np.nan, "float32")
    g[::2] = np.inf
    equal("sgd", p, g, p, 0.1, 0.9, 0.0, True)
    equal("adam", p, g, None, None, 1, 0.1, (0.9, 0.999), 1e-8, 0.0, False)
    equal("rmsprop", p, g, p, p, 0.1, 0.9, 1e-3, 0.0, 0.9, False)


@pytest.mark.parametrize(
    "rule",
    [
        lambda p: optim.SGD(p, 0.1, momentum=0.9),
        lambda p: optim.AdamW(p, 0.1),
        lambda p: optim.RMSprop(p, 0.1, momentum=0.9),
    ],
)
def test_weights_come_to_lie_like_their_gradients(rule, rng):
    p = nn.Parameter(single(rng, 64, 64, 8, 4))  # large enough for the fast set
    optimizer = rule([p])
    for _ in range(2):
        p.grad = channels_last(single(rng, 64, 64, 8, 4))
        optimizer.step()
    assert p.data.strides == p.grad.strides

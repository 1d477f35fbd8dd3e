"""SGD follows its formula, keeps its state, and refuses nonsense."""

import numpy as np
import pytest

from minidl import nn, optim


def reference(p, gradients, lr, momentum, weight_decay, nesterov):
    """The update rule in plain numbers, one parameter at a time."""
    v = None
    for g in gradients:
        g = g + weight_decay * p
        if momentum:
            v = g if v is None else momentum * v + g
            g = g + momentum * v if nesterov else v
        p = p - lr * g
    return p


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0, "nesterov": False},
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0, "nesterov": False},
        {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01, "nesterov": False},
        {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.01, "nesterov": True},
    ],
)
def test_twenty_steps_follow_the_formula(settings, rng):
    start, gradients = rng.standard_normal((3, 4)), rng.standard_normal((20, 3, 4))
    p = nn.Parameter(start.copy())
    optimiser = optim.SGD([p], **settings)
    for g in gradients:
        p.grad = g.copy()
        optimiser.step()
        np.testing.assert_array_equal(p.grad, g)  # the gradient is not the optimiser's to change
    np.testing.assert_allclose(p.data, reference(start, gradients, **settings), rtol=1e-13)
    assert p._version == 20


def test_parameters_without_a_gradient_stay():
    p, q = nn.Parameter([1.0]), nn.Parameter([1.0])
    p.grad = np.ones(1, dtype=np.float32)
    optim.SGD([p, q], lr=0.5, momentum=0.9).step()
    assert (p.item(), q.item()) == (0.5, 1.0)


def test_float32_stays_float32():
    p = nn.Parameter([1.0])
    optimiser = optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True)
    for _ in range(2):
        p.grad = np.ones(1, dtype=np.float32)
        optimiser.step()
    assert p.dtype == np.float32
    assert optimiser.state_dict()["state"][0]["velocity"].dtype == np.float32


def test_state_goes_on_where_it_stopped(rng):
    gradients = rng.standard_normal((6, 2))

    def run(p, optimiser, some):
        for g in some:
            p.grad = g.copy()
            optimiser.step()

    p = nn.Parameter(np.zeros(2))
    optimiser = optim.SGD([p], lr=0.1, momentum=0.9)
    run(p, optimiser, gradients[:3])
    q = nn.Parameter(p.data.copy())
    resumed = optim.SGD([q], lr=0.1, momentum=0.9)
    resumed.load_state_dict(optimiser.state_dict())
    run(p, optimiser, gradients[3:])
    run(q, resumed, gradients[3:])
    np.testing.assert_array_equal(p.data, q.data)


def test_zero_grad_forgets():
    p = nn.Parameter([1.0])
    p.grad = np.ones(1, dtype=np.float32)
    optim.SGD([p], lr=0.1).zero_grad()
    assert p.grad is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -0.1}, "SGD: lr must be >= 0; received lr=-0.1"),
        ({"lr": float("nan")}, "SGD: lr must be >= 0; received lr=nan"),
        ({"lr": 0.1, "momentum": -1}, "SGD: momentum must be >= 0"),
        ({"lr": 0.1, "weight_decay": -1}, "SGD: weight_decay must be >= 0"),
        ({"lr": 0.1, "nesterov": True}, "SGD: nesterov=True needs momentum > 0"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        optim.SGD([nn.Parameter([1.0])], **settings)


def test_no_parameters_is_refused():
    with pytest.raises(ValueError, match="SGD: there is no parameter to learn"):
        optim.SGD([], lr=0.1)


@pytest.mark.parametrize("name", ["0.moment", "1.velocity", "x.velocity"])
def test_a_state_of_other_parameters_is_refused(name):
    with pytest.raises(ValueError, match=f"SGD: the state has an entry that belongs to no parameter: '{name}'"):
        optim.SGD([nn.Parameter([1.0])], lr=0.1).load_state_dict({name: np.zeros(1)})


def test_a_state_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"SGD: the state has 0.velocity of shape \(2,\), expected \(1,\)"):
        optim.SGD([nn.Parameter([1.0])], lr=0.1).load_state_dict({"0.velocity": np.zeros(2)})

"""Clipping shortens all gradients together, changes nobody's array, and leaves what cannot be cured."""

import numpy as np
import pytest

from minidl import nn, optim


def with_gradients(*gradients):
    parameters = []
    for g in gradients:
        parameters.append(nn.Parameter(np.zeros(g.shape, g.dtype)))
        parameters[-1].grad = g
    return parameters


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_norm_of_all_together_is_max_norm_and_the_direction_stays(rng, dtype):
    gradients = [rng.standard_normal((3, 4)).astype(dtype), rng.standard_normal(5).astype(dtype)]
    parameters = with_gradients(*gradients)
    before = np.concatenate([g.ravel() for g in gradients])
    norm = optim.clip_grad_norm([*parameters, nn.Parameter([1.0])], 0.7)
    after = np.concatenate([p.grad.ravel() for p in parameters])
    assert norm == pytest.approx(np.linalg.norm(before), rel=1e-6)
    np.testing.assert_allclose(after, before * (0.7 / np.linalg.norm(before)), rtol=3e-6)
    assert after.dtype == dtype


def test_who_holds_the_gradient_keeps_it(rng):
    g = rng.standard_normal(6)
    kept = g.copy()
    (p,) = with_gradients(g)
    optim.clip_grad_norm([p], 0.1)
    np.testing.assert_array_equal(g, kept)
    assert not np.shares_memory(p.grad, g)


def test_short_gradients_stay_as_they_are(rng):
    g = rng.standard_normal(6)
    (p,) = with_gradients(g)
    for max_norm in (np.linalg.norm(g) * 1.001, np.inf):
        assert optim.clip_grad_norm([p], max_norm) == pytest.approx(np.linalg.norm(g), rel=1e-12)
        assert p.grad is g


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_reported_and_left(value):
    g = np.array([1.0, value])
    (p,) = with_gradients(g)
    assert not np.isfinite(optim.clip_grad_norm([p], 1.0))
    assert p.grad is g


def test_large_gradients_do_not_overflow():
    (p,) = with_gradients(np.full(4, 1e30, dtype="float32"))
    assert optim.clip_grad_norm([p], 1.0) == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_allclose(p.grad, 0.5, rtol=1e-6)


def test_without_gradients_the_norm_is_0():
    assert optim.clip_grad_norm([nn.Parameter([1.0])], 1.0) == 0


@pytest.mark.parametrize(
    ("parameters", "max_norm", "error", "message"),
    [
        ([nn.Parameter([1.0])], 0, ValueError, "clip_grad_norm: max_norm must be > 0; received max_norm=0"),
        (nn.Parameter([1.0]), 1, TypeError, "clip_grad_norm: expects a list of parameters; received a Parameter; pass"),
        (nn.Linear(1, 1), 1, TypeError, "clip_grad_norm: expects a list of parameters; received a Linear; pass net"),
        ([np.ones(1)], 1, TypeError, "clip_grad_norm: expects parameters; received a ndarray; pass net.parameters"),
    ],
)
def test_nonsense_is_refused(parameters, max_norm, error, message):
    with pytest.raises(error, match=message):
        optim.clip_grad_norm(parameters, max_norm)

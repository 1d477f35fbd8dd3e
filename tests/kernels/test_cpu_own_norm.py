"""Layer norm of the fast set against the textbook's."""

import numpy as np
import pytest

from minidl.kernels import textbook
from tests.kernels.twins import FAST, equal, equal_in_every_order, same_bits_every_time, single

SIZES = [((3, 7), 1), ((40, 33), 1), ((2, 5, 4, 6), 2), ((2, 3, 48), 1), ((5, 1100), 1), ((2, 7, 3, 5), 4), ((1, 9), 1)]


def drawn(rng, shape, axes):
    x, own = 3 * single(rng, *shape) + 1, shape[-axes:]
    return x, single(rng, *own), single(rng, *own), single(rng, *shape)


@pytest.mark.parametrize(("shape", "axes"), SIZES, ids=str)
def test_equals_its_twin_in_every_memory_order(shape, axes, rng):
    x, w, b, dy = drawn(rng, shape, axes)
    equal_in_every_order("layer_norm", x, w, b, 1e-5)
    _, mean, rstd = textbook.layer_norm(x.astype(float), w, b, 1e-5)
    equal_in_every_order("layer_norm_grads", dy, x, w, mean, rstd)


def test_a_large_mean_costs_no_digits(rng):
    x, w, b, dy = drawn(rng, (6, 70), 1)
    x += 10_000
    equal("layer_norm", x, w, b, 1e-5)
    _, mean, rstd = textbook.layer_norm(x.astype(float), w, b, 1e-5)
    equal("layer_norm_grads", dy, x, w, mean, rstd)


def test_one_value_and_nan(rng):
    x, w, b, _ = drawn(rng, (4, 20), 1)
    x[1] = 5
    x[2, 3] = np.nan
    equal("layer_norm", x, w, b, 1e-5)
    assert np.isnan(FAST.layer_norm(x, w, b, 1e-5)[0]).any(axis=1).tolist() == [False, False, True, False]


def test_same_bits_every_time(rng):
    x, w, b, dy = drawn(rng, (70, 50), 1)
    same_bits_every_time("layer_norm", x, w, b, 1e-5)
    _, mean, rstd = textbook.layer_norm(x, w, b, 1e-5)
    same_bits_every_time("layer_norm_grads", dy, x, w, mean, rstd)


def test_which_calls_are_served(rng):
    x, w, b, dy = drawn(rng, (128, 128), 1)
    assert FAST.is_worth_it("layer_norm", (x, w, b, 1e-5))
    assert FAST.is_worth_it("layer_norm_grads", (dy, x, w, None, None))
    assert not FAST.is_worth_it("layer_norm", (x[1:], w, b, 1e-5))
    assert not FAST.is_worth_it("layer_norm", (x.astype(float), w, b, 1e-5))

"""Attention of the fast set against the textbook's."""

import numpy as np
import pytest

from minidl.kernels import textbook
from tests.kernels.twins import FAST, equal, equal_in_every_order, same_bits_every_time, single


def operands(rng, heads, length, keys, d, e):
    before = (2, heads)
    return [single(rng, *before, *shape) for shape in ((length, d), (keys, d), (keys, e))]


@pytest.mark.parametrize("sizes", [(3, 5, 7, 4, 2), (1, 70, 33, 5, 6), (2, 129, 64, 16, 16), (1, 1, 1, 1, 1)], ids=str)
def test_equals_its_twin_in_every_memory_order(sizes, rng):
    q, k, v = operands(rng, *sizes)
    equal_in_every_order("attention", q, k, v, None)
    y, log_sums = textbook.attention(q, k, v, None)
    if sizes[2] > 1:  # with one key nothing but rounding comes back to q and k
        equal_in_every_order("attention_grads", single(rng, *y.shape), q, k, v, None, y, log_sums, False)


def test_same_bits_every_time(rng):
    q, k, v = operands(rng, 3, 100, 90, 8, 8)
    same_bits_every_time("attention", q, k, v, None)
    y, log_sums = textbook.attention(q, k, v, None)
    same_bits_every_time("attention_grads", single(rng, *y.shape), q, k, v, None, y, log_sums, False)


def test_large_scores_do_not_overflow_and_nan_stays(rng):
    q, k, v = operands(rng, 2, 5, 6, 4, 3)
    equal("attention", 30 * q, 30 * k, v, None, tolerance=1e-4)
    q[0, 0, 2, 1] = np.nan
    equal("attention", q, k, v, None)


def test_which_calls_are_served(rng):
    q, k, v = operands(rng, 4, 128, 128, 8, 8)
    assert FAST.is_worth_it("attention", (q, k, v, None))
    assert not FAST.is_worth_it("attention", (q, k, v, np.ones((128, 128), bool)))
    assert not FAST.is_worth_it("attention", (q[:, :3], k[:, :3], v[:, :3], None))
    assert not FAST.is_worth_it("attention", (q[0], k[0], v[0], None))
    assert FAST.attention(q, k, v, np.ones((128, 128), bool)) is NotImplemented

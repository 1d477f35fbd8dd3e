"""Attention of the fast set against the textbook's."""

import numpy as np
import pytest

from minidl.kernels import textbook
from tests.kernels.twins import FAST, equal, equal_in_every_order, same_bits_every_time, single


def operands(rng, heads, length, keys, d, e):
    before = (2, heads)
    return [single(rng, *before, *shape) for shape in ((length, d), (keys, d), (keys, e))]


def both_ways(rng, q, k, v, mask, check=equal):
    """Compare forward and backward."""
    check("attention", q, k, v, mask)
    y, log_sums = textbook.attention(q, k, v, mask)
    check("attention_grads", single(rng, *y.shape), q, k, v, mask, y, log_sums, False)


@pytest.mark.parametrize("sizes", [(3, 5, 7, 4, 2), (1, 70, 33, 5, 6), (2, 300, 64, 8, 8), (1, 3, 700, 3, 3)], ids=str)
def test_equals_its_twin_in_every_memory_order(sizes, rng):
    both_ways(rng, *operands(rng, *sizes), None, equal_in_every_order)


def test_one_key_gets_everything(rng):
    q, k, v = operands(rng, 1, 1, 1, 1, 1)  # and nothing but rounding comes back to q and k
    equal_in_every_order("attention", q, k, v, None)


@pytest.mark.parametrize("axes", [2, 3])
def test_heads_alone_and_one_head(axes, rng):
    q, k, v = (x[(0,) * (4 - axes)] for x in operands(rng, 2, 37, 29, 8, 5))
    both_ways(rng, q, k, v, None, equal_in_every_order)
    both_ways(rng, q, k, v, rng.random((37, 29)) < 0.7)


@pytest.mark.parametrize("shape", [(2, 3, 40, 600), (40, 600), (2, 1, 1, 600), (3, 1, 1), (600,), (40, 1)], ids=str)
@pytest.mark.parametrize("kind", ["bools", "numbers"])
def test_a_mask_is_broadcast_to_the_scores(shape, kind, rng):
    q, k, v = operands(rng, 3, 40, 600, 4, 3)
    mask = rng.random(shape) < 0.7 if kind == "bools" else single(rng, *shape)
    both_ways(rng, q, k, v, mask)


def test_a_query_that_may_look_at_no_key_gets_zeros(rng):
    q, k, v = operands(rng, 2, 5, 300, 4, 3)
    mask = np.ones((5, 300), bool)
    mask[1], mask[2, :256], mask[3, 256:] = False, False, False  # all of them, and whole blocks
    both_ways(rng, q, k, v, mask)
    both_ways(rng, q, k, v, np.where(mask, 0, -np.inf).astype("float32"))
    assert not FAST.attention(q, k, v, mask)[0][:, :, 1].any()


def test_what_a_mask_hides_may_be_anything(rng):
    q, k, v = operands(rng, 2, 5, 6, 4, 3)
    k[:, :, 2], k[:, :, 4] = np.nan, np.inf
    mask = np.ones((5, 6), bool)
    mask[:, [2, 4]] = False
    y, log_sums = FAST.attention(q, k, v, mask)
    right, sums = textbook.attention(*(np.delete(x, [2, 4], axis=2) if x is not q else q for x in (q, k, v)), None)
    np.testing.assert_allclose(y, right, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log_sums, sums, rtol=1e-5, atol=1e-6)


def test_a_later_block_may_have_the_largest_score(rng):
    q, k, v = operands(rng, 1, 9, 900, 4, 3)
    both_ways(rng, q, k * np.linspace(0, 8, 900, dtype="float32")[:, None], v, None)
    both_ways(rng, q, k * np.linspace(8, 0, 900, dtype="float32")[:, None], v, None)


def test_heads_are_read_where_they_lie_and_results_lie_there_too(rng, monkeypatch):
    from minidl.kernels.cpu.memory import stacks

    monkeypatch.setattr(stacks, "plain", None)  # which would copy
    tokens = single(rng, 2, 40, 3 * 24)
    q, k, v = (tokens[:, :, i : i + 24].reshape(2, 40, 3, 8).transpose(0, 2, 1, 3) for i in (0, 24, 48))
    both_ways(rng, q, k, v, None)
    y, log_sums = FAST.attention(q, k, v, None)
    assert y.transpose(0, 2, 1, 3).flags.c_contiguous
    gradients = FAST.attention_grads(y, q, k, v, None, y, log_sums, False)
    assert all(gradient.transpose(0, 2, 1, 3).flags.c_contiguous for gradient in gradients[:3])


def test_same_bits_every_time(rng):
    q, k, v = operands(rng, 3, 300, 90, 8, 8)
    mask = rng.random((300, 90)) < 0.7
    same_bits_every_time("attention", q, k, v, mask)
    y, log_sums = textbook.attention(q, k, v, mask)
    same_bits_every_time("attention_grads", single(rng, *y.shape), q, k, v, mask, y, log_sums, False)


def test_large_scores_do_not_overflow_and_nan_stays(rng):
    q, k, v = operands(rng, 2, 5, 6, 4, 3)
    equal("attention", 30 * q, 30 * k, v, None, tolerance=1e-4)
    q[0, 0, 2, 1] = np.nan
    equal("attention", q, k, v, None)


def test_which_calls_are_served(rng):
    q, k, v = operands(rng, 4, 128, 128, 8, 8)
    mask = np.ones((128, 128), bool)
    assert FAST.is_worth_it("attention", (q, k, v, None))
    assert FAST.is_worth_it("attention", (q, k, v, mask))
    assert not FAST.is_worth_it("attention", (q[:, :3], k[:, :3], v[:, :3], None))
    assert FAST.is_worth_it("attention_grads", (q, q, k, v, mask, q, None, False))
    assert not FAST.is_worth_it("attention_grads", (q, q, k, v, single(rng, 128, 128), q, None, True))
    assert not FAST.is_worth_it("attention", (q[None], k[None], v[None], None))
    assert FAST.attention(q[None], k[None], v[None], None) is NotImplemented
    assert FAST.attention(q, k, v, np.ones((127, 128), bool)) is NotImplemented


def test_no_memory_grows_with_the_length(rng, monkeypatch):
    from minidl.kernels.cpu.memory import workspace

    lent = []
    monkeypatch.setattr(workspace.POOL, "empty", lambda shape, dtype: lent.append(shape) or np.empty(shape, dtype))
    q, k, v = (single(rng, 1, 1, 4096, 4) for _ in range(3))
    for mask in (None, np.tri(4096, dtype=bool)):
        y, log_sums = FAST.attention(q, k, v, mask)
        FAST.attention_grads(y, q, k, v, mask, y, log_sums, False)
    results = 2 * (3 * q.size + y.size + log_sums.size)
    assert 0 < sum(map(np.prod, lent)) - results < 4096**2 / 10

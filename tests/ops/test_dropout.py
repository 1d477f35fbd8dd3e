"""Leaving out at random: how often, by how much the rest grows, and from which generator."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, ops


def ones(*shape):
    return Tensor(np.ones(shape, dtype=np.float32), requires_grad=True)


class TestDropout:
    @pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
    def test_drops_a_share_p_and_keeps_the_expected_value(self, p):
        y = ops.dropout(ones(200_000), p, training=True).numpy()
        assert abs((y == 0).mean() - p) < 0.005
        np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-6)
        assert abs(y.mean() - 1) < 0.01

    def test_the_gradient_uses_the_same_mask(self):
        x = ones(1000)
        y = ops.dropout(x, 0.5, training=True)
        y.backward(np.ones(1000, dtype=np.float32))
        np.testing.assert_array_equal(x.grad, y.data)

    @pytest.mark.parametrize(("p", "training"), [(0.5, False), (0.0, True), (0, True), (1, False)])
    def test_nothing_to_do_returns_x_itself_and_draws_nothing(self, p, training):
        x, rng = ones(5), np.random.default_rng(0)
        assert ops.dropout(x, p, training=training, rng=rng) is x
        assert ops.stochastic_depth(x, p, training=training, rng=rng) is x
        assert rng.random() == np.random.default_rng(0).random()

    def test_p_1_leaves_nothing_and_no_nan(self):
        x = ones(5)
        y = ops.dropout(x, 1, training=True)
        y.backward(np.ones(5, dtype=np.float32))
        np.testing.assert_array_equal(y.data, 0)
        np.testing.assert_array_equal(x.grad, 0)

    def test_the_default_generator_is_seeded(self):
        masks = []
        for seed in (3, 3, 4):
            minidl.manual_seed(seed)
            masks.append(ops.dropout(ones(100), 0.5, training=True).numpy())
        np.testing.assert_array_equal(masks[0], masks[1])
        assert (masks[0] != masks[2]).any()

    def test_two_calls_draw_two_masks(self):
        first, second = (ops.dropout(ones(100), 0.5, training=True).numpy() for _ in range(2))
        assert (first != second).any()

    def test_the_mask_does_not_depend_on_the_memory_order(self):
        x = np.ones((2, 3, 4, 5))
        other = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        a, b = (
            ops.dropout(Tensor(array), 0.5, training=True, rng=np.random.default_rng(1)).data for array in (x, other)
        )
        np.testing.assert_array_equal(a, b)
        assert b.strides == other.strides


class TestStochasticDepth:
    def test_row_draws_for_each_picture(self):
        y = ops.stochastic_depth(ones(10_000, 2, 3, 1), 0.3, training=True).numpy()
        assert abs((y[:, 0, 0, 0] == 0).mean() - 0.3) < 0.02
        np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1, :1], y.shape))
        np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-6)

    def test_batch_draws_once(self):
        rng = np.random.default_rng(0)
        results = [
            ops.stochastic_depth(ones(8, 2), 0.5, training=True, mode="batch", rng=rng).numpy() for _ in range(40)
        ]
        assert all(len(np.unique(y)) == 1 for y in results)
        assert {float(y[0, 0]) for y in results} == {0.0, 2.0}

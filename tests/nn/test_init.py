"""Initial weights: their spread, their limits, their type, and that they can be left out."""

import inspect
import math

import numpy as np
import pytest

from minidl import nn
from minidl._random import default_generator
from minidl.nn import init

SHAPE = (200, 100, 3, 3)  # fan_in 900, fan_out 1800


@pytest.fixture
def rng():
    return np.random.default_rng(1)


SPREADS = [
    (lambda shape, rng: init.he_normal(shape, rng), math.sqrt(2 / 900)),
    (lambda shape, rng: init.he_normal(shape, rng, mode="fan_out"), math.sqrt(2 / 1800)),
    (lambda shape, rng: init.he_normal(shape, rng, mode="fan_out", groups=4), math.sqrt(2 / 450)),
    (lambda shape, rng: init.he_normal(shape, rng, negative_slope=1), math.sqrt(1 / 900)),
    (lambda shape, rng: init.he_uniform(shape, rng), math.sqrt(2 / 900)),
    (lambda shape, rng: init.he_uniform(shape, rng, mode="fan_out", negative_slope=0.2), math.sqrt(2 / 1.04 / 1800)),
    (lambda shape, rng: init.glorot_normal(shape, rng), math.sqrt(2 / 2700)),
    (lambda shape, rng: init.glorot_normal(shape, rng, gain=5 / 3), 5 / 3 * math.sqrt(2 / 2700)),
    (lambda shape, rng: init.glorot_uniform(shape, rng), math.sqrt(2 / 2700)),
    (lambda shape, rng: init.glorot_uniform(shape, rng, groups=2), math.sqrt(2 / 1800)),
    (lambda shape, rng: init.normal(shape, 0.01, rng), 0.01),
    (lambda shape, rng: init.uniform(shape, 0.3, rng), 0.3 / math.sqrt(3)),
    (lambda shape, rng: init.default_uniform(shape, 12, rng), 1 / 6),
    (lambda shape, rng: init.truncated_normal(shape, 0.02, rng), 0.02),
    # Cut at two standard deviations, √(1 - 2·2·φ(2) / (2·Φ(2) - 1)) = 0.8796 of the spread is left.
    (lambda shape, rng: init.truncated_normal(shape, 0.5, rng, a=-1, b=1), 0.8796 * 0.5),
]


@pytest.mark.parametrize(("draw", "std"), SPREADS)
def test_spread(draw, std, rng):
    w = draw(SHAPE, rng)
    assert w.dtype == np.float32
    assert w.shape == SHAPE
    assert w.transpose(0, 2, 3, 1).flags.c_contiguous  # as convolutions want them
    assert abs(w.std() / std - 1) < 0.01
    assert abs(w.mean()) < 0.02 * std


@pytest.mark.parametrize(("draw", "std"), SPREADS)
def test_repeatable(draw, std):
    first, second = (draw((8, 4), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (draw((8, 4), None) != draw((8, 4), None)).any()


class TestLimits:
    def test_uniform_fills_its_range(self, rng):
        w = init.uniform((100_000,), 0.25, rng)
        assert -0.25 <= w.min() < -0.2499
        assert 0.2499 < w.max() <= 0.25

    @pytest.mark.parametrize(("a", "b"), [(-0.2, 0.2), (0.0, 0.05), (-1.0, -0.1), (0.2, 9.0)])
    def test_truncated_normal_stays_inside(self, a, b, rng):
        w = init.truncated_normal((100, 100), 0.1, rng, a=a, b=b)
        assert w.min() >= a
        assert w.max() <= b

    def test_truncated_normal_has_the_right_shape_inside(self, rng):
        w = init.truncated_normal((200_000,), 1.0, rng, a=-0.5, b=2.0)
        cdf = [(1 + math.erf(z / math.sqrt(2))) / 2 for z in (-0.5, 0.0, 1.0, 2.0)]
        for z, value in ((0.0, cdf[1]), (1.0, cdf[2])):
            assert abs((w < z).mean() - (value - cdf[0]) / (cdf[3] - cdf[0])) < 0.005

    def test_constants(self):
        assert init.zeros((2, 3)).dtype == init.ones((2, 3)).dtype == np.float32
        assert not init.zeros((2, 3)).any()
        assert init.ones((2, 3)).all()


class TestFans:
    @pytest.mark.parametrize(
        ("shape", "settings", "expected"),
        [
            ((10, 20), {}, (20, 10)),
            ((64, 3, 7, 7), {}, (147, 3136)),
            ((32, 1, 3, 3), {}, (9, 288)),
            ((32, 1, 3, 3), {"groups": 32}, (9, 9)),
            ((8, 2, 3, 3), {"groups": 4}, (18, 18)),
            ((4, 6, 2, 2), {"transposed": True}, (16, 24)),
            ((4, 6, 2, 2), {"transposed": True, "groups": 2}, (8, 24)),
        ],
    )
    def test_counts(self, shape, settings, expected):
        assert init.fans(shape, **settings) == expected

    def test_a_layer_without_inputs_does_not_divide_by_0(self):
        assert init.he_normal((3, 0)).shape == (3, 0)
        assert init.glorot_uniform((0, 0)).shape == (0, 0)


class TestUnfilled:
    def test_nothing_is_drawn(self, rng):
        with init.unfilled():
            for draw, _ in SPREADS:
                assert draw((4, 3), rng).shape == (4, 3)
        assert rng.random() == np.random.default_rng(1).random()

    def test_it_ends_with_the_block_even_on_an_error(self):
        with pytest.raises(RuntimeError, match="stop"), init.unfilled():
            raise RuntimeError("stop")
        assert abs(init.he_normal((100, 100)).std() - math.sqrt(2 / 100)) < 0.01

    def test_large_layers_cost_no_draws(self):
        before = default_generator().bit_generator.state["state"]["counter"].copy()
        with init.unfilled():
            layer = nn.Linear(25_088, 4_096)  # the largest of VGG
        assert sum(parameter.size for parameter in layer.parameters()) == 102_764_544
        np.testing.assert_array_equal(default_generator().bit_generator.state["state"]["counter"], before)

    def test_every_initialiser_obeys(self):
        drawing = {
            name
            for name, f in vars(init).items()
            if inspect.isfunction(f) and f.__module__ == init.__name__ and "rng" in inspect.signature(f).parameters
        }
        assert drawing == {
            "default_uniform",
            "glorot_normal",
            "glorot_uniform",
            "he_normal",
            "he_uniform",
            "normal",
            "truncated_normal",
            "uniform",
        }

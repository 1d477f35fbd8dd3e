"""Initial weights: their spread, their limits, their type, and that they can be left out."""

import inspect
import math
import re

import numpy as np
import pytest

from minidl import Tensor, nn
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
        assert sum(parameter.numel() for parameter in layer.parameters()) == 102_764_544
        np.testing.assert_array_equal(default_generator().bit_generator.state["state"]["counter"], before)

    def test_every_initialiser_obeys(self):
        """Those that have a generator, and all that fill a tensor, which stays what it was."""
        before, weight, filled = default_generator().bit_generator.state["state"]["counter"].copy(), layer_weight(), 0
        array = weight._data
        with init.unfilled():
            for name in set(init.__all__) - {"unfilled", "fans", "calculate_gain"}:
                f = getattr(init, name)
                needed = [p for p in inspect.signature(f).parameters.values() if p.default is inspect.Parameter.empty]
                f(weight if name.endswith("_") else (4, 3), *[1] * (len(needed) - 1))
                filled += name.endswith("_")
        assert filled == 10
        assert weight._data is array
        np.testing.assert_array_equal(default_generator().bit_generator.state["state"]["counter"], before)


def layer_weight(dtype="float32"):
    return nn.Parameter(np.full((60, 40, 3, 3), 7, dtype))


FILLS = {  # how it is called, and the same spread or numbers with the functions that return arrays
    "kaiming_normal_": ({"mode": "fan_out", "nonlinearity": "relu"}, lambda s, g: init.he_normal(s, g, mode="fan_out")),
    "kaiming_uniform_": ({"a": 0.3}, lambda s, g: init.he_uniform(s, g, negative_slope=0.3)),
    "xavier_normal_": ({"gain": 2}, lambda s, g: init.glorot_normal(s, g, gain=2)),
    "xavier_uniform_": ({}, init.glorot_uniform),
    "normal_": ({"mean": 3, "std": 0.5}, lambda s, g: init.normal(s, 0.5, g) + np.float32(3)),
    "uniform_": ({"a": -1, "b": 3}, lambda s, g: init.uniform(s, 2, g) + np.float32(1)),
    "trunc_normal_": ({"std": 0.7, "a": -1, "b": 1}, lambda s, g: init.truncated_normal(s, 0.7, g, a=-1, b=1)),
    "constant_": ({"val": 0.25}, lambda s, g: np.full(s, 0.25)),
    "zeros_": ({}, lambda s, g: np.zeros(s)),
    "ones_": ({}, lambda s, g: np.ones(s)),
}


class TestFill:
    """PyTorch's words, which change the numbers of a tensor and nothing else of it."""

    def test_there_are_all_of_them(self):
        assert set(FILLS) == {name for name in init.__all__ if name.endswith("_")}

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("name", FILLS)
    def test_it_fills_with_what_is_drawn(self, name, dtype):
        settings, draw = FILLS[name]
        weight, old = layer_weight(dtype), layer_weight(dtype).data
        array, version = weight.data, weight._version
        g = {} if name in ("constant_", "zeros_", "ones_") else {"generator": np.random.default_rng(5)}
        assert getattr(init, name)(weight, **settings, **g) is weight
        np.testing.assert_array_equal(weight.data, draw(weight.shape, np.random.default_rng(5)).astype(dtype))
        assert (weight.dtype, weight.requires_grad, weight._version > version) == (np.dtype(dtype), True, True)
        np.testing.assert_array_equal(array, old)  # whoever has the old array keeps its numbers

    def test_bounds_move_with_the_mean(self):
        draws = init.trunc_normal_(layer_weight(), 1000, 1, 999.9, 1000.1).data
        assert np.float32(999.9) <= draws.min() < 1000 < draws.max() <= np.float32(1000.1)

    def test_a_float64_constant_keeps_its_digits(self):
        assert init.constant_(layer_weight("float64"), 0.1).data.max() == 0.1

    def test_biases_of_one_axis_and_numbers_of_none(self):
        assert init.normal_(nn.Linear(2, 3).bias, 1.0, 0.0).data.tolist() == [1, 1, 1]
        assert init.uniform_(nn.Parameter(np.zeros(())), 2, 2).item() == 2

    @pytest.mark.parametrize(
        ("nonlinearity", "gain"), [("linear", 1), ("tanh", 5 / 3), ("relu", 2**0.5), ("selu", 0.75), ("conv2d", 1)]
    )
    def test_gains(self, nonlinearity, gain):
        assert init.calculate_gain(nonlinearity) == gain
        bound = abs(init.kaiming_uniform_(layer_weight(), nonlinearity=nonlinearity).data).max()
        assert bound == pytest.approx(gain * math.sqrt(3 / 360), rel=0.01)

    @pytest.mark.parametrize(
        ("call", "error", "text"),
        [
            (
                lambda: init.zeros_(np.ones(3)),
                TypeError,
                "zeros_: tensor must be a float Tensor, such as layer.weight; ",
            ),
            (lambda: init.ones_(nn.Parameter), TypeError, "ones_: tensor must be a float Tensor"),
            (lambda: init.normal_(Tensor(np.arange(3))), TypeError, "received one of int64"),
            (lambda: init.normal_(layer_weight(), generator=0), TypeError, "normal_: generator must be a numpy.random"),
            (
                lambda: init.uniform_(layer_weight(), 2, 1),
                ValueError,
                "uniform_: a must not be above b; received a=2, b=1",
            ),
            (
                lambda: init.kaiming_normal_(layer_weight(), mode="avg"),
                ValueError,
                "kaiming_normal_: mode must be one of",
            ),
            (
                lambda: init.kaiming_uniform_(layer_weight(), nonlinearity="gelu"),
                ValueError,
                "kaiming_uniform_: nonlinearity must be one of 'linear', ",
            ),
            (
                lambda: init.xavier_normal_(nn.Linear(2, 3).bias),
                ValueError,
                "xavier_normal_: weights must have at least two",
            ),
        ],
    )
    def test_refusals(self, call, error, text):
        with pytest.raises(error, match=re.escape(text)):
            call()

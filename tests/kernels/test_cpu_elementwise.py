"""Elementwise kernels of the fast set against the textbook's."""

import numba
import numpy as np
import pytest

from minidl.kernels import textbook
from minidl.kernels.cpu.simd import functions
from minidl.kernels.cpu.simd.load_store import load, store
from minidl.kernels.cpu.simd.vector import LANES
from tests.kernels.twins import FAST, equal, equal_in_every_order, results, same_bits_every_time, single

ACTIVATIONS = {
    "relu": (),
    "relu6": (),
    "leaky_relu": (0.1,),
    "silu": (),
    "hardswish": (),
    "sigmoid": (),
    "tanh": (),
    "scaled_tanh": (),
    "hardsigmoid": (),
    "gelu": ("none",),
    "gelu, tanh": ("tanh",),
}
SPECIAL = np.array([0, -0.0, 1e-30, -1e-30, 3, -3, 6, 88, -88, 1e4, -1e4, np.inf, -np.inf, np.nan] * 3, "float32")


@pytest.mark.parametrize("name", ACTIVATIONS)
class TestActivations:
    def test_in_every_memory_order(self, name, rng):
        op, settings = name.partition(",")[0], ACTIVATIONS[name]
        x, dy = 4 * single(rng, 2, 5, 7, 3), single(rng, 2, 5, 7, 3)
        equal_in_every_order(op, x, *settings)
        y = x if op in ("silu", "hardswish", "gelu") else results(getattr(FAST, op), x, *settings)[0]
        equal_in_every_order(f"{op}_dx", dy, y, *settings)

    @pytest.mark.parametrize("size", [1, 15, 16, 17, 31, 33, 1000])
    def test_sizes_that_are_no_multiple_of_sixteen(self, name, size, rng):
        op, settings = name.partition(",")[0], ACTIVATIONS[name]
        x, dy = single(rng, size), single(rng, size)
        equal(op, x, *settings)
        equal(f"{op}_dx", dy, x, *settings)

    def test_special_numbers_pass_through(self, name):
        op, settings = name.partition(",")[0], ACTIVATIONS[name]
        for number in SPECIAL:  # one by one, because an infinite one would hide the error of the others
            x = np.full(17, number, "float32")
            equal(op, x, *settings)
            for upstream in (1.0, np.nan, np.inf):
                equal(f"{op}_dx", np.full(17, upstream, "float32"), x, *settings)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "silu"])
def test_every_float_is_within_a_few_units_of_the_last_place(name):
    """From e^-87, below which results are no longer normal floats."""
    x = np.linspace(-87, 87, 400_001, dtype="float32")
    x = np.concatenate([x, np.float32(2.0) ** -np.arange(1, 100, dtype="float32")])
    wide = x.astype("float64")
    exact = {"sigmoid": 1 / (1 + np.exp(-wide)), "tanh": np.tanh(wide), "silu": wide / (1 + np.exp(-wide))}[name]
    units = np.abs(getattr(FAST, name)(x) - exact) / np.spacing(np.abs(exact).astype("float32"))
    assert units.max() <= 3


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_the_tail_of_gelu_keeps_its_digits(approximate):
    """Far below 0 its numbers are small, and each is right by itself."""
    x = np.linspace(-8, -1, 10_001, dtype="float32")
    exact = textbook.gelu(x.astype("float64"), approximate)
    assert (np.abs(FAST.gelu(x, approximate) - exact) <= 2e-5 * np.abs(exact)).all()


def test_the_exponential_is_exact_where_it_can_be():
    x = np.repeat(np.array([0, np.inf, -np.inf, np.nan], "float32"), 5)
    np.testing.assert_array_equal(FAST.sigmoid(x), np.repeat([0.5, 1, 0, np.nan], 5).astype("float32"))


@pytest.mark.parametrize("name", ["add", "add_relu"])
def test_sums(name, rng):
    equal_in_every_order(name, single(rng, 2, 5, 3, 7), single(rng, 2, 5, 3, 7))
    equal(name, SPECIAL, SPECIAL[::-1].copy())
    same_bits_every_time(name, single(rng, 3, 1001), single(rng, 3, 1001))


def test_sums_of_other_shapes_are_the_textbooks(rng):
    assert FAST.add(single(rng, 2, 3), single(rng, 3)) is NotImplemented


def test_dropout_of_single_numbers_and_of_pictures(rng):
    x = single(rng, 4, 3, 5, 2)
    equal_in_every_order("dropout", x, rng.random(x.shape) < 0.5, 2.0)
    equal_in_every_order("dropout", x, rng.random((4, 1, 1, 1)) < 0.5, 1.25)
    equal("dropout", x, np.zeros((1, 1, 1, 1), bool), 2.0)
    equal("dropout", SPECIAL, np.arange(SPECIAL.size) % 2 == 0, 2.0)
    assert FAST.dropout(x, rng.random((1, 3, 1, 1)) < 0.5, 2.0) is NotImplemented


@numba.njit(fastmath={"reassoc", "nsz", "arcp", "contract"})
def exponentials(x, y):
    for at in range(0, x.size, LANES):
        store(y, at, functions.exp(load(x, at)))


@pytest.mark.parametrize("ends", [(-110, -87), (-87, 88), (88, 88.72), (88.8, 1000)], ids=str)
def test_e_to_the_x_is_right_to_the_ends_of_what_floats_hold(ends):
    x = np.linspace(*ends, 4096, dtype="float32")
    y = np.empty_like(x)
    exponentials(x, y)
    with np.errstate(over="ignore", under="ignore"):
        exact = np.exp(x.astype("float64"))
        expected = exact.astype("float32")
    at_hand = np.isfinite(expected)
    np.testing.assert_array_equal(y[~at_hand], np.inf)
    assert (np.abs(y[at_hand] - exact[at_hand]) <= np.spacing(expected[at_hand])).all()

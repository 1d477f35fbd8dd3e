"""Pooling of the fast set against the textbook's."""

import numpy as np
import pytest

from tests.kernels.twins import FAST, equal, equal_in_every_order, same_bits_every_time, single

# x_shape, kernel_size, stride, padding, dilation, out_size
GEOMETRIES = {
    "2/2": ((2, 24, 8, 6), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), (4, 3)),
    "3/2, padding 1": ((2, 16, 9, 8), (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), (5, 4)),
    "ceil mode": ((1, 5, 7, 7), (3, 3), (2, 2), ((0, 0), (0, 0)), (1, 1), (3, 3)),
    "ceil mode, reaching over": ((2, 3, 6, 7), (3, 2), (2, 2), ((0, 0), (1, 0)), (1, 1), (3, 4)),
    "dilated": ((1, 17, 9, 10), (3, 2), (1, 2), ((1, 1), (1, 1)), (2, 3), (7, 5)),
    "3/1, uneven padding": ((2, 1, 5, 4), (3, 3), (1, 1), ((1, 0), (0, 1)), (1, 1), (4, 3)),
    "gaps between the windows": ((1, 4, 10, 11), (2, 2), (4, 3), ((0, 0), (0, 0)), (1, 1), (3, 4)),
    "3/2, four vectors and a rest": ((2, 83, 9, 8), (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), (5, 4)),
    "3/1, four vectors": ((1, 128, 4, 5), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), (4, 5)),
    "one pixel": ((2, 33, 1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
}


@pytest.mark.parametrize("name", GEOMETRIES)
class TestFixedWindows:
    def test_maximum(self, name, rng):
        shape, *geometry = GEOMETRIES[name]
        x = single(rng, *shape).round(1)  # with equal numbers: the first wins
        equal_in_every_order("max_pool2d", x, *geometry)
        equal_in_every_order("max_pool2d", x, *geometry, False)
        y, winners = FAST.max_pool2d(x, *geometry)
        assert winners.dtype == np.uint8
        alone, nothing = FAST.max_pool2d(x, *geometry, False)
        assert nothing is None
        np.testing.assert_array_equal(alone, y)
        equal_in_every_order("max_pool2d_dx", single(rng, *y.shape), winners, shape, *geometry[:-1])

    @pytest.mark.parametrize("with_pad", [True, False])
    def test_average(self, name, with_pad, rng):
        shape, kernel_size, stride, padding, _, out_size = GEOMETRIES[name]
        if name == "dilated":
            out_size = tuple((shape[2 + i] + 2 - kernel_size[i]) // stride[i] + 1 for i in range(2))
        geometry = kernel_size, stride, padding, out_size, with_pad
        equal_in_every_order("avg_pool2d", single(rng, *shape), *geometry)
        equal_in_every_order("avg_pool2d_dx", single(rng, *shape[:2], *out_size), shape, *geometry)


@pytest.mark.parametrize("channels", [19, 70])
@pytest.mark.parametrize("out_size", [(1, 1), (3, 2), (5, 7), (8, 9)])
def test_adaptive_average(out_size, channels, rng):
    shape = (2, channels, 5, 7)
    equal_in_every_order("adaptive_avg_pool2d", single(rng, *shape), out_size)
    equal_in_every_order("adaptive_avg_pool2d_dx", single(rng, 2, channels, *out_size), shape)


@pytest.mark.parametrize("shape", [(2, 40, 7, 7), (2, 150, 7, 7), (1, 1, 3, 2), (3, 17, 1, 1)])
def test_global_average(shape, rng):
    equal_in_every_order("global_avg_pool2d", single(rng, *shape), tolerance=1e-6)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(number, rng):
    shape, *geometry = GEOMETRIES["3/2, four vectors and a rest"]
    for places in (slice(None), slice(None, None, 7)):
        x = single(rng, *shape)
        x.reshape(-1)[places] = number
        equal("max_pool2d", x, *geometry)
        equal("max_pool2d", x, *geometry, False)
        _, winners = FAST.max_pool2d(x, *geometry)
        equal("max_pool2d_dx", x[:, :, :5, :4].copy(), winners, shape, *geometry[:-1])
        equal("avg_pool2d", x, (2, 2), (2, 2), ((0, 0), (0, 0)), (4, 4), True)


def test_same_bits_every_time(rng):
    shape, *geometry = GEOMETRIES["3/2, padding 1"]
    x = single(rng, *shape)
    same_bits_every_time("max_pool2d", x, *geometry)
    same_bits_every_time("max_pool2d", x, *geometry, False)
    y, winners = FAST.max_pool2d(x, *geometry)
    same_bits_every_time("max_pool2d_dx", y, winners, shape, *geometry[:-1])


def test_the_winners_of_more_than_256_taps_are_the_textbooks(rng):
    arguments = single(rng, 2, 67, 18, 19), (17, 17), (1, 1), ((0, 0), (0, 0)), (1, 1), (2, 3)
    assert FAST.max_pool2d(*arguments) is NotImplemented
    equal("max_pool2d", *arguments, False)


@pytest.mark.parametrize("channels", [3, 16, 70])
@pytest.mark.parametrize("place", range(9))
def test_a_nan_wins_wherever_it_is_in_a_window(place, channels, rng):
    x = single(rng, 1, channels, 3, 3)
    x[0, 2].reshape(-1)[place] = np.nan
    for with_winners in (True, False):
        y, _ = FAST.max_pool2d(x, (3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), with_winners)
        np.testing.assert_array_equal(np.isnan(y).ravel(), np.arange(channels) == 2)


def test_gradients_go_where_the_picture_is_large(rng):
    dy = single(rng, 8, 64, 1, 1)
    assert FAST.is_worth_it("adaptive_avg_pool2d_dx", (dy, (8, 64, 16, 16)))
    assert not FAST.is_worth_it("adaptive_avg_pool2d_dx", (dy, (8, 64, 15, 16)))

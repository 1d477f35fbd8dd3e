"""Numbers become colours; pictures become smaller and larger."""

import numpy as np
import pytest

from minidl._heat import as_rgb, shrink
from minidl.viz._tiles import enlarge, fit


def test_bytes_are_shown_as_they_are(rng):
    x = rng.integers(0, 256, (3, 4, 5), dtype=np.uint8)
    np.testing.assert_array_equal(as_rgb(x), x.transpose(1, 2, 0))


def test_floats_from_0_to_1_are_colours():
    x = np.array([0.0, 0.2, 0.6, 0.8]).reshape(1, 2, 2)
    assert as_rgb(x)[..., 0].tolist() == [[0, 51], [153, 204]]


def test_other_floats_are_stretched():
    x = np.array([-1.0, 0.0, 0.5, 1.0]).reshape(1, 2, 2)
    assert as_rgb(x)[..., 2].tolist() == [[0, 128], [191, 255]]


@pytest.mark.parametrize("value", [5.0, np.nan])
def test_what_has_no_range_is_black(value):
    assert (as_rgb(np.full((1, 2, 2), value)) == 0).all()


def test_two_channels_are_averaged():
    x = np.stack([np.full((2, 2), 10), np.full((2, 2), 20)]).astype(np.uint8)
    assert (as_rgb(x) == 15).all()


def test_shrinking_keeps_the_mean_of_every_window(rng):
    x = rng.random((2, 6, 9))
    small = shrink(x, 3)
    assert small.shape == (2, 2, 3)
    np.testing.assert_allclose(small, x.reshape(2, 2, 3, 3, 3).mean(axis=(2, 4)))


def test_the_last_window_may_be_smaller():
    np.testing.assert_allclose(shrink(np.array([[1.0, 3.0, 5.0]]), 2), [[2.0, 5.0]])


def test_enlarging_repeats():
    assert enlarge(np.array([[1, 2]]), 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]
    assert enlarge(np.array([[1, 2]]), 1).tolist() == [[1, 2]]


@pytest.mark.parametrize(("h", "width"), [(1, 1), (7, 7), (5, 9), (200, 100), (64, 64), (1, 500)])
def test_fitting_takes_whole_multiples(h, width):
    fitted = fit(np.ones((3, h, width)), 64)
    longer = max(fitted.shape[1:])
    assert 32 < longer <= 64
    if max(h, width) <= 64:
        assert (fitted.shape[1] % h, fitted.shape[2] % width) == (0, 0)
    assert (fitted == 1).all()

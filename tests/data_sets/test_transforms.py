"""Transforms of pictures, against loops over pixels."""

import numpy as np
import pytest

from minidl.data import interpolate, shift
from minidl.data.transforms import interpolation_matrix


def interpolated_row(row, new):
    """Linear interpolation as one says it: where does the new pixel's centre lie between the old ones?"""
    old, result = len(row), []
    for i in range(new):
        place = min(max((i + 0.5) * old / new - 0.5, 0), old - 1)
        left = min(int(place), old - 2) if old > 1 else 0
        right = min(left + 1, old - 1)
        share = place - left
        result.append((1 - share) * row[left] + share * row[right])
    return result


@pytest.mark.parametrize("old, new", [(8, 28), (8, 8), (1, 5), (2, 3), (5, 7), (3, 9)])
def test_rows_equal_the_loop(old, new, rng):
    row = rng.normal(size=old)
    np.testing.assert_allclose(interpolation_matrix(old, new) @ row, interpolated_row(row, new), rtol=0, atol=1e-12)
    np.testing.assert_allclose(interpolation_matrix(old, new).sum(axis=1), 1)  # a flat picture stays flat


def test_both_directions_are_interpolated(rng):
    x = rng.normal(size=(2, 3, 4, 5))
    expected = np.apply_along_axis(interpolated_row, 3, np.apply_along_axis(interpolated_row, 2, x, 6), 11)
    np.testing.assert_allclose(interpolate(x, (6, 11)), expected, rtol=0, atol=1e-12)
    assert interpolate(x.astype("float32"), 7).dtype == np.float32
    np.testing.assert_array_equal(interpolate(x, (4, 5)), x)


def test_shift_equals_the_loop(rng):
    x = rng.normal(size=(9, 2, 5, 4)).astype("float32")
    before, steps = x.copy(), rng.integers(-3, 4, (9, 2))
    moved = shift(x, steps)
    for n, (down, right) in enumerate(steps):
        for h in range(5):
            for w in range(4):
                source = x[n, :, min(max(h - down, 0), 4), min(max(w - right, 0), 3)]
                np.testing.assert_array_equal(moved[n, :, h, w], source)
    np.testing.assert_array_equal(x, before)
    assert not np.shares_memory(x, moved)


def test_transforms_refuse_what_does_not_fit(rng):
    x = rng.normal(size=(3, 1, 4, 4))
    with pytest.raises(ValueError, match=r"interpolate: x must have 4 axes .*it has 3; .*one picture\? .*x\[None\]"):
        interpolate(x[0], 8)
    with pytest.raises(ValueError, match=r"interpolate: size must be an int or a pair of ints >= 1; received size=0"):
        interpolate(x, 0)
    with pytest.raises(ValueError, match=r"shift: x must have 4 axes"):
        shift(x[0], np.zeros((3, 2), int))
    with pytest.raises(
        ValueError, match=r"shift: steps must be \(down, right\) for each picture, shape \(3, 2\); .*\(2,\)"
    ):
        shift(x, np.zeros(2, int))

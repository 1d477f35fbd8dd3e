"""The running statistics of the fast kernels are those of the textbook."""

import numpy as np
import pytest

from minidl import kernels
from minidl.kernels import textbook
from tests.kernels.twins import FAST, equal, results, single

M = 50


def numbers(rng, channels):
    """Return running statistics, and mean and rstd of a batch."""
    running = single(rng, channels), np.abs(single(rng, channels))
    return *running, rng.standard_normal(channels), 1 / np.sqrt(rng.uniform(1e-3, 5, channels))


@pytest.mark.parametrize("channels", [1, 3, 64, 1000])
@pytest.mark.parametrize(("eps", "momentum"), [(1e-5, 0.1), (0.0, 0.01), (1e-3, 1.0), (0.1, 0.0)])
def test_they_move_as_the_textbooks(channels, eps, momentum, rng):
    equal("batch_norm_running", *numbers(rng, channels), eps, M, momentum, tolerance=1e-6)


def test_both_are_written_in_place_and_nothing_else(rng):
    running_mean, running_var, mean, rstd = numbers(rng, 20)
    kept = mean.copy(), rstd.copy()
    found = results(FAST.batch_norm_running, running_mean, running_var, mean, rstd, 1e-5, M, 0.5)
    assert found[0] is running_mean
    assert found[1] is running_var
    np.testing.assert_array_equal([mean, rstd], kept)


def test_a_variance_below_eps_counts_as_none(rng):
    running_mean, running_var, mean, _ = numbers(rng, 4)
    rstd = np.array([1 / np.sqrt(1e-5), 400.0, np.inf, np.nan])
    with np.errstate(all="ignore"):
        equal("batch_norm_running", running_mean, running_var, mean, rstd, 1e-5, M, 0.1)
        FAST.batch_norm_running(running_mean, running_var, mean, rstd, 1e-5, M, 1.0)
    np.testing.assert_array_equal(running_var[1:], [0, 0, np.nan])


def test_gaps_are_the_textbooks(rng):
    running_mean, running_var, mean, rstd = numbers(rng, 8)
    wide = np.zeros(16, np.float32)
    wide[::2] = running_mean
    arguments = running_var.copy(), mean, rstd, 1e-5, M, 0.1
    assert FAST.batch_norm_running(wide[::2], *arguments) is NotImplemented
    with kernels.use("cpu"):
        kernels.batch_norm_running(wide[::2], *arguments)
    expected, _ = textbook.batch_norm_running(running_mean, running_var, *arguments[1:])
    np.testing.assert_array_equal(wide[::2], expected)
    assert not wide[1::2].any()

"""The distance between two normal distributions: by hand, its properties, refusals."""

import numpy as np
import pytest

from minidl.generation import frechet_distance
from minidl.generation.frechet import gaussian


def with_moments(mean, covariance, rng, n=50):
    """Draw features whose mean and covariance are exactly these."""
    x = rng.standard_normal((n, len(mean)))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(x.T @ x / (n - 1))).T
    return x @ np.linalg.cholesky(covariance).T + mean


def test_by_hand(rng):
    """Diagonal covariances commute: d² = |Δm|² + Σ (√s_a - √s_b)². (3, 4) away: 25; roots 1, 2 and 3, 5: 4 + 9."""
    a, b = with_moments([0, 0], np.diag([1, 4]), rng), with_moments([3, 4], np.diag([9, 25]), rng)
    assert frechet_distance(a, b) == pytest.approx(25 + 4 + 9)


def test_by_hand_where_the_covariances_do_not_commute(rng):
    """[[2, 1], [1, 2]]·diag(1, 4) = [[2, 4], [1, 8]] has the trace 10 and the determinant 12.

    The trace of its root is √(trace + 2·√determinant) = √(10 + 2·√12): (√p + √q)² = p + q + 2·√(pq) of eigenvalues.
    """
    a, b = with_moments([0, 0], [[2, 1], [1, 2]], rng), with_moments([0, 0], np.diag([1, 4]), rng)
    want = 4 + 5 - 2 * np.sqrt(10 + 2 * np.sqrt(12))
    assert frechet_distance(a, b) == pytest.approx(want)
    assert frechet_distance(b, a) == pytest.approx(want)


def test_itself_and_a_shift(rng):
    x = rng.standard_normal((30, 6)) @ rng.random((6, 6))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x + 2) == pytest.approx(4 * 6)
    assert frechet_distance(x, 3 * x) == pytest.approx(4 * (x.mean(axis=0) ** 2).sum() + 4 * np.trace(np.cov(x.T)))


def test_fewer_rows_than_columns(rng):
    """The covariance has no inverse then, and eigenvalues of 0 may be rounded below it."""
    a, b = rng.standard_normal((5, 20)), rng.standard_normal((6, 20))
    assert 0 < frechet_distance(a, b) < np.inf
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_moments_are_numpy_s(rng):
    x = rng.standard_normal((9, 3)).astype(np.float32)
    mean, covariance = gaussian(x)
    assert covariance.dtype == np.float64
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(covariance, np.cov(x.T), rtol=1e-5)


@pytest.mark.parametrize(
    ("a", "message"),
    [
        (np.zeros((1, 3)), r"^gaussian: features must be \(N, D\), at least two rows; features.shape=\(1, 3\)$"),
        (np.zeros(3), r"^gaussian: features must be \(N, D\)"),
        (np.zeros((4, 0)), r"^gaussian: features must be \(N, D\)"),
        ([[0.0, 1.0], [np.nan, 1.0]], r"^gaussian: features must be finite; row 1 is not$"),
        (np.zeros((3, 2)), r"^frechet_distance: both must have as many features; they have 2 and 3$"),
    ],
)
def test_refusals(a, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(a, np.zeros((4, 3)))

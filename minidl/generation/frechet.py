"""How far made pictures are from real ones: the Fréchet distance between what a network makes of both.

A network that knows real pictures turns each into features, D numbers. Take those of many pictures for a normal
distribution, with a mean m and a covariance S. The squared distance that has to be travelled on the average to carry
one such distribution over into the other (Dowson and Landau, 1982; Heusel et al., arXiv:1706.08500) is

    d² = |m_a - m_b|² + tr(S_a + S_b - 2·(S_a·S_b)^½)

The root of S_a·S_b is never made: with the symmetric root R of S_a, R·S_b·R has the same eigenvalues as S_a·S_b, it is
symmetric, and the trace of a root is the sum of the roots of the eigenvalues. Rounding can make those, and
d², a little less than 0, where they are 0.

Fewer pictures look farther away, even if they are real. So a distance says something only beside one between as many
real pictures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl._checks import to_numbers


def gaussian(features: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (D,) and the covariance (D, D) of features (N, D), in float64; it divides by N - 1.

    Args:
        features: plain numbers (N, D), a row for each picture.

    Raises:
        ValueError: if there are fewer than two rows, no columns, or a number is not finite.

    Example:
        >>> gaussian([[0.0, 1.0], [2.0, 1.0]])
        (array([1., 1.]), array([[2., 0.],
               [0., 0.]]))
    """
    x = to_numbers("gaussian", "features", features).astype(np.float64)
    if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
        raise ValueError(f"gaussian: features must be (N, D), at least two rows; features.shape={x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"gaussian: features must be finite; row {int(np.argmin(np.isfinite(x).all(axis=1)))} is not")
    mean = x.mean(axis=0)
    return mean, (x - mean).T @ (x - mean) / (len(x) - 1)


def frechet_distance(a: Any, b: Any) -> float:
    """Return d² between two sets of features, each taken for a normal distribution.

    Args:
        a: features (N, D) of some pictures.
        b: features (M, D) of others.

    Raises:
        ValueError: as for `gaussian`, or if the rows differ in length.

    Example:
        >>> round(frechet_distance([[-1.0], [1.0]], [[1.0], [5.0]]), 6)  # means 3 apart: 9 + 2 + 8 - 2·4
        11.0
    """
    (m_a, s_a), (m_b, s_b) = gaussian(a), gaussian(b)
    if len(m_a) != len(m_b):
        raise ValueError(f"frechet_distance: both must have as many features; they have {len(m_a)} and {len(m_b)}")
    values, vectors = np.linalg.eigh(s_a)
    root = (vectors * np.sqrt(values.clip(0, None))) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ s_b @ root).clip(0, None)).sum()
    return max(0.0, float(((m_a - m_b) ** 2).sum() + np.trace(s_a) + np.trace(s_b) - 2 * overlap))

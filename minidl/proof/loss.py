"""Cases of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Draw, Table, normal


def logits_and_labels(n: int, m: int) -> Draw:
    """Draw logits (N, M) and class indices (N,)."""
    return lambda rng: (rng.standard_normal((n, m)) * 3, rng.integers(0, m, n))


def logits_and_probabilities(n: int, m: int, sums_to_one: bool = True) -> Draw:
    """Draw logits (N, M) and probabilities (N, M), or weights that sum to something else."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        t = rng.uniform(0, 1, (n, m))
        return rng.standard_normal((n, m)) * 3, t / t.sum(axis=1, keepdims=True) if sums_to_one else t

    return draw


def cross_entropy_oracle(logits: np.ndarray, labels: np.ndarray, label_smoothing: float = 0.0) -> Any:
    """The mean of -Σ t · log p, straight from the definition of softmax."""
    n, m = logits.shape
    total = 0.0
    for row in range(n):
        p = np.exp(logits[row]) / np.exp(logits[row]).sum()
        for j in range(m):
            target = labels[row, j] if labels.ndim == 2 else float(j == labels[row])
            t = (1 - label_smoothing) * target + label_smoothing / m
            total -= t * np.log(p[j])
    return np.asarray(total / n)


CROSS_ENTROPY = Table(
    "cross_entropy",
    ops.cross_entropy,
    (
        Case("class indices", logits_and_labels(4, 5)),
        Case("label smoothing", logits_and_labels(3, 4), {"label_smoothing": 0.1}),
        Case("one row", logits_and_labels(1, 6)),
        Case("one class", logits_and_labels(3, 1)),
        Case("probabilities", logits_and_probabilities(4, 5)),
        Case("weights that do not sum to 1", logits_and_probabilities(4, 5, sums_to_one=False)),
        Case("probabilities, smoothed", logits_and_probabilities(3, 4), {"label_smoothing": 0.2}),
    ),
    cross_entropy_oracle,
)

MSE_LOSS = Table(
    "mse_loss",
    ops.mse_loss,
    (
        Case("(N, M)", normal((3, 4), (3, 4))),
        Case("pictures", normal((2, 3, 2, 2), (2, 3, 2, 2))),
        Case("one number", normal((), ())),
    ),
    lambda x, target: np.asarray(sum((a - b) ** 2 for a, b in zip(x.ravel(), target.ravel(), strict=True)) / x.size),
)

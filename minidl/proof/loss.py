"""Cases of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Draw, Table


def logits_and_labels(n: int, m: int) -> Draw:
    """Draw logits (N, M) and class indices (N,)."""
    return lambda rng: (rng.standard_normal((n, m)) * 3, rng.integers(0, m, n))


def cross_entropy_oracle(logits: np.ndarray, labels: np.ndarray, label_smoothing: float = 0.0) -> Any:
    """The mean of -Σ t · log p, straight from the definition of softmax."""
    n, m = logits.shape
    total = 0.0
    for row in range(n):
        p = np.exp(logits[row]) / np.exp(logits[row]).sum()
        for j in range(m):
            t = (1 - label_smoothing) * (j == labels[row]) + label_smoothing / m
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
    ),
    cross_entropy_oracle,
)

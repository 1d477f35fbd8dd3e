"""Cases of the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Draw, Table, normal


def logits_and_labels(n: int, m: int) -> Draw:
    """Draw logits (N, M) and class indices (N,)."""
    return lambda rng: (rng.standard_normal((n, m)) * 3, rng.integers(0, m, n))


def maps_and_labels(n: int, m: int, *size: int, ignored: int | None = None) -> Draw:
    """Draw logits (N, M, …) and class indices (N, …), some of them of the label that does not count."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(0, m, (n, *size))
        if ignored is not None:
            labels.reshape(-1)[:: 2 + n % 2] = ignored
        return rng.standard_normal((n, m, *size)) * 3, labels

    return draw


def logits_and_probabilities(n: int, m: int, sums_to_one: bool = True) -> Draw:
    """Draw logits (N, M) and probabilities (N, M), or weights that sum to something else."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        t = rng.uniform(0, 1, (n, m))
        return rng.standard_normal((n, m)) * 3, t / t.sum(axis=1, keepdims=True) if sums_to_one else t

    return draw


def cross_entropy_oracle(
    logits: np.ndarray,
    labels: np.ndarray,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """The weighted mean of -Σ t · log p, place by place, straight from the definition of softmax."""
    m, indices = logits.shape[1], labels.ndim < logits.ndim
    w = np.ones(m) if weight is None else np.asarray(weight, float)
    total: Any = 0.0
    counted: Any = 0.0
    for n, *place in np.ndindex(logits.shape[0], *logits.shape[2:]):
        row = logits[(n, slice(None), *place)]
        p = np.exp(row) / np.exp(row).sum()
        right = labels[(n, *place)] if indices else None
        if indices and right == ignore_index:
            continue
        for j in range(m):
            target = float(j == right) if indices else labels[(n, j, *place)]
            t = (1 - label_smoothing) * target + label_smoothing / m
            total -= w[j] * t * np.log(p[j])
        counted += w[right] if indices else 1
    return np.asarray(total / counted)


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
        Case("a label that does not count", maps_and_labels(5, 3, ignored=-100)),
        Case("class 1 does not count", maps_and_labels(5, 3, ignored=1), {"ignore_index": 1}),
        Case("weights of classes", logits_and_labels(5, 3), {"weight": (0.5, 2.0, 0.25)}),
        Case(
            "weights, smoothing, and a label that does not count",
            maps_and_labels(6, 3, ignored=-1),
            {"weight": (0.5, 2.0, 0.25), "ignore_index": -1, "label_smoothing": 0.1},
        ),
        Case(
            "probabilities, weights of classes, smoothing",
            logits_and_probabilities(4, 3),
            {"weight": (0.5, 2.0, 0.25), "label_smoothing": 0.1},
        ),
        Case("a label for each pixel", maps_and_labels(2, 3, 2, 3)),
        Case("a label for each place of a line", maps_and_labels(2, 4, 5), {"label_smoothing": 0.1}),
        Case(
            "a label for each pixel, some do not count, weights, smoothing",
            maps_and_labels(2, 3, 3, 2, ignored=255),
            {"weight": (0.5, 2.0, 0.0), "ignore_index": 255, "label_smoothing": 0.2},
        ),
        Case("probabilities for each pixel", normal((2, 3, 2, 2), (2, 3, 2, 2)), {"weight": (0.5, 2.0, 0.25)}),
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

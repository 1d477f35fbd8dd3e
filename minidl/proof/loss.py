"""Cases of the losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import ops
from minidl.proof.table import Case, Draw, Table, normal, separated


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
    reduction: str = "mean",
    given: bool = False,
) -> Any:
    """The weighted mean of -Σ t · log p, place by place, straight from the definition of softmax; or log p is given."""
    m, indices = logits.shape[1], labels.ndim < logits.ndim
    w = np.ones(m) if weight is None else np.asarray(weight, float)
    losses = np.zeros((logits.shape[0], *logits.shape[2:]))
    counted: Any = 0.0
    for n, *place in np.ndindex(logits.shape[0], *logits.shape[2:]):
        row = logits[(n, slice(None), *place)]
        p = np.exp(row) / (1 if given else np.exp(row).sum())
        right = labels[(n, *place)] if indices else None
        if indices and right == ignore_index:
            continue
        for j in range(m):
            target = float(j == right) if indices else labels[(n, j, *place)]
            t = (1 - label_smoothing) * target + label_smoothing / m
            losses[(n, *place)] -= w[j] * t * np.log(p[j])
        counted += w[right] if indices else 1
    return of_all(losses, reduction, counted)


def of_all(losses: np.ndarray, reduction: str, count: Any = None) -> Any:
    """The mean, the sum, or all of them."""
    if reduction == "none":
        return losses
    total: Any = sum(losses.ravel().tolist())
    return np.asarray(total / (losses.size if count is None else count) if reduction == "mean" else total)


WEIGHTS = (0.5, 2.0, 0.25)
REDUCED = tuple(  # in which the labels that do not count, and the weights, have another part
    Case(f"{reduction}, {name}", draw, {**settings, "reduction": reduction})
    for reduction in ("sum", "none")
    for name, draw, settings in (
        ("class indices", logits_and_labels(4, 5), {}),
        ("a label does not count, weights", maps_and_labels(5, 3, ignored=-100), {"weight": WEIGHTS}),
        ("a label for each pixel", maps_and_labels(2, 3, 2, 3, ignored=1), {"ignore_index": 1}),
    )
)
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
        *REDUCED,
        *(
            Case(f"{reduction}, {name}", draw, {**settings, "reduction": reduction, "label_smoothing": 0.1})
            for reduction in ("sum", "none")
            for name, draw, settings in (
                ("smoothed, weights", maps_and_labels(5, 3, ignored=-100), {"weight": WEIGHTS}),
                ("probabilities, smoothed, weights", logits_and_probabilities(4, 3), {"weight": WEIGHTS}),
            )
        ),
        Case("probabilities for each pixel", normal((2, 3, 2, 2), (2, 3, 2, 2)), {"weight": (0.5, 2.0, 0.25)}),
    ),
    cross_entropy_oracle,
)


def log_p_and_labels(draw: Draw) -> Draw:
    """Draw logarithms of numbers between 0 and 1 in place of logits."""

    def of_logits(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        logits, labels = draw(rng)
        return -np.exp(logits / 3), labels

    return of_logits


NLL_LOSS = Table(
    "nll_loss",
    ops.nll_loss,
    (
        Case("class indices", log_p_and_labels(logits_and_labels(4, 5))),
        Case("a label that does not count", log_p_and_labels(maps_and_labels(5, 3, ignored=-100))),
        Case("weights of classes", log_p_and_labels(logits_and_labels(5, 3)), {"weight": WEIGHTS}),
        Case(
            "a label for each pixel, some do not count, weights",
            log_p_and_labels(maps_and_labels(2, 3, 3, 2, ignored=255)),
            {"weight": WEIGHTS, "ignore_index": 255},
        ),
        *(Case(case.name, log_p_and_labels(case.draw), case.settings) for case in REDUCED),
    ),
    lambda log_p, labels, weight=None, **settings: cross_entropy_oracle(log_p, labels, weight, **settings, given=True),
)


def of_pairs(loss: Callable[..., float]) -> Callable[..., Any]:
    """Return the oracle of a loss that is given for a pair of numbers."""

    def oracle(x: np.ndarray, target: np.ndarray, reduction: str = "mean", **settings: Any) -> Any:
        each = [loss(a, b, **settings) for a, b in zip(x.ravel().tolist(), target.ravel().tolist(), strict=True)]
        return of_all(np.array(each).reshape(x.shape), reduction)

    return oracle


def pairs(draw: Callable[..., Draw], **settings: Any) -> tuple[Case, ...]:
    """Return the cases of a loss of pairs of numbers."""
    return (
        Case("(N, M)", draw((3, 4), (3, 4)), settings),
        Case("pictures", draw((2, 3, 2, 2), (2, 3, 2, 2)), settings),
        Case("one number", draw((), ()), settings),
        Case("sum", draw((3, 4), (3, 4)), {**settings, "reduction": "sum"}),
        Case("none", draw((2, 3, 2, 2), (2, 3, 2, 2)), {**settings, "reduction": "none"}),
    )


def apart(*shapes: tuple[int, ...]) -> Draw:
    """Draw two arrays whose differences are far from each other, and from 0 and ±0.5 and ±1."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x, difference = rng.standard_normal(shapes[0]), separated(shapes[1])(rng)[0]
        return np.asarray(x), np.asarray(x - 1.1 * difference - 0.02)

    return draw


MSE_LOSS = Table("mse_loss", ops.mse_loss, pairs(normal), of_pairs(lambda a, b: (a - b) ** 2))
L1_LOSS = Table("l1_loss", ops.l1_loss, pairs(apart), of_pairs(lambda a, b: abs(a - b)))
SMOOTH_L1_LOSS = Table(
    "smooth_l1_loss",
    ops.smooth_l1_loss,
    (
        *pairs(apart),
        Case("beta 0.5", apart((4, 5), (4, 5)), {"beta": 0.5}),
        Case("beta 0", apart((4, 5), (4, 5)), {"beta": 0}),
    ),
    of_pairs(lambda a, b, beta=1.0: (a - b) ** 2 / (2 * beta) if abs(a - b) < beta else abs(a - b) - beta / 2),
)


def logits_and_answers(*shape: int) -> Draw:
    """Draw logits, and how sure a yes is."""
    return lambda rng: (rng.standard_normal(shape) * 3, rng.uniform(0.05, 0.95, shape))


def bce_oracle(
    x: np.ndarray, target: np.ndarray, weight: Any = 1.0, reduction: str = "mean", pos_weight: Any = 1.0
) -> Any:
    """-P·t·log p - (1 - t)·log(1 - p), as it is defined."""
    p = 1 / (1 + np.exp(-x))
    each = -np.asarray(pos_weight) * target * np.log(p) - (1 - target) * np.log(1 - p)
    return of_all(each * np.asarray(weight), reduction)


BINARY_CROSS_ENTROPY_WITH_LOGITS = Table(
    "binary_cross_entropy_with_logits",
    ops.binary_cross_entropy_with_logits,
    (
        Case("(N, M)", logits_and_answers(3, 4)),
        Case("one number", logits_and_answers()),
        Case("sum", logits_and_answers(3, 4), {"reduction": "sum"}),
        Case("none", logits_and_answers(2, 3, 2, 2), {"reduction": "none"}),
        Case("weights of questions", logits_and_answers(4, 3), {"pos_weight": WEIGHTS}),
        Case("weights of pictures", logits_and_answers(3, 2), {"weight": [[0.5], [2.0], [0.25]]}),
        Case("both weights", logits_and_answers(2, 3), {"weight": WEIGHTS, "pos_weight": 3.0, "reduction": "sum"}),
        Case(
            "weights of channels",
            logits_and_answers(2, 3, 2, 2),
            {"pos_weight": [[[0.5]], [[2.0]], [[0.25]]], "reduction": "none"},
        ),
    ),
    bce_oracle,
)

"""Metrics equal a count by hand, one picture at a time; ties, NaN and empty sums are settled."""

import math

import numpy as np
import pytest

from minidl.training.metrics import Metrics


def by_hand(logits, labels, losses):
    """Sort the classes of each picture, largest first; Python's sort leaves equal ones in order."""
    classes = logits.shape[1]
    confusion, first_five = np.zeros((classes, classes), dtype=int), 0
    for row, label in zip(logits.tolist(), labels.tolist()):
        order = sorted(range(classes), key=lambda c: -row[c])
        confusion[label, order[0]] += 1
        first_five += label in order[:5]
    return confusion, first_five / len(labels), float(np.mean(losses))


def filled(logits, labels, losses, sizes):
    metrics, start = Metrics(logits.shape[1]), 0
    for n in sizes:
        part = slice(start, start + n)
        metrics.update(logits[part], labels[part], np.mean(losses[part]))
        start += n
    assert start == len(labels)
    return metrics


@pytest.mark.parametrize("classes", [1, 2, 5, 6, 10, 30])
@pytest.mark.parametrize("ties", [False, True])
def test_equals_a_count_by_hand(rng, classes, ties):
    logits = rng.integers(0, 3, (40, classes)) * 1.0 if ties else rng.standard_normal((40, classes))
    labels, losses = rng.integers(0, classes, 40), rng.random(40)
    metrics = filled(logits, labels, losses, (16, 16, 8))
    confusion, top5, loss = by_hand(logits, labels, losses)
    assert metrics.n == 40
    np.testing.assert_array_equal(metrics.confusion, confusion)
    assert metrics.top1 == confusion.trace() / 40
    assert metrics.top5 == top5
    assert metrics.loss == pytest.approx(loss, rel=1e-12)
    for c, share in enumerate(metrics.per_class):
        seen = labels == c
        assert math.isnan(share) if not seen.any() else share == confusion[c, c] / seen.sum()


def test_a_loss_counts_as_often_as_its_batch_has_pictures():
    metrics = Metrics(2)
    metrics.update(np.zeros((3, 2)), np.zeros(3, dtype=int), loss=1.0)
    metrics.update(np.zeros((1, 2)), np.zeros(1, dtype=int), loss=5.0)
    assert metrics.loss == 2.0


def test_probabilities_count_as_their_largest():
    metrics = Metrics(3)
    metrics.update(np.array([[0.0, 1, 0], [0, 1, 0]]), np.array([[0.2, 0.8, 0], [0.6, 0.4, 0]], "float32"), loss=1.0)
    np.testing.assert_array_equal(metrics.confusion, [[0, 1, 0], [0, 1, 0], [0, 0, 0]])


def test_nan_is_a_wrong_answer():
    metrics = Metrics(7)
    metrics.update(np.full((2, 7), np.nan), np.array([6, 3]), loss=np.nan)
    assert (metrics.top1, metrics.top5) == (0, 0)


def test_goes_on_from_its_state_bit_for_bit(rng):
    logits, labels, losses = rng.standard_normal((30, 6)), rng.integers(0, 6, 30), rng.random(30)
    whole, half = filled(logits, labels, losses, (10, 10, 10)), filled(logits[:10], labels[:10], losses[:10], (10,))
    resumed = Metrics(6)
    resumed.load_state_dict(half.state_dict())
    for part in (slice(10, 20), slice(20, 30)):
        resumed.update(logits[part], labels[part], np.mean(losses[part]))
    assert resumed.to_dict() == whole.to_dict()
    np.testing.assert_array_equal(resumed.confusion, whole.confusion)
    assert half.n == 10  # the state is a copy


def test_what_it_gives_is_a_copy():
    metrics = Metrics(2)
    metrics.update(np.zeros((1, 2)), np.zeros(1, dtype=int), loss=1.0)
    metrics.confusion[:] = 7
    metrics.state_dict()["confusion"][:] = 7
    assert metrics.n == 1


def test_nothing_yet_is_nan_and_none():
    metrics = Metrics(2)
    assert all(math.isnan(figure) for figure in (metrics.loss, metrics.top1, metrics.top5))
    assert metrics.to_dict() == {
        "n": 0,
        "loss": None,
        "top1": None,
        "top5": None,
        "per_class": {"0": None, "1": None},
    }


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda m: Metrics(0), "Metrics: classes must be an int >= 1; received classes=0"),
        (
            lambda m: m.update(np.zeros((2, 4)), np.zeros(2, dtype=int), 1.0),
            r"Metrics: expects logits \(N, 3\) and labels \(N,\); received logits.shape=\(2, 4\), labels.shape=\(2,\)",
        ),
        (lambda m: m.update(np.zeros((2, 3)), np.zeros(1, dtype=int), 1.0), r"Metrics: expects logits \(N, 3\)"),
        (lambda m: m.update(np.zeros((2, 3)), np.array([0, 3]), 1.0), "labels must be from 0 to 2; .* from 0 to 3"),
        (lambda m: m.update(np.zeros((2, 3)), np.array([-1, 0]), 1.0), "labels must be from 0 to 2; .* from -1 to 0"),
        (lambda m: m.to_dict(["a"]), "Metrics: expects a name for each of 3 classes; received 1 names"),
        (lambda m: m.load_state_dict({"loss_su": 1}), "Metrics: the state lacks 'loss_sum'; did you mean loss_su"),
        (
            lambda m: m.load_state_dict(Metrics(2).state_dict()),
            r"Metrics: expects confusion of shape \(3, 3\); received \(2, 2\)",
        ),
    ],
)
def test_nonsense_is_refused(use, message):
    metrics = Metrics(3)
    with pytest.raises(ValueError, match=message):
        use(metrics)
    assert metrics.n == 0

"""Precision, recall, and average precision in the three conventions that papers report.

Of the best d answers of a class, tp are right and fp wrong, and M things are there to be found:

    precision = tp / (tp + fp)          how much of what was answered is right
    recall    = tp / M                  how much of what is there was found

Average precision is one number for the whole curve. The precision is first made to fall only, by taking at each recall
the best that comes at this recall or behind it. Then

    voc2007   the mean of it at the recalls 0, 0.1, …, 1
    voc2010   the area below it
    coco      the mean of it at the recalls 0, 0.01, …, 1; and then the mean over IoU 0.50, 0.55, …, 0.95

What answers count as right, `matching.py` says. A class of which nothing is there has no average precision: NaN, and
the mean over classes is that of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import check_choice, check_fraction, is_int, shown, to_int
from minidl._looks import Brief
from minidl.data.boxes import Boxes
from minidl.detection._answers import Detections
from minidl.detection.matching import RANGES, THRESHOLDS, Matches, coco_matches, voc_matches

RECALLS = np.linspace(0.0, 1.0, 101)  # COCO's
CONVENTIONS = ("voc2007", "voc2010", "coco")


@dataclass(frozen=True)
class Curve(Brief):
    """Precision and recall after each answer of a class, the best first; answers that do not count are left out.

    Attributes:
        scores: (D,), how sure each answer was.
        right: (D,), how many of the answers so far are right.
        total: how many things there are to be found.
    """

    scores: np.ndarray
    right: np.ndarray
    total: int

    def _words(self) -> list[str]:
        return [f"{len(self.scores):,} answers", f"total={self.total}"]

    @property
    def precision(self) -> np.ndarray:
        """The part of the answers so far that is right (D,)."""
        return self.right / np.arange(1, len(self.right) + 1)

    @property
    def recall(self) -> np.ndarray:
        """The part of what is there that has been found so far (D,); NaN where nothing is there."""
        return self.right / self.total if self.total else np.full(len(self.right), np.nan)

    @property
    def falling(self) -> np.ndarray:
        """The best precision at each recall or behind it (D,)."""
        return np.maximum.accumulate(self.precision[::-1])[::-1]


def _curve(matches: Matches, at: tuple[int, ...] = ()) -> Curve:
    counted = ~matches.left_out[at]
    return Curve(matches.scores[counted], np.cumsum(matches.right[at][counted]), int(matches.total[at[:1]]))


def average_precision(curve: Curve, convention: str = "voc2010") -> float:
    """Return the average precision of a curve.

    Args:
        curve: see `precision_recall`.
        convention: "voc2007", "voc2010" (default) or "coco".

    Returns:
        A number from 0 to 1, NaN where nothing is there to be found.

    Raises:
        ValueError: if the convention has another name.

    Example:
        >>> curve = Curve(np.array([0.9, 0.8, 0.7]), np.array([1, 1, 2]), 2)  # right, wrong, right
        >>> [round(average_precision(curve, name), 4) for name in CONVENTIONS]  # (6 + 5·2/3)/11; (1 + 2/3)/2; 51, 50
        [0.8485, 0.8333, 0.835]
    """
    check_choice("average_precision", "convention", convention, CONVENTIONS)
    if not curve.total:
        return float("nan")
    if convention == "voc2010":
        steps = np.diff(curve.right, prepend=0) / curve.total
        return float((steps * curve.falling).sum())
    if convention == "voc2007":  # counted in whole numbers: 3 of 10 are a recall of 0.3, whatever floats say
        first = np.searchsorted(10 * curve.right, np.arange(11) * curve.total)
    else:
        first = np.searchsorted(curve.recall, RECALLS)
    return float(np.append(curve.falling, np.zeros(1))[first].mean())


def precision_recall(
    found: Sequence[Detections],
    truths: Sequence[Boxes],
    label: int,
    *,
    threshold: float = 0.5,
    convention: str = "voc2010",
) -> Curve:
    """Return precision and recall of one class over some pictures.

    Args:
        found: what was answered, of each picture.
        truths: what there is, of each picture, in the same order.
        label: the class.
        threshold: the IoU from which on a box is found; default 0.5.
        convention: who decides what is right: "voc2010" (default; "voc2007" does the same) or "coco".

    Raises:
        ValueError: if there are not as many answers as pictures, or a number is wrong.

    Example:
        >>> truth = Boxes([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0])
        >>> found = Detections([[0, 0, 10, 9], [0, 0, 9, 10]], [0, 0], [0.9, 0.8])
        >>> curve = precision_recall([found], [truth], 0)  # the second answers the same box again
        >>> curve.precision, curve.recall
        (array([1. , 0.5]), array([0.5, 0.5]))
    """
    _check("precision_recall", found, truths)
    check_fraction("precision_recall", "threshold", threshold)
    check_choice("precision_recall", "convention", convention, CONVENTIONS)
    label = to_int("precision_recall", "label", label, least=0)
    if convention == "coco":
        return _curve(coco_matches(found, truths, label, np.array([threshold]), [RANGES["all"]]), (0, 0))
    return _curve(voc_matches(found, truths, label, threshold))


@dataclass(frozen=True)
class Precision(Brief):
    """Average precision of every class in the three conventions; NaN where a class has nothing to be found.

    Attributes:
        classes: their names.
        voc2007: (K,) at IoU 0.5.
        voc2010: (K,) at IoU 0.5.
        coco: (4, 10, K): of all, small, medium and large things, at IoU 0.50, 0.55, …, 0.95.
        totals: (K,) how many things of each class there are, difficult ones and crowds left out.
    """

    classes: tuple[str, ...]
    voc2007: np.ndarray
    voc2010: np.ndarray
    coco: np.ndarray
    totals: np.ndarray

    def _words(self) -> list[str]:
        means = ", ".join(f"{name}={value:.4f}" for name, value in self.means().items())
        return [f"{len(self.classes)} classes", means]

    def means(self) -> dict[str, float]:
        """Return the means over classes (mAP) under the names that papers use.

        Example:
            >>> list(evaluate([], [], 2).means())
            ['voc2007', 'voc2010', 'coco', 'coco50', 'coco75', 'small', 'medium', 'large']
        """
        ranges = dict(zip(RANGES, self.coco))
        return {
            "voc2007": mean(self.voc2007),
            "voc2010": mean(self.voc2010),
            "coco": mean(ranges["all"]),
            "coco50": mean(self.coco[0, 0]),
            "coco75": mean(self.coco[0, 5]),
            **{name: mean(ranges[name]) for name in ("small", "medium", "large")},
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold; None where there is no number."""
        columns = zip(self.classes, self.totals.tolist(), self.voc2007, self.voc2010, self.coco[0].T)
        return {
            "mean": {name: _plain(value) for name, value in self.means().items()},
            "classes": [
                {
                    "name": name,
                    "n": total,
                    "voc2007": _plain(a),
                    "voc2010": _plain(b),
                    "coco": _plain(mean(row)),
                    "coco50": _plain(row[0]),
                    "coco75": _plain(row[5]),
                }
                for name, total, a, b, row in columns
            ],
        }


def mean(values: np.ndarray) -> float:
    """Return the mean of the numbers among some values, NaN where there is none."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if numbers.size else float("nan")


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def evaluate(found: Sequence[Detections], truths: Sequence[Boxes], classes: int | Sequence[str]) -> Precision:
    """Return the average precision of every class in the three conventions.

    Args:
        found: what was answered, of each picture.
        truths: what there is, of each picture, in the same order.
        classes: their names, or how many there are.

    Raises:
        ValueError: if there are not as many answers as pictures, or a label has no class.

    Example:
        >>> truth = Boxes([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 1])
        >>> found = Detections([[0, 0, 10, 9], [50, 0, 60, 10]], [0, 1], [0.9, 0.8])
        >>> evaluate([found], [truth], ["cell", "plate"]).voc2010
        array([1., 0.])
    """
    _check("evaluate", found, truths)
    names = tuple(map(str, range(classes))) if is_int(classes) else tuple(classes)  # type: ignore[arg-type]
    for labels in ([one.labels for one in found], [one.labels for one in truths]):
        for picture, some in enumerate(labels):
            if len(some) and some.max() >= len(names):
                raise ValueError(
                    f"evaluate: there are {len(names)} classes, numbered from 0 to {len(names) - 1}; received the "
                    f"label {some.max()} in picture {picture}"
                )
    voc = np.full((2, len(names)), np.nan)
    coco, totals = np.full((len(RANGES), len(THRESHOLDS), len(names)), np.nan), np.zeros(len(names), int)
    for label in range(len(names)):
        curve = precision_recall(found, truths, label)
        voc[:, label] = [average_precision(curve, name) for name in CONVENTIONS[:2]]
        totals[label] = curve.total
        coco[:, :, label] = _coco_averages(coco_matches(found, truths, label))
    return Precision(names, voc[0], voc[1], coco, totals)


def _coco_averages(matches: Matches) -> np.ndarray:
    """Return what `average_precision` says of every range and threshold (A, T), worked out for all of them at once."""
    right = np.cumsum(matches.right, axis=2)
    answered = np.cumsum(~matches.left_out, axis=2)
    precision = right / np.maximum(answered, 1)
    falling = np.maximum.accumulate(precision[:, :, ::-1], axis=2)[:, :, ::-1]
    averages = np.full(right.shape[:2], np.nan)
    for size, total in enumerate(matches.total.tolist()):
        for at, row in enumerate(right[size] if total else ()):
            first = np.searchsorted(row / total, RECALLS)
            averages[size, at] = falling[size, at][first[first < len(row)]].sum() / len(RECALLS)
    return averages


def _check(op: str, found: Any, truths: Any) -> None:
    for name, value, kind in (("found", found, Detections), ("truths", truths, Boxes)):
        if not isinstance(value, (list, tuple)) or not all(isinstance(one, kind) for one in value):
            raise TypeError(
                f"{op}: {name} must be a list of {kind.__name__}, one for each picture; received {name}={shown(value)}"
            )
    if len(found) != len(truths):
        raise ValueError(
            f"{op}: expects answers for each picture; received {len(found)} of found, {len(truths)} of truths"
        )

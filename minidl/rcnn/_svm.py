"""The third stage: a linear support vector machine for each class, which learns from the negatives that are hard.

Right is what somebody has drawn; wrong is what overlaps no box of the class by IoU 0.3 (a bound that the paper found by
trying: 0.5 costs 5 points of mAP, 0 costs 4). What lies between is neither. There are far too many wrong ones, most of
them easy. So a machine is trained with some, asked about all, and trained again with those that it has not put behind
its margin, round after round, until there are none that it has not seen; easy ones go out again.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import check_fraction, check_positive, to_int
from minidl._looks import Brief
from minidl._names import quoted
from minidl._random import addressed
from minidl.detection import iou
from minidl.rcnn._features import Features, name_of, read
from minidl.rcnn._files import About, Folder
from minidl.rcnn._propose import Notes, Tell, by_picture, load, quiet, repeat

FILE = "svm"
FIRST = 4000  # negatives of the first round
HARD, EASY = -1.0, -1.2  # scores from which on a negative is hard, and below which it goes out again
BIAS = 10.0  # the size of the constant feature whose weight is the bias: a large one is hardly held small
WEIGHT = 2.0  # of a positive among negatives; both as in the paper's published code
NO_CLASS = -1e9  # the score of a class that could not be learnt


@dataclass(frozen=True)
class Learnt(Brief):
    """What a class was learnt from.

    Attributes:
        name: of the class.
        right: how many boxes it was shown.
        candidates: how many proposals are wrong.
        rounds: how often it was trained.
        kept: of the wrong ones, with how many the last time.
        hard: how many new hard ones the last look has found; 0 if the mining came to its end.
    """

    name: str
    right: int
    candidates: int
    rounds: int
    kept: int
    hard: int

    def _words(self) -> list[str]:
        return [self.name, f"{self.rounds} rounds", f"{self.kept:,} of {self.candidates:,} negatives"]


def machine() -> Any:
    """Return scikit-learn's linear support vector machine.

    Raises:
        ModuleNotFoundError: if it is not installed.
    """
    try:
        from sklearn.svm import LinearSVC
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "rcnn svm: scikit-learn is not installed: pip install 'minidl[detect]'", name="sklearn"
        ) from None
    return LinearSVC


def train_svm(
    path: str | os.PathLike[str],
    *,
    c: float = 0.001,
    rounds: int = 5,
    overlap: float = 0.3,
    seed: int = 0,
    data: str | os.PathLike[str] | None = None,
    tell: Tell = quiet,
) -> tuple[About, list[Learnt]]:
    """Write a linear support vector machine for each class.

    Args:
        path: the folder of this R-CNN.
        c: how much an example on the wrong side costs; default 0.001, that of the paper's published code, for features
            whose mean norm is 20, which they are brought to.
        rounds: how often hard negatives are looked for, at most.
        overlap: a proposal that overlaps no box of the class by this IoU is wrong; default 0.3.
        seed: of the first negatives.
        data: where the pictures are now, if they have moved.
        tell: is given a line for what should be known.

    Raises:
        ValueError: if there are no features, or a setting is refused.
        ModuleNotFoundError: if scikit-learn is not installed.
    """
    check_positive("rcnn svm", "c", c)
    check_fraction("rcnn svm", "overlap", overlap)
    rounds, seed = (to_int("rcnn svm", n, v, least=k) for n, v, k in (("rounds", rounds, 1), ("seed", seed, 0)))
    settings = {"c": c, "rounds": rounds, "overlap": overlap, "seed": seed}
    folder, kind = Folder.open(path), machine()
    made_from = {name_of("train"): folder.need("svm", name_of("train")).digest}
    with folder.held():
        if folder.is_made(FILE, settings, made_from):
            tell("svm.safetensors is there already")
            about = folder.need("svm", FILE)
            repeat(about, tell)
            return about, [Learnt(**row) for row in about.more["learnt"]]
        proposed, features = load(folder, "svm", data=data), read(folder, "svm", "train")
        overlaps = best_overlaps(proposed.dataset.train, features)
        w, b = np.zeros((len(overlaps), features.x.shape[1])), np.full(len(overlaps), NO_CLASS)
        learnt, notes = [], Notes(tell)
        for label, name in enumerate(proposed.dataset.classes):
            right = np.flatnonzero(features.labels == label)
            wrong = np.flatnonzero((features.labels < 0) & (overlaps[label] < overlap))
            if not len(right) or not len(wrong):
                lack = "box" if not len(right) else "proposal that is wrong"
                notes(f"{quoted(name)} cannot be learnt: there is not one {lack}")
                learnt.append(Learnt(name, len(right), len(wrong), 0, 0, 0))
                continue

            def fit(negatives: np.ndarray, right: np.ndarray = right, name: str = name) -> tuple[np.ndarray, float]:
                return _fit(kind, features.x, right, negatives, c, lambda line: notes(f"{quoted(name)}: {line}"))

            first = addressed(seed, "svm", label).permutation(wrong)[:FIRST]
            w[label], b[label], figures = mine(fit, features.x, wrong, np.sort(first), rounds)
            learnt.append(Learnt(name, len(right), len(wrong), *figures))
        more = {
            "classes": list(proposed.dataset.classes),
            "learnt": [vars(one) for one in learnt],
            "notes": notes.lines,
        }
        return folder.write(FILE, {"w": w, "b": b}, settings, made_from, more), learnt


def best_overlaps(split: Any, features: Features) -> np.ndarray:
    """Return for each class how much each box overlaps the box of that class which it overlaps most: (K, R)."""
    found = []
    for number, boxes in enumerate(by_picture(features.boxes, features.counts)):
        truth = split.records[number].boxes  # difficult ones, too: what shows one is not wrong
        every = iou(truth.boxes, boxes)
        rows = [every[truth.labels == label].max(axis=0, initial=0) for label in range(len(split.classes))]
        found.append(np.array(rows).reshape(len(split.classes), len(boxes)))
    return np.concatenate([np.zeros((len(split.classes), 0)), *found], axis=1)


def mine(
    fit: Callable[[np.ndarray], tuple[np.ndarray, float]],
    x: np.ndarray,
    wrong: np.ndarray,
    first: np.ndarray,
    rounds: int,
) -> tuple[np.ndarray, float, tuple[int, int, int]]:
    """Train again and again with the negatives that the last machine found hard.

    Args:
        fit: trains with some negatives, given by their rows, and returns weights and bias.
        x: features (R, D).
        wrong: the rows of all negatives.
        first: those to begin with.
        rounds: how often to train, at most.

    Returns:
        weights, bias, and (rounds, negatives of the last one, hard ones that it has not been trained with).

    Example:
        >>> x = np.array([[-3.0], [-2.0], [-0.5], [0.5]])
        >>> fit = lambda rows: (np.ones(1), 0.0)  # a machine that never learns: two negatives stay hard
        >>> mine(fit, x, np.arange(4), np.array([0, 2]), 5)[2]
        (2, 2, 0)
    """
    kept, done, new = first, 0, first
    while True:
        w, b = fit(kept)
        done += 1
        scores = np.full(len(x), -np.inf)
        scores[wrong] = x[wrong] @ w.astype(x.dtype) + b
        new = np.setdiff1d(wrong[scores[wrong] > HARD], kept)
        if not len(new) or done == rounds:
            return w, b, (done, len(kept), len(new))
        kept = np.union1d(kept[scores[kept] >= EASY], new)


def _fit(
    kind: Any, x: np.ndarray, right: np.ndarray, wrong: np.ndarray, c: float, tell: Tell
) -> tuple[np.ndarray, float]:
    """Train a machine with these rows; return its weights and its bias."""
    from sklearn.exceptions import ConvergenceWarning

    rows, targets = np.concatenate([right, wrong]), np.repeat([1, 0], [len(right), len(wrong)])
    found = kind(
        C=c, loss="hinge", dual=True, intercept_scaling=BIAS, class_weight={1: WEIGHT}, max_iter=5000, random_state=0
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ConvergenceWarning)
        found.fit(x[rows], targets)
    if any(issubclass(one.category, ConvergenceWarning) for one in said):
        tell("the machine was stopped after 5,000 rounds before it had settled; a smaller c settles earlier")
    return found.coef_[0], float(found.intercept_[0])

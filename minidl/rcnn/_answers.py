"""What an R-CNN answers for a picture, once there are features of its proposals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._looks import Brief
from minidl.detection import Detections, nms
from minidl.rcnn._boxes import corrected
from minidl.rcnn._features import scale_of
from minidl.rcnn._files import Folder
from minidl.rcnn._svm import NO_CLASS

OVERLAP = 0.3  # IoU with a better box of the class, from which on a box is taken away
MOST = 100  # boxes of a class in a picture


@dataclass(frozen=True)
class Judges(Brief):
    """The machines and the regressions of all classes.

    Attributes:
        classes: their names.
        w: weights of the machines (K, D).
        b: their biases (K,).
        moves: weights (K, D, 4) and biases (K, 4) of the regressions; None leaves boxes as they were proposed.
        scale: by what features are multiplied.
    """

    classes: tuple[str, ...]
    w: np.ndarray
    b: np.ndarray
    moves: tuple[np.ndarray, np.ndarray] | None
    scale: float

    def _words(self) -> list[str]:
        return [f"{len(self.classes)} classes", f"{self.w.shape[1]:,} features"]


def judges(folder: Folder, op: str) -> Judges:
    """Return the machines of a folder, and its regressions, if it has some.

    Raises:
        ValueError: if the machines are missing, or something is damaged or stale.
    """
    about, moves = folder.need(op, "svm"), None
    if folder.about("boxes") is not None:
        folder.need(op, "boxes")  # both are of the features that there are now, or one of them is refused
        arrays = folder.arrays("boxes")
        moves = arrays["w"], arrays["b"]
    arrays = folder.arrays("svm")
    return Judges(tuple(about.more["classes"]), arrays["w"], arrays["b"], moves, scale_of(folder, op))


def answer(found: Judges, x: Any, boxes: np.ndarray, size: tuple[int, int], *, move: bool = True) -> Detections:
    """Return what is found in a picture.

    Args:
        found: the machines.
        x: features of its proposals (N, D), their mean norm 20.
        boxes: the proposals (N, 4).
        size: height and width of the picture.
        move: whether boxes are corrected.
    """
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))]
    for label in range(len(found.classes) if len(boxes) else 0):
        if found.b[label] <= NO_CLASS:
            continue
        scores, places = x @ found.w[label] + found.b[label], boxes.clip(0, np.array([size[1], size[0]] * 2))
        if move and found.moves is not None:
            places = corrected(x, boxes, found.moves[0][label], found.moves[1][label], size)
        has_size = np.flatnonzero((places[:, 2:] > places[:, :2]).all(axis=1))
        best = has_size[nms(places[has_size], scores[has_size], OVERLAP, limit=MOST)]
        kept.append((places[best], np.full(len(best), label), scores[best]))
    parts = [np.concatenate(some) for some in zip(*kept)]
    order = np.argsort(-parts[2], kind="stable")
    return Detections(*(part[order] for part in parts))

"""What kind of error an answer is: right class badly placed, wrong class, twice, or nothing there at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl._checks import check_fraction
from minidl.data.boxes import Boxes
from minidl.detection._answers import Detections
from minidl.detection.overlap import iou
from minidl.detection.precision import _check

KINDS = ("right", "placed", "twice", "class", "background", "left out")
TOUCHED = 0.1  # the IoU from which on an answer has to do with a box at all


def error_kinds(
    found: Sequence[Detections], truths: Sequence[Boxes], *, threshold: float = 0.5
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Say of every answer what it is, and of every box whether it was found.

    The answers of a picture are gone through, the best first. One that overlaps a box of its class by the threshold is
    "right", or "twice" if that box has been found already; one that overlaps such a box by 0.1 is badly "placed"; one
    that overlaps a box of another class by 0.1 has the wrong "class"; all others lie on the "background". An answer
    that overlaps a box that is difficult or a crowd by the threshold, and nothing else, is "left out".

    Args:
        found: what was answered, of each picture.
        truths: what there is, of each picture, in the same order.
        threshold: the IoU from which on a box is found; default 0.5.

    Returns:
        For each picture the kinds of its answers as numbers of `KINDS` (D,), and which of its boxes were found (N,).

    Raises:
        ValueError: if there are not as many answers as pictures.

    Example:
        >>> truth = Boxes([[0, 0, 10, 10]], [0])
        >>> boxes = [[0, 0, 10, 9], [0, 0, 9, 10], [5, 0, 15, 10], [0, 0, 10, 10], [50, 0, 60, 10]]
        >>> found = Detections(boxes, [0, 0, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5])
        >>> [KINDS[kind] for kind in error_kinds([found], [truth])[0][0]]
        ['right', 'twice', 'placed', 'class', 'background']
    """
    _check("error_kinds", found, truths)
    check_fraction("error_kinds", "threshold", threshold)
    pairs = [_of_picture(answers, truth, threshold) for answers, truth in zip(found, truths)]
    return [kinds for kinds, _ in pairs], [met for _, met in pairs]


def _of_picture(answers: Detections, truth: Boxes, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    overlap = iou(answers.boxes, truth.boxes)
    same = answers.labels[:, None] == truth.labels[None, :]
    counts = ~(truth.difficult | truth.crowd)
    kinds, met = np.full(len(answers), KINDS.index("background")), np.zeros(len(truth), bool)
    for answer in np.argsort(-answers.scores, kind="stable"):
        row, mine = overlap[answer], same[answer] & counts
        best = _largest(row, mine)
        if best is not None and row[best] >= threshold:
            kinds[answer] = KINDS.index("twice" if met[best] else "right")
            met[best] = True
        elif (free := _largest(row, same[answer] & ~counts)) is not None and row[free] >= threshold:
            kinds[answer] = KINDS.index("left out")
        elif best is not None and row[best] >= TOUCHED:
            kinds[answer] = KINDS.index("placed")
        elif (other := _largest(row, ~same[answer] & counts)) is not None and row[other] >= TOUCHED:
            kinds[answer] = KINDS.index("class")
    return kinds, met


def _largest(row: np.ndarray, among: np.ndarray) -> int | None:
    return int(np.where(among, row, -1.0).argmax()) if among.any() else None

"""Which answer found which thing: the rules of VOC and of COCO, for one class.

Both go through the answers of a class, the best first, over all pictures. They differ in what an answer may find:

    VOC     the box that it overlaps most, of all of its class in the picture, and only if that has not been found yet:
            a second answer to the same box is wrong. What is difficult (or a crowd) is not asked for, and whoever finds
            it is not wrong.
    COCO    the box that it overlaps most of those that have not been found yet; only if there is none, one that does
            not count: a crowd, which any number of answers may find, by how much of them lies in it, or a box of
            another size than is asked for. COCO knows nothing difficult. At most 100 answers a picture are looked at.

An answer that found something that does not count is left out, neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minidl.data.boxes import Boxes
from minidl.data.boxes._boxes import sizes
from minidl.detection._answers import Detections
from minidl.detection.overlap import intersections, iou

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RANGES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
MOST = 100  # answers of a class that COCO looks at in a picture


class Matches(NamedTuple):
    """The answers of a class in all pictures, the best first.

    Attributes:
        scores: (D,).
        right: (…, D) which of them have found something.
        left_out: (…, D) which of them count neither as right nor as wrong.
        total: (…) how many things there are to be found.
    """

    scores: np.ndarray
    right: np.ndarray
    left_out: np.ndarray
    total: np.ndarray


def of_class(found: Detections, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes and scores of one class in one picture, the best first; of equal ones, as they were given."""
    chosen = found.labels == label
    order = np.argsort(-found.scores[chosen], kind="stable")
    return found.boxes[chosen][order].astype(np.float64), found.scores[chosen][order]


def voc_matches(found: Sequence[Detections], truths: Sequence[Boxes], label: int, threshold: float) -> Matches:
    """Match one class as VOC does.

    Args:
        found: of each picture, what was answered.
        truths: of each picture, what there is.
        label: the class.
        threshold: the IoU from which on a box is found.
    """
    scores, best, which, free = [], [], [], []
    total, offset = 0, 0
    for answers, truth in zip(found, truths, strict=True):
        mine = truth.take(truth.labels == label)
        boxes, some = of_class(answers, label)
        overlap = iou(boxes, mine.boxes) if len(mine) else np.full((len(boxes), 1), -1.0)
        scores.append(some)
        best.append(overlap.max(axis=1))
        which.append(offset + overlap.argmax(axis=1))
        free.append(mine.difficult | mine.crowd)
        total += int((~free[-1]).sum())
        offset += len(mine)
    every = np.concatenate([*scores, np.zeros(0)])
    order = np.argsort(-every, kind="stable")
    overlaps, places = np.concatenate([*best, np.zeros(0)])[order], np.concatenate([*which, np.zeros(0, int)])[order]
    ignored = np.concatenate([*free, np.zeros(1, bool)])  # a last one, for pictures behind which nothing follows
    hit = overlaps >= threshold
    left_out = hit & ignored[places]
    right, met = hit & ~left_out, np.flatnonzero(hit & ~left_out)
    first = np.zeros(len(every), bool)
    first[met[np.unique(places[met], return_index=True)[1]]] = True
    return Matches(every[order], right & first, left_out, np.array(total))


def coco_matches(
    found: Sequence[Detections],
    truths: Sequence[Boxes],
    label: int,
    thresholds: np.ndarray = THRESHOLDS,
    ranges: Sequence[tuple[float, float]] = tuple(RANGES.values()),
) -> Matches:
    """Match one class as COCO does, for several thresholds and ranges of size at once.

    Args:
        found: of each picture, what was answered.
        truths: of each picture, what there is.
        label: the class.
        thresholds: T values of IoU from which on a box is found.
        ranges: A times the least and the largest size that is asked for, in pixels.

    Returns:
        right and left_out are (A, T, D), total is (A,).
    """
    limits = np.array(ranges)
    parts = []
    for answers, truth in zip(found, truths, strict=True):
        boxes, scores = of_class(answers, label)
        parts.append(_of_picture(boxes[:MOST], scores[:MOST], truth.take(truth.labels == label), thresholds, limits))
    nothing = np.zeros((len(limits), len(thresholds), 0), bool)
    scores = np.concatenate([*(part.scores for part in parts), np.zeros(0)])
    order = np.argsort(-scores, kind="stable")
    right, left_out = (
        np.concatenate([*(getattr(part, name) for part in parts), nothing], axis=2)[:, :, order]
        for name in ("right", "left_out")
    )
    total = sum((part.total for part in parts), np.zeros(len(limits), int))
    return Matches(scores[order], right, left_out, total)


def _of_picture(
    boxes: np.ndarray, scores: np.ndarray, truth: Boxes, thresholds: np.ndarray, limits: np.ndarray
) -> Matches:
    """Match the answers of one picture, one after the other, in all ranges and at all thresholds."""
    low, high = limits[:, :1], limits[:, 1:]
    ignored = truth.crowd | (truth.area < low) | (truth.area > high)  # (A, G)
    shape = len(limits), len(thresholds), len(boxes)
    right, left_out = np.zeros(shape, bool), np.zeros(shape, bool)
    outside = (sizes(boxes) < low) | (sizes(boxes) > high)  # (A, D)
    taken = np.zeros((*shape[:2], len(truth)), bool)
    overlap = iou(boxes, truth.boxes)
    within = intersections(boxes, truth.boxes) / np.maximum(sizes(boxes), 1e-300)[:, None]
    overlap = np.where(truth.crowd, within, overlap)
    least = np.minimum(thresholds, 1 - 1e-10)
    for answer, row in enumerate(overlap):
        if row.size and row.max() >= least[0]:
            near = (row >= least[:, None]) & (~taken | truth.crowd)  # (A, T, G)
            real = near & ~ignored[:, None]
            chosen = np.where(real.any(axis=2, keepdims=True), real, near)
            some = chosen.any(axis=2)
            last = len(row) - 1 - np.where(chosen, row, -1.0)[:, :, ::-1].argmax(axis=2)  # of equal ones, the last
            met = some & np.take_along_axis(ignored, last, axis=1)
            right[:, :, answer], left_out[:, :, answer] = some & ~met, met
            at = np.nonzero(some)
            taken[(*at, last[at])] = True
    left_out |= ~right & ~left_out & outside[:, None]
    return Matches(scores, right, left_out, (~ignored).sum(axis=1))

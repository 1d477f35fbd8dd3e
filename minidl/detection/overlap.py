"""How much boxes overlap, and which of those that lie over each other stay."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import kernels
from minidl._checks import check_fraction, to_int
from minidl.data.boxes._boxes import sizes, to_boxes, to_labels, to_scores


def iou(a: Any, b: Any) -> np.ndarray:
    """Return intersection over union of every box of a with every box of b.

    Args:
        a: boxes (N, 4) of x1, y1, x2, y2.
        b: boxes (M, 4).

    Returns:
        (N, M) float64, from 0 to 1; two boxes without any size have 0.

    Raises:
        ValueError: if something is no box.

    Example:
        >>> iou([[0, 0, 4, 2]], [[2, 0, 6, 2], [0, 0, 4, 2]])  # 4 / (8 + 8 - 4), and the same box
        array([[0.33333333, 1.        ]])
    """
    first, second = to_boxes("iou", "a", a).astype(np.float64), to_boxes("iou", "b", b).astype(np.float64)
    both = intersections(first, second)
    either = sizes(first)[:, None] + sizes(second)[None, :] - both
    return both / np.where(either > 0, either, 1)


def intersections(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the size of what every box of a has in common with every box of b: (N, M)."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    return sides.clip(0, None).prod(axis=2)


def nms(boxes: Any, scores: Any, threshold: float = 0.5, *, labels: Any = None, limit: int | None = None) -> np.ndarray:
    """Return which boxes stay when each takes away those that it overlaps too much: non-maximum suppression.

    Greedy: the best box stays, all whose IoU with it is greater than the threshold go; then the best of the rest, …

    Args:
        boxes: (N, 4) of x1, y1, x2, y2.
        scores: (N,); of equal ones the first is the better.
        threshold: how much two boxes that stay may overlap, from 0 to 1.
        labels: classes (N,): only boxes of the same class take each other away. None (default): all do.
        limit: at most so many are returned; None for all.

    Returns:
        indices (K,), the best first.

    Raises:
        ValueError: if something is no box, a score is NaN, or lengths differ.

    Example:
        >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]
        >>> nms(boxes, [0.8, 0.9, 0.3]), nms(boxes, [0.8, 0.9, 0.3], labels=[0, 1, 1])
        (array([1, 2]), array([1, 0, 2]))
    """
    array = to_boxes("nms", "boxes", boxes)
    check_fraction("nms", "threshold", threshold)
    order = np.argsort(-to_scores("nms", scores, len(array)), kind="stable")
    kept = np.zeros(len(array), dtype=bool)
    groups = [order] if labels is None else _by_class(order, to_labels("nms", labels, len(array)))
    for group in groups:
        kept[group] = kernels.nms(np.ascontiguousarray(array[group]), float(threshold))
    most = None if limit is None else to_int("nms", "limit", limit, least=0)
    return order[kept[order]][:most]


def _by_class(order: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Cut an order of boxes into those of each class."""
    return [order[labels[order] == label] for label in np.unique(labels)]

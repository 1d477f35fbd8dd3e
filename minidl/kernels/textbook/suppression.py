"""Suppression: of boxes that lie over each other, the best stays.

    go through the boxes, the best first; each that is still there stays, and takes away all later ones whose
    overlap with it, IoU = intersection / union, is greater than the threshold

A box that has been taken away takes none away: so the result depends on the order, and the work is a loop. There is no
gradient: what is kept is a choice among boxes, made behind the last layer.
"""

from __future__ import annotations

from minidl import _backend
from minidl._backend import Array


def nms(boxes: Array, threshold: float) -> Array:
    """Return which boxes (N, 4) of x1, y1, x2, y2 stay, the best one first: (N,) of bools."""
    xp = _backend.array_module(boxes)
    x1, y1, x2, y2 = boxes.astype("float64").T
    areas = (x2 - x1) * (y2 - y1)
    kept = xp.ones(len(boxes), dtype=bool)
    for best in range(len(boxes)):
        if not kept[best]:
            continue
        rest = slice(best + 1, None)
        width = xp.minimum(x2[rest], x2[best]) - xp.maximum(x1[rest], x1[best])
        height = xp.minimum(y2[rest], y2[best]) - xp.maximum(y1[rest], y1[best])
        both = width.clip(0, None) * height.clip(0, None)
        either = areas[best] + areas[rest] - both
        kept[rest] &= ~(both / xp.where(either > 0, either, 1) > threshold)
    return kept

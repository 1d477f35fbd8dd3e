"""Suppression, in which a box is compared only with those that lie near it.

If the overlap of two boxes is greater than t, so is that of their shadows on the x axis, length by length: their
common part is at most as long as the shorter one, so both together are shorter than w / t, and they begin less than
w · (1 - t) / t apart. The boxes are put in order of where they begin; of this order one stretch is looked at. Those
that are gone are taken out of it from time to time.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.simd.compile import inline, kernel

AREA, NUMBER, GONE, COLUMNS = 4, 5, 6, 7  # of what is kept of each box: four corners, and these


@inline
def _closed_up(rows, n):
    """Move those boxes that are still there to the front, and return how many they are."""
    left = 0
    for place in range(n):
        if rows[GONE, place] == 0:
            for column in range(COLUMNS):
                rows[column, left] = rows[column, place]
            left += 1
    return left


@inline
def _before(begins, n, value):
    """Return how many of the first n, which are in order, are less than a value."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if begins[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@kernel("void(rd2, wd2, ri1, wb1, d, i)")
def _nms(boxes, rows, order, kept, threshold, threads):
    n = boxes.shape[0]
    for place in prange(n):
        box = order[place]
        for column in range(4):
            rows[column, place] = boxes[box, column]
        rows[AREA, place] = (boxes[box, 2] - boxes[box, 0]) * (boxes[box, 3] - boxes[box, 1])
        rows[NUMBER, place], rows[GONE, place] = box, 0
    begins, tops, ends, bottoms, areas = rows[0], rows[1], rows[2], rows[3], rows[AREA]
    apart = (1 - threshold) / threshold if threshold > 0 else np.inf
    gone, left, nearly = 0, n, threshold * (1 - 1e-9)
    for best in range(n):
        if not kept[best]:
            continue
        x1, y1, x2, y2 = boxes[best, 0], boxes[best, 1], boxes[best, 2], boxes[best, 3]
        area = (x2 - x1) * (y2 - y1)
        reach = (x2 - x1) * apart if x2 > x1 else 0.0
        begin = x1 - reach * (1 + 1e-9) - 1e-9 * abs(x1)
        end = min(x2, x1 + reach * (1 + 1e-9) + 1e-9 * abs(x1))
        for place in range(_before(begins, left, begin), _before(begins, left, end)):
            height = max(min(y2, bottoms[place]) - max(y1, tops[place]), 0.0)
            width = max(min(x2, ends[place]) - max(x1, begins[place]), 0.0)
            both = width * height
            either = area + areas[place] - both
            if not both > nearly * either:  # a product is quicker than a quotient, and nearly always enough
                continue
            if rows[NUMBER, place] > best and rows[GONE, place] == 0 and both / either > threshold:
                kept[int(rows[NUMBER, place])] = 0
                rows[GONE, place] = 1
                gone += 1
        if 4 * gone > left:
            left, gone = _closed_up(rows, left), 0


@door("boxes (N K) floats")
def nms(boxes: np.ndarray, threshold: float) -> np.ndarray:
    """Return which boxes (N, 4) stay, the best one first: (N,) of bools."""
    if boxes.shape[1] != 4:
        raise ValueError(f"nms: expects boxes (N, 4) of x1, y1, x2, y2; received boxes {boxes.shape}")
    corners = np.ascontiguousarray(boxes, dtype=np.float64)
    kept = np.ones(len(boxes), np.uint8)
    _nms(corners, np.empty((COLUMNS, len(boxes))), np.argsort(corners[:, 0], kind="stable"), kept, float(threshold))
    return kept.view(bool)

"""Cases of the poolings of regions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import ops
from minidl.proof.conv import as_pair
from minidl.proof.table import Case, Table, normal, separated


def listed(boxes: Any) -> list[tuple[int, list[float]]]:
    """Return each region as its picture and its corners, whichever way it was written."""
    if isinstance(boxes, list):
        return [(picture, list(box)) for picture, some in enumerate(boxes) for box in some]
    return [(int(row[0]), list(row[1:])) for row in np.asarray(boxes).tolist()]


def away_from_zero(value: float) -> int:
    """Round as C does: halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def roi_pool_oracle(x: np.ndarray, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> np.ndarray:
    """Pixel by pixel: those of each bin that lie on the map, and the largest of them."""
    (oh, ow), (_, c, h, width) = as_pair(output_size), x.shape
    regions = listed(boxes)
    y = np.zeros((len(regions), c, oh, ow), x.dtype)
    for region, (picture, box) in enumerate(regions):
        left, top, right, bottom = (away_from_zero(side * spatial_scale) for side in box)
        high, wide = max(1, bottom - top + 1), max(1, right - left + 1)
        for channel, i, j in np.ndindex(c, oh, ow):
            seen = [
                x[picture, channel, top + row, left + column]
                for row in range(high)
                for column in range(wide)
                if i * high // oh <= row < -(-(i + 1) * high // oh)
                and j * wide // ow <= column < -(-(j + 1) * wide // ow)
                and 0 <= top + row < h
                and 0 <= left + column < width
            ]
            y[region, channel, i, j] = max(seen, default=0.0)
    return y


def between(plane: np.ndarray, row: float, column: float) -> float:
    """Read a map between its pixels; more than a pixel outside there is nothing."""
    h, width = plane.shape
    if not (-1 <= row <= h and -1 <= column <= width):
        return 0.0
    row, column = min(max(row, 0.0), h - 1), min(max(column, 0.0), width - 1)
    top, left = int(row), int(column)
    bottom, right = min(top + 1, h - 1), min(left + 1, width - 1)
    down, across = row - top, column - left
    upper = (1 - across) * plane[top, left] + across * plane[top, right]
    lower = (1 - across) * plane[bottom, left] + across * plane[bottom, right]
    return float((1 - down) * upper + down * lower)


def roi_align_oracle(
    x: np.ndarray,
    boxes: Any,
    output_size: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> np.ndarray:
    """Point by point."""
    oh, ow = as_pair(output_size)
    regions = listed(boxes)
    y = np.zeros((len(regions), x.shape[1], oh, ow), x.dtype)
    for region, (picture, box) in enumerate(regions):
        left, top, right, bottom = (side * spatial_scale - (0.5 if aligned else 0.0) for side in box)
        high, wide = bottom - top, right - left
        if not aligned:
            high, wide = max(high, 1.0), max(wide, 1.0)
        down = sampling_ratio if sampling_ratio > 0 else math.ceil(high / oh)
        across = sampling_ratio if sampling_ratio > 0 else math.ceil(wide / ow)
        for channel, i, j in np.ndindex(x.shape[1], oh, ow):
            for p, q in np.ndindex(down, across):
                row = top + (i + (p + 0.5) / down) * high / oh
                column = left + (j + (q + 0.5) / across) * wide / ow
                y[region, channel, i, j] += between(x[picture, channel], row, column) / (down * across)
    return y


TWO = np.array([[0, 1.0, 0.0, 4.0, 3.0], [1, 0.0, 2.0, 6.0, 5.0], [0, 2.0, 1.0, 5.0, 5.0]])
ODD = np.array([[1, 0.6, 1.2, 5.3, 4.7], [0, 1.5, 0.4, 2.9, 5.1]])
OUTSIDE = np.array([[0, -3.2, -2.6, 2.4, 3.1], [1, 4.5, 3.5, 9.2, 8.8], [1, 20.0, 20.0, 23.0, 22.0]])
SMALL = np.array([[0, 2.3, 1.4, 2.3, 1.4], [1, 3.0, 2.0, 3.4, 5.0]])
LISTED = [np.array([[0.5, 1.0, 4.5, 5.0], [0.0, 0.0, 7.0, 6.0]]), np.zeros((0, 4))]
SHAPE = (2, 3, 6, 7)

ROI_POOL = Table(
    "roi_pool",
    ops.roi_pool,
    (
        Case("regions over each other", separated(SHAPE), {"boxes": TWO, "output_size": 2}),
        Case("rounded", separated(SHAPE), {"boxes": ODD, "output_size": (3, 2)}),
        Case("scaled", separated(SHAPE), {"boxes": TWO * [1, 4, 4, 4, 4], "output_size": 2, "spatial_scale": 0.25}),
        Case("outside of the map", separated(SHAPE), {"boxes": OUTSIDE, "output_size": (2, 3)}),
        Case("more bins than pixels", separated(SHAPE), {"boxes": SMALL, "output_size": (3, 4)}),
        Case("a list, none of the second picture", separated(SHAPE), {"boxes": LISTED, "output_size": 3}),
        Case("one pixel", separated((1, 2, 1, 1)), {"boxes": np.zeros((1, 5)), "output_size": 1}),
    ),
    roi_pool_oracle,
)

ROI_ALIGN = Table(
    "roi_align",
    ops.roi_align,
    (
        Case("regions over each other", normal(SHAPE), {"boxes": TWO, "output_size": 2}),
        Case("two points a bin", normal(SHAPE), {"boxes": ODD, "output_size": (3, 2), "sampling_ratio": 2}),
        Case("aligned", normal(SHAPE), {"boxes": ODD, "output_size": (2, 3), "aligned": True}),
        Case(
            "aligned, scaled, three points",
            normal(SHAPE),
            {
                "boxes": ODD * [1, 8, 8, 8, 8],
                "output_size": 2,
                "spatial_scale": 0.125,
                "sampling_ratio": 3,
                "aligned": True,
            },
        ),
        Case("outside of the map", normal(SHAPE), {"boxes": OUTSIDE, "output_size": (2, 3), "sampling_ratio": 2}),
        Case("shorter than a pixel", normal(SHAPE), {"boxes": SMALL, "output_size": (3, 2)}),
        Case("no size, aligned", normal(SHAPE), {"boxes": SMALL, "output_size": 2, "aligned": True}),
        Case("a list, none of the second picture", normal(SHAPE), {"boxes": LISTED, "output_size": 3}),
        Case("one pixel", normal((1, 2, 1, 1)), {"boxes": np.array([[0, 0.0, 0.0, 1.0, 1.0]]), "output_size": 1}),
    ),
    roi_align_oracle,
)

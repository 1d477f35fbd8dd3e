"""Where a picture and its boxes lie after some steps: one map, and what of the picture is left.

Every step that moves pixels is a map of the kind x' = a·x + b, y' = c·y + d, with a < 0 where it mirrors. So all steps
together are one such map, the pixels are read once, and boxes go through the same map: they cannot part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl import kernels
from minidl._looks import Brief
from minidl.data.boxes._boxes import Boxes, sizes


@dataclass(frozen=True)
class Frame(Brief):
    """The map from pixels of a picture to pixels of the result.

    Attributes:
        size: height and width of the result.
        scale: a and c, how many pixels of the result one of the picture is; a is negative where it is mirrored.
        offset: b and d.
        left: x1, y1, x2, y2 of what is left of the picture, in its own pixels.
    """

    size: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]
    left: tuple[float, float, float, float]

    @staticmethod
    def of(h: int, width: int) -> Frame:
        """The frame in which nothing has happened yet."""
        return Frame((h, width), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0, float(width), float(h)))

    def then(self, size: tuple[int, int], scale: tuple[float, float], offset: tuple[float, float]) -> Frame:
        """Return the frame after one more step: its map, and the size of its result, outside of which nothing stays."""
        whole = self.scale[0] * scale[0], self.scale[1] * scale[1]
        shift = self.offset[0] * scale[0] + offset[0], self.offset[1] * scale[1] + offset[1]
        sides = [
            sorted(((0.0 - d) / a, (side - d) / a)) for side, a, d in zip(size[::-1], whole, shift)
        ]  # of the result, in pixels of the picture
        (x1, x2), (y1, y2), (a, b, c, d) = *sides, self.left
        return replace(
            self, size=size, scale=whole, offset=shift, left=(max(a, x1), max(b, y1), min(c, x2), min(d, y2))
        )

    def forth(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes (N, 4) of the picture as boxes of the result."""
        return _ordered(boxes * np.array(self.scale * 2) + np.array(self.offset * 2))

    def back(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes (N, 4) of the result as boxes of the picture.

        Example:
            >>> Frame.of(10, 20).then((20, 40), (2.0, 2.0), (0.0, 0.0)).back(np.array([[2.0, 2.0, 4.0, 8.0]]))
            array([[1., 1., 2., 4.]])
        """
        return _ordered((boxes - np.array(self.offset * 2)) / np.array(self.scale * 2))

    def seen(self, found: Boxes, before: Frame, least: float) -> Boxes:
        """Return those boxes of the picture of which a step has left enough, each as large as what is left of it.

        Args:
            found: boxes in pixels of the picture, as `before` has left them.
            before: the frame without the step.
            least: the share of a box that must be left.
        """
        limits = np.array(self.left)
        cut = np.concatenate(
            [np.maximum(found.boxes[:, :2], limits[:2]), np.minimum(found.boxes[:, 2:], limits[2:])], 1
        )
        sides = (cut[:, 2:] - cut[:, :2]).clip(0, None)
        share = sides.prod(axis=1) / np.maximum(sizes(found.boxes), 1e-300)
        kept = (share >= least) & (sides > 0).all(axis=1)
        return Boxes.of_judged(cut, found, found.area * share, kept)

    def moved(self, found: Boxes) -> Boxes:
        """Return boxes of the picture in pixels of the result."""
        share = abs(self.scale[0] * self.scale[1])
        return Boxes.of_judged(self.forth(found.boxes), found, found.area * share)

    def wanted(self, h: int, width: int) -> tuple[int, int]:
        """Return the size that a whole picture of (H, W) is brought to."""
        return math.ceil(h * abs(self.scale[1])), math.ceil(width * abs(self.scale[0]))

    def draw(self, picture: Any, colours: np.ndarray | None = None, *, reduced: int = 1) -> np.ndarray:
        """Return the result of a picture, read between pixels; where there is no picture, it is grey.

        A pixel of the result is made of those around the place that it comes from, the more of each the nearer it is:
        of a triangle as wide as two pixels of the picture, or of the result, whichever are larger.

        Args:
            picture: Pillow's, RGB.
            colours: factors (F, 2) of saturation and exposure, one after the other.
            reduced: by what its sides were divided when it was decoded.

        Returns:
            float32 (3, H, W) from 0 to 1.
        """
        pixels = np.asarray(picture)
        (a, c), (b, d), (x1, y1, x2, y2) = self.scale, self.offset, self.left
        rows, row_shares = _shares(self.size[0], c * reduced, d, pixels.shape[0], (y1 / reduced, y2 / reduced))
        columns, column_shares = _shares(self.size[1], a * reduced, b, pixels.shape[1], (x1 / reduced, x2 / reduced))
        return kernels.render(row_shares, column_shares, rows, columns, pixels, colours)


def _shares(
    n: int, scale: float, offset: float, old: int, limits: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return of which old pixels each of n new ones is made, and how much of each; see `kernels.render`.

    Args:
        n: how many pixels there will be.
        scale: the map from old places to new ones, x' = scale · x + offset.
        offset: likewise.
        old: how many there are.
        limits: between which old places there is a picture.

    Example:
        >>> first, shares = _shares(4, 2.0, 1.0, 2, (0.0, 1.5))
        >>> first.tolist(), shares.tolist()
        ([0, 0, 0, 0], [[0.0, 0.0], [1.0, 0.0], [0.75, 0.25], [0.25, 0.75]])
    """
    place = (np.arange(n) + 0.5 - offset) / scale
    reach = max(1.0, 1 / abs(scale))
    count = min(old, math.ceil(2 * reach))
    first = np.ceil(place - reach - 0.5).clip(0, old - count)
    distance = np.abs(first + (np.arange(count) + 0.5)[:, None] - place)  # (count, n): NumPy is quick along long rows
    shares = np.maximum(0, 1 - distance / reach) * ((place >= limits[0]) & (place < limits[1]))
    total = shares.sum(axis=0)
    return first.astype(np.uint32), (shares / np.where(total > 0, total, 1)).T.astype(np.float32, order="C")


def _ordered(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)

"""Where a picture and its boxes lie after some steps: one map, and what of the picture is left.

Every step that moves pixels is a map of the kind x' = a·x + b, y' = c·y + d, with a < 0 where it mirrors. So all steps
together are one such map, the pixels are read once, and boxes go through the same map: they cannot part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl._looks import Brief
from minidl.data.boxes._boxes import Boxes, sizes

GREY = (128, 128, 128)  # where there is no picture


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
        made = replace(self, size=size, scale=whole, offset=shift)
        x1, y1, x2, y2 = made.back(np.array([[0.0, 0.0, size[1], size[0]]]))[0].tolist()
        a, b, c, d = self.left
        return replace(made, left=(max(a, x1), max(b, y1), min(c, x2), min(d, y2)))

    def forth(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes (N, 4) of the picture as boxes of the result."""
        return _ordered(boxes * np.tile(self.scale, 2) + np.tile(self.offset, 2))

    def back(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes (N, 4) of the result as boxes of the picture.

        Example:
            >>> Frame.of(10, 20).then((20, 40), (2.0, 2.0), (0.0, 0.0)).back(np.array([[2.0, 2.0, 4.0, 8.0]]))
            array([[1., 1., 2., 4.]])
        """
        return _ordered((boxes - np.tile(self.offset, 2)) / np.tile(self.scale, 2))

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
        area = found.area * share
        return Boxes(cut[kept], found.labels[kept], found.difficult[kept], found.crowd[kept], area[kept])

    def moved(self, found: Boxes) -> Boxes:
        """Return boxes of the picture in pixels of the result."""
        share = abs(self.scale[0] * self.scale[1])
        return Boxes(self.forth(found.boxes), found.labels, found.difficult, found.crowd, found.area * share)

    def draw(self, picture: Any) -> Any:
        """Return the result of a picture (Pillow, RGB), read between pixels; where there is no picture, it is grey."""
        from PIL import Image

        h, width = self.size
        canvas = Image.new("RGB", (width, h), GREY)
        x1, y1, x2, y2 = np.rint(self.forth(np.array([self.left]))[0]).astype(int).tolist()
        x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, h)
        if x2 <= x1 or y2 <= y1:
            return canvas
        a, b, c, d = self.left
        box = self.back(np.array([[x1, y1, x2, y2]], dtype=np.float64))[0].tolist()
        box = [min(max(box[0], a), c), min(max(box[1], b), d), max(min(box[2], c), a), max(min(box[3], d), b)]
        part = picture.resize((x2 - x1, y2 - y1), Image.Resampling.BILINEAR, box=tuple(box), reducing_gap=2.0)
        if self.scale[0] < 0:
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if part.size == canvas.size:
            return part
        canvas.paste(part, (x1, y1))
        return canvas


def _ordered(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)

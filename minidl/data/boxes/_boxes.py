"""The boxes of one picture, and how boxes that somebody gives are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import _backend
from minidl._checks import shown, to_numbers
from minidl._looks import Brief
from minidl.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Boxes(Brief):
    """The boxes of one picture, as somebody has drawn them.

    Args:
        boxes: (N, 4) of x1, y1, x2, y2 in pixels: x from the left edge of the picture, y from its upper one, so that a
            picture of W × H pixels is the box 0, 0, W, H.
        labels: the class of each, a number from 0 on (N,).
        difficult: which of them VOC calls difficult (N,); none by default.
        crowd: which are a crowd (COCO) or a group (Open Images), several things in one box (N,); none by default.
        area: how large each thing is, in pixels (N,); by default as large as its box. COCO's is that of the outline.

    Raises:
        ValueError: if a box is no box, or the lengths differ.
        TypeError: if something is no number.

    Example:
        >>> found = Boxes([[0, 0, 10, 20], [5, 5, 9, 9]], [1, 0])
        >>> len(found), found.area.tolist(), found.crowd.tolist()
        (2, [200.0, 16.0], [False, False])
    """

    boxes: Any
    labels: Any
    difficult: Any = None
    crowd: Any = None
    area: Any = None

    def __post_init__(self) -> None:
        boxes = to_boxes("Boxes", "boxes", self.boxes)
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731 - frozen, once it is there
        put("boxes", boxes)
        put("labels", to_labels("Boxes", self.labels, len(boxes)))
        for name in ("difficult", "crowd"):
            marks = getattr(self, name)
            put(name, _column(name, np.zeros(len(boxes)) if marks is None else marks, len(boxes)).astype(bool))
        area = sizes(boxes) if self.area is None else self.area
        put("area", _column("area", area, len(boxes)).astype(np.float64))

    @classmethod
    def of_judged(cls, boxes: np.ndarray, like: Boxes, area: np.ndarray, kept: Any = slice(None)) -> Boxes:
        """Return boxes that come of others, and are not judged again.

        Args:
            boxes: where they lie now (N, 4).
            like: what they were; of these everything else is taken.
            area: of the things (N,).
            kept: a mask of those that stay; a slice (default) keeps all.
        """
        made = object.__new__(cls)
        parts = {"boxes": boxes, "labels": like.labels, "difficult": like.difficult, "crowd": like.crowd, "area": area}
        for name, part in parts.items():
            object.__setattr__(made, name, part[kept])
        return made

    def __len__(self) -> int:
        return len(self.boxes)

    def _words(self) -> list[str]:
        return [f"{len(self):,} boxes", *(f"{int(n)} {what}" for n, what in self._marked() if n)]

    def _marked(self) -> list[tuple[int, str]]:
        return [(self.difficult.sum(), "difficult"), (self.crowd.sum(), "crowds")]

    def take(self, chosen: Any) -> Boxes:
        """Return some of them: by their numbers, or by a mask."""
        parts = (self.boxes, self.labels, self.difficult, self.crowd, self.area)
        return Boxes(*(part[chosen] for part in parts))


def sizes(boxes: np.ndarray) -> np.ndarray:
    """Return width times height of each box."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def to_array(op: str, name: str, value: Any) -> np.ndarray:
    """Return numbers, also of a tensor or from the GPU, as an array on the CPU."""
    if isinstance(value, Tensor):
        value = value.detach().numpy()
    return to_numbers(op, name, _backend.to_numpy(value) if _backend.is_array(value) else value)


def to_boxes(op: str, name: str, value: Any) -> np.ndarray:
    """Return boxes as an array (N, 4), float32 as it is and all else float64; refuse what is no box."""
    array = to_array(op, name, value)
    array = array.reshape(0, 4) if array.size == 0 and array.ndim <= 2 else array
    if array.ndim != 2 or array.shape[1] != 4:
        cure = f"; one box? give it an axis: {name}[None]" if array.shape == (4,) else ""
        raise ValueError(f"{op}: {name} must be (N, 4) of x1, y1, x2, y2; {name}.shape={array.shape}{cure}")
    array = array if array.dtype == np.float32 else array.astype(np.float64)
    wrong = ~(np.isfinite(array).all(axis=1) & (array[:, 2:] >= array[:, :2]).all(axis=1))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{op}: a box is x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, all of them numbers; "
            f"received {name}[{row}] = {shown(array[row].tolist())}"
        )
    return array


def to_labels(op: str, value: Any, count: int) -> np.ndarray:
    """Return classes as whole numbers from 0 on, one for each box."""
    labels = to_array(op, "labels", value)
    labels = labels.astype(np.int64) if labels.size == 0 else labels
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{op}: labels must be a whole number for each of the {count} boxes; received labels.shape={labels.shape}, "
            f"labels.dtype={labels.dtype}"
        )
    if (labels < 0).any():
        raise ValueError(f"{op}: classes are numbered from 0 on; received a label {int(labels.min())}")
    return labels.astype(np.int64)


def to_scores(op: str, value: Any, count: int) -> np.ndarray:
    """Return scores as floats, one for each box, none of them NaN."""
    scores = to_array(op, "scores", value)
    if scores.shape != (count,):
        raise ValueError(f"{op}: scores must be a number for each of the {count} boxes; scores.shape={scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(f"{op}: a score is NaN, so no order is there; scores[{int(np.isnan(scores).argmax())}] = nan")
    return scores.astype(np.float64)


def _column(name: str, value: Any, count: int) -> np.ndarray:
    array = to_array("Boxes", name, value)
    if array.shape != (count,):
        raise ValueError(f"Boxes: {name} must have one for each of the {count} boxes; {name}.shape={array.shape}")
    return array

"""What a detector answers for one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minidl._looks import Brief
from minidl.data.boxes._boxes import to_boxes, to_labels, to_scores


@dataclass(frozen=True, eq=False)
class Detections(Brief):
    """What a detector has found in one picture.

    Args:
        boxes: (N, 4) of x1, y1, x2, y2.
        labels: the class of each, a number from 0 on (N,).
        scores: how sure it is of each (N,).

    Raises:
        ValueError: if something is no box, a score is NaN, or lengths differ.

    Example:
        >>> Detections([[0, 0, 4, 4]], [0], [0.9]).boxes.shape
        (1, 4)
    """

    boxes: Any
    labels: Any
    scores: Any

    def __post_init__(self) -> None:
        boxes = to_boxes("Detections", "boxes", self.boxes)
        for name, value in (
            ("boxes", boxes),
            ("labels", to_labels("Detections", self.labels, len(boxes))),
            ("scores", to_scores("Detections", self.scores, len(boxes))),
        ):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.boxes)

    def _words(self) -> list[str]:
        return [f"{len(self):,} boxes"]

"""The arithmetic of finding things: overlap, suppression, average precision, kinds of errors, YOLO's loss.

Boxes are arrays (N, 4) of x1, y1, x2, y2 in pixels of the picture, whose own box is 0, 0, W, H.
"""

from minidl.data.boxes import Boxes
from minidl.detection.mistakes import KINDS, error_kinds
from minidl.detection.overlap import iou, nms
from minidl.detection.precision import (
    Curve,
    Detections,
    Precision,
    average_precision,
    evaluate,
    precision_recall,
)
from minidl.detection.yolo import yolo_decode, yolo_loss

__all__ = [
    "KINDS",
    "Boxes",
    "Curve",
    "Detections",
    "Precision",
    "average_precision",
    "error_kinds",
    "evaluate",
    "iou",
    "nms",
    "precision_recall",
    "yolo_decode",
    "yolo_loss",
]


def __dir__() -> list[str]:
    return [*__all__]

"""The arithmetic of finding things: overlap, suppression, average precision, kinds of errors, YOLO's loss.

Of R-CNN, whose stages are `minidl.rcnn`, it has how boxes are proposed, cut out and corrected.

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
from minidl.detection.proposals import grid_windows, proposal_recall, selective_search
from minidl.detection.regression import decode_boxes, encode_boxes, ridge
from minidl.detection.warping import warp_windows
from minidl.detection.yolo import yolo_decode, yolo_loss

__all__ = [
    "KINDS",
    "Boxes",
    "Curve",
    "Detections",
    "Precision",
    "average_precision",
    "decode_boxes",
    "encode_boxes",
    "error_kinds",
    "evaluate",
    "grid_windows",
    "iou",
    "nms",
    "precision_recall",
    "proposal_recall",
    "ridge",
    "selective_search",
    "warp_windows",
    "yolo_decode",
    "yolo_loss",
]


def __dir__() -> list[str]:
    return [*__all__]

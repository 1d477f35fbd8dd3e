"""Pictures with boxes: readers of five layouts, a converter, transforms that move boxes with pixels, batches."""

from minidl.data.boxes._boxes import Boxes
from minidl.data.boxes._open import kind_of, open_boxes
from minidl.data.boxes.convert import convert
from minidl.data.boxes.frame import Frame
from minidl.data.boxes.info import BoxInfo, describe_boxes
from minidl.data.boxes.loader import BoxBatch, BoxLoader
from minidl.data.boxes.records import BoxDataset, Record, Split
from minidl.data.boxes.transforms import STEPS, BoxPipeline, build

__all__ = [
    "STEPS",
    "BoxBatch",
    "BoxDataset",
    "BoxInfo",
    "BoxLoader",
    "BoxPipeline",
    "Boxes",
    "Frame",
    "Record",
    "Split",
    "build",
    "convert",
    "describe_boxes",
    "kind_of",
    "open_boxes",
]


def __dir__() -> list[str]:
    return [*__all__]

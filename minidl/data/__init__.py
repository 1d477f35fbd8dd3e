"""Data sets: pictures with labels, divided into training and validation; transforms; batches."""

from minidl._answers import answering
from minidl.data import boxes, transforms
from minidl.data._open import list_data, open_dataset
from minidl.data.info import Info, describe
from minidl.data.loader import Loader
from minidl.data.pictures import Pictures
from minidl.data.split import Dataset, Split
from minidl.data.statistics import Statistics, measure
from minidl.data.transforms import interpolate, shift

__all__ = [
    "Dataset",
    "Info",
    "Loader",
    "Pictures",
    "Split",
    "Statistics",
    "boxes",
    "describe",
    "interpolate",
    "list_data",
    "measure",
    "open_dataset",
    "shift",
    "transforms",
]


def __dir__() -> list[str]:
    return [*__all__]


__getattr__ = answering("data", "data.DATA", else_say=f"; it has {', '.join(__all__)}")

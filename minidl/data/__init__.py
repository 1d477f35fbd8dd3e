"""Data sets: pictures with labels, divided into training and validation; transforms; batches."""

from minidl.data import transforms
from minidl.data._open import open_dataset
from minidl.data._registry import list_data, load
from minidl.data.digits import digits
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
    "describe",
    "digits",
    "interpolate",
    "list_data",
    "load",
    "measure",
    "open_dataset",
    "shift",
    "transforms",
]

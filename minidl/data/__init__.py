"""Data sets: pictures with labels as arrays, divided into training and test."""

from minidl.data._registry import list_data, load
from minidl.data.digits import digits
from minidl.data.pictures import Pictures
from minidl.data.transforms import interpolate, shift

__all__ = ["Pictures", "digits", "interpolate", "list_data", "load", "shift"]

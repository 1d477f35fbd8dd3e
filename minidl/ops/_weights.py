"""How much classes and elements count in a loss: plain numbers that are >= 0, and get no gradient.

What they go with is given by its name, as in `class_weights(op, weight, logits=logits)`; a layer, which has not seen it
yet, leaves it out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import broadcast_shape, from_numbers
from minidl.tensor import Tensor


def class_weights(op: str, weight: Any, **scores: Tensor) -> Array:
    """Judge how much each class counts, and return it as an array, of the dtype of the scores if they are given."""
    array = _numbers(op, "weight", weight, "numbers, one for each class")
    for name, tensor in scores.items():
        _fits_device(op, "weight", weight, array, name, tensor)
    sizes = [tensor.shape[1] for tensor in scores.values()]
    if array.ndim != 1 or array.size == 0 or sizes not in ([], [array.size]):
        classes = "".join(f" = {size}" for size in sizes)
        raise ValueError(f"{op}: weight must have one number for each class, (M,){classes}; weight.shape={array.shape}")
    return _like(array, scores)


def element_weights(op: str, name: str, value: Any, **scores: Tensor) -> Array:
    """Judge how much elements count, and return it as an array that broadcasts to the scores if they are given."""
    array = _numbers(op, name, value, "numbers")
    for other, tensor in scores.items():
        _fits_device(op, name, value, array, other, tensor)
        if broadcast_shape(op, tensor.shape, array.shape) != tensor.shape:
            raise ValueError(
                f"{op}: {name} must broadcast to the shape of {other}; {name}.shape={array.shape}, "
                f"{other}.shape={tensor.shape}"
            )
    return _like(array, scores)


def _numbers(op: str, name: str, value: Any, what: str) -> Array:
    array = value._data if isinstance(value, Tensor) else value
    array = array if _backend.is_array(array) else from_numbers(op, name, array)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{op}: {name} must be {what}; received dtype={array.dtype}")
    if array.size and not 0 <= float(array.min()) <= float(array.max()) < math.inf:
        raise ValueError(f"{op}: {name} must be >= 0 and finite; received from {array.min()} to {array.max()}")
    return array


def _fits_device(op: str, name: str, value: Any, array: Array, other: str, tensor: Tensor) -> None:
    """Refuse an array on another device; plain numbers are on none."""
    plain = not _backend.is_array(value) and not isinstance(value, Tensor)
    if not plain and _backend.device_of(array) != tensor.device:
        raise TypeError(
            f"{op}: {other} are on {tensor.device} but {name} on {_backend.device_of(array)}; move one of them"
        )


def _like(array: Array, scores: dict[str, Tensor]) -> Array:
    """Return floats: of the dtype and device of the scores, or float32 as long as nobody knows."""
    for tensor in scores.values():
        return _backend.to_device(array, tensor.device).astype(tensor.dtype)
    return array.astype(np.float32) if array.dtype.kind != "f" else array

"""Whatever holds pictures and labels, as a split: `Pictures`, or plain arrays (x, y)."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl._backend import to_numpy
from minidl._checks import shown
from minidl.data.pictures import Pictures
from minidl.data.split import Arrays, Dataset, Split
from minidl.tensor import Tensor

PicturesLike = Split | Pictures | tuple[Any, Any]


class Rows(Split):
    """Plain arrays whose y are no class numbers: `labels` holds them as they are, one entry for each row of x."""

    def __post_init__(self) -> None:
        """Judge nothing: `as_split` has done so."""


def as_split(op: str, name: str, source: Any, *, classes_only: bool = False) -> Split:
    """Return pictures and labels as a split.

    Args:
        op: what asks, for messages.
        name: of the argument.
        source: a split, `Pictures`, or a pair (x, y): arrays or tensors, x (N, …) and y (N,) or (N, …).
        classes_only: refuse a y that holds something else than a class number for each picture.

    Raises:
        TypeError: if it is none of these, or holds no numbers.
        ValueError: if x and y differ in length.

    Example:
        >>> split = as_split("fit", "train", (np.zeros((3, 1, 8, 8)), np.array([0, 2, 1])))
        >>> len(split), split.classes, split.name(2)
        (3, ('0', '1', '2'), 'picture 2')
    """
    if isinstance(source, Split):
        return source
    if isinstance(source, Pictures):
        return Split.of(source)
    if isinstance(source, Dataset):
        raise TypeError(f"{op}: {name} must be one part of a data set; received a Dataset; pass its .train or its .val")
    if not isinstance(source, (tuple, list)) or len(source) != 2:
        expected = "Pictures, a Split or a pair of arrays (x, y)"
        raise TypeError(f"{op}: {name} must be {expected}; received {shown(source)}")
    x, y = (_array(op, what, one) for what, one in zip(("x", "y"), source))
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y):
        found = f"x.shape={x.shape}, y.shape={y.shape}"
        raise ValueError(f"{op}: x and y must have one row for each picture, len(x) = len(y); received {found}")
    pictures = Arrays(x, lambda index: f"picture {index}")
    if y.ndim == 1 and y.dtype.kind in "iu" and (not len(y) or y.min() >= 0):
        return Split(pictures, y, tuple(map(str, range(int(y.max()) + 1 if len(y) else 0))))
    if classes_only:
        raise ValueError(
            f"{op}: y must hold a class for each picture, whole numbers from 0, shape ({len(x)},); received "
            f"y.shape={y.shape}, dtype={y.dtype}; for other targets write the loop: for x, y in data.Loader(x, y, 64)"
        )
    return Rows(pictures, y, ())


def _array(op: str, name: str, value: Any) -> np.ndarray:
    """Return an array of numbers, of a tensor its values."""
    array = to_numpy(value._data) if isinstance(value, Tensor) else value
    if not isinstance(array, np.ndarray) or isinstance(array, (np.matrix, np.ma.MaskedArray)):
        raise TypeError(f"{op}: {name} must be an array or a tensor; received {shown(value)}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{op}: {name} must hold numbers; received dtype={array.dtype}")
    return array

"""Other sizes: interpolation for enlarging, and resampling for both ways.

`interpolate` enlarges a picture. A pixel is a little square; its number is the value at its centre. Output pixel i of
S' lies at the place u = (i + 1/2) · S / S' - 1/2 of the old row, between the old pixels ⌊u⌋ and ⌊u⌋ + 1, and takes from
each the more, the nearer it is:

    y[i] = (1 - f) · x[⌊u⌋] + f · x[⌊u⌋ + 1],   f = u - ⌊u⌋        u is held between the first and the last centre

That is linear in x: a matrix A (S', S) with at most two numbers in each row. In two directions it is Y = A X Aᵀ.

`resize` also makes pictures smaller. There an output pixel covers several old ones, and taking two of them would lose
the rest; so it averages over all, with a triangle of weights as wide as the reduction. That is Pillow's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl._checks import check_rank, is_int, to_int, to_pair
from minidl.data.transforms._base import Transform


def interpolation_matrix(old: int, new: int) -> np.ndarray:
    """Return the matrix A (new, old) that takes a row of `old` pixels to `new`.

    Example:
        >>> interpolation_matrix(2, 4)
        array([[1.  , 0.  ],
               [0.75, 0.25],
               [0.25, 0.75],
               [0.  , 1.  ]])
    """
    place = ((np.arange(new) + 0.5) * old / new - 0.5).clip(0, old - 1)
    distance = np.abs(place[:, None] - np.arange(old))  # (new, old)
    return np.maximum(0, 1 - distance)


def interpolate(x: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Bring pictures to another size by linear interpolation in both directions; meant for enlarging.

    Args:
        x: pictures (N, C, H, W).
        size: the new (H, W), or one int for both.

    Returns:
        Pictures (N, C, *size) in the dtype of x.

    Raises:
        ValueError: if x has no four axes or the size is not positive.

    Example:
        >>> import numpy as np
        >>> interpolate(np.array([[[[0.0, 1.0]]]]), (1, 4))
        array([[[[0.  , 0.25, 0.75, 1.  ]]]])
    """
    check_rank("interpolate", "x", x.shape, "N, C, H, W")
    rows, columns = to_pair("interpolate", "size", size, least=1)
    down = interpolation_matrix(x.shape[2], rows)  # (H', H)
    across = interpolation_matrix(x.shape[3], columns)  # (W', W)
    return (down @ x @ across.T).astype(x.dtype)


def resize(x: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Bring pictures to another size, larger or smaller, by linear resampling (Pillow's BILINEAR).

    Args:
        x: pictures (N, C, H, W), uint8 or floats.
        size: the new (H, W); one int is the length of the shorter side, the other side keeps the proportion.

    Returns:
        Pictures (N, C, H', W') in the dtype of x.

    Raises:
        ValueError: if x has no four axes or the size is not positive.

    Example:
        >>> import numpy as np
        >>> resize(np.array([[[[0, 100, 200, 100]]]], dtype="uint8"), (1, 2))
        array([[[[ 71, 143]]]], dtype=uint8)
        >>> resize(np.zeros((1, 3, 100, 150), dtype="uint8"), 64).shape
        (1, 3, 64, 96)
    """
    check_rank("resize", "x", x.shape, "N, C, H, W")
    h, width = new_size(x.shape[2:], size)
    if (h, width) == x.shape[2:]:
        return x.copy()
    y = np.empty((*x.shape[:2], h, width), dtype=x.dtype)
    for place, one in zip(y, x):
        resample(one, place)
    return y


def new_size(old: tuple[int, ...], size: Any) -> tuple[int, int]:
    """Return the (H, W) that `size` means for a picture of the size `old`: one int is the shorter side.

    Example:
        >>> new_size((375, 500), 256), new_size((375, 500), (224, 224))
        ((256, 341), (224, 224))
    """
    if not is_int(size):
        return to_pair("resize", "size", size, least=1)
    short = to_int("resize", "size", size, least=1)
    h, width = old
    return (short, short * width // h) if h <= width else (short * h // width, short)


def resample(x: np.ndarray, y: np.ndarray) -> None:
    """Fill y (C, H', W') with a picture x (C, H, W)."""
    from PIL import Image

    size, filtering = (y.shape[2], y.shape[1]), Image.Resampling.BILINEAR
    if x.dtype == np.uint8 and len(x) == 3:
        rgb = Image.fromarray(np.ascontiguousarray(x.transpose(1, 2, 0)))
        y[...] = np.asarray(rgb.resize(size, filtering)).transpose(2, 0, 1)
        return
    for plane, channel in zip(y, x):
        grey = Image.fromarray(np.ascontiguousarray(channel, dtype=np.uint8 if x.dtype == np.uint8 else np.float32))
        plane[...] = np.asarray(grey.resize(size, filtering))


@dataclass(frozen=True)
class Resize(Transform):
    """Bring pictures to another size; see `resize`.

    Args:
        size: (H, W), or one int for the shorter side.
    """

    size: int | tuple[int, int]
    name: ClassVar[str] = "resize"

    def __post_init__(self) -> None:
        new_size((1, 1), self.size)

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Resize."""
        return resize(x, self.size)

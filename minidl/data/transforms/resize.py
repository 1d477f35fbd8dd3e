"""Other sizes: interpolation for enlarging, and resampling for both ways.

`interpolate` enlarges a picture. A pixel is a little square; its number is the value at its centre. Output pixel i of
S' lies at the place u = (i + 1/2) · S / S' - 1/2 of the old row, between the old pixels ⌊u⌋ and ⌊u⌋ + 1, and takes from
each the more, the nearer it is:

    y[i] = (1 - f) · x[⌊u⌋] + f · x[⌊u⌋ + 1],   f = u - ⌊u⌋        u is held between the first and the last centre

That is linear in x: a matrix A (S', S) with at most two numbers in each row. In two directions it is Y = A X Aᵀ.

`resize` also makes pictures smaller. There an output pixel covers several old ones, and taking two of them would lose
the rest; so it averages over all, with a triangle of weights as wide as the reduction. That is Pillow's work.

The shorter side of a picture says how it is resized: 1×30000 pixels brought to 64 are 64×1,920,000, of which the next
step cuts out 64×64. Then only that part is computed (`frame`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl._checks import check_choice, is_int, to_int, to_pair
from minidl.data.transforms._base import Transform, check_pictures

REACH = {"bilinear": 1, "bicubic": 2}  # how far an old pixel is seen, in pixels of the larger of the two sizes
MOST_PIXELS = 1 << 27  # of a resized picture: 0.4 GB in three channels


def interpolation_matrix(old: int, new: int) -> np.ndarray:
    """Return the matrix A (new, old) that takes a row of `old` pixels to `new`.

    Example:
        >>> interpolation_matrix(2, 4)
        array([[1.  , 0.  ],
               [0.75, 0.25],
               [0.25, 0.75],
               [0.  , 1.  ]])
    """
    old, new = (to_int("interpolation_matrix", *one, least=1) for one in (("old", old), ("new", new)))
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
    check_pictures("interpolate", x)
    rows, columns = to_pair("interpolate", "size", size, least=1)
    down = interpolation_matrix(x.shape[2], rows)  # (H', H)
    across = interpolation_matrix(x.shape[3], columns)  # (W', W)
    return (down @ x @ across.T).astype(x.dtype)


def resize(x: np.ndarray, size: int | tuple[int, int], interpolation: str = "bilinear") -> np.ndarray:
    """Bring pictures to another size, larger or smaller, by resampling.

    Args:
        x: pictures (N, C, H, W), uint8 or floats.
        size: the new (H, W); one int is the length of the shorter side, the other side keeps the proportion.
        interpolation: "bilinear" (default) or "bicubic".

    Returns:
        Pictures (N, C, H', W') in the dtype of x.

    Raises:
        ValueError: if x has no four axes, the size is not positive, or a picture would have more than 2**27 pixels.

    Example:
        >>> import numpy as np
        >>> resize(np.array([[[[0, 100, 200, 100]]]], dtype="uint8"), (1, 2))
        array([[[[ 71, 143]]]], dtype=uint8)
        >>> resize(np.zeros((1, 3, 100, 150), dtype="uint8"), 64).shape
        (1, 3, 64, 96)
    """
    check_pictures("resize", x)
    check_choice("resize", "interpolation", interpolation, tuple(REACH))
    h, width = new_size(x.shape[2:], size)
    if (h, width) == x.shape[2:]:
        return x.copy()
    if h * width > MOST_PIXELS:
        raise ValueError(
            f"resize: a picture of {x.shape[2]}×{x.shape[3]} would become {h}×{width} = {h * width:,} pixels, more "
            f"than {MOST_PIXELS:,}; cut a part out, before it or right behind it: center_crop"
        )
    y = np.empty((*x.shape[:2], h, width), dtype=x.dtype)
    for place, one in zip(y, x):
        resample(one, place, interpolation)
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
    if not h or not width:
        raise ValueError(f"resize: a picture of {h}×{width} has nothing to resize")
    return (short, short * width // h) if h <= width else (short * h // width, short)


def resample(
    x: np.ndarray,
    y: np.ndarray,
    interpolation: str = "bilinear",
    size: tuple[int, int] | None = None,
    corner: tuple[int, int] = (0, 0),
    sides: tuple[float, float] | None = None,
) -> None:
    """Fill y (C, H', W') with a picture x (C, H, W), or with a part of what x is at some size.

    Args:
        x: the picture.
        y: where the result goes.
        interpolation: see `resize`.
        size: the (H, W) that the whole picture would have; None (default) is that of y.
        corner: where in that the part begins.
        sides: how much of x there is of the picture, in its pixels, where the last are parts of one; None (default)
            means all. It says nothing of a part.
    """
    from PIL import Image

    filtering = Image.Resampling[interpolation.upper()]
    box = None if sides is None else (0.0, 0.0, sides[1], sides[0])
    if size is not None and size != y.shape[1:]:
        reach = REACH[interpolation]
        (top, bottom, *rows), (left, right, *columns) = (
            _source(old, new, begin, begin + n, reach)
            for old, new, begin, n in zip(x.shape[1:], size, corner, y.shape[1:])
        )
        x, box = x[:, top:bottom, left:right], (columns[0], rows[0], columns[1], rows[1])
    target = y.shape[2], y.shape[1]
    if x.dtype == np.uint8 and len(x) == 3:
        rgb = Image.fromarray(np.ascontiguousarray(x.transpose(1, 2, 0)))
        y[...] = np.asarray(rgb.resize(target, filtering, box)).transpose(2, 0, 1)
        return
    for plane, channel in zip(y, x):
        grey = Image.fromarray(np.ascontiguousarray(channel, dtype=np.uint8 if x.dtype == np.uint8 else np.float32))
        plane[...] = np.asarray(grey.resize(target, filtering, box))


def _source(old: int, new: int, begin: int, end: int, reach: int) -> tuple[int, int, float, float]:
    """Return what new pixels from `begin` to `end` are made of, along one axis.

    Returns:
        The first and last old pixel that has a share in them, and begin and end as places among these.
    """
    first, last = begin * old / new, min(end * old / new, old)
    margin = reach * max(old / new, 1) + 1
    start, stop = max(math.floor(first - margin), 0), min(math.ceil(last + margin), old)
    return start, stop, first - start, last - start


@dataclass(frozen=True)
class Resize(Transform):
    """Bring pictures to another size; see `resize`.

    Crops and flips right behind it go together with it: of what would become much larger than they leave, only the part
    that they leave is resampled. See `together`.

    Args:
        size: (H, W), or one int for the shorter side.
        interpolation: "bilinear" (default) or "bicubic".
    """

    size: int | tuple[int, int]
    interpolation: str = "bilinear"
    name: ClassVar[str] = "resize"

    def __post_init__(self) -> None:
        new_size((1, 1), self.size)
        check_choice("resize", "interpolation", self.interpolation, tuple(REACH))

    def apply(self, x: np.ndarray, rows: Any) -> np.ndarray:
        """Resize."""
        return resize(x, self.size, self.interpolation)

"""JPEGs decoded at the size that is needed: at 1/2, 1/4 or 1/8, where twice the pixels that are wanted are left.

A JPEG holds blocks of 8×8 pixels as 64 cosines each. Whoever makes the picture smaller need not have them all: of the
lowest 4×4, 2×2 or of the mean alone a decoder makes a picture of half, a quarter or an eighth of the sides, with a
quarter of the work and less. (Wallace, The JPEG still picture compression standard, 1991; Pillow calls it draft mode.)

What comes out is not quite what averaging all pixels would give. Over 60 photographs, brought to 32 to 160 pixels and
compared with those decoded in full, in grey levels from 0 to 255:

    decoded at                            mean    at most
    twice what is wanted, or more          0.3         23
    one and a half times                   0.5         28
    what is wanted, or more                1.1         53
    full, bicubic instead of bilinear      1.5         35      what a choice of resizing changes anyway

So twice is asked for: of a picture of 500×375 that is brought to 93 or less, half of the sides are decoded. What is
decoded follows from the file and the size that is wanted alone. MINIDL_DRAFT=0 in the environment has every file
decoded in full.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

SCALES = 8, 4, 2  # what a decoder of JPEG can divide the sides by
LEFT = 2  # times the size that is wanted: what must be left
REDUCIBLE = "JPEG", "MPO"  # in Pillow's words
Wanted = Callable[
    [tuple[int, int]], tuple[int, int] | None
]  # from the size (H, W) of a picture to that it is brought to


def scale_for(size: tuple[int, int], wanted: tuple[int, int] | None) -> int:
    """Return by what the sides of a picture may be divided.

    Args:
        size: its height and width.
        wanted: what it will be brought to; None if nobody knows.

    Example:
        >>> scale_for((375, 500), (93, 124)), scale_for((375, 500), (94, 125)), scale_for((3000, 4000), (224, 298))
        (2, 1, 4)
    """
    if wanted is None or os.environ.get("MINIDL_DRAFT") == "0":
        return 1
    fits = (scale for scale in SCALES if all(have >= LEFT * scale * side for have, side in zip(size, wanted)))
    return next(fits, 1)


def reduce(picture: Any, wanted: Wanted, *, turned: bool, sideways: bool) -> int:
    """Have a picture of Pillow decoded as small as it may be, and return by what its sides are divided.

    Where they cannot be divided, the last pixels are parts of one; of a picture that will be turned they might be the
    first, so it is left as it is.

    Args:
        picture: opened, not yet decoded, of a format in `REDUCIBLE`.
        wanted: from its height and width, upright, to those that it is brought to.
        turned: whether it lies otherwise in its file.
        sideways: whether that swaps height and width.

    Raises:
        ValueError: if Pillow does something else.
    """
    sides = picture.size
    size = sides if sideways else sides[::-1]
    scale = scale_for(size, wanted(size))
    if scale == 1 or (turned and any(side % scale for side in sides)):
        return 1
    picture.draft(None, tuple(side // scale for side in sides))
    if picture.size == sides:
        return 1
    if picture.size != tuple(-(-side // scale) for side in sides):
        raise ValueError(f"1/{scale} of {sides} was wanted, and the decoder gives {picture.size}")
    return scale

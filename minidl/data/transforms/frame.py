"""Resize, then cut: of a picture that would become enormous, only the part that is kept is resized.

The shorter side says how a picture is resized. 1×30000 pixels brought to 64 are 64×1,920,000, 7 GB on the way to the
64×64 that the next step cuts out. Where the cut lies can be told before there is a pixel, and so can the few old pixels
that it is made of:

    resize to (H', W'), cut at (t, l)    =    old rows and columns around t · H / H', l · W / W', resized there

Both ways give the same picture, to one step of 255: Pillow computes its places with single precision. So ordinary
pictures, which the plain way makes not much larger than the result (at most `ROOM` times), take the plain way, bit for
bit as ever. The other way is for the rest, and takes no more memory than the picture and the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.data.transforms._base import Rows, Transform
from minidl.data.transforms.crop import Cut, Flip, RandomResizedCrop
from minidl.data.transforms.resize import Resize, new_size, resample

ROOM = 16  # times the pixels of the result: how large a resized picture may be before it is cut


def end_of(steps: Sequence[Transform], first: int) -> int:
    """Return where the steps end that go together with number `first`: a resize, and the cuts and flips behind it.

    Example:
        >>> from minidl.data.transforms import CenterCrop, Flip, Normalize
        >>> end_of([Resize(256), CenterCrop(224), Flip(), Normalize([0], [1])], 0)
        3
    """
    end = first + 1
    if isinstance(steps[first], Resize):
        while end < len(steps) and isinstance(steps[end], (Cut, Flip)):
            end += 1
            if isinstance(steps[end - 1], RandomResizedCrop):  # which resizes once more
                break
    return end


def is_roomy(old: Sequence[int], steps: Sequence[Transform]) -> bool:
    """Tell whether the plain way is taken: what the resize makes of (H, W) is not much larger than the result."""
    resize, cuts = steps[0], [step for step in steps if isinstance(step, Cut)]
    if not isinstance(resize, Resize) or not cuts:
        return True
    h, width = new_size(tuple(old), resize.size)
    return h * width <= max(math.prod(old), ROOM * math.prod(cuts[-1].result))


def frame(steps: Sequence[Transform], x: np.ndarray, rows: Rows) -> np.ndarray:
    """Apply steps that go together, see `end_of`.

    Args:
        steps: the transforms.
        x: pictures (N, C, H, W).
        rows: what each of them drew.

    Raises:
        ValueError: if one of them refuses the pictures.

    Example:
        >>> from minidl.data.transforms import CenterCrop
        >>> frame([Resize(64), CenterCrop(64)], np.zeros((1, 3, 1, 30000), "uint8"), [None, None]).shape
        (1, 3, 64, 64)
    """
    if is_roomy(x.shape[2:], steps):
        for step, row in zip(steps, rows):
            x = step.apply(x, row)
        return x
    ys = [_part(one, steps, [None if row is None else row[i : i + 1] for row in rows]) for i, one in enumerate(x)]
    return np.stack(ys)


def _part(x: np.ndarray, steps: Sequence[Any], rows: Rows) -> np.ndarray:
    """Return what the steps leave of a picture (C, H, W), and make nothing that is much larger."""
    resize = steps[0]
    h, width = size = new_size(x.shape[1:], resize.size)
    top = left = 0
    mirrored = False  # whether left and right have changed places since
    for step, row in zip(steps[1:], rows[1:]):
        if isinstance(step, Flip):
            mirrored ^= bool(row[0])
            continue
        down, across, rows_kept, columns_kept = step.rectangles(h, width, row)[0].tolist()
        top += down
        left += width - across - columns_kept if mirrored else across
        h, width = rows_kept, columns_kept
    y = np.empty((len(x), h, width), dtype=x.dtype)
    resample(x, y, resize.interpolation, size, (top, left))
    if mirrored:
        y = y[..., ::-1]
    if not isinstance(steps[-1], RandomResizedCrop):
        return y
    z = np.empty((len(x), *steps[-1].result), dtype=x.dtype)
    resample(y, z)
    return z

"""Regions of pictures, each made the same size: `roi_pool` and `roi_align`.

A detector that looks at two thousand boxes of one picture would go through the network two thousand times. Its layers
up to the last pooling do the same work for all of them: so the whole picture goes through once, and the boxes are cut
out of its map. Where they lie is worked out on the CPU: boxes on the GPU come over at each call. The formulas stand
in minidl/kernels/textbook/regions.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import (
    IntOrPair,
    Pair,
    check_alike,
    check_flag,
    check_positive,
    check_rank,
    shown,
    to_int,
    to_numbers,
    to_pair,
)
from minidl.kernels.textbook.regions import Bins
from minidl.tensor import Context, Function, Tensor

FARTHEST = 2.0**31  # pixels of a map: beyond that, no int counts them


class RoiPool(Function):
    """Saves for each number of the result which pixel it was."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, pictures: Sequence[int], rows: Bins, columns: Bins, out_size: Pair) -> Array:
        """The largest number of each bin."""
        ctx.x_shape, ctx.pictures = x.shape, pictures
        if not pictures or not x.size:  # an empty batch, whose regions are not there, either
            ctx.empty = True
            return _backend.full((len(pictures), x.shape[1], *out_size), 0, x.dtype, like=x)
        ctx.empty = False
        y, winners = kernels.roi_pool(x, pictures, rows, columns)
        ctx.save(winners)
        ctx.choices = winners
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """The winner of each bin gets its dy."""
        if ctx.empty:
            return _backend.full(ctx.x_shape, 0, dy.dtype, like=dy)
        (winners,) = ctx.saved
        return kernels.roi_pool_dx(dy, winners, ctx.x_shape, ctx.pictures)


class RoiAlign(Function):
    """Saves what each bin takes of each row and each column, and nothing of the pictures."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, pictures: Sequence[int], rows: np.ndarray, columns: np.ndarray) -> Array:
        """The average of the points of each bin."""
        ctx.x_shape, ctx.pictures = x.shape, pictures if len(x) else ()
        device = _backend.device_of(x)
        weights = [_backend.to_device(side.astype(x.dtype), device) for side in (rows, columns)]
        ctx.save(*weights)
        if not len(x):
            return _backend.full((len(pictures), x.shape[1], rows.shape[1], columns.shape[1]), 0, x.dtype, like=x)
        return kernels.roi_align(x, pictures, *weights)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """Each pixel collects what it gave."""
        return kernels.roi_align_dx(dy, ctx.x_shape, ctx.pictures, *ctx.saved)


def roi_pool(x: Tensor, boxes: Any, output_size: IntOrPair, *, spatial_scale: float = 1.0) -> Tensor:
    """Return for each box the largest numbers of OH × OW bins of it, as Fast R-CNN does.

    Args:
        x: maps (N, C, H, W).
        boxes: (R, 5) of picture, x1, y1, x2, y2, or a list with an array (R, 4) for each picture; in pixels of the
            picture. They get no gradient.
        output_size: OH × OW, an int or a pair.
        spatial_scale: how many pixels of the map a pixel of the picture is: 1 / 16 behind four halvings. The scaled
            box is rounded to whole pixels, the last of which belongs to it.

    Returns:
        y (R, C, OH, OW); a bin that lies outside of the map is 0.

    Raises:
        ValueError: if shapes are others, a box is no box, or names a picture that is not there.
        TypeError: if x is no float tensor, or a gradient of the boxes is wanted.

    Example:
        >>> from minidl import Tensor, ops
        >>> x = Tensor([[[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]]])
        >>> ops.roi_pool(x, [[[0, 0, 1, 2]]], (2, 1)).numpy().ravel()
        array([4., 7.], dtype=float32)
    """
    size, pictures, corners = _judged("roi_pool", x, boxes, output_size, spatial_scale)
    ends = np.where(corners < 0, np.ceil(corners - 0.5), np.floor(corners + 0.5)).astype(np.int64)
    rows = [bins(top, bottom, size[0], x.shape[2]) for _, top, _, bottom in ends.tolist()]
    columns = [bins(left, right, size[1], x.shape[3]) for left, _, right, _ in ends.tolist()]
    return RoiPool.apply(x, pictures=pictures, rows=rows, columns=columns, out_size=size)


def bins(first: int, last: int, count: int, size: int) -> list[Pair]:
    """Cut the pixels first … last into bins, and those to what lies on a map of `size` pixels.

    Example:
        >>> bins(1, 5, 2, 10), bins(8, 11, 2, 10)
        ([(1, 4), (3, 6)], [(8, 10), (10, 10)])
    """
    long = max(1, last - first + 1)
    found = ((first + i * long // count, first - (-(i + 1) * long // count)) for i in range(count))
    return [(min(max(start, 0), size), min(max(end, 0), size)) for start, end in found]


def roi_align(
    x: Tensor,
    boxes: Any,
    output_size: IntOrPair,
    *,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """Return for each box the averages of OH × OW bins of it, read between pixels, as Mask R-CNN does.

    Args:
        x: maps (N, C, H, W).
        boxes: (R, 5) of picture, x1, y1, x2, y2, or a list with an array (R, 4) for each picture; in pixels of the
            picture. They get no gradient.
        output_size: OH × OW, an int or a pair.
        spatial_scale: how many pixels of the map a pixel of the picture is: 1 / 16 behind four halvings.
        sampling_ratio: how many points a bin has in each direction; -1 (default) is about one for each pixel.
        aligned: True shifts by half a pixel, so that the middle of pixel 0 is at 0.5, as corners of boxes mean it.
            False (default) is how it was published; there a box is at least one pixel wide.

    Returns:
        y (R, C, OH, OW); points that lie more than a pixel outside of the map count as 0.

    Raises:
        ValueError: if shapes are others, a box is no box, or names a picture that is not there.
        TypeError: if x is no float tensor, or a gradient of the boxes is wanted.

    Example:
        >>> from minidl import Tensor, ops
        >>> x = Tensor([[[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]]])
        >>> ops.roi_align(x, [[[0, 0, 3, 3]]], 1, aligned=True).numpy().ravel()
        array([4.], dtype=float32)
    """
    size, pictures, corners = _judged("roi_align", x, boxes, output_size, spatial_scale)
    points = to_int("roi_align", "sampling_ratio", sampling_ratio, least=None)
    check_flag("roi_align", "aligned", aligned)
    corners = corners - 0.5 * bool(aligned)
    sides = (shares(corners[:, axis::2], size[1 - axis], x.shape[3 - axis], points, aligned) for axis in (0, 1))
    columns, rows = sides
    return RoiAlign.apply(x, pictures=pictures, rows=rows, columns=columns)


def shares(ends: np.ndarray, count: int, size: int, points: int, aligned: bool) -> np.ndarray:
    """Return what each of `count` bins between two ends takes of each of `size` pixels of a line.

    Args:
        ends: (R, 2), where each region begins and ends.
        count: how many bins it has.
        size: how many pixels the line has.
        points: of a bin; below 1, as many as it is long.
        aligned: whether a region may be shorter than a pixel.

    Returns:
        weights (R, count, size).

    Example:
        >>> shares(np.array([[0.0, 2.0]]), 1, 4, 2, True)
        array([[[0.25, 0.5 , 0.25, 0.  ]]])
    """
    weights = np.zeros((len(ends), count, size))
    for region, (begin, end) in enumerate(ends.tolist()):
        long = end - begin if aligned else max(end - begin, 1.0)
        grid = points if points > 0 else math.ceil(long / count)
        steps = (np.arange(grid) + 0.5) * (long / count) / max(grid, 1)
        at = begin + (np.arange(count) * (long / count))[:, None] + steps
        inside = (at >= -1) & (at <= size)
        at = at.clip(0, size - 1)
        low = np.floor(at).astype(np.int64)
        high, share = np.minimum(low + 1, size - 1), at - low
        here = np.arange(count)[:, None]
        np.add.at(weights[region], (here, low), np.where(inside, 1 - share, 0) / max(grid, 1))
        np.add.at(weights[region], (here, high), np.where(inside, share, 0) / max(grid, 1))
    return weights


def _judged(op: str, x: Any, boxes: Any, output_size: Any, spatial_scale: Any) -> tuple[Pair, list[int], np.ndarray]:
    """Return OH and OW, the picture of each region, and its corners on the map (R, 4)."""
    check_alike(op, x=x)
    check_rank(op, "x", x.shape, "N, C, H, W")
    if 0 in x.shape[2:]:
        raise ValueError(f"{op}: x must have at least one pixel; x.shape={x.shape}")
    size = to_pair(op, "output_size", output_size, least=1)
    check_positive(op, "spatial_scale", spatial_scale)
    plain = [_plain(op, one) for one in boxes] if isinstance(boxes, (list, tuple)) else _plain(op, boxes)
    if isinstance(plain, list) and all(np.ndim(one) == 2 or np.size(one) == 0 for one in plain):
        given = [_of_one_picture(op, picture, one) for picture, one in enumerate(plain)]
        if len(given) != len(x) and len(x):
            raise ValueError(
                f"{op}: a list of boxes must have an array for each of the {len(x)} pictures; received {len(given)}"
            )
        array = np.concatenate(given) if given else np.zeros((0, 5))
    else:
        array = to_numbers(op, "boxes", plain).astype(np.float64)
    if array.ndim != 2 or array.shape[1] != 5:
        raise ValueError(
            f"{op}: boxes must be (R, 5) of picture, x1, y1, x2, y2, or a list with an array (R, 4) for each picture; "
            f"boxes.shape={array.shape}"
        )
    corners = array[:, 1:]
    wrong = ~(np.isfinite(corners).all(axis=1) & (corners[:, 2:] >= corners[:, :2]).all(axis=1))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{op}: a box must have x1 <= x2 and y1 <= y2; received boxes[{row}] = {shown(corners[row].tolist())}"
        )
    of = array[:, 0]
    strangers = (of != np.floor(of)) | (of < 0) | ((of >= len(x)) if len(x) else False)
    if strangers.any():
        row = int(strangers.argmax())
        raise ValueError(
            f"{op}: boxes[{row}] is of picture {of[row]:g}, but x has {len(x)}, from 0 on; x.shape={x.shape}"
        )
    scaled = corners * float(spatial_scale)
    if not (np.abs(scaled) < FARTHEST).all():  # NaN is not, either: 0 · ∞
        raise ValueError(
            f"{op}: corners times spatial_scale must lie below {FARTHEST:g} pixels; "
            f"received spatial_scale={shown(spatial_scale)}"
        )
    return size, [int(picture) for picture in of], scaled


def _plain(op: str, boxes: Any) -> Any:
    """Return the numbers of a tensor of boxes."""
    if not isinstance(boxes, Tensor):
        return _backend.to_numpy(boxes) if _backend.is_array(boxes) else boxes
    if boxes.requires_grad:
        raise TypeError(f"{op}: boxes get no gradient; cut them off: boxes.detach()")
    return boxes.numpy()


def _of_one_picture(op: str, picture: int, boxes: Any) -> np.ndarray:
    array = to_numbers(op, f"boxes[{picture}]", boxes).astype(np.float64)
    array = array.reshape(0, 4) if array.size == 0 else array
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(
            f"{op}: boxes[{picture}] must be (R, 4) of x1, y1, x2, y2; boxes[{picture}].shape={array.shape}"
        )
    return np.concatenate([np.full((len(array), 1), picture), array], axis=1)

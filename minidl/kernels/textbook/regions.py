"""Regions of pictures, each made the same size: what lets a network look at a picture once and at its boxes afterwards.

A region is a box on the map of one picture. Every region becomes OH × OW numbers a channel, however large it is.

    roi_pool    the region, in whole pixels, is cut into OH × OW bins as evenly as whole numbers allow (bins may
                overlap by a pixel); y is the largest number of each bin, and 0 where a bin lies outside of the map.
                The winner gets the whole gradient, as in max pooling: dx[winner] += dy.

    roi_align   nothing is rounded. In each bin lie a few points, evenly spread; at each the map is read between its
                four pixels, and y is the average of a bin. Between pixels means: linear in the row, and linear in the
                column, so the weight of pixel (h, w) for a point (p, q) is the product of one number for its row and
                one for its column. The points of a bin are a grid, so the sum of all their products is the product of
                two sums, and each region is two matrix products:

                    Y = R X Cᵀ         R (OH, H): what each row of bins takes of each row, C (OW, W): of each column
                    dX = Rᵀ dY C       by the rule of the product, once for each side

Regions may lie over each other: a pixel gets the sum of what comes back from all of them, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

from minidl import _backend
from minidl._backend import Array
from minidl._checks import Pair, Shape
from minidl.kernels.textbook.select import select
from minidl.kernels.textbook.sums import rounded

Bins = Sequence[Sequence[Pair]]  # of each region: from which pixel each bin goes, and before which it ends


def roi_pool(x: Array, pictures: Sequence[int], rows: Bins, columns: Bins) -> tuple[Array, Array]:
    """Take the largest number of every bin: y (R, C, OH, OW), and which pixel h·W + w it was, or -1 for none."""
    xp, (c, width) = _backend.array_module(x), (x.shape[1], x.shape[3])
    shape = (len(pictures), c, len(rows[0]) if rows else 0, len(columns[0]) if columns else 0)
    y, winners = _backend.full(shape, 0, x.dtype, like=x), _backend.full(shape, -1, "int64", like=x)
    for region, picture in enumerate(pictures):
        for i, (top, bottom) in enumerate(rows[region]):
            for j, (left, right) in enumerate(columns[region]):
                if top >= bottom or left >= right:
                    continue
                seen = x[picture, :, top:bottom, left:right].reshape(c, -1)
                best = seen.argmax(axis=1)
                y[region, :, i, j] = seen[xp.arange(c), best]
                across = right - left
                winners[region, :, i, j] = (top + best // across) * width + left + best % across
    return y, winners


def roi_pool_dx(dy: Array, winners: Array, x_shape: Shape, pictures: Sequence[int]) -> Array:
    """Send dy (R, C, OH, OW) to the winner of each bin: dx (N, C, H, W)."""
    xp, (n, c, h, width) = _backend.array_module(dy), x_shape
    dx = _backend.full((n, c, h * width), 0, "float64", like=dy.reshape(-1)[:0])
    channels = xp.arange(c)[:, None]
    for region, picture in enumerate(pictures):
        won = winners[region].reshape(c, -1)
        given = select(won >= 0, xp.ascontiguousarray(dy[region]).reshape(c, -1))
        xp.add.at(dx[picture], (channels, won.clip(0, None)), given.astype("float64"))
    return rounded(dx.reshape(x_shape), dy.dtype)


def roi_align(x: Array, pictures: Sequence[int], rows: Array, columns: Array) -> Array:
    """Y = R X Cᵀ of every region: y (R, C, OH, OW), with rows (R, OH, H) and columns (R, OW, W)."""
    shape = (len(pictures), x.shape[1], rows.shape[1], columns.shape[1])
    y = _backend.empty(shape, x.dtype, like=x)
    for region, picture in enumerate(pictures):
        y[region] = rows[region] @ x[picture] @ columns[region].T
    return y


def roi_align_dx(dy: Array, x_shape: Shape, pictures: Sequence[int], rows: Array, columns: Array) -> Array:
    """dX = Rᵀ dY C of every region, added up where they lie on one picture: dx (N, C, H, W)."""
    dx = _backend.full(x_shape, 0, "float64", like=dy)
    for region, picture in enumerate(pictures):
        dx[picture] += rows[region].T @ dy[region] @ columns[region]
    return rounded(dx, dy.dtype)

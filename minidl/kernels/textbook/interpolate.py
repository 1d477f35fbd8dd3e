"""Pictures in another size: every new row is one old row, or lies between two, and so is every new column.

A row of the result is told by (low, high, share): how far it lies on the way from row `low` to row `high`.

    y[i] = (1 - share_i) · x[low_i] + share_i · x[high_i]          and x[low_i] itself where share_i = 0

first for all rows, then for all columns: bilinear interpolation is linear interpolation twice. It is a sum of numbers
times constants, so the gradient gives each row back what it gave, times the same constant:

    dx[low_i] += (1 - share_i) · dy[i]        dx[high_i] += share_i · dy[i]

first for the columns, then for the rows, in float64, because one pixel of a small picture feeds many of a large one.
"""

from __future__ import annotations

from collections.abc import Sequence

from minidl import _backend
from minidl._backend import Array
from minidl.kernels.textbook.sums import rounded

Place = tuple[int, int, float]  # low, high, share


def interpolate(x: Array, rows: Sequence[Place], columns: Sequence[Place]) -> Array:
    """y (N, C, OH, OW) of x (N, C, H, W): one place for each row and each column of the result."""
    n, c, _, width = x.shape
    tall = _backend.empty((n, c, len(rows), width), x.dtype, like=x)
    for i, place in enumerate(rows):
        _between(tall[:, :, i], x[:, :, place[0]], x[:, :, place[1]], place[2])
    y = _backend.empty((n, c, len(rows), len(columns)), x.dtype, like=x)
    for j, place in enumerate(columns):
        _between(y[:, :, :, j], tall[:, :, :, place[0]], tall[:, :, :, place[1]], place[2])
    return y


def _between(y: Array, low: Array, high: Array, share: float) -> None:
    """Write what lies between two rows; where it is one of them, the other has no part in it, not even if it is NaN."""
    y[...] = low if share == 0 else (1 - share) * low + share * high


def interpolate_dx(dy: Array, x_shape: tuple[int, ...], rows: Sequence[Place], columns: Sequence[Place]) -> Array:
    """dx (N, C, H, W): each pixel collects what it gave."""
    n, c, _, width = x_shape
    tall = _backend.full((n, c, len(rows), width), 0, "float64", like=dy)
    for j, (low, high, share) in enumerate(columns):
        _collect(tall[:, :, :, low], tall[:, :, :, high], dy[:, :, :, j], share)
    dx = _backend.full(x_shape, 0, "float64", like=dy)
    for i, (low, high, share) in enumerate(rows):
        _collect(dx[:, :, low], dx[:, :, high], tall[:, :, i], share)
    return rounded(dx, dy.dtype)


def _collect(low: Array, high: Array, dy: Array, share: float) -> None:
    low += dy if share == 0 else (1 - share) * dy
    if share:
        high += share * dy

"""A picture seen through a frame: moved and resampled, its colours changed, in one go.

Every row of the result is a mixture of rows that follow each other in the picture, and every column likewise. Row i is
made of the K rows from `rows[i]` on, with the shares `row_shares[i]`, whose sum is 1:

    y[c, i, j] = 1/255 · Σ_k Σ_l row_shares[i, k] · column_shares[j, l] · pixels[rows[i] + k, columns[j] + l, c]

first over the rows, then over the columns: what flips, scales, moves and averages along the axes has this form. Where
there is no picture, all shares are 0, and the result is grey.

Then saturation and exposure. The value V of a pixel is its largest colour, and V - c is V times the saturation times
what the hue says. So multiplying the saturation by s and the value by e makes of a colour c

    c' = e · (V - s · (V - c))

where s and e end at what brings saturation and value to 1. (Smith, Color gamut transform pairs, 1978.)
"""

from __future__ import annotations

from typing import Any

from minidl import _backend
from minidl._backend import Array

GREY = 128 / 255
TINY = 1e-6


def render(
    row_shares: Array, column_shares: Array, rows: Array, columns: Array, pixels: Array, colours: Array | None
) -> Array:
    """x (3, OH, OW) from 0 to 1, of pixels (H, W, 3) of bytes.

    Args:
        row_shares: (OH, K); its dtype is that of the result.
        column_shares: (OW, L).
        rows: for each row of the result the first that it is made of (OH,).
        columns: likewise (OW,).
        pixels: the picture.
        colours: s and e (F, 2) of changes of colours, one after the other; None for none.
    """
    xp = _backend.array_module(pixels)
    tall = _mixed(pixels.astype(row_shares.dtype), rows, row_shares)
    both = _mixed(tall.transpose(1, 0, 2), columns, column_shares).transpose(2, 1, 0)
    seen = (row_shares.sum(axis=1) != 0)[:, None] & (column_shares.sum(axis=1) != 0)
    x = xp.where(seen, both * row_shares.dtype.type(1 / 255), row_shares.dtype.type(GREY))
    for s, e in () if colours is None else colours.tolist():
        coloured(x, s, e)
    return x


def coloured(x: Array, s: float, e: float) -> None:
    """Multiply saturation and value of colours from 0 to 1 (3, H, W) where they are."""
    xp = _backend.array_module(x)
    s, e, tiny, one = (x.dtype.type(number) for number in (s, e, TINY, 1))
    value = x.max(axis=0)
    stronger: Any = xp.minimum(s, value / xp.maximum(value - x.min(axis=0), tiny)) if s > 1 else s
    lighter: Any = xp.minimum(e, one / xp.maximum(value, tiny)) if e > 1 else e
    x[...] = (value - (value - x) * stronger) * lighter


def _mixed(x: Array, first: Array, shares: Array) -> Array:
    """Return mixtures of rows that follow each other: y[i] = Σ_k shares[i, k] · x[first[i] + k]."""
    first = first.astype("int64")
    y = shares[:, 0, None, None] * x[first]
    for k in range(1, shares.shape[1]):
        y += shares[:, k, None, None] * x[first + k]
    return y

"""A picture seen through a frame, row by row: a row of the result is made from beginning to end while it is near.

The rows that it is made of are mixed into a line that lies in the first-level cache; of that line its pixels are mixed;
and their colours are changed where they have just been written. The picture is read as the bytes that it is, and what
lies between is never a picture. NumPy and Pillow make eight passes over memory for the same.

It is a kernel of one thread: pictures are rendered by the threads that decode them, each its own.
"""

from __future__ import annotations

import numpy as np

from minidl import _backend
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.simd.compile import inline, kernel
from minidl.kernels.textbook.render import GREY, TINY


@inline
def _colour(red, green, blue, s, e):
    """Change saturation and value of a row of pixels."""
    for j in range(red.shape[0]):
        r, g, b = red[j], green[j], blue[j]
        value = max(r, max(g, b))
        least = min(r, min(g, b))
        stronger = min(s, value / max(value - least, np.float32(TINY))) if s > 1 else s
        lighter = min(e, np.float32(1) / max(value, np.float32(TINY))) if e > 1 else e
        red[j] = (value - (value - r) * stronger) * lighter
        green[j] = (value - (value - g) * stronger) * lighter
        blue[j] = (value - (value - b) * stronger) * lighter


@inline
def _mix_rows(line, pixels, first, shares):
    """Mix rows of bytes into a line from 0 to 1, and return the sum of their shares."""
    total = np.float32(0)
    for k in range(shares.shape[0]):
        share = shares[k] * np.float32(1 / 255)
        total += shares[k]
        row = pixels[first + k]
        if k == 0:
            for t in range(line.shape[0]):
                line[t] = share * np.float32(row[t])
        else:
            for t in range(line.shape[0]):
                line[t] += share * np.float32(row[t])
    return total


@kernel("void(r2, r2, ri1, ri1, rb2, r2, w1, w1, w3, i)")
def _render(row_shares, column_shares, rows, columns, pixels, colours, line, grey, x, threads):
    taps, width = column_shares.shape[1], columns.shape[0]
    for j in range(width):
        total = np.float32(0)
        for tap in range(taps):
            total += column_shares[j, tap]
        grey[j] = np.float32(GREY) if total == 0 else np.float32(0)
    for i in range(rows.shape[0]):
        red, green, blue = x[0, i], x[1, i], x[2, i]
        if _mix_rows(line, pixels, rows[i], row_shares[i]) == 0:
            for j in range(width):
                red[j] = green[j] = blue[j] = np.float32(GREY)
        else:
            for j in range(width):
                at = 3 * columns[j]
                r = g = b = grey[j]
                for tap in range(taps):
                    share = column_shares[j, tap]
                    r += share * line[at + 3 * tap]
                    g += share * line[at + 3 * tap + 1]
                    b += share * line[at + 3 * tap + 2]
                red[j], green[j], blue[j] = r, g, b
        for change in range(colours.shape[0]):
            _colour(red, green, blue, colours[change, 0], colours[change, 1])


@door(
    "row_shares (OH K), column_shares (OW L), rows (OH) numbers, columns (OW) numbers, pixels (H W B) marks, "
    "colours (F E)?"
)
def render(row_shares, column_shares, rows, columns, pixels, colours):
    """x (3, OH, OW) from 0 to 1, of pixels (H, W, 3) of bytes."""
    h, width, bands = pixels.shape
    pair = 2 if colours is None else colours.shape[1]
    if bands != 3 or pair != 2:
        raise ValueError(f"render: expects pixels (H, W, 3) and colours (F, 2); received pixels {pixels.shape}")
    for name, first, shares, most in (("rows", rows, row_shares, h), ("columns", columns, column_shares, width)):
        if int(first.max()) + shares.shape[1] > most:
            raise ValueError(
                f"render: {name} must leave room for their {shares.shape[1]} shares: at most {most - shares.shape[1]}; "
                f"received {int(first.max())}"
            )
    x = _backend.empty((3, len(rows), len(columns)), np.float32, like=row_shares)
    changes = np.empty((0, 2), np.float32) if colours is None else np.ascontiguousarray(colours)
    _render(
        *(np.ascontiguousarray(shares) for shares in (row_shares, column_shares)),
        *(np.ascontiguousarray(first, dtype=np.int64) for first in (rows, columns)),
        np.ascontiguousarray(pixels).view(np.uint8).reshape(h, 3 * width),
        changes,
        np.empty(3 * width, np.float32),
        np.empty(len(columns), np.float32),
        x,
    )
    return x

"""What comes next is asked for while what is here is worked on: memory takes its time, and answers many at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.kernels.cpu.simd.compile import inline, part
from minidl.kernels.cpu.simd.load_store import prefetch
from minidl.kernels.cpu.simd.vector import LANES


class Rows(NamedTuple):
    """Rows of an array that will be read: `width` numbers from every `step` on, which end before `end`."""

    array: np.ndarray
    width: int
    step: int
    end: int


@inline
def ask_for(rows, at, column, lines):
    """Ask memory for the next lines of rows, from `at` on, which stands in this column; return where to go on."""
    for _ in range(lines):
        if at < rows.end:
            prefetch(rows.array, at)
        at, column = at + LANES, column + LANES
        if column >= rows.width:
            at, column = at + rows.step - column, 0
    return at, column


class Coming(NamedTuple):
    """What the next area of a gradient of weights needs of x and of dy: from here to the ends, so many lines a unit.

    Where only some channels of one of them are needed, its pixels are `apart`, and each unit asks for so many `pixels`.
    """

    x: int
    y: int
    end_x: int
    end_y: int
    lines: int
    apart_x: int
    apart_y: int
    pixels: int


@inline
def nothing():
    """Return that nothing is to come."""
    return Coming(0, 0, 0, 0, 0, 0, 0, 0)


@inline
def ask_for_both(coming, x, y, c, o):
    """Ask for what is needed with a unit of c channels of x and of o of dy, and return what is still to come."""
    at_x, at_y, end_x, end_y, lines, apart_x, apart_y, pixels = coming
    at_x = _ask(x, at_x, end_x, lines, apart_x, pixels, c)
    at_y = _ask(y, at_y, end_y, lines, apart_y, pixels, o)
    return Coming(at_x, at_y, end_x, end_y, lines, apart_x, apart_y, pixels)


@inline
def _ask(array, place, end, lines, apart, pixels, channels):
    """Ask memory for the next lines of a part of an array, or channels of its pixels; return where to go on."""
    if apart == 0:
        for at in range(place, min(end, place + lines * LANES), LANES):
            prefetch(array, at)
        return place + lines * LANES
    behind = min(end, place + pixels * apart)
    for pixel in range(place, behind, apart):
        for at in range(pixel, pixel + channels, LANES):
            prefetch(array, at)
    return place + pixels * apart


@inline
def begin_of(array, picture, row, column):
    """Return the flat index of a pixel of array (N, H, W, C)."""
    return ((picture * array.shape[1] + row) * array.shape[2] + column) * array.shape[3]


@part
def what_comes(source, target, corner, rows, columns, extent, pixels, units, c, o):
    """Return what the area at a corner needs, if it is as large as this one: dy, and so many pixels of x, by units.

    Of each pixel of x, c channels are needed, and o of dy.
    """
    picture, row, column = corner
    y = begin_of(target, picture, row, column)
    x = begin_of(source, picture, max(0, rows[2] + rows[3] * row), max(0, columns[2] + columns[3] * column))
    every_c, every_o, units = source.shape[3], target.shape[3], max(1, units)
    windows = extent[0] * extent[1] * extent[2]
    end_x, end_y = min(source.size, x + pixels * every_c), min(target.size, y + windows * every_o)
    lines = max((end_x - x) if c == every_c else 0, (end_y - y) if o == every_o else 0) // LANES // units + 1
    apart_x, apart_y = every_c if c < every_c else 0, every_o if o < every_o else 0
    return Coming(x, y, end_x, end_y, lines, apart_x, apart_y, max(pixels, windows) // units + 1)

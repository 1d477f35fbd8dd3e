"""The map that a norm is once its statistics are known: each channel of a pixel times a number, plus one.

    z = w·(x - mean)·rstd + b = a·(x - m) + shift           a = w·rstd        m is mean, rounded to a float

What rounding has left over of the mean is part of `shift`, so that z is as exact as x. The numbers of all channels lie
behind each other as a line: m, then a, then shift. A scale s·x is such a map, too, to the bit: m = 0 and shift = -0.

What only convolutions of one pixel read, and their gradients, need not be written before: who reads x applies the map.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.functions import fused
from minidl.kernels.cpu.simd.load_store import load, load_some, store
from minidl.kernels.cpu.simd.vector import fma


@inline
def repeat(rows, channels, width):
    """Fill rows of `width` numbers with what stands in the first `channels` of each, over and over."""
    for start in range(0, rows.shape[0] // width * width, width):
        for at in range(start + channels, start + width):
            rows[at] = rows[at - channels]


@inline
def draw(line, w, b, mean, rstd, width):
    """Write a line of m, a and shift, `width` numbers each."""
    channels = mean.shape[0]
    for c in range(channels):
        m = np.float32(mean[c])
        a = w[c] * rstd[c]
        line[c], line[width + c], line[2 * width + c] = m, a, b[c] - a * (mean[c] - m)
    repeat(line[: 3 * width], channels, width)


@inline
def draw_scales(lines, s, channels):
    """Write a line for each picture, of which each channel is multiplied by its number of s."""
    for at in range(s.shape[0]):
        line = at // channels * 3 * channels + at % channels
        lines[line], lines[line + channels], lines[line + 2 * channels] = 0.0, s[at], -0.0


@inline
def affine(x, line, at, width, left):
    """Return x - m and z for a vector x, whose numbers stand in lines of `width` at `at`; so many channels are left."""
    centred = x - load_some(line, at, left)
    return centred, fma(centred, load_some(line, width + at, left), load_some(line, 2 * width + at, left))


class Mapping(NamedTuple):
    """What is done to pixels of `channels` when they are read: lines, of which each is for so many pixels alike."""

    lines: np.ndarray
    channels: int
    alike: int
    kind: int


NONE = np.zeros(0, np.float32)
NOT_MAPPED = NONE, NONE, (0, 1, 0)  # lines of x and of dy, and what they have in common


@inline
def line_of(mapping, pixel):
    """Return where the line of a pixel begins."""
    return pixel // mapping.alike * 3 * mapping.channels


@inline
def through(mapping, line, x, c):
    """Return activation(z) of a vector x, the channels from c on of a pixel with this line."""
    _, z = affine(x, mapping.lines, line + c, mapping.channels, mapping.channels - c)
    return fused(mapping.kind, z)


@inline
def map_column(array, at, step, count, mapping, pixel, c):
    """Map a vector of so many pixels where they lie, `step` numbers apart, the channels from c on.

    It is `through`, with what pixels of one line have in common kept in registers. Where they lie closer than a vector
    is long, each one is read before the vector of the one before is written.
    """
    lines, channels, alike, kind = mapping
    left, x, done = channels - c, load(array, at), 0
    while done < count:  # as far as one line goes
        first = (pixel + done) // alike
        line, end = first * 3 * channels + c, min(count, (first + 1) * alike - pixel)
        m, a = load_some(lines, line, left), load_some(lines, line + channels, left)
        shift = load_some(lines, line + 2 * channels, left)
        for number in range(done, end):
            following = load(array, at + step) if number + 1 < count else x
            store(array, at, fused(kind, fma(x - m, a, shift)))
            x, at = following, at + step
        done = end

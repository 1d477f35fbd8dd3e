"""The map that a norm is once its statistics are known: each channel of a pixel times a number, plus one.

    z = w·(x - mean)·rstd + b = a·(x - m) + shift           a = w·rstd        m is mean, rounded to a float

What rounding has left over of the mean is part of `shift`, so that z is as exact as x. The numbers of all channels lie
behind each other as a line: m, then a, then shift.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.load_store import load_some
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
def affine(x, line, c, width, left):
    """Return x - m and z for the vector x of the channels from c on, of which `left` are left."""
    centred = x - load_some(line, c, left)
    return centred, fma(centred, load_some(line, width + c, left), load_some(line, 2 * width + c, left))

"""Input tiles: the part of a picture that some windows see, cut out with its border of zeros.

A convolution reads every pixel KH·KW times, and at the edges of the picture it reads what is not there. Cut out once
into a small piece of memory of its own, a tile of a few rows, the pixels lie close together in the cache nearest to
the processor, zeros stand where there is no picture, and the loops that multiply have no conditions left.

An input tile holds rows of `span` pixels, each of them some of the channels of the picture.
"""

from __future__ import annotations

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.load_store import copy_floats, load, load_first, store, store_first, zeros
from minidl.kernels.cpu.simd.vector import LANES


@inline
def seeing(first, step, count, size):
    """Return which of `count` places see one of `size` pixels, at first, first + step, …: from the first, so many."""
    if step == 1:  # nothing to divide, which would take as long as all the rest
        begin = max(0, -first)
        return begin, max(0, min(count, size - first) - begin)
    begin = max(0, (step - 1 - first) // step)
    return begin, max(0, min(count, (size - first + step - 1) // step) - begin)


@inline
def inside(left, span, width):
    """Return which of `span` columns from `left` on lie in a picture: the first, and the one behind the last."""
    before = min(max(0, -left), span)
    return before, max(before, min(span, width - left))


@inline
def cut(tile, source, picture, top, rows, left, span, channel, channels, pixel):
    """Cut rows × span pixels of a picture of source (N, H, W, C), from row `top` and column `left` on.

    Of each pixel, `channels` channels from `channel` on are taken; pixels are `pixel` floats apart in the tile. The
    vector that a pixel ends with may reach into the next one, which is written later.
    """
    h, width, c = source.shape[1:]
    x = source.reshape(-1)
    before, after = inside(left, span, width)  # zeros stand on both sides
    for row in range(rows):
        at = row * span * pixel
        if top + row < 0 or top + row >= h:
            zeros(tile, at, span * pixel)
            continue
        zeros(tile, at, before * pixel)
        place = ((picture * h + top + row) * width + left + before) * c + channel
        if channels == c and pixel == c:
            copy_floats(tile, at + before * c, x, place, (after - before) * c)
        else:
            for column in range(before, after):
                whole = channels // LANES * LANES
                for block in range(0, whole, LANES):
                    store(tile, at + column * pixel + block, load(x, place + block))
                if whole < channels:
                    rest = channels - whole
                    store_first(tile, at + column * pixel + whole, load_first(x, place + whole, rest), rest)
                place += c
        zeros(tile, at + after * pixel, (span - after) * pixel)


@inline
def frame(tile, start, height, span, rows, columns):
    """Write zeros around the part of sixteen channels that lies in the picture: between two rows and two columns."""
    (above, below), (before, after) = rows, columns
    zeros(tile, start, above * span * LANES)
    zeros(tile, start + below * span * LANES, (height - below) * span * LANES)
    for row in range(above, below):
        at = start + row * span * LANES
        zeros(tile, at, before * LANES)
        zeros(tile, at + after * LANES, (span - after) * LANES)


@inline
def cut_planes(tile, begin, plane, wide, source, picture, top, rows, left, span, channel, channels):
    """Cut as `cut` does, but `wide` channels at a time, at most sixteen: tile[begin + block·plane + wide·pixel + lane].

    What lies beyond the picture is left as it is. Lanes beyond the last channel hold other channels, or zeros; the last
    pixel of a row may write a vector's rest behind itself.
    """
    h, width, c = source.shape[1:]
    x = source.reshape(-1)
    (above, below), (before, after) = inside(top, rows, h), inside(left, span, width)
    blocks = (channels + wide - 1) // wide
    full = min(blocks, max(0, (c - channel - LANES) // wide + 1))
    for row in range(above, below):
        at = begin + row * span * wide
        place = ((picture * h + top + row) * width + left + before) * c + channel
        for column in range(at + before * wide, at + after * wide, wide):
            for block in range(full):
                store(tile, column + block * plane, load(x, place + block * wide))
            for block in range(full, blocks):
                rest = load_first(x, place + block * wide, c - channel - block * wide)
                store(tile, column + block * plane, rest)
            place += c

"""Convolution: the ways to do it, and what they have in common.

    conv2d.py        the convolutions as the dispatcher calls them: sizes judged, an algorithm chosen, run
    algorithms.py    which algorithm serves which call, and why: one table

    direct.py        the matrix product without columns, for every convolution
    turns.py         which of its windows are worked on side by side
    pixels.py        and which, where these are pixels and registers short
    small.py         the same for small maps: the pictures of a batch side by side
    winograd.py      a fourth of the multiplications, for 3×3 with stride 1, or a third, for 5×5
    points.py        its six points, and the ways to them and back
    grouped.py       depthwise, and groups of two, four or eight channels: lanes are channels
    shortened.py     two kernels in one, where a network is planned as a whole:
    widened.py       a 1×1 and the depthwise convolution behind it,
    mapped.py        a norm, or a scale, and the 1×1 convolution behind it
    direct_dw.py     the gradient of the weights by the first,
    winograd_dw.py   and by the second of these ways

    geometry.py      all sizes of a convolution; which pixels its windows read and write, forward and backward
    blocking.py      how much is done at a time, so that it stays in a cache
    packing.py       weights in the order in which they are multiplied
    prepacked.py     weights that cannot change are packed once
    input_tile.py    the part of a picture that some windows see, cut out with its border of zeros
    coming.py        what the next area needs, asked for while this one is worked on
    epilogue.py      what follows while results are still in registers: residual and activation

Read `geometry.py`, `packing.py` and `input_tile.py`, then `direct.py`; the others are variations.
"""

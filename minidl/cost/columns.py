"""The memory of im2col: how large the columns of a convolution are.

    groups · K · P numbers for one picture          K = C/G·KH·KW, the length of a column; P = OH·OW windows

VGG-16's conv1_2 has 64 · 9 · 224² of them, 110.25 MiB in float32, for a picture of 12.25 MiB. The textbook's kernels
make them for a block of pictures at a time, and not at all where a 1×1 convolution finds the picture to be its columns.
"""

from __future__ import annotations

import math

from minidl.kernels.textbook.conv import BLOCK_BYTES
from minidl.tensor import Event

CONVOLUTIONS = ("conv2d", "conv2d_fused", "conv_transpose2d")


def workspace_bytes(event: Event, itemsize: int | None = None) -> int:
    """Return the bytes of the columns of one picture; 0 where the operation makes none.

    Args:
        event: one of `walk`.
        itemsize: bytes of a number; None (default) means those of the result.

    Example:
        >>> from minidl import cost, models, nn
        >>> with nn.init.unfilled():
        ...     events = cost.walk(models.vgg16())
        >>> [workspace_bytes(event) / 2**20 for event in events if event.op == "conv2d"][:2]
        [5.16796875, 110.25]
    """
    if event.op not in CONVOLUTIONS or (event.op != "conv_transpose2d" and _is_its_columns(event)):
        return 0
    return _numbers(event) * (itemsize or event.output.dtype.itemsize)


def block_bytes(event: Event, batch: int, itemsize: int, *, backward: bool = False) -> int:
    """Return the bytes of the columns that the textbook's kernels hold at a time: those of a block of pictures.

    Args:
        event: one of `walk`.
        batch: how many pictures there are.
        itemsize: bytes of a number.
        backward: whether it is the way back, on which the gradient of the picture comes from columns in any case.
    """
    if event.op not in CONVOLUTIONS or (not backward and not workspace_bytes(event)):
        return 0
    one = _numbers(event) * itemsize
    return one * min(batch, max(1, BLOCK_BYTES // max(1, one)))


def _numbers(event: Event) -> int:
    """G · K · P, where the picture is that of the windows: for a transposed convolution its result."""
    w = event.inputs[1]
    places = event.inputs[0].shape[2:] if event.op == "conv_transpose2d" else event.output.shape[2:]  # type: ignore[union-attr]
    return event.settings["groups"] * math.prod(w.shape[1:]) * math.prod(places)  # type: ignore[union-attr]


def _is_its_columns(event: Event) -> bool:
    x, w = event.inputs[:2]
    steps = w.shape[2:] == event.settings["stride"] == (1, 1)  # type: ignore[union-attr]
    return steps and event.settings["padding"] == ((0, 0), (0, 0)) and event.output.shape[2:] == x.shape[2:]  # type: ignore[union-attr]

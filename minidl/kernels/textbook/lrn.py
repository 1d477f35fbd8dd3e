"""Local response norm: every number is divided by the activity of the neighbouring channels at the same pixel.

With the window of channel c from c - size // 2 to c + (size - 1) // 2, clipped at the ends,

    scale_c = k + alpha · Σ x_j²    over j in the window of c        y_c = x_c · scale_c^(-beta)

    dx_j = dy_j · scale_j^(-beta)  -  2 · alpha · beta · x_j · Σ dy_c · x_c · scale_c^(-beta - 1)

where the sum runs over all channels c whose window holds j: the window mirrored. It is added up in float64, as in
`norm.py`; docs/derivations/local_response_norm.md has the full derivation.
Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012),
section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidl import _backend
from minidl._backend import Array
from minidl._xp import xp_of
from minidl.kernels.textbook.sums import rounded


def overlaps(channels: int, first: int, last: int) -> Iterator[tuple[slice, slice]]:
    """Yield for each offset from first to last the channels c, and c + offset, that both exist."""
    for offset in range(max(first, 1 - channels), min(last, channels - 1) + 1):
        start, end = max(0, -offset), channels - max(0, offset)
        yield slice(start, end), slice(start + offset, end + offset)


def lrn(x: Array, size: int, alpha: float, beta: float, k: float) -> tuple[Array, Array]:
    """Divide x (N, C, H, W) by the activity of neighbouring channels: y and scale, both like x."""
    scale = _backend.full(x.shape, 0, "float64", like=x)
    square = x * x
    for here, there in overlaps(x.shape[1], -(size // 2), (size - 1) // 2):
        scale[:, here] += square[:, there]
    scale *= alpha
    scale += k
    scale = rounded(scale, x.dtype)
    y = xp_of(x).power(scale, x.dtype.type(-beta))
    y *= x
    return y, scale


def lrn_dx(dy: Array, x: Array, scale: Array, size: int, alpha: float, beta: float) -> Array:
    """Carry dy back to x: its own share, and that of every channel in whose window it lies."""
    power = scale ** x.dtype.type(-beta)
    ratio = dy * x * power / scale  # dy · x · scale^(-beta - 1)
    gathered = _backend.full(x.shape, 0, "float64", like=x)
    for here, there in overlaps(x.shape[1], -((size - 1) // 2), size // 2):
        gathered[:, here] += ratio[:, there]
    gathered *= x
    gathered *= -2 * alpha * beta
    gathered += dy * power
    return rounded(gathered, x.dtype)

"""Maxout: the largest of a few neighbours, and no other bend.

    y[c] = max(x[c·P], x[c·P + 1], …, x[c·P + P - 1])          dx = dy at the winner, 0 at the others

A layer and the maxout behind it is the largest of P straight lines, so it bends where it has learnt to, and is flat
nowhere. It is put together from `unflatten` and `max`, which have the arithmetic and the gradient.
"""

from __future__ import annotations

from minidl._checks import check_alike, check_divides, to_axis, to_int
from minidl.ops.reduce import Max
from minidl.ops.reshape import unflatten
from minidl.tensor import Tensor


def maxout(x: Tensor, pieces: int, axis: int = 1) -> Tensor:
    """Return the largest of every `pieces` neighbours along one axis, which becomes as much shorter.

    Where several are the largest, the first gets the whole gradient.

    Args:
        x: (N, C·pieces), (N, C·pieces, H, W), or any shape.
        pieces: how many neighbours are compared.
        axis: along which one.

    Raises:
        ValueError: if pieces is below 1 or does not divide the size of the axis, or the axis does not exist.
        TypeError: if x is no float tensor.

    Source: Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", arXiv:1302.4389.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.maxout(Tensor([[1.0, 5.0, -3.0, -2.0]]), 2).numpy()
        array([[ 5., -2.]], dtype=float32)
    """
    check_alike("maxout", x=x)
    pieces = to_int("maxout", "pieces", pieces, least=1)
    axis = to_axis("maxout", axis, x.ndim)
    check_divides("maxout", "pieces", pieces, f"x.shape[{axis}]", x.shape[axis])
    return Max.apply(unflatten(x, axis, (x.shape[axis] // pieces, pieces)), axes=(axis + 1,), keepdims=False)

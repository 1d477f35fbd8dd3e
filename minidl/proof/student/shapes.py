"""Which shapes come out of which mistakes: sizes worked out wrong, borders cut off wrong, a reshape or a sum forgotten.

Each function yields pairs: what was done, in words that follow "exactly this shape comes out if …", and the shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from minidl._checks import Pair
from minidl.proof.student.cases import Geometry

Shape = tuple[int, ...]
Mistake = tuple[str, Shape]


def wrong_shapes(axes: str, right: Shape, g: Geometry) -> Iterator[Mistake]:
    """Yield the wrong shapes of a result whose axes have these letters."""
    rest = right[:-2]
    if axes.endswith("OH, OW") and g.beyond == (0, 0):
        for what, size in counted(g):
            yield what, (*rest, *size)
    if axes == "N, O, OH, OW":
        yield (
            "the windows still stand in one row, (N, O, P); reshape it to (N, O, OH, OW)",
            (*rest, g.size[0] * g.size[1]),
        )
    if axes == "N, C, KH, KW, OH, OW":
        k, p = math.prod(right[1:4]), math.prod(g.size)
        yield "the columns are one matrix for each picture, (N, K, P); here they keep their six axes", (right[0], k, p)
    if axes == "N, C, H, W":
        for what, size in cut(g):
            yield what, (*rest, *size)
    if axes == "O, C/G, KH, KW":
        yield "the kernels still stand in rows, (O, K); reshape it to w_shape", (right[0], math.prod(right[1:]))
        for each in (right, (right[0], math.prod(right[1:]))):
            yield "the pictures are not added up: sum over the first axis", (g.x_shape[0], *each)


def counted(g: Geometry) -> Iterator[tuple[str, Pair]]:
    """Yield numbers of windows (OH, OW) that are worked out wrong."""

    def both(count: int = 0, **changed: Pair) -> Pair:
        given = {"stride": g.stride, "dilation": g.dilation, **changed}
        sizes = [
            (g.x_shape[2 + a] + padding[a] - given["dilation"][a] * (g.kernel_size[a] - 1) - 1) // given["stride"][a]
            for padding in [changed.get("padding", (sum(g.padding[0]), sum(g.padding[1])))]
            for a in range(2)
        ]
        return sizes[0] + 1 + count, sizes[1] + 1 + count

    yield "the + 1 at the end of OH is forgotten", both(-1)
    yield "OH is worked out without the stride", both(stride=(1, 1))
    yield "OH is worked out without the dilation", both(dilation=(1, 1))
    yield "OH is worked out without the padding", both(padding=(0, 0))
    yield "OH is worked out with the padding of one side only", both(padding=(g.padding[0][0], g.padding[1][0]))
    yield "OH is rounded up: `//` rounds down", _rounded_up(g)
    yield "OH and OW are exchanged", g.size[::-1]
    yield "rows and columns of the stride are exchanged", both(stride=g.stride[::-1])
    yield "rows and columns of the dilation are exchanged", both(dilation=g.dilation[::-1])


def _rounded_up(g: Geometry) -> Pair:
    oh, ow = (
        -(-(g.x_shape[2 + a] + sum(g.padding[a]) - g.dilation[a] * (g.kernel_size[a] - 1) - 1) // g.stride[a]) + 1
        for a in range(2)
    )
    return oh, ow


def cut(g: Geometry) -> Iterator[tuple[str, Pair]]:
    """Yield sizes (H, W) of pictures whose border of padding is cut off wrong."""
    h, width = g.x_shape[2:]
    (top, bottom), (left, side) = g.padding
    whole = h + top + bottom, width + left + side
    yield "the border of the padding is not cut off", whole
    if 0 in (bottom, side):
        nothing = "the border is cut off with [p:-p], which leaves nothing where p is 0; write [p : p + H]"
        yield nothing, (len(range(whole[0])[top:-bottom]), len(range(whole[1])[left:-side]))
    if 0 in (top, left):
        nothing = "the border is cut off with [p:-p], which leaves nothing where p is 0; write [p : p + H]"
        yield nothing, (len(range(whole[0])[top:-top]), len(range(whole[1])[left:-left]))
    if (top, left) != (bottom, side):
        yield (
            "as much is cut off at the end as in front",
            (len(range(whole[0])[top : whole[0] - top]), len(range(whole[1])[left : whole[1] - left])),
        )

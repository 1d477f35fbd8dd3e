"""Judge the geometry of an operation that slides a window over a picture, and work out its output size."""

from __future__ import annotations

from typing import Any

from minidl._checks import IntOrPair, Padding, PaddingOrSame, Pair, Shape, to_padding, to_pair
from minidl.kernels.textbook.windows import output_size, same_padding


def to_layout(
    op: str, stride: IntOrPair, padding: PaddingOrSame, dilation: IntOrPair, *, same: bool = False
) -> tuple[Pair, Any, Pair]:
    """Judge how windows lie, whatever the picture: stride, padding, dilation as kernels take them.

    "same", where an operation knows it, is left to `resolve_padding`, for it depends on the size of the picture.
    """
    steps, spacing = to_pair(op, "stride", stride, least=1), to_pair(op, "dilation", dilation, least=1)
    is_same = same and isinstance(padding, str) and padding == "same"
    return steps, padding if is_same else to_padding(op, padding, same=same), spacing


def resolve_padding(padding: Any, size: Pair, kernel_size: Pair, stride: Pair, dilation: Pair) -> Padding:
    """Return a judged padding as ((top, bottom), (left, right)); "same" is worked out from the size."""
    if padding == "same":
        rows, columns = (same_padding(size[a], kernel_size[a], stride[a], dilation[a]) for a in range(2))
        return rows, columns
    return padding


def window_count(
    op: str, shape: Shape, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, ceil_mode: bool = False
) -> Pair:
    """Return (OH, OW), or say with the arithmetic why no window fits."""
    counts = []
    for axis, (letter, kernel_letter) in enumerate((("H", "KH"), ("W", "KW"))):
        size, kernel, step, (front, back) = shape[2 + axis], kernel_size[axis], stride[axis], padding[axis]
        count = output_size(size, kernel, step, (front, back), dilation[axis], ceil_mode)
        if count < 1:
            span = dilation[axis] * (kernel - 1) + 1
            raise ValueError(
                f"{op}: the kernel is larger than the padded input: "
                f"dilation * ({kernel_letter} - 1) + 1 = {dilation[axis]} * ({kernel} - 1) + 1 = {span}, "
                f"but {letter} + padding = {size} + {front} + {back} = {size + front + back}; "
                f"x.shape={tuple(shape)}, kernel_size={kernel_size}; enlarge the input or the padding"
            )
        counts.append(count)
    return counts[0], counts[1]


def to_output_padding(op: str, value: IntOrPair, stride: Pair, dilation: Pair) -> Pair:
    """Judge how many rows and columns a transposed convolution adds at the end."""
    more = to_pair(op, "output_padding", value, least=0)
    if any(more[axis] >= max(stride[axis], dilation[axis]) for axis in range(2)):
        raise ValueError(
            f"{op}: output_padding must be less than stride or dilation; "
            f"received output_padding={more}, stride={stride}, dilation={dilation}"
        )
    return more


def transposed_size(
    op: str, shape: Shape, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, output_padding: Pair
) -> Pair:
    """Return (OH, OW) of a transposed convolution, or say with the arithmetic why nothing is left."""
    sizes = []
    for axis, (letter, kernel_letter) in enumerate((("H", "KH"), ("W", "KW"))):
        size, step, more, (front, back) = shape[2 + axis], stride[axis], output_padding[axis], padding[axis]
        sizes.append((size - 1) * step - front - back + dilation[axis] * (kernel_size[axis] - 1) + more + 1)
        if sizes[axis] < 1:
            raise ValueError(
                f"{op}: nothing is left of the output: O{letter} = ({letter} - 1) * stride - padding "
                f"+ dilation * ({kernel_letter} - 1) + output_padding + 1 = ({size} - 1) * {step} - ({front} + {back}) "
                f"+ {dilation[axis]} * ({kernel_size[axis]} - 1) + {more} + 1 = {sizes[axis]}; "
                f"x.shape={tuple(shape)}, kernel_size={kernel_size}; take less padding"
            )
    return sizes[0], sizes[1]

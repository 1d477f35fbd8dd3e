"""Windows: where a kernel looks, and how all that it sees becomes the columns of a matrix.

A kernel of KH×KW slides over a picture of H×W. In each direction, with stride s, dilation d and padding p on each side,

    OH = (H + p_top + p_bottom - d·(KH - 1) - 1) // s + 1          d·(KH - 1) + 1 is what the kernel spans

and tap (i, j) of window (oh, ow) sees the pixel (oh·s + i·d - p_top, ow·s + j·d - p_left). Fix the tap and let the
window run: the pixels form a regular grid, one slice with a step. So there is no need for a loop over windows: KH·KW
slices, one for each tap, fill the columns.

    im2col   cols[n, c, i, j, oh, ow]  = x[n, c, oh·s + i·d - p_top, ow·s + j·d - p_left]        (0 outside the picture)
    col2im   x[n, c, row, column]     += cols[n, c, i, j, oh, ow]        for every entry of cols that was read from
    there

`im2col` is a linear map that copies numbers; `col2im` is its adjoint: it adds every number back to the pixel it came
from, so that <im2col(x), c> = <x, col2im(c)> for all x and c. It is not the inverse: a pixel seen by nine windows comes
back nine times.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidl import _backend
from minidl._backend import Array
from minidl._checks import Padding, Pair, Shape


def output_size(size: int, kernel: int, stride: int, padding: Pair, dilation: int, ceil_mode: bool = False) -> int:
    """Return how many windows fit along one axis.

    With `ceil_mode` a last window may reach over the end, if it still begins inside the picture or its front padding.

    Example:
        >>> output_size(227, 11, stride=4, padding=(0, 0), dilation=1)  # AlexNet's first layer
        55
        >>> output_size(112, 3, stride=2, padding=(0, 0), dilation=1, ceil_mode=True)  # GoogLeNet's first pooling
        56
    """
    room = size + sum(padding) - dilation * (kernel - 1) - 1
    windows = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (windows - 1) * stride >= size + padding[0]:
        windows -= 1
    return windows


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Return the padding that makes the output ceil(size / stride) long, the odd pixel at the end, as TensorFlow does.

    Example:
        >>> same_padding(224, 3, stride=2, dilation=1)
        (0, 1)
    """
    windows = -(-size // stride)
    total = max(0, (windows - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2


def pad(x: Array, padding: Padding, value: float = 0.0) -> Array:
    """Return a copy of x (..., H, W) with a border of one value, or x itself where there is no border."""
    (top, bottom), (left, right) = padding
    if top == bottom == left == right == 0:
        return x
    *others, h, width = x.shape
    padded = _backend.full((*others, h + top + bottom, width + left + right), value, x.dtype, like=x)
    padded[..., top : top + h, left : left + width] = x
    return padded


def crop(x: Array, padding: Padding) -> Array:
    """Return the view of x (..., H, W) without its border: the adjoint of `pad`."""
    (top, bottom), (left, right) = padding
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def taps(kernel_size: Pair, stride: Pair, dilation: Pair, out_size: Pair) -> Iterator[tuple[int, int, slice, slice]]:
    """Yield for each tap of the kernel its place (i, j) and the rows and columns of a padded picture that it sees."""
    (kh, kw), (oh, ow) = kernel_size, out_size
    for i in range(kh):
        top = i * dilation[0]
        rows = slice(top, top + stride[0] * (oh - 1) + 1, stride[0])
        for j in range(kw):
            left = j * dilation[1]
            yield i, j, rows, slice(left, left + stride[1] * (ow - 1) + 1, stride[1])


def im2col(x: Array, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, out_size: Pair) -> Array:
    """Write out what every window of x sees: x (N, C, H, W) -> cols (N, C, KH, KW, OH, OW).

    Source: Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing"
    (2006), section 2.2.
    """
    cols = _backend.empty((*x.shape[:2], *kernel_size, *out_size), x.dtype, like=x)
    padded = pad(x, padding)
    for i, j, rows, columns in taps(kernel_size, stride, dilation, out_size):
        cols[:, :, i, j] = padded[:, :, rows, columns]
    return cols


def col2im(cols: Array, x_shape: Shape, stride: Pair, padding: Padding, dilation: Pair) -> Array:
    """Add every entry of cols (N, C, KH, KW, OH, OW) back to the pixel it was read from: the adjoint of `im2col`."""
    n, c, kh, kw, oh, ow = cols.shape
    (top, bottom), (left, right) = padding
    padded_shape = (n, c, x_shape[2] + top + bottom, x_shape[3] + left + right)
    padded = _backend.full(padded_shape, 0, cols.dtype, like=cols)
    for i, j, rows, columns in taps((kh, kw), stride, dilation, (oh, ow)):
        padded[:, :, rows, columns] += cols[:, :, i, j]
    return crop(padded, padding)

"""The columns of a convolution as operations of their own: `im2col` and its adjoint `col2im`.

x (N, C, H, W)  <->  cols (N, C·KH·KW, P)        P = OH·OW windows

Both are linear maps that only move numbers, each the adjoint of the other, so each is the other's gradient. What they
do, tap by tap, stands in minidl/kernels/textbook/windows.py.
"""

from __future__ import annotations

import math
from typing import Any

from minidl import kernels
from minidl._backend import Array
from minidl._checks import IntOrPair, PaddingOrSame, Pair, Shape, check_alike, check_divides, check_rank, to_pair
from minidl.ops._windows import resolve_padding, to_layout, window_count
from minidl.tensor import Context, Function, Tensor


class Im2col(Function):
    """Saves no array: the gradient needs only the geometry."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, kernel_size: Pair, out_size: Pair, **layout: Any) -> Array:
        """What every window sees: (N, C·KH·KW, P)."""
        ctx.cols_shape = (*x.shape[:2], *kernel_size, *out_size)
        ctx.x_shape, ctx.layout = x.shape, layout
        cols = kernels.im2col(x, kernel_size, out_size=out_size, **layout)
        return cols.reshape(x.shape[0], math.prod(ctx.cols_shape[1:4]), math.prod(out_size))

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """The adjoint."""
        return kernels.col2im(dy.reshape(ctx.cols_shape), ctx.x_shape, **ctx.layout)


class Col2im(Function):
    """Saves no array."""

    @staticmethod
    def forward(
        ctx: Context, cols: Array, *, output_size: Pair, kernel_size: Pair, out_size: Pair, **layout: Any
    ) -> Array:
        """Every number added back to its pixel: (N, C, H, W)."""
        n, channels = cols.shape[0], cols.shape[1] // math.prod(kernel_size)
        ctx.windows, ctx.cols_shape = {"kernel_size": kernel_size, "out_size": out_size, **layout}, cols.shape
        cols = cols.reshape(n, channels, *kernel_size, *out_size)
        return kernels.col2im(cols, (n, channels, *output_size), **layout)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """The adjoint."""
        return kernels.im2col(dy, **ctx.windows).reshape(ctx.cols_shape)


def im2col(
    x: Tensor, kernel_size: IntOrPair, *, stride: IntOrPair = 1, padding: PaddingOrSame = 0, dilation: IntOrPair = 1
) -> Tensor:
    """Write out what every window of x sees, one column for each window: PyTorch's unfold.

    Args:
        x: pictures (N, C, H, W).
        kernel_size: size of the window, an int or a pair.
        stride: step of the window.
        padding: zeros around the picture, as for `conv2d`.
        dilation: distance between the taps.

    Returns:
        cols (N, C * KH * KW, P), with P = OH * OW windows in reading order.

    Raises:
        ValueError: if the geometry does not fit.
        TypeError: if x is no float tensor.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor(np.arange(9.0).reshape(1, 1, 3, 3))
        >>> ops.im2col(x, 2).numpy()[0]
        array([[0., 1., 3., 4.],
               [1., 2., 4., 5.],
               [3., 4., 6., 7.],
               [4., 5., 7., 8.]])
    """
    check_alike("im2col", x=x)
    check_rank("im2col", "x", x.shape, "N, C, H, W")
    kernel_size = to_pair("im2col", "kernel_size", kernel_size, least=1)
    layout = to_layout("im2col", stride, padding, dilation, same=True)
    return Im2col.apply(x, **_geometry("im2col", x.shape, kernel_size, *layout))


def col2im(
    cols: Tensor,
    output_size: IntOrPair,
    kernel_size: IntOrPair,
    *,
    stride: IntOrPair = 1,
    padding: PaddingOrSame = 0,
    dilation: IntOrPair = 1,
) -> Tensor:
    """Add every number of the columns back to the pixel that it was read from: PyTorch's fold, the adjoint of `im2col`.

    It is not the inverse: a pixel that several windows see comes back several times.

    Args:
        cols: columns (N, C * KH * KW, P).
        output_size: (H, W), or one int for both.
        kernel_size: size of the window, an int or a pair.
        stride: step of the window.
        padding: zeros around the picture, as for `conv2d`.
        dilation: distance between the taps.

    Returns:
        x (N, C, H, W).

    Raises:
        ValueError: if the geometry does not fit.
        TypeError: if cols is no float tensor.

    Example:
        How many windows of 3×3 see each pixel of 5×5:

        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.col2im(ops.im2col(Tensor(np.ones((1, 1, 5, 5))), 3), 5, 3).numpy()[0, 0]
        array([[1., 2., 3., 2., 1.],
               [2., 4., 6., 4., 2.],
               [3., 6., 9., 6., 3.],
               [2., 4., 6., 4., 2.],
               [1., 2., 3., 2., 1.]])
    """
    check_alike("col2im", cols=cols)
    check_rank("col2im", "cols", cols.shape, "N, C*KH*KW, P")
    n, rows, windows = cols.shape
    output_size = to_pair("col2im", "output_size", output_size, least=1)
    kh, kw = to_pair("col2im", "kernel_size", kernel_size, least=1)
    check_divides("col2im", "KH * KW", kh * kw, "cols.shape[1]", rows)
    x_shape = (n, rows // (kh * kw), *output_size)
    layout = to_layout("col2im", stride, padding, dilation, same=True)
    geometry = _geometry("col2im", x_shape, (kh, kw), *layout)
    oh, ow = geometry["out_size"]
    if windows != oh * ow:
        raise ValueError(
            f"col2im: cols has {windows} columns but there are OH * OW = {oh} * {ow} = {oh * ow} windows; "
            f"cols.shape={cols.shape}, output_size={output_size}, kernel_size={(kh, kw)}"
        )
    return Col2im.apply(cols, output_size=output_size, **geometry)


def _geometry(op: str, x_shape: Shape, kernel_size: Pair, stride: Pair, padding: Any, dilation: Pair) -> dict[str, Any]:
    """Return what was judged as kernels take it, with the number of windows."""
    padding = resolve_padding(padding, (x_shape[2], x_shape[3]), kernel_size, stride, dilation)
    out_size = window_count(op, x_shape, kernel_size, stride, padding, dilation)
    layout = {"stride": stride, "padding": padding, "dilation": dilation}
    return {"kernel_size": kernel_size, "out_size": out_size, **layout}

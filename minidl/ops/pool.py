"""Pooling over windows: the largest or the average number of each.

    x (N, C, H, W)   ->   y (N, C, OH, OW)        OH = (H + padding - dilation * (KH - 1) - 1) // stride + 1

With ceil_mode the division is rounded up, so that a last window may reach over the end; one that would begin in the
padding behind the picture is left out. Padding may be at most half the kernel, so that every window sees the picture.
"""

from __future__ import annotations

from typing import Any

from minidl import kernels
from minidl._backend import Array
from minidl._checks import IntOrPair, PaddingLike, Pair, check_alike, check_flag, check_rank, is_int, to_pair
from minidl.ops._windows import to_layout, window_count
from minidl.tensor import Context, Function, Tensor

OutputSize = int | None | tuple[int | None, int | None]  # of an adaptive pooling


class MaxPool2d(Function):
    """Saves the index of each winner inside its window, one byte for windows of up to 256 taps, and nothing else.

    Where nobody wants a gradient there are no winners, unless an observer asks for the choice.
    """

    @staticmethod
    def forward(ctx: Context, x: Array, *, out_size: Pair, **geometry: Any) -> Array:
        """The largest number of each window."""
        if not any(ctx.needs):
            ctx.choices = lambda: kernels.max_pool2d(x, out_size=out_size, **geometry)[1]
            return kernels.max_pool2d(x, out_size=out_size, with_winners=False, **geometry)[0]
        y, winners = kernels.max_pool2d(x, out_size=out_size, **geometry)
        ctx.save(winners)
        ctx.choices, ctx.geometry, ctx.x_shape = winners, geometry, x.shape
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """The winner of each window gets its dy."""
        (winners,) = ctx.saved
        return kernels.max_pool2d_dx(dy, winners, ctx.x_shape, **ctx.geometry)


class AvgPool2d(Function):
    """Saves no array: the gradient needs only the geometry."""

    @staticmethod
    def forward(ctx: Context, x: Array, **geometry: Any) -> Array:
        """The average of each window."""
        ctx.geometry, ctx.x_shape = geometry, x.shape
        return kernels.avg_pool2d(x, **geometry)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """Every tap of a window gets an equal share of its dy."""
        return kernels.avg_pool2d_dx(dy, ctx.x_shape, **ctx.geometry)


class AdaptiveAvgPool2d(Function):
    """Saves no array: the gradient needs only the sizes."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, output_size: Pair) -> Array:
        """The average of each window, the windows spread evenly."""
        ctx.x_shape = x.shape
        return kernels.adaptive_avg_pool2d(x, output_size)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """Every pixel of a window gets an equal share of its dy."""
        return kernels.adaptive_avg_pool2d_dx(dy, ctx.x_shape)


class GlobalAvgPool2d(Function):
    """Saves no array."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """The average of each channel of each picture."""
        ctx.x_shape = x.shape
        return kernels.global_avg_pool2d(x)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """Every pixel gets an equal share of dy."""
        return kernels.global_avg_pool2d_dx(dy, ctx.x_shape)


def to_pooling(
    op: str,
    kernel_size: IntOrPair,
    stride: IntOrPair | None,
    padding: PaddingLike,
    dilation: IntOrPair,
    ceil_mode: bool,
) -> dict[str, Any]:
    """Judge the windows of a pooling, whatever the picture: kernel_size, stride, padding and dilation for kernels."""
    kernel_size = to_pair(op, "kernel_size", kernel_size, least=1)
    steps, sides, spacing = to_layout(op, kernel_size if stride is None else stride, padding, dilation)
    check_flag(op, "ceil_mode", ceil_mode)
    for axis, (front, back) in enumerate(sides):
        if max(front, back) > kernel_size[axis] // 2:
            raise ValueError(
                f"{op}: padding must be at most half the kernel, {kernel_size[axis]} // 2 = {kernel_size[axis] // 2}; "
                f"received padding={max(front, back)}, kernel_size={kernel_size}"
            )
    return {"kernel_size": kernel_size, "stride": steps, "padding": sides, "dilation": spacing}


def _geometry(op: str, x: Tensor, ceil_mode: bool, **windows: Any) -> dict[str, Any]:
    """Judge the arguments of a pooling: what `to_pooling` returns, and out_size."""
    check_alike(op, x=x)
    check_rank(op, "x", x.shape, "N, C, H, W")
    geometry = to_pooling(op, ceil_mode=ceil_mode, **windows)
    return {**geometry, "out_size": window_count(op, x.shape, ceil_mode=ceil_mode, **geometry)}


def max_pool2d(
    x: Tensor,
    kernel_size: IntOrPair,
    *,
    stride: IntOrPair | None = None,
    padding: PaddingLike = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Take the largest number of every window; padding counts as -inf, and the first of several largest wins.

    Args:
        x: pictures (N, C, H, W).
        kernel_size: size of the window, an int or a pair.
        stride: step of the window; None (default) means kernel_size.
        padding: at most half the kernel: an int, (ph, pw) or ((top, bottom), (left, right)).
        dilation: distance between the taps.
        ceil_mode: round the output size up instead of down.

    Returns:
        y (N, C, OH, OW).

    Raises:
        ValueError: if the geometry does not fit.
        TypeError: if x is no float tensor.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor(np.arange(16.0).reshape(1, 1, 4, 4))
        >>> ops.max_pool2d(x, 2).numpy()
        array([[[[ 5.,  7.],
                 [13., 15.]]]])
    """
    windows = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
    return MaxPool2d.apply(x, **_geometry("max_pool2d", x, ceil_mode, **windows))


def avg_pool2d(
    x: Tensor,
    kernel_size: IntOrPair,
    *,
    stride: IntOrPair | None = None,
    padding: PaddingLike = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Average every window; the pixels of the padding count as zeros, or with count_include_pad=False not at all.

    Args:
        x: pictures (N, C, H, W).
        kernel_size: size of the window, an int or a pair.
        stride: step of the window; None (default) means kernel_size.
        padding: at most half the kernel: an int, (ph, pw) or ((top, bottom), (left, right)).
        ceil_mode: round the output size up instead of down.
        count_include_pad: divide by the whole window, or only by its pixels inside the picture.

    Returns:
        y (N, C, OH, OW).

    Raises:
        ValueError: if the geometry does not fit.
        TypeError: if x is no float tensor.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor(np.arange(16.0).reshape(1, 1, 4, 4))
        >>> ops.avg_pool2d(x, 2).numpy()
        array([[[[ 2.5,  4.5],
                 [10.5, 12.5]]]])
    """
    windows = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    geometry = _geometry("avg_pool2d", x, ceil_mode, dilation=1, **windows)
    check_flag("avg_pool2d", "count_include_pad", count_include_pad)
    del geometry["dilation"]
    return AvgPool2d.apply(x, **geometry, count_include_pad=bool(count_include_pad))


def adaptive_avg_pool2d(x: Tensor, output_size: OutputSize) -> Tensor:
    """Average over windows that are chosen so that the output has a given size, as PyTorch does.

    Window i of OH covers rows floor(i * H / OH) to ceil((i + 1) * H / OH); with OH > H rows are repeated.

    Args:
        x: pictures (N, C, H, W).
        output_size: (OH, OW), or one int for both; None in a pair keeps that size of x.

    Returns:
        y (N, C, OH, OW).

    Raises:
        ValueError: if a size is below 1 or x has no pixels.
        TypeError: if x is no float tensor.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> x = Tensor(np.arange(3.0).reshape(1, 1, 1, 3))
        >>> ops.adaptive_avg_pool2d(x, (1, 2)).numpy()
        array([[[[0.5, 1.5]]]])
        >>> ops.adaptive_avg_pool2d(x, (None, 6)).numpy()
        array([[[[0., 0., 1., 1., 2., 2.]]]])
    """
    check_alike("adaptive_avg_pool2d", x=x)
    _check_pixels("adaptive_avg_pool2d", x)
    return AdaptiveAvgPool2d.apply(x, output_size=to_output_size("adaptive_avg_pool2d", output_size, x.shape[2:]))


def to_output_size(op: str, value: OutputSize, size: Pair) -> Pair:
    """Judge the size that the output of an adaptive pooling shall have; None keeps that of the picture."""
    sizes: Any = (value, value) if value is None or is_int(value) else value
    if isinstance(sizes, (tuple, list)) and len(sizes) == 2:
        sizes = tuple(old if new is None else new for old, new in zip(size, sizes, strict=True))
    return to_pair(op, "output_size", sizes, least=1)


def global_avg_pool2d(x: Tensor) -> Tensor:
    """Average each channel of each picture.

    Args:
        x: pictures (N, C, H, W).

    Returns:
        y (N, C): `adaptive_avg_pool2d(x, 1)` without the last two axes.

    Raises:
        ValueError: if x has no pixels.
        TypeError: if x is no float tensor.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.global_avg_pool2d(Tensor(np.arange(8.0).reshape(1, 2, 2, 2))).numpy()
        array([[1.5, 5.5]])
    """
    check_alike("global_avg_pool2d", x=x)
    _check_pixels("global_avg_pool2d", x)
    return GlobalAvgPool2d.apply(x)


def _check_pixels(op: str, x: Tensor) -> None:
    check_rank(op, "x", x.shape, "N, C, H, W")
    if 0 in x.shape[2:]:
        raise ValueError(f"{op}: x has no pixels to average; x.shape={x.shape}")

"""Pooling as layers; `minidl.ops` has the arithmetic."""

from __future__ import annotations

from minidl import ops
from minidl._checks import IntOrPair, PaddingLike, check_flag
from minidl.nn._repr import changed
from minidl.nn.module import Module
from minidl.ops.pool import OutputSize, to_output_size, to_pooling
from minidl.tensor import Tensor


class MaxPool2d(Module):
    """The largest number of every window; see `minidl.ops.max_pool2d` for the arguments.

    Raises:
        ValueError: if a number is out of range, or the padding is more than half the kernel.

    Example:
        >>> from minidl import nn
        >>> nn.MaxPool2d(3, stride=2)
        MaxPool2d(kernel_size=3, stride=2)
    """

    def __init__(
        self,
        kernel_size: IntOrPair,
        stride: IntOrPair | None = None,
        padding: PaddingLike = 0,
        dilation: IntOrPair = 1,
        *,
        ceil_mode: bool = False,
    ):
        super().__init__()
        to_pooling("MaxPool2d", kernel_size, stride, padding, dilation, ceil_mode)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.ceil_mode = dilation, ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        """Pool x."""
        return ops.max_pool2d(
            x,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
        )

    def extra_repr(self) -> str:
        """Return the settings that differ from the defaults."""
        return f"kernel_size={self.kernel_size}" + changed(self, stride=None, padding=0, dilation=1, ceil_mode=False)


class AvgPool2d(Module):
    """The average of every window; see `minidl.ops.avg_pool2d` for the arguments.

    Raises:
        ValueError: if a number is out of range, or the padding is more than half the kernel.

    Example:
        >>> from minidl import nn
        >>> nn.AvgPool2d(2)
        AvgPool2d(kernel_size=2)
    """

    def __init__(
        self,
        kernel_size: IntOrPair,
        stride: IntOrPair | None = None,
        padding: PaddingLike = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__()
        to_pooling("AvgPool2d", kernel_size, stride, padding, 1, ceil_mode)
        check_flag("AvgPool2d", "count_include_pad", count_include_pad)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        """Pool x."""
        return ops.avg_pool2d(
            x,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
        )

    def extra_repr(self) -> str:
        """Return the settings that differ from the defaults."""
        settings = changed(self, stride=None, padding=0, ceil_mode=False, count_include_pad=True)
        return f"kernel_size={self.kernel_size}" + settings


class AdaptiveAvgPool2d(Module):
    """The average of as many windows as the output shall have; see `minidl.ops.adaptive_avg_pool2d`.

    Raises:
        ValueError: if a size is below 1.

    Example:
        >>> from minidl import nn
        >>> nn.AdaptiveAvgPool2d((7, 7))
        AdaptiveAvgPool2d(output_size=(7, 7))
    """

    def __init__(self, output_size: OutputSize):
        super().__init__()
        to_output_size("AdaptiveAvgPool2d", output_size, (1, 1))
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        """Pool x."""
        return ops.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        """Return the size."""
        return f"output_size={self.output_size}"


class GlobalAvgPool2d(Module):
    """The average of each channel: (N, C, H, W) -> (N, C); see `minidl.ops.global_avg_pool2d`.

    Example:
        >>> from minidl import nn
        >>> nn.GlobalAvgPool2d()
        GlobalAvgPool2d()
    """

    def forward(self, x: Tensor) -> Tensor:
        """Average x."""
        return ops.global_avg_pool2d(x)

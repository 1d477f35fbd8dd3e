"""Convolutions as layers: they own the kernels and biases; `minidl.ops` has the arithmetic."""

from __future__ import annotations

import numpy as np

from minidl import ops
from minidl._checks import IntOrPair, PaddingLike, PaddingOrSame, check_divides, check_flag, to_int, to_pair
from minidl.nn import init
from minidl.nn._repr import changed
from minidl.nn.module import Module, Parameter
from minidl.ops._windows import to_layout, to_output_padding
from minidl.tensor import Tensor


class Conv2d(Module):
    """2-D convolution over (N, C, H, W).

    Args:
        in_channels: C.
        out_channels: O, the number of kernels.
        kernel_size: (KH, KW), or one int for both.
        stride: step of the window.
        padding: an int, (ph, pw), ((top, bottom), (left, right)) or "same".
        dilation: distance between the taps.
        groups: groups of channels that only see each other.
        bias: whether there is a bias for each kernel.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        x (N, C, H, W) -> y (N, O, OH, OW) with OH = (H + 2 * padding - dilation * (KH - 1) - 1) // stride + 1

    Raises:
        ValueError: if a number is out of range or groups does not divide the channels.

    Example:
        >>> from minidl import nn
        >>> nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        Conv2d(3, 64, kernel_size=(7, 7), stride=2, padding=3, bias=False)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrPair,
        stride: IntOrPair = 1,
        padding: PaddingOrSame = 0,
        dilation: IntOrPair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        self.in_channels = to_int("Conv2d", "in_channels", in_channels, least=1)
        self.out_channels = to_int("Conv2d", "out_channels", out_channels, least=1)
        self.groups = to_int("Conv2d", "groups", groups, least=1)
        check_divides("Conv2d", "groups", groups, "in_channels", in_channels)
        check_divides("Conv2d", "groups", groups, "out_channels", out_channels)
        check_flag("Conv2d", "bias", bias)
        self.kernel_size = to_pair("Conv2d", "kernel_size", kernel_size, least=1)
        to_layout("Conv2d", stride, padding, dilation, same=True)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        fan_in, _ = init.fans(shape)
        self.weight = Parameter(init.default_uniform(shape, fan_in, rng))
        b = Parameter(init.default_uniform((out_channels,), fan_in, rng)) if bias else None
        self.register_parameter("bias", b)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x with the kernels."""
        return ops.conv2d(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )

    def extra_repr(self) -> str:
        """Return the settings that differ from the defaults."""
        sizes = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        return sizes + changed(self, stride=1, padding=0, dilation=1, groups=1) + ", bias=False" * (self.bias is None)


class ConvTranspose2d(Module):
    """Transposed 2-D convolution over (N, C, H, W); see `minidl.ops.conv_transpose2d`.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: (KH, KW), or one int for both.
        stride: distance between the places of two neighbouring pixels.
        padding: what is cut off around the output.
        output_padding: rows and columns added at the end.
        groups: groups of channels that only see each other.
        bias: whether there is a bias for each output channel.
        dilation: distance between the taps.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        x (N, C, H, W) -> y (N, O, OH, OW)
        with OH = (H - 1) * stride - 2 * padding + dilation * (KH - 1) + output_padding + 1

    Raises:
        ValueError: if a number is out of range or groups does not divide the channels.

    Example:
        >>> from minidl import nn
        >>> nn.ConvTranspose2d(64, 32, 2, stride=2)
        ConvTranspose2d(64, 32, kernel_size=(2, 2), stride=2)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrPair,
        stride: IntOrPair = 1,
        padding: PaddingLike = 0,
        output_padding: IntOrPair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrPair = 1,
        *,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        self.in_channels = to_int("ConvTranspose2d", "in_channels", in_channels, least=1)
        self.out_channels = to_int("ConvTranspose2d", "out_channels", out_channels, least=1)
        self.groups = to_int("ConvTranspose2d", "groups", groups, least=1)
        check_divides("ConvTranspose2d", "groups", groups, "in_channels", in_channels)
        check_divides("ConvTranspose2d", "groups", groups, "out_channels", out_channels)
        check_flag("ConvTranspose2d", "bias", bias)
        self.kernel_size = to_pair("ConvTranspose2d", "kernel_size", kernel_size, least=1)
        steps, _, spacing = to_layout("ConvTranspose2d", stride, padding, dilation)
        to_output_padding("ConvTranspose2d", output_padding, steps, spacing)
        self.stride, self.padding, self.output_padding, self.dilation = stride, padding, output_padding, dilation
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        fan_in, _ = init.fans(shape)  # of the adjoint convolution, as PyTorch takes it
        self.weight = Parameter(init.default_uniform(shape, fan_in, rng))
        b = Parameter(init.default_uniform((out_channels,), fan_in, rng)) if bias else None
        self.register_parameter("bias", b)

    def forward(self, x: Tensor) -> Tensor:
        """Let every pixel of x paint the kernels."""
        return ops.conv_transpose2d(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
        )

    def extra_repr(self) -> str:
        """Return the settings that differ from the defaults."""
        sizes = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        settings = changed(self, stride=1, padding=0, output_padding=0, dilation=1, groups=1)
        return sizes + settings + ", bias=False" * (self.bias is None)


class Unfold(Module):
    """The columns of x: (N, C, H, W) -> (N, C·KH·KW, P); see `minidl.ops.im2col`.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from minidl import nn
        >>> nn.Unfold(3, padding=1)
        Unfold(kernel_size=3, padding=1)
    """

    def __init__(
        self,
        kernel_size: IntOrPair,
        dilation: IntOrPair = 1,
        padding: PaddingOrSame = 0,
        stride: IntOrPair = 1,
    ):
        super().__init__()
        to_pair("Unfold", "kernel_size", kernel_size, least=1)
        to_layout("Unfold", stride, padding, dilation, same=True)
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, x: Tensor) -> Tensor:
        """Write out the windows of x."""
        return ops.im2col(x, self.kernel_size, stride=self.stride, padding=self.padding, dilation=self.dilation)

    def extra_repr(self) -> str:
        """Return the settings that differ from the defaults."""
        return f"kernel_size={self.kernel_size}" + changed(self, dilation=1, padding=0, stride=1)


class Fold(Module):
    """Columns added back to pictures: (N, C·KH·KW, P) -> (N, C, H, W); see `minidl.ops.col2im`.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from minidl import nn
        >>> nn.Fold((4, 5), 2, stride=2)
        Fold(output_size=(4, 5), kernel_size=2, stride=2)
    """

    def __init__(
        self,
        output_size: IntOrPair,
        kernel_size: IntOrPair,
        dilation: IntOrPair = 1,
        padding: PaddingOrSame = 0,
        stride: IntOrPair = 1,
    ):
        super().__init__()
        to_pair("Fold", "output_size", output_size, least=1)
        to_pair("Fold", "kernel_size", kernel_size, least=1)
        to_layout("Fold", stride, padding, dilation, same=True)
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, cols: Tensor) -> Tensor:
        """Add every number back to its pixel."""
        return ops.col2im(
            cols,
            self.output_size,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )

    def extra_repr(self) -> str:
        """Return the sizes and the settings that differ from the defaults."""
        return f"output_size={self.output_size}, kernel_size={self.kernel_size}" + changed(
            self, dilation=1, padding=0, stride=1
        )

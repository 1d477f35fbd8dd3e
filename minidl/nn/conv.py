"""Convolution as a layer: it owns the kernels and biases; `minidl.ops.conv2d` has the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import check_divides, to_int, to_pair
from minidl.nn import init
from minidl.nn.module import Module, Parameter
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
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
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
        self.kernel_size = to_pair("Conv2d", "kernel_size", kernel_size, least=1)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        fan_in, _ = init.fans(shape)
        self.weight = Parameter(init.default_uniform(shape, fan_in, rng))
        self.bias = Parameter(init.default_uniform((out_channels,), fan_in, rng)) if bias else None

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
        settings = [("stride", self.stride, 1), ("padding", self.padding, 0), ("dilation", self.dilation, 1)]
        settings += [("groups", self.groups, 1), ("bias", self.bias is not None, True)]
        changed = "".join(f", {name}={value}" for name, value, default in settings if value != default)
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}{changed}"

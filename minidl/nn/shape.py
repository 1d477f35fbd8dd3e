"""Layers that only move numbers; `minidl.ops` has the arithmetic."""

from __future__ import annotations

from typing import Any

from minidl import ops
from minidl._checks import to_int
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Identity(Module):
    """What goes in comes out: stands where a layer might.

    Example:
        >>> from minidl import Tensor, nn
        >>> x = Tensor([1.0])
        >>> nn.Identity()(x) is x
        True
    """

    def forward(self, x: Any) -> Any:
        """Return x."""
        return x


class Flatten(Module):
    """Join all axes from start_axis on: (N, C, H, W) -> (N, C·H·W); see `minidl.ops.flatten`.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> nn.Flatten()(Tensor(np.zeros((2, 16, 5, 5)))).shape
        (2, 400)
    """

    def __init__(self, start_axis: int = 1):
        super().__init__()
        self.start_axis = start_axis

    def forward(self, x: Tensor) -> Tensor:
        """Apply flatten."""
        return ops.flatten(x, self.start_axis)

    def extra_repr(self) -> str:
        """Return the axis, if it is not the default."""
        return "" if self.start_axis == 1 else f"start_axis={self.start_axis}"


class ChannelShuffle(Module):
    """Mix the channels of groups; see `minidl.ops.channel_shuffle`.

    Raises:
        ValueError: if groups is below 1.

    Example:
        >>> from minidl import nn
        >>> nn.ChannelShuffle(2)
        ChannelShuffle(groups=2)
    """

    def __init__(self, groups: int):
        super().__init__()
        self.groups = to_int("ChannelShuffle", "groups", groups, least=1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply channel_shuffle."""
        return ops.channel_shuffle(x, self.groups)

    def extra_repr(self) -> str:
        """Return the number of groups."""
        return f"groups={self.groups}"

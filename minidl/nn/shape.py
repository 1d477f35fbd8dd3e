"""Layers that only move numbers; `minidl.ops` has the arithmetic."""

from __future__ import annotations

from typing import Any

from minidl import ops
from minidl._checks import check_axis, is_int, shown, to_int, to_padding
from minidl.nn._repr import changed
from minidl.nn._spelling import spelt
from minidl.nn.module import Module
from minidl.ops.interpolate import check_resizing
from minidl.ops.reshape import check_cut
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
    """Join all axes from start_axis to end_axis: (N, C, H, W) -> (N, C·H·W); see `minidl.ops.flatten`.

    `start_dim` and `end_dim` are other spellings of them.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> nn.Flatten()(Tensor(np.zeros((2, 16, 5, 5)))).shape
        (2, 400)
    """

    def __init__(
        self, start_axis: int = 1, end_axis: int = -1, *, start_dim: int | None = None, end_dim: int | None = None
    ):
        super().__init__()
        self.start_axis = spelt("Flatten", "start_axis", start_axis, 1, "start_dim", start_dim)
        self.end_axis = spelt("Flatten", "end_axis", end_axis, -1, "end_dim", end_dim)
        check_axis("Flatten", "start_axis", self.start_axis)
        check_axis("Flatten", "end_axis", self.end_axis)

    def forward(self, x: Tensor) -> Tensor:
        """Apply flatten."""
        return ops.flatten(x, self.start_axis, self.end_axis)

    def extra_repr(self) -> str:
        """Return the axes that are not the default."""
        return changed(self, start_axis=1, end_axis=-1)[2:]


class Unflatten(Module):
    """Cut one axis into several, the reverse of `Flatten`: (N, C·H·W) -> (N, C, H, W); see `minidl.ops.unflatten`.

    Args:
        axis: which one.
        sizes: of the axes that stand in its place; one may be -1. PyTorch's words are `dim` and `unflattened_size`,
            and the order is the same.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> nn.Unflatten(1, (16, 5, 5))(Tensor(np.zeros((2, 400)))).shape
        (2, 16, 5, 5)
    """

    def __init__(self, axis: Any = None, sizes: Any = None, *, dim: Any = None, unflattened_size: Any = None):
        super().__init__()
        self.axis = spelt("Unflatten", "axis", axis, None, "dim", dim)
        self.sizes = spelt("Unflatten", "sizes", sizes, None, "unflattened_size", unflattened_size)
        check_cut("Unflatten", self.axis, self.sizes)

    def forward(self, x: Tensor) -> Tensor:
        """Apply unflatten."""
        return ops.unflatten(x, self.axis, self.sizes)

    def extra_repr(self) -> str:
        """Return both settings."""
        return f"axis={self.axis}, sizes={self.sizes}"


class Maxout(Module):
    """The largest of every `pieces` neighbours along one axis; see `minidl.ops.maxout`.

    Args:
        pieces: how many neighbours are compared.
        axis: along which one.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.Maxout(2)(Tensor([[1.0, 5.0, -3.0, -2.0]])).numpy()
        array([[ 5., -2.]], dtype=float32)
    """

    def __init__(self, pieces: int, axis: int = 1):
        super().__init__()
        self.pieces = to_int("Maxout", "pieces", pieces, least=1)
        check_axis("Maxout", "axis", axis)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """Apply maxout."""
        return ops.maxout(x, self.pieces, self.axis)

    def extra_repr(self) -> str:
        """Return how many are compared, and the axis that is not the default."""
        return f"{self.pieces}" + changed(self, axis=1)


class ZeroPad2d(Module):
    """Put a border of zeros around pictures; see `minidl.ops.pad`.

    Args:
        padding: the width of the border: an int, PyTorch's (left, right, top, bottom), or minidl's
            ((top, bottom), (left, right)). A pair of ints is refused: it would be (ph, pw) here, (left, right) there.

    Shape:
        x (N, C, H, W) -> y (N, C, H + top + bottom, W + left + right)

    Raises:
        ValueError: if the padding is none of these.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.ZeroPad2d((1, 0, 0, 1))(Tensor([[[[7.0]]]])).numpy()[0, 0]
        array([[0., 7.],
               [0., 0.]], dtype=float32)
    """

    def __init__(self, padding: Any):
        super().__init__()
        is_row = isinstance(padding, (tuple, list)) and all(is_int(one) for one in padding)
        if is_row and len(padding) != 4:
            raise ValueError(
                f"ZeroPad2d: padding must be an int, (left, right, top, bottom) or ((top, bottom), (left, right)); "
                f"received padding={shown(padding)}, which would be (ph, pw) here and (left, right) in PyTorch"
            )
        self.padding = to_padding("ZeroPad2d", (padding[2:], padding[:2]) if is_row else padding)

    def forward(self, x: Tensor) -> Tensor:
        """Apply pad."""
        return ops.pad(x, self.padding)

    def extra_repr(self) -> str:
        """Return the border as ((top, bottom), (left, right))."""
        return f"{self.padding}"


class Upsample(Module):
    """Pictures in another size; see `minidl.ops.interpolate` for the arguments and the arithmetic.

    Args:
        size: of the result, an int or (OH, OW); or None with scale_factor.
        scale_factor: how many times as large, a number or a pair.
        mode: "nearest" (default) or "bilinear".
        align_corners: only for "bilinear"; None (default) is False.

    Raises:
        ValueError: if not exactly one of size and scale_factor is given, or one of the settings is out of range.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> nn.Upsample(scale_factor=2, mode="bilinear")(Tensor(np.zeros((1, 8, 7, 7)))).shape
        (1, 8, 14, 14)
    """

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
    ):
        super().__init__()
        check_resizing("Upsample", size, scale_factor, mode, align_corners)
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, x: Tensor) -> Tensor:
        """Apply interpolate."""
        return ops.interpolate(
            x, self.size, scale_factor=self.scale_factor, mode=self.mode, align_corners=self.align_corners
        )

    def extra_repr(self) -> str:
        """Return the size and the settings that differ from the defaults."""
        return changed(self, size=None, scale_factor=None)[2:] + changed(self, mode="nearest", align_corners=None)


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

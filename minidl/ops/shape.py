"""Operations that move numbers without changing them. The gradient moves each number back.

transpose        axes in another order                    dx = dy with the axes put back
index, split     some of the numbers, x[key]              dx is 0 but for += dy at the places that were taken
concat           several tensors behind each other        each gets its slice of dy
pad              a border around the last two axes        dx = dy without the border
channel_shuffle  the channels in another order            dx = dy with the channels put back
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import (
    Padding,
    PaddingLike,
    check_alike,
    check_divides,
    check_number,
    check_rank,
    check_tensor,
    from_numbers,
    is_int,
    shown,
    to_axis,
    to_int,
    to_padding,
)
from minidl.kernels._launches import note, note_made
from minidl.kernels.textbook import windows
from minidl.kernels.textbook.concat import places
from minidl.kernels.textbook.sums import rounded
from minidl.tensor import Context, Function, Tensor


class Transpose(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, axes: tuple[int, ...]) -> Array:
        """The axes in another order."""
        ctx.axes = axes
        return x.transpose(axes)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """The axes put back."""
        return dy.transpose([ctx.axes.index(axis) for axis in range(dy.ndim)])


class Index(Function):
    """Saves the arrays of the key, and nothing of x. The result is a copy: it does not change when x does."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, key: tuple[Any, ...]) -> Array:
        """x[key]."""
        ctx.save(*(part for part in key if _backend.is_array(part)))
        ctx.key, ctx.x_shape = key, x.shape
        taken = _backend.array_module(x).asarray(x[key])
        return kernels.copy_to(taken, _backend.empty(taken.shape, taken.dtype, like=taken))

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """+= dy at the places that were taken; a place taken twice, which only integer arrays can do, gets both."""
        if any(part.dtype.kind != "b" for part in ctx.saved):
            sums = _backend.full(ctx.x_shape, 0, "float64", like=dy)
            _backend.array_module(dy).add.at(sums, ctx.key, dy.astype("float64"))
            return rounded(sums, dy.dtype)
        dx = _backend.full(ctx.x_shape, 0, dy.dtype, like=dy)
        note(np.copyto, (dx, 0), (0,))
        if ctx.saved:
            dx[ctx.key] = dy
        else:
            key = ctx.key if Ellipsis in ctx.key else (*ctx.key, ...)  # with it, one number is a view, too
            kernels.copy_to(dy, dx[key])
        return dx


class Concat(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, *arrays: Array, axis: int) -> Array:
        """The arrays behind each other along one axis."""
        ctx.places = list(places([array.shape[axis] for array in arrays], axis))
        return kernels.concat(arrays, axis)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """Each its slice of dy."""
        return tuple(dy[place] if need else None for place, need in zip(ctx.places, ctx.needs, strict=True))


class Pad(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, padding: Padding, value: float) -> Array:
        """The same with a border of one value around the last two axes."""
        ctx.padding = padding
        y = windows.pad(x, padding, value)
        return y if y is x else note_made(y, windows.pad, x, padding, value)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dy without the border, which does not depend on x."""
        return windows.crop(dy, ctx.padding)


def _shuffled(x: Array, groups: int) -> Array:
    """Read the channels as a matrix of so many rows, column by column; with as many rows as it had columns, back."""
    y = _backend.empty(x.shape, x.dtype, like=x)
    if x.size:
        kernels.copy_to(_matrix(x, groups), _matrix(y, x.shape[1] // groups).swapaxes(1, 2))
    return y


def _matrix(x: Array, rows: int) -> Array:
    """Return a view (N, rows, C / rows, H, W) of the channels of x."""
    n, c, h, width = x.shape
    by_pixels = x.transpose(0, 2, 3, 1).reshape(n, h, width, rows, c // rows)
    return by_pixels.transpose(0, 3, 4, 1, 2)


class ChannelShuffle(Function):
    """Saves nothing: channel g·C/G + i goes to place i·G + g, and the gradient the way back."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, groups: int) -> Array:
        """The first channel of every group, then the second of every group, …."""
        ctx.groups = groups
        return _shuffled(x, groups)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """The channels put back."""
        return _shuffled(dy, dy.shape[1] // ctx.groups)


def transpose(x: Tensor, *axes: Any) -> Tensor:
    """Return x with its axes in the given order; without one, in reverse.

    Raises:
        ValueError: if the axes are not a permutation.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.transpose(Tensor(np.zeros((2, 3, 4))), 0, 2, 1).shape
        (2, 4, 3)
    """
    check_tensor("transpose", "x", x)
    order = tuple(axes[0]) if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
    order = order or tuple(reversed(range(x.ndim)))
    order = tuple(axis % x.ndim if is_int(axis) and -x.ndim <= axis < x.ndim else axis for axis in order)
    if not all(is_int(axis) for axis in order) or sorted(order) != list(range(x.ndim)):
        raise ValueError(f"transpose: axes must be an order of {tuple(range(x.ndim))}; received axes={shown(axes)}")
    return Transpose.apply(x, axes=order)


def index(x: Tensor, key: Any) -> Tensor:
    """Return x[key] as NumPy would: numbers, slices, None, integer or boolean arrays (or lists); always a copy.

    Raises:
        IndexError: if the key does not fit the shape.
        TypeError: if an array of the key is on another device.

    Example:
        >>> from minidl import Tensor
        >>> Tensor([[1.0, 2.0], [3.0, 4.0]])[:, 1].numpy()
        array([2., 4.], dtype=float32)
    """
    check_tensor("index", "x", x)
    parts = places_of(x, key)
    try:
        return Index.apply(x, key=parts)
    except IndexError as error:
        raise IndexError(f"index: {error}; x.shape={x.shape}") from None


def places_of(x: Tensor, key: Any) -> tuple[Any, ...]:
    """Return what stands between the brackets of x[key] in parts, with arrays of its own.

    Raises:
        IndexError: if an index on the GPU is out of bounds.
        TypeError: if an array of the key is on another device.
    """
    key = key if isinstance(key, tuple) else (key,)
    parts = tuple(_key_part(x, part) for part in key)
    try:
        _check_bounds(x, [given if isinstance(given, list) else part for given, part in zip(key, parts)])
    except IndexError as error:
        raise IndexError(f"index: {error}; x.shape={x.shape}") from None
    return parts


def _check_bounds(x: Tensor, parts: list[Any]) -> None:
    """Ask NumPy about integer arrays on the GPU, because CuPy wraps an index that is out of bounds around."""
    if x.device == "cuda" and any(
        isinstance(part, list) or (_backend.is_array(part) and part.dtype.kind in "iu") for part in parts
    ):
        host = tuple(_backend.to_numpy(part) if _backend.is_array(part) else part for part in parts)
        np.broadcast_to(np.True_, x.shape)[host]


def _key_part(x: Tensor, part: Any) -> Any:
    """Return one part of a key with its array copied, so that nobody can change it before backward."""
    if isinstance(part, Tensor) or _backend.is_array(part):
        part = part if isinstance(part, Tensor) else Tensor(part)
        if part.device != x.device:
            raise TypeError(f"index: x is on {x.device} but an array of the key on {part.device}; move one of them")
        return part._data.copy()
    if isinstance(part, (list, bool, np.bool_)):
        array = from_numbers("index", "key", part)
        array = array if array.size else array.astype(np.intp)  # NumPy takes [] for floats
        return _backend.array_module(x._data).asarray(array)
    return part


def concat(tensors: Sequence[Tensor], axis: int) -> Tensor:
    """Put tensors behind each other along one axis; all other sizes must be equal.

    Raises:
        ValueError: if there is no tensor, the axis does not exist, or the other sizes differ.
        TypeError: if tensors is no list or tuple of tensors, or they differ in dtype or device.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.concat([Tensor(np.zeros((2, 3, 4, 4))), Tensor(np.ones((2, 5, 4, 4)))], axis=1).shape
        (2, 8, 4, 4)
    """
    if not isinstance(tensors, (list, tuple)) or any(tensor is None for tensor in tensors):
        found = "a list with None" if isinstance(tensors, (list, tuple)) else f"a {type(tensors).__name__}"
        raise TypeError(f"concat: tensors must be a list or tuple of Tensors; received {found}")
    if not tensors:
        raise ValueError("concat: expects at least one tensor; received none")
    check_alike("concat", **{f"tensors[{index}]": tensor for index, tensor in enumerate(tensors)})
    shapes = [tensor.shape for tensor in tensors]
    axis = to_axis("concat", axis, len(shapes[0]))
    if len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) > 1 or len({len(shape) for shape in shapes}) > 1:
        raise ValueError(f"concat: all sizes but that of axis {axis} must be equal; received shapes {shapes}")
    return Concat.apply(*tensors, axis=axis)


def split(x: Tensor, sizes_or_count: int | Sequence[int], axis: int) -> tuple[Tensor, ...]:
    """Cut x along one axis into parts of the given sizes, or into that many equal parts: the reverse of `concat`.

    Args:
        x: any shape.
        sizes_or_count: the sizes of the parts, or how many equal parts (as in NumPy; PyTorch's int is a size).
        axis: where to cut.

    Raises:
        ValueError: if the sizes do not sum to the size of the axis, or the count does not divide it.
        TypeError: if x is no float tensor.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> [part.shape for part in ops.split(Tensor(np.zeros((2, 6))), [1, 2, 3], axis=1)]
        [(2, 1), (2, 2), (2, 3)]
    """
    check_alike("split", x=x)
    axis = to_axis("split", axis, x.ndim)
    total = x.shape[axis]
    if is_int(sizes_or_count):
        count = to_int("split", "sizes_or_count", sizes_or_count, least=1)
        check_divides("split", "sizes_or_count", count, f"x.shape[{axis}]", total)
        sizes = [total // count] * count
    else:
        sizes = list(sizes_or_count) if isinstance(sizes_or_count, (list, tuple)) else []
        if not sizes or not all(is_int(size) and size >= 0 for size in sizes) or sum(sizes) != total:
            raise ValueError(
                f"split: the sizes must be ints that sum to x.shape[{axis}] = {total}; "
                f"received sizes_or_count={shown(sizes_or_count)}"
            )
    return tuple(Index.apply(x, key=place) for place in places(sizes, axis))


def pad(x: Tensor, padding: PaddingLike, value: float = 0.0) -> Tensor:
    """Put a border of one value around the last two axes; where there is none to put, return x itself.

    Args:
        x: (..., H, W).
        padding: the width of the border: an int, (ph, pw) or ((top, bottom), (left, right)).
        value: what the border is made of.

    Raises:
        ValueError: if x has fewer than two axes or the padding is none of these.
        TypeError: if x is no float tensor, or value no plain number.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.pad(Tensor([[1.0]]), ((0, 1), (2, 0)), value=7.0).numpy()
        array([[7., 7., 1.],
               [7., 7., 7.]], dtype=float32)
    """
    check_alike("pad", x=x)
    if x.ndim < 2:
        raise ValueError(f"pad: x must have at least two axes (..., H, W); x.shape={x.shape}")
    sides = to_padding("pad", padding)
    check_number("pad", "value", value)
    return Pad.apply(x, padding=sides, value=value) if sides != ((0, 0), (0, 0)) else x


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Mix the channels of groups: the first of every group, then the second of every group, and so on.

    A grouped convolution behind it sees channels of all groups before it.

    Raises:
        ValueError: if x has not four axes or groups does not divide the channels.
        TypeError: if x is no float tensor.

    Source: Zhang et al., "ShuffleNet", arXiv:1707.01083, section 3.1.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.channel_shuffle(Tensor(np.arange(6.0).reshape(1, 6, 1, 1)), groups=2).numpy().ravel()
        array([0., 3., 1., 4., 2., 5.])
    """
    check_alike("channel_shuffle", x=x)
    check_rank("channel_shuffle", "x", x.shape, "N, C, H, W")
    groups = to_int("channel_shuffle", "groups", groups, least=1)
    check_divides("channel_shuffle", "groups", groups, "x.shape[1]", x.shape[1])
    return ChannelShuffle.apply(x, groups=groups)

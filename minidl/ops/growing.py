"""Maps that grow at their end, as in a dense block: every layer adds a few channels and reads all before them.

reserve_channels   x, with memory behind it       y = x             dx = dy
append_channels    new maps behind the others     y = [x, new]      dx = dy[:, :C], dnew = dy[:, C:]

Put together anew for each of its l layers, the maps of a dense block are copied 1 + 2 + … + l times. Here the block has
all its memory from the beginning, and the maps of a layer are views of it that reach further and further:

    memory             │    x    │ new 1 │ new 2 │    not written    │
    reserve_channels   ├─────────┤
    append_channels    ├─────────────────┤
    append_channels    ├─────────────────────────┤

So only x and every layer's new maps are copied, once each, and the gradients of `append_channels` are views of dy.

No tensor changes by this: a view does not reach beyond its end, and a channel is written once. The first one to append
to a view takes the place behind it; another one finds the place taken, and gets a copy in a block of its own.
"""

from __future__ import annotations

import threading
from weakref import ref

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_rank, to_int
from minidl.tensor import Context, Function, Tensor


class Block:
    """A block of memory (N, channels, H, W), of whose channels the first `taken` have been written."""

    def __init__(self, x: Array, channels: int, taken: int):
        n, _, h, width = x.shape
        self.memory = _backend.empty((n, channels, h, width), x.dtype, like=x)
        self.taken = taken
        self._lock = threading.Lock()

    def take(self, start: int, stop: int) -> bool:
        """Take the channels from start to stop, if there are so many and nobody has taken them before."""
        with self._lock:
            free = self.taken == start and stop <= self.memory.shape[1]
            if free:
                self.taken = stop
            return free


# The tensors that are the first channels of a block, by identity (== of tensors asks about their elements), with their
# arrays: a tensor whose data is replaced has none.
_blocks: dict[int, tuple[ref[Tensor], Block, Array]] = {}


def _enter(y: Tensor, block: Block) -> Tensor:
    key = id(y)
    _blocks[key] = ref(y, lambda _: _blocks.pop(key, None)), block, y._data
    return y


class ReserveChannels(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, block: Array) -> Array:
        """x, copied to the beginning of the block."""
        return kernels.copy_to(x, block[:, : x.shape[1]])

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dy: the memory behind x has no gradient."""
        return dy


class AppendChannels(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, x: Array, new: Array, *, block: Array, is_there: bool) -> Array:
        """The new maps, copied behind x; x too, unless it is there already."""
        ctx.c = c = x.shape[1]
        y = block[:, : c + new.shape[1]]
        kernels.copy_to(new, y[:, c:])
        if not is_there:
            kernels.copy_to(x, y[:, :c])
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """Each its channels of dy."""
        need_x, need_new = ctx.needs
        return dy[:, : ctx.c] if need_x else None, dy[:, ctx.c :] if need_new else None


def reserve_channels(x: Tensor, channels: int) -> Tensor:
    """Return x in new memory that has places for more channels behind its own, which `append_channels` fills.

    Args:
        x: maps (N, C, H, W).
        channels: how many there will be in the end, C among them.

    Returns:
        y (N, C, H, W), in the memory order of x.

    Raises:
        ValueError: if x has not four axes, or channels is less than C.
        TypeError: if x is no float tensor.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> ops.reserve_channels(Tensor(np.zeros((2, 3, 4, 4))), 8).shape
        (2, 3, 4, 4)
    """
    check_alike("reserve_channels", x=x)
    check_rank("reserve_channels", "x", x.shape, "N, C, H, W")
    c = x.shape[1]
    if to_int("reserve_channels", "channels", channels, least=1) < c:
        raise ValueError(
            f"reserve_channels: channels must be at least the {c} of x; received channels={channels}, x.shape={x.shape}"
        )
    block = Block(x._data, channels, taken=c)
    return _enter(ReserveChannels.apply(x, block=block.memory), block)


def append_channels(x: Tensor, new: Tensor) -> Tensor:
    """Put new maps behind those of x, which stay where `reserve_channels` left places; else it is `concat`.

    Args:
        x: maps (N, C, H, W).
        new: maps (N, K, H, W).

    Returns:
        y (N, C + K, H, W): a wider view of the memory of x, or a copy where no place is left behind it.

    Raises:
        ValueError: if they have not four axes, or differ in N, H or W.
        TypeError: if they are no float tensors, or differ in dtype or device.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> features = ops.reserve_channels(Tensor(np.zeros((1, 2, 1, 1))), 4)
        >>> more = ops.append_channels(features, Tensor(np.ones((1, 2, 1, 1))))
        >>> more.numpy().ravel(), np.shares_memory(more.data, features.data)
        (array([0., 0., 1., 1.]), True)
    """
    check_alike("append_channels", x=x, new=new)
    check_rank("append_channels", "x", x.shape, "N, C, H, W")
    check_rank("append_channels", "new", new.shape, "N, C, H, W")
    (n, c, h, width), k = x.shape, new.shape[1]
    if new.shape != (n, k, h, width):
        raise ValueError(
            f"append_channels: new must have the pictures and pixels of x, shape ({n}, K, {h}, {width}); "
            f"new.shape={new.shape}, x.shape={x.shape}"
        )
    _, block, array = _blocks.get(id(x), (None, None, None))
    is_there = block is not None and array is x._data and block.take(c, c + k)
    if block is None or not is_there:
        block = Block(x._data, c + k if block is None else max(c + k, block.memory.shape[1]), taken=c + k)
    return _enter(AppendChannels.apply(x, new, block=block.memory, is_there=is_there), block)

"""Methods that move numbers without changing them: axes, parts, repetitions."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend
from minidl._checks import from_numbers, is_int, shown, to_axes, to_axis, to_int
from minidl._methods.makers import alone, array_of, sizes_of, taken
from minidl._values import Values, operation


class Moves(Values):
    """Axes in other orders and shapes, parts of a tensor, and repetitions of it."""

    __slots__ = ()

    # ------------------------------------------------------------------ axes

    @property
    def T(self) -> Any:
        """The tensor with its two axes swapped."""
        if self.ndim > 2:
            axes = ", ".join(map(str, reversed(range(self.ndim))))
            raise ValueError(
                f"T: swaps the axes of a matrix; x.mT swaps the last two of more, x.permute({axes}) reverses all; "
                f"x.shape={self.shape}"
            )
        return operation("transpose")(self)

    @property
    def mT(self) -> Any:
        """The tensor with its last two axes swapped."""
        return self.swapaxes(-2, -1)

    def t(self) -> Any:
        """Return the transpose of a matrix; see `T`."""
        return self.T

    def reshape(self, *shape: Any) -> Any:
        """See `minidl.ops.reshape`."""
        return operation("reshape")(self, *shape)

    def view(self, *shape: Any) -> Any:
        """Return the same numbers in another shape: x.reshape(…)."""
        if shape and not isinstance(shape[0], (tuple, list)) and not is_int(shape[0]):
            raise TypeError(f"view: expects sizes; received {shown(shape[0])}; another dtype is x.to(dtype)")
        return operation("reshape")(self, *shape)

    def view_as(self, other: Any) -> Any:
        """Return the same numbers in the shape of another tensor."""
        return operation("reshape")(self, array_of("view_as", other).shape)

    reshape_as = view_as

    def ravel(self) -> Any:
        """Return all elements along one axis."""
        return operation("reshape")(self, self._data.size)

    def permute(self, *dims: Any) -> Any:
        """Return x with all its axes in the given order."""
        order = sizes_of("permute", dims)
        if len(order) != self.ndim:
            raise ValueError(f"permute: expects an order of all {self.ndim} axes; received {shown(dims)}")
        return operation("transpose")(self, order) if order else self

    def transpose(self, *dims: Any, **named: Any) -> Any:
        """Return x with two axes swapped.

        Raises:
            ValueError: if two axes are not what was given, or where the call meant something else here before.
        """
        pair = tuple(named.pop(name) for name in ("dim0", "dim1") if name in named)
        pair = (*dims, *pair)
        if named or len(pair) != 2:
            raise ValueError(
                f"transpose: swaps two axes, as in PyTorch: x.transpose(1, 2); an order of all axes is x.permute(…), "
                f"all in reverse order x.T of a matrix; received axes={shown((*pair, *named))}"
            )
        first, second = (to_axis("transpose", axis, self.ndim) for axis in pair)
        if self.ndim == 2 and (first, second) == (0, 1):
            raise ValueError(
                "transpose: (0, 1) of two axes swaps them in PyTorch, and here it left them in that order until now; "
                "x.T or x.transpose(1, 0) swaps them, x.permute(0, 1) leaves them"
            )
        return self.swapaxes(first, second)

    def swapaxes(self, axis0: int, axis1: int) -> Any:
        """Return x with two axes swapped."""
        first, second = (to_axis("swapaxes", axis, self.ndim) for axis in (axis0, axis1))
        order = list(range(self.ndim))
        order[first], order[second] = second, first
        return operation("transpose")(self, order)

    swapdims = swapaxes

    def movedim(self, source: int, destination: int) -> Any:
        """Return x with one axis moved to another place."""
        first, last = (to_axis("movedim", axis, self.ndim) for axis in (source, destination))
        order = [axis for axis in range(self.ndim) if axis != first]
        order.insert(last, first)
        return operation("transpose")(self, order)

    moveaxis = movedim

    def flatten(self, *dims: Any, **named: Any) -> Any:
        """Return x with the axes from start_dim to end_dim joined.

        Raises:
            ValueError: where start_dim is left out and the call meant something else here before.
        """
        names = ("start_dim", "end_dim")
        given = dict(zip(names, dims)) | {"start_dim" if it == "start_axis" else it: named[it] for it in named}
        if len(dims) > 2 or not given.keys() <= set(names):
            raise TypeError(f"flatten: takes start_dim and end_dim; received {shown((*dims, *named))}")
        if "start_dim" not in given and self.ndim > 1:
            raise ValueError(
                "flatten: without start_dim, PyTorch joins all axes, and here the first was kept until now; "
                "x.flatten(0) joins all, x.flatten(1) keeps the first"
            )
        if not self.ndim:
            return operation("reshape")(self, 1)
        first = to_axis("flatten", given.get("start_dim", 0), self.ndim)
        last = to_axis("flatten", given.get("end_dim", -1), self.ndim)
        if last < first:
            raise ValueError(f"flatten: start_dim must not come after end_dim; received {first} and {last}")
        joined = int(np.prod(self.shape[first : last + 1], dtype=np.int64))
        return operation("reshape")(self, *self.shape[:first], joined, *self.shape[last + 1 :])

    def unflatten(self, dim: int, sizes: Any) -> Any:
        """Return x with one axis divided into several; one of the sizes may be -1."""
        return operation("unflatten")(self, dim, sizes)

    def squeeze(self, dim: Any = None) -> Any:
        """Return x without its axes of size 1, or without those of dim that have it."""
        axes = to_axes("squeeze", dim, self.ndim)
        return operation("reshape")(self, [n for at, n in enumerate(self.shape) if at not in axes or n != 1])

    def unsqueeze(self, dim: int) -> Any:
        """Return x with a new axis of size 1 at that place."""
        axis = to_axis("unsqueeze", dim, self.ndim + 1)
        return operation("reshape")(self, (*self.shape[:axis], 1, *self.shape[axis:]))

    def expand(self, *sizes: Any) -> Any:
        """Return x repeated along axes of size 1, and along new ones in front; -1 leaves a size as it is."""
        given = sizes_of("expand", sizes)
        new = len(given) - self.ndim
        if new < 0 or -1 in given[:new]:
            raise ValueError(f"expand: expects a size for each axis of x; received {given}, x.shape={self.shape}")
        shape = tuple(self.shape[at - new] if size == -1 else size for at, size in enumerate(given))
        if any(
            size not in (have, shape[new + at]) or have not in (1, shape[new + at])
            for at, (have, size) in enumerate(zip(self.shape, shape[new:]))
        ):
            raise ValueError(f"expand: only axes of size 1 can be repeated; received {given}, x.shape={self.shape}")
        xp = _backend.array_module(self._data)
        if self.dtype.kind == "f":
            return self * self._wrap(xp.ones(shape, self.dtype), False)
        return alone(self, xp.broadcast_to(self._data, shape).copy(), "expand")

    def expand_as(self, other: Any) -> Any:
        """Return x repeated to the shape of another tensor."""
        return self.expand(array_of("expand_as", other).shape)

    broadcast_to = expand

    def repeat(self, *sizes: Any) -> Any:
        """Return x behind itself so many times along each axis; further sizes in front make new axes."""
        given = sizes_of("repeat", sizes)
        if len(given) < self.ndim or any(size < 0 for size in given):
            raise ValueError(f"repeat: expects how often for each of the axes; received {given}, x.shape={self.shape}")
        shape = (1,) * (len(given) - self.ndim) + self.shape
        xp = _backend.array_module(self._data)
        key = xp.ix_(*(xp.arange(n * times) % max(n, 1) for n, times in zip(shape, given)))
        return operation("reshape")(self, shape)[key] if given else self.clone()

    tile = repeat

    # ------------------------------------------------------------------ parts

    def clone(self) -> Any:
        """Return a copy through which gradients flow."""
        return self[...]

    def contiguous(self) -> Any:
        """Return x: every operation takes any order of memory."""
        return self

    def split(self, split_size: Any, dim: int = 0) -> Any:
        """Return parts of that size along one axis, the last of which may be smaller; or parts of given sizes."""
        total = self.shape[to_axis("split", dim, self.ndim)]
        if is_int(split_size):
            size = to_int("split", "split_size", split_size, least=1)
            split_size = [min(size, total - start) for start in range(0, total, size)] or [0]
        axis = to_axis("split", dim, self.ndim)
        ends = np.cumsum([0, *sizes_of("split", (split_size,))]).tolist()
        if ends[-1] != total:
            raise ValueError(f"split: the sizes must sum to {total}; received {shown(split_size)}")
        return tuple(self[(slice(None),) * axis + (slice(*ends[i : i + 2]),)] for i in range(len(ends) - 1))

    def chunk(self, chunks: int, dim: int = 0) -> Any:
        """Return so many parts along one axis, of which the last may be smaller, or missing."""
        total = self.shape[to_axis("chunk", dim, self.ndim)]
        return self.split(max(-(-total // to_int("chunk", "chunks", chunks, least=1)), 1), dim)

    def unbind(self, dim: int = 0) -> Any:
        """Return the slices along one axis."""
        return tuple(self.select(dim, index) for index in range(self.shape[to_axis("unbind", dim, self.ndim)]))

    def select(self, dim: int, index: int) -> Any:
        """Return one slice along an axis."""
        return self[(slice(None),) * to_axis("select", dim, self.ndim) + (index,)]

    def narrow(self, dim: int, start: int, length: int) -> Any:
        """Return part of an axis."""
        axis = to_axis("narrow", dim, self.ndim)
        if not is_int(start) or not is_int(length):
            raise TypeError(
                f"narrow: start and length must be ints; received start={shown(start)}, length={shown(length)}"
            )
        first = start + self.shape[axis] if start < 0 else start
        if not 0 <= first <= first + length <= self.shape[axis]:
            raise ValueError(f"narrow: the part must lie in 0 to {self.shape[axis]}; received {start=}, {length=}")
        return self[(slice(None),) * axis + (slice(first, first + length),)]

    def index_select(self, dim: int, index: Any) -> Any:
        """Return the slices of the given numbers along an axis."""
        return self[(slice(None),) * to_axis("index_select", dim, self.ndim) + (index,)]

    def gather(self, dim: int, index: Any) -> Any:
        """Return for each element of index the element of x at that place along one axis."""
        order = index._data if isinstance(index, Values) else from_numbers("gather", "index", index)
        if order.ndim != self.ndim or order.dtype.kind not in "iu":
            found = f"index.dtype={order.dtype}, index.shape={order.shape}, x.shape={self.shape}"
            raise ValueError(f"gather: index must be whole numbers with as many axes as x; {found}")
        if order.size and order.min() < 0:
            raise IndexError(f"gather: an index must not be negative; received {order.min()}")
        return taken(self, order, to_axis("gather", dim, self.ndim))

    def masked_select(self, mask: Any) -> Any:
        """Return the elements where the mask is true, along one axis."""
        return self[mask]

    def masked_fill(self, mask: Any, value: Any) -> Any:
        """Return x with the value where the mask is true."""
        return operation("where")(mask, value, self)

    def where(self, condition: Any, other: Any) -> Any:
        """Return x where the condition is true, else other."""
        return operation("where")(condition, self, other)

    def flip(self, *dims: Any) -> Any:
        """Return x with the given axes in reverse order."""
        axes = to_axes("flip", list(sizes_of("flip", dims)), self.ndim)
        return self[tuple(slice(None, None, -1 if axis in axes else 1) for axis in range(self.ndim))]

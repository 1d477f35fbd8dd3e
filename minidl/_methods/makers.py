"""Makers of methods, and what several methods share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl import _backend
from minidl._answers import spelled
from minidl._checks import (
    check_flag,
    check_kind,
    check_number,
    check_tensor,
    is_int,
    plain_array,
    shown,
    to_axes,
    to_axis,
    to_result,
)
from minidl._values import Values, operation


class Found(NamedTuple):
    """What `x.max(dim=1)`, `x.sort()`, `x.topk(3)` and the like return."""

    values: Any
    indices: Any


class Sizes:
    """What `x.size` is: a call, as in PyTorch. Whoever takes it for NumPy's count is told so."""

    __slots__ = ("_shape",)

    def __init__(self, shape: tuple[int, ...]):
        self._shape = shape

    def __call__(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one axis."""
        return self._shape if dim is None else self._shape[to_axis("size", dim, len(self._shape))]

    def __repr__(self) -> str:
        return f"<x.size(): {self._shape}>"


def _no_count(self: Sizes, *_: Any) -> Any:
    raise TypeError("size: x.size() is the shape and x.size(0) the size of an axis, as in PyTorch; x.numel() counts")


_AS_A_NUMBER = "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow neg index int float"
_AS_A_VALUE = "eq ne lt le gt ge hash bool len iter getitem contains array"
for _name in (_AS_A_NUMBER + " " + _AS_A_VALUE).split():
    setattr(Sizes, f"__{_name}__", _no_count)


# Makers of methods


def like_ops(name: str) -> Callable[..., Any]:
    """Make a method of the operation of that name that has no arguments."""

    def method(x: Any) -> Any:
        return operation(name)(x)

    method.__doc__ = f"See `minidl.ops.{name}`."
    return method


def reduction(name: str) -> Callable[..., Any]:
    @spelled
    def method(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return operation(name)(x, axis, keepdims=keepdims)

    method.__name__, method.__doc__ = name, f"See `minidl.ops.{name}`; dim and keepdim will do as well."
    return method


def choice(name: str) -> Callable[..., Any]:
    """Make the method that finds something along one axis, or along all, and has no gradient."""

    @spelled
    def find(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = to_axes(name, axis, x.ndim)
        check_flag(name, "keepdims", keepdims)
        along: Any = axes
        if name.startswith("arg"):
            if axis is not None and len(axes) != 1:
                raise ValueError(f"{name}: takes one axis, or None for all; received axis={shown(axis)}")
            if any(x.shape[one] == 0 for one in axes):
                raise ValueError(f"{name}: there is nothing to compare; x.shape={x.shape}, axis={axis}")
            along = None if axis is None else axes[0]
        return alone(x, getattr(x._data, name)(axis=along, keepdims=keepdims), name)

    find.__name__ = name
    find.__doc__ = f"Return NumPy's {name} along one axis or (None) along all, as a tensor without a gradient."
    return find


def alone(x: Any, array: Any, word: str) -> Any:
    """Return a tensor of numbers without a history."""
    return x._wrap(to_result(word, array), False)


def by_element(name: str, numpy_name: str = "") -> Callable[..., Any]:
    """Make a method without a gradient of a function of NumPy: steps, whose slope is 0, and questions."""

    def method(x: Any) -> Any:
        return alone(x, getattr(_backend.array_module(x._data), numpy_name or name)(x._data), name)

    method.__doc__ = f"Return NumPy's {numpy_name or name} of each element, without a gradient."
    return method


def compared(symbol: str, compare: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def method(x: Any, other: Any) -> Any:
        return compare(x, other)

    method.__doc__ = f"Return x {symbol} other, element by element."
    return method


def changed(name: str) -> Callable[..., Any]:
    """Make the method that changes x to what the method `name` returns, where `x += y` may change it."""

    def method(x: Any, *args: Any, **settings: Any) -> Any:
        x._check_free(f"{name}_")
        return x._take_over(f"{name}_", getattr(x, name)(*args, **settings))

    method.__doc__ = f"Change x to x.{name}(…) and return it; a leaf that wants a gradient under no_grad() only."
    return method


def scaled(word: str, other: Any, alpha: Any) -> Any:
    """Return alpha · other."""
    other = judged(word, other)
    return other if is_int(alpha) and alpha == 1 else other * alpha


def sizes_of(word: str, sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return sizes that were given one by one or as one tuple."""
    given = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    if not all(is_int(size) for size in given):
        raise TypeError(f"{word}: expects ints; received {shown(given)}")
    return given


def root(v: Any) -> Any:
    """Return √v whose gradient at v = 0 is 0, as PyTorch's norm and std have it."""
    where, empty = operation("where"), v == 0
    return where(empty, 0.0, operation("sqrt")(where(empty, 1.0, v)))


def taken(x: Any, order: Any, axis: int) -> Any:
    """Return x[..., order, ...], where order has an index for each element along the axis."""
    xp, shape = _backend.array_module(x._data), order.shape
    key = [xp.arange(n).reshape([-1 if at == one else 1 for at in range(len(shape))]) for one, n in enumerate(shape)]
    key[axis] = order
    return x[tuple(key)]


def converted(word: str, x: Any, dtype: Any) -> Any:
    """Return x in another dtype; x itself if it has it."""
    try:
        dtype = np.dtype(dtype)
    except (TypeError, ValueError):
        raise TypeError(f"{word}: expects a dtype such as minidl.float32; received {shown(dtype)}") from None
    if x.dtype == dtype:
        return x
    if dtype.kind not in "biu" and dtype not in _backend.FLOATS:
        raise TypeError(f"{word}: a tensor is float32, float64, bool or of whole numbers; received dtype={dtype}")
    if dtype.kind == "f" and x._is_wanted():
        raise TypeError(
            f"{word}: a tensor that wants a gradient keeps its dtype, here {x.dtype}; make its leaf {dtype} from the "
            f"beginning, or take the numbers alone: x.detach().{word}(…)"
        )
    return x._wrap(x._data.astype(dtype), False)


def largest(name: str) -> Callable[..., Any]:
    """Make amax or amin, which return the values alone."""

    @spelled
    def method(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        kind = name[1:]
        if x.dtype.kind == "f":
            y = operation("max")(x if kind == "max" else -x, axis, keepdims=keepdims)
            return y if kind == "max" else -y
        check_flag(name, "keepdims", keepdims)
        axes = to_axes(name, axis, x.ndim)
        if any(x.shape[one] == 0 for one in axes):
            raise ValueError(f"{name}: there is nothing to compare; x.shape={x.shape}, axis={axis}")
        return alone(x, getattr(x._data, kind)(axis=axes, keepdims=keepdims), name)

    method.__name__ = name
    method.__doc__ = f"Return the {'largest' if name == 'amax' else 'smallest'} elements, along all axes or some."
    return method


def extreme(name: str) -> Callable[..., Any]:
    """Make max or min, whose dim= returns places as well, as in PyTorch."""

    def method(x: Any, *args: Any, axis: Any = None, dim: Any = None, **settings: Any) -> Any:
        values, places = getattr(x, f"a{name}"), getattr(x, f"arg{name}")
        if args and not is_int(args[0]):
            raise TypeError(
                f"{name}: takes dim, or axis; received {shown(args[0])}; the {name} of two tensors is "
                f"ops.where(x {'>' if name == 'max' else '<'} y, x, y)"
            )
        if args and dim is None and axis is None:
            raise ValueError(
                f"{name}: x.{name}({args[0]}) is values and indices in PyTorch, and was the values alone here until "
                f"now; x.{name}(dim={args[0]}) gives both, x.a{name}({args[0]}) the values"
            )
        if len(args) + (axis is not None) + (dim is not None) > 1:
            raise TypeError(f"{name}: takes one of dim and axis; received {shown((*args, axis, dim))}")
        if dim is None:
            return values(axis, **settings)
        return Found(values(to_axis(name, dim, x.ndim), **settings), places(dim, **settings))

    method.__name__ = name
    method.__doc__ = (
        f"Return the {'largest' if name == 'max' else 'smallest'} element; along dim=, as in PyTorch, values and "
        f"indices, along axis=, as in NumPy, the values alone."
    )
    return method


def module_of(x: Any) -> Any:
    """Return NumPy, or CuPy for a tensor on the GPU."""
    return _backend.array_module(x._data)


def array_of(word: str, other: Any) -> Any:
    """Return the array of another tensor, or an array as it is."""
    array = other._data if isinstance(other, Values) else other
    if not _backend.is_array(array):
        raise TypeError(f"{word}: expects another Tensor or array; received a {type(other).__name__}")
    array = plain_array(word, array)
    check_kind(word, array)
    return array


def judged(word: str, other: Any) -> Any:
    """Return the other operand of a method; what is no number is judged by the operation."""
    return other if isinstance(other, Values) or _backend.is_array(other) else _number(word, other)


def _number(word: str, other: Any) -> Any:
    check_number(word, "other", other)
    return other


def check_unwanted(word: str, x: Any) -> None:
    """Refuse what has no gradient here where somebody wants one."""
    if x._is_wanted():
        raise TypeError(
            f"{word}: the result would keep no history, and somebody wants the gradient; x.detach().{word}(…) computes "
            f"with the numbers alone"
        )


def order(x: Any, axis: int, descending: Any) -> Any:
    """Return the indices that sort along an axis; equal elements keep their order, and NaN is the largest."""
    check_flag("sort", "descending", descending)
    xp = module_of(x)
    if not descending:
        return xp.argsort(x._data, axis=axis, kind="stable")
    backwards = xp.flip(xp.argsort(xp.flip(x._data, axis), axis=axis, kind="stable"), axis)
    return x.shape[axis] - 1 - backwards


def softmax_axis(word: str, x: Any, axis: Any) -> int:
    """Return the axis of a softmax; where it is left out, the one that everybody means."""
    check_tensor(word, "x", x)
    if axis is None and x.ndim > 2:
        raise ValueError(f"{word}: expects dim, the axis of the classes: dim=1 of (N, C, H, W); x.shape={x.shape}")
    return -1 if axis is None else axis

"""Functions of single elements, and the choice between two.

exp    y = eˣ                       dx = dy · y
log    y = log x                    dx = dy / x
sqrt   y = √x                       dx = dy / 2y
abs    y = |x|                      dx = dy where x > 0, -dy where x < 0      0 at x = 0
clip   y = min(max(x, low), high)   dx = dy where low < y < high              0 at the bounds, as in PyTorch
where  y = a if condition else b    da = dy where condition, db = dy elsewhere

"Where" selects: elsewhere the gradient is 0 even if dy is infinite or NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import broadcast_shape, check_alike, check_number
from minidl._xp import xp_of
from minidl.kernels.textbook.select import select
from minidl.ops._broadcast import as_operands, sum_to
from minidl.tensor import Context, Function, Tensor


class Exp(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = eˣ."""
        y = xp_of(x).exp(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy · y."""
        (y,) = ctx.saved
        return dy * y


class Log(Function):
    """Saves x."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = log x."""
        ctx.save(x)
        return xp_of(x).log(x)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy / x."""
        (x,) = ctx.saved
        return dy / x


class Sqrt(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = √x."""
        y = xp_of(x).sqrt(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy / 2y."""
        (y,) = ctx.saved
        return dy / (y + y)


class Abs(Function):
    """Saves x; its choice is on which side of 0 each element lies."""

    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        """y = |x|."""
        ctx.save(x)
        ctx.choices = lambda: x > 0
        return xp_of(x).abs(x)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy where x > 0, -dy where x < 0."""
        (x,) = ctx.saved
        dx = select(x > 0, dy)
        dx -= select(x < 0, dy)
        return dx


class Clip(Function):
    """Saves its result; its choice is whether an element lies between the bounds."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, low: float | None, high: float | None) -> Array:
        """y = min(max(x, low), high)."""
        low, high = (None if bound is None else x.dtype.type(bound) for bound in (low, high))
        y = xp_of(x).clip(x, low, high)
        ctx.save(y)
        ctx.low, ctx.high = low, high
        ctx.choices = lambda: _between(y, low, high)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy where low < y < high."""
        (y,) = ctx.saved
        return select(_between(y, ctx.low, ctx.high), dy)


def _between(y: Array, low: float | None, high: float | None) -> Array:
    above = True if low is None else y > low
    return above & (True if high is None else y < high)


class Where(Function):
    """Saves the condition, one byte for each of its elements."""

    @staticmethod
    def forward(ctx: Context, condition: Array, a: Array, b: Array) -> Array:
        """y = a if condition else b."""
        ctx.save(condition)
        ctx.shapes = a.shape, b.shape
        shape = broadcast_shape("where", condition.shape, a.shape, b.shape)
        y = _backend.empty(shape, a.dtype, like=b if b.shape == shape and a.shape != shape else a)
        y[...] = b
        _backend.array_module(a).copyto(y, a, where=condition)
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[None, Array | None, Array | None]:
        """da = dy where condition, db = dy elsewhere; each summed over what was repeated."""
        (condition,) = ctx.saved
        _, need_a, need_b = ctx.needs
        da = sum_to(select(condition, dy), ctx.shapes[0]) if need_a else None
        db = sum_to(select(~condition, dy), ctx.shapes[1]) if need_b else None
        return None, da, db


def exp(x: Tensor) -> Tensor:
    """Return eˣ of each element.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.exp(Tensor([0.0])).numpy()
        array([1.], dtype=float32)
    """
    check_alike("exp", x=x)
    return Exp.apply(x)


def log(x: Tensor) -> Tensor:
    """Return the natural logarithm of each element; as in NumPy, -inf of 0 and NaN of negative ones, with a warning.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.log(Tensor([1.0])).numpy()
        array([0.], dtype=float32)
    """
    check_alike("log", x=x)
    return Log.apply(x)


def sqrt(x: Tensor) -> Tensor:
    """Return the square root of each element; as in NumPy, NaN of negative ones, with a warning.

    The slope at 0 is infinite: add a small number first where 0 can come up.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.sqrt(Tensor([4.0])).numpy()
        array([2.], dtype=float32)
    """
    check_alike("sqrt", x=x)
    return Sqrt.apply(x)


def abs(x: Tensor) -> Tensor:
    """Return the distance of each element from 0; the gradient at 0 is 0.

    Raises:
        TypeError: if x is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.abs(Tensor([-2.0, 3.0])).numpy()
        array([2., 3.], dtype=float32)
    """
    check_alike("abs", x=x)
    return Abs.apply(x)


def clip(x: Tensor, low: float | None = None, high: float | None = None) -> Tensor:
    """Return each element, or the bound that it is beyond; the gradient beyond and at the bounds is 0.

    Args:
        x: any shape.
        low: the lowest value, a plain number or None for no bound.
        high: the highest value, likewise.

    Raises:
        ValueError: if there is no bound, or low is above high.
        TypeError: if x is no float tensor, or a bound no plain number.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.clip(Tensor([-1.0, 0.5, 3.0]), 0, 1).numpy()
        array([0. , 0.5, 1. ], dtype=float32)
    """
    check_alike("clip", x=x)
    for name, bound in (("low", low), ("high", high)):
        check_number("clip", name, bound, optional=True)
    if low is None and high is None:
        raise ValueError("clip: expects at least one bound; received low=None, high=None")
    if low is not None and high is not None and low > high:
        raise ValueError(f"clip: low must be at most high; received low={low}, high={high}")
    return Clip.apply(x, low=low, high=high)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """Return a where the condition is true, else b; the three are broadcast, and a or b may be a plain number.

    Args:
        condition: an array or tensor of bools.
        a: taken where it is true.
        b: taken where it is false.

    Raises:
        ValueError: if the shapes do not broadcast.
        TypeError: if the condition is not bool, or a and b differ in dtype or device.

    Example:
        >>> from minidl import Tensor, ops
        >>> x = Tensor([1.0, -2.0])
        >>> ops.where(x.data > 0, x, 0.0).numpy()
        array([1., 0.], dtype=float32)
    """
    a, b = as_operands("where", a, b)
    if isinstance(condition, (bool, np.bool_)):
        condition = _backend.array_module(a._data).asarray(condition)
    condition = Tensor(condition) if _backend.is_array(condition) else condition
    if not isinstance(condition, Tensor) or condition.dtype != np.bool_:
        found = condition.dtype if isinstance(condition, Tensor) else f"a {type(condition).__name__}"
        raise TypeError(f"where: condition must be an array or Tensor of bools; received {found}")
    if condition.device != a.device:
        raise TypeError(f"where: condition is on {condition.device} but a and b on {a.device}; move one of them")
    broadcast_shape("where", condition.shape, a.shape, b.shape)
    return Where.apply(condition, a, b)

"""Elementwise arithmetic with broadcasting.

    add       y = a + b        da = dy            db = dy
    subtract  y = a - b        da = dy            db = -dy
    multiply  y = a · b        da = dy · b        db = dy · a
    divide    y = a / b        da = dy / b        db = -dy · y / b
    power     y = a^k          da = dy · k · a^(k-1)                   k is a plain number
              y = k^a          da = dy · y · log k                     k is a plain number above 0

A broadcast operand gets its gradient summed over the axes along which it was repeated (`_broadcast.sum_to`). multiply
and divide save an operand only if the gradient of the other one is wanted: x · 2 keeps the 2 and not x.
"""

from __future__ import annotations

import math
from typing import Any

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import NUMBERS, broadcast_shape, check_alike, check_choice, check_positive
from minidl._xp import xp_of
from minidl.ops._broadcast import as_operands, sum_to
from minidl.ops.fused import AddRelu
from minidl.tensor import Context, Function, Tensor


class Add(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, a: Array, b: Array) -> Array:
        """y = a + b."""
        ctx.shapes = a.shape, b.shape
        return kernels.add(a, b)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """da = db = dy."""
        need_a, need_b = ctx.needs
        return sum_to(dy, ctx.shapes[0]) if need_a else None, sum_to(dy, ctx.shapes[1]) if need_b else None


class Subtract(Function):
    """Saves nothing."""

    @staticmethod
    def forward(ctx: Context, a: Array, b: Array) -> Array:
        """y = a - b."""
        ctx.shapes = a.shape, b.shape
        return xp_of(a).subtract(a, b)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """da = dy, db = -dy."""
        need_a, need_b = ctx.needs
        return sum_to(dy, ctx.shapes[0]) if need_a else None, -sum_to(dy, ctx.shapes[1]) if need_b else None


class Multiply(Function):
    """Saves each operand whose partner wants a gradient."""

    @staticmethod
    def forward(ctx: Context, a: Array, b: Array) -> Array:
        """y = a · b."""
        need_a, need_b = ctx.needs
        ctx.save(*[b] * need_a, *[a] * need_b)
        ctx.shapes = a.shape, b.shape
        return xp_of(a).multiply(a, b)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """da = dy · b, db = dy · a."""
        need_a, need_b = ctx.needs
        da = sum_to(dy * ctx.saved[0], ctx.shapes[0]) if need_a else None
        db = sum_to(dy * ctx.saved[-1], ctx.shapes[1]) if need_b else None
        return da, db


class Divide(Function):
    """Saves b, and a if b wants a gradient."""

    @staticmethod
    def forward(ctx: Context, a: Array, b: Array) -> Array:
        """y = a / b."""
        ctx.save(b, *[a] * ctx.needs[1])
        ctx.shapes = a.shape, b.shape
        return xp_of(a).divide(a, b)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """da = dy / b, db = -dy · a / b²."""
        need_a, need_b = ctx.needs
        b, *rest = ctx.saved
        da = dy / b
        db = -sum_to(da * (rest[0] / b), ctx.shapes[1]) if need_b else None
        return sum_to(da, ctx.shapes[0]) if need_a else None, db


class Power(Function):
    """Saves its input."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, exponent: float) -> Array:
        """y = x^k."""
        ctx.save(x)
        ctx.exponent = exponent
        return xp_of(x).power(x, x.dtype.type(exponent))

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy · k · x^(k-1)."""
        (x,) = ctx.saved
        k = ctx.exponent
        if k == 0:  # x^0 is 1 everywhere; the formula would be 0 · ∞ at x = 0
            return _backend.full(x.shape, 0, x.dtype, like=x)
        return dy * (x.dtype.type(k) * x ** x.dtype.type(k - 1))


class PowerOf(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Context, x: Array, *, base: float) -> Array:
        """y = a^x."""
        y = xp_of(x).power(x.dtype.type(base), x)
        ctx.save(y)
        ctx.slope = x.dtype.type(math.log(base))
        return y

    @staticmethod
    def backward(ctx: Context, dy: Array) -> Array:
        """dx = dy · y · log a."""
        (y,) = ctx.saved
        return dy * (y * ctx.slope)


def add(x: Any, y: Any, activation: str | None = None) -> Tensor:
    """Return x + y, or with activation="relu" max(x + y, 0) in one step; one may be a plain number or array.

    Raises:
        ValueError: if the shapes do not broadcast, or the activation is neither None nor "relu".
        TypeError: if the operands differ in dtype or device.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.add(Tensor([1.0, 2.0]), 1).numpy()
        array([2., 3.], dtype=float32)
        >>> ops.add(Tensor([1.0, -2.0]), 1, activation="relu").numpy()
        array([2., 0.], dtype=float32)
    """
    if activation is None:
        return _apply(Add, x, y)
    check_choice("add", "activation", activation, (None, "relu"))
    return _apply(AddRelu, x, y)


def subtract(x: Any, y: Any) -> Tensor:
    """Return x - y; see `add`.

    Example:
        >>> from minidl import Tensor
        >>> (1 - Tensor([1.0, 2.0])).numpy()
        array([ 0., -1.], dtype=float32)
    """
    return _apply(Subtract, x, y)


def multiply(x: Any, y: Any) -> Tensor:
    """Return x · y; see `add`.

    Example:
        >>> from minidl import Tensor
        >>> (3 * Tensor([1.0, 2.0])).numpy()
        array([3., 6.], dtype=float32)
    """
    return _apply(Multiply, x, y)


def divide(x: Any, y: Any) -> Tensor:
    """Return x / y; see `add`.

    Example:
        >>> from minidl import Tensor
        >>> (Tensor([1.0, 2.0]) / 2).numpy()
        array([0.5, 1. ], dtype=float32)
    """
    return _apply(Divide, x, y)


def negative(x: Tensor) -> Tensor:
    """Return -x.

    Example:
        >>> from minidl import Tensor
        >>> (-Tensor([1.0])).numpy()
        array([-1.], dtype=float32)
    """
    return _apply(Multiply, x, -1.0)


def power(x: Any, exponent: Any) -> Tensor:
    """Return x to the power of a plain number, or a plain number x > 0 to the power of a tensor.

    Raises:
        ValueError: if x is a number and not above 0.
        TypeError: if there is no float tensor, or the other one is no plain number.

    Example:
        >>> from minidl import Tensor
        >>> (Tensor([1.0, 3.0]) ** 2).numpy()
        array([1., 9.], dtype=float32)
    """
    if isinstance(x, NUMBERS) and isinstance(exponent, Tensor):
        check_alike("power", exponent=exponent)
        check_positive("power", "x", x)
        return PowerOf.apply(exponent, base=float(x))
    if not isinstance(exponent, NUMBERS):
        found = type(exponent).__name__
        raise TypeError(
            f"power: exponent must be a plain number; received a {found}; where a > 0, a ** x is "
            f"ops.exp(x * log a): math.log(a) of a number, ops.log(a) of a tensor"
        )
    check_alike("power", x=x)
    return Power.apply(x, exponent=exponent)


def _apply(function: type[Function], x: Any, y: Any) -> Tensor:
    x, y = as_operands(function.op, x, y)
    broadcast_shape(function.op, x.shape, y.shape)
    return function.apply(x, y)

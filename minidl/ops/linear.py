"""Matrix products.

matmul  y = a @ b             da = dy @ bᵀ,  db = aᵀ @ dy        over the last two axes
linear  y = x @ wᵀ + b        dx = dy @ w,   dw = dyᵀ @ x,   db = Σ_n dy[n]
        x (N, M)   w (O, M)   b (O,)   ->   y (N, O)             minidl/kernels/textbook/linear.py
        whatever axes x has before the last are rows, one after the other
"""

from __future__ import annotations

import math

from minidl import kernels
from minidl._backend import Array
from minidl._checks import broadcast_shape, check_alike, check_rank
from minidl.ops._broadcast import as_operands, sum_to
from minidl.tensor import Context, Function, Tensor


class Linear(Function):
    """Saves x and w."""

    @staticmethod
    def forward(ctx: Context, x: Array, w: Array, b: Array | None) -> Array:
        """y = x @ wᵀ + b."""
        ctx.save(x, w)
        return kernels.linear(_rows(x), w, b).reshape(*x.shape[:-1], w.shape[0])

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, ...]:
        """dx = dy @ w, dw = dyᵀ @ x, db = Σ dy."""
        x, w = ctx.saved
        need_x, need_w, need_b = ctx.needs
        rows = _rows(dy)
        dx = kernels.linear_dx(rows, w).reshape(x.shape) if need_x else None
        dw = kernels.linear_dw(rows, _rows(x)) if need_w else None
        return dx, dw, kernels.channel_sums(rows[:, :, None, None]) if need_b else None


def _rows(x: Array) -> Array:
    """Return x as rows (N, M) of its last axis."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


class Matmul(Function):
    """Saves both matrices; leading axes are broadcast against each other."""

    @staticmethod
    def forward(ctx: Context, a: Array, b: Array) -> Array:
        """y = a @ b."""
        ctx.save(a, b)
        return kernels.matmul(a, b)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """da = dy @ bᵀ, db = aᵀ @ dy, summed over what was broadcast."""
        a, b = ctx.saved
        need_a, need_b = ctx.needs
        da = sum_to(kernels.matmul(dy, b.swapaxes(-1, -2)), a.shape) if need_a else None
        db = sum_to(kernels.matmul(a.swapaxes(-1, -2), dy), b.shape) if need_b else None
        return da, db


def linear(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """Multiply x (N, M) with w (O, M) and add b (O,): y (N, O), a fully connected layer.

    Axes between, as in (N, L, M) -> (N, L, O), are rows of their own; one row (M,) gives (O,).

    Raises:
        ValueError: if the shapes do not fit.
        TypeError: if the operands are no tensors or differ in dtype or device.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.linear(Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0], [5.0, 6.0]])).numpy()
        array([[11., 17.]], dtype=float32)
    """
    check_alike("linear", x=x, w=w, b=b)
    check_rank("linear", "w", w.shape, "O, M")
    if not x.ndim:
        raise ValueError(f"linear: x must be rows of features (N, M), it is one number; x.shape={x.shape}")
    if x.shape[-1] != w.shape[1]:
        flat = math.prod(x.shape[1:])
        cure = "; flatten it first: ops.flatten(x)" if x.ndim > 2 and flat == w.shape[1] else ""
        raise ValueError(
            f"linear: x has {x.shape[-1]} features but w expects {w.shape[1]} (w.shape[1]); "
            f"x.shape={x.shape}, w.shape={w.shape}{cure}"
        )
    if b is not None and b.shape != (w.shape[0],):
        raise ValueError(f"linear: b must have one number for each output, shape ({w.shape[0]},); b.shape={b.shape}")
    return Linear.apply(x, w, b)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Multiply matrices: (..., N, M) @ (..., M, O) -> (..., N, O); leading axes are broadcast.

    An operand with one axis is a row on the left and a column on the right, and the result has no such axis.

    Raises:
        ValueError: if an operand has no axis, or the inner sizes differ.
        TypeError: if the operands differ in dtype or device.

    Example:
        >>> from minidl import Tensor
        >>> (Tensor([[1.0, 2.0]]) @ Tensor([[3.0], [4.0]])).numpy()
        array([[11.]], dtype=float32)
    """
    a, b = as_operands("matmul", a, b)
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError(
            f"matmul: expects (..., N, M) @ (..., M, O) with equal M; a.shape={a.shape}, b.shape={b.shape}"
        )
    if a.ndim == 1 or b.ndim == 1:
        y = matmul(a.reshape(1, -1) if a.ndim == 1 else a, b.reshape(-1, 1) if b.ndim == 1 else b)
        rows, columns = y.shape[-2:-1] * (a.ndim > 1), y.shape[-1:] * (b.ndim > 1)
        return y.reshape((*y.shape[:-2], *rows, *columns))
    broadcast_shape("matmul", a.shape[:-2], b.shape[:-2])
    return Matmul.apply(a, b)

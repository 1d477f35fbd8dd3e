"""Losses of numbers: how far each is from what it should be.

    mse_loss        mean of (x - t)²                                  dx = 2·(x - t) / M
    l1_loss         mean of |x - t|                                   dx = sign(x - t) / M
    smooth_l1_loss  (x - t)² / 2β up to |x - t| = β, then straight    dx = (x - t) / β between -1 and 1, / M
    binary_cross_entropy_with_logits
                    -t·log σ(x) - (1 - t)·log(1 - σ(x))               dx = (σ(x) - t) / M

The derivations are in minidl/kernels/textbook/loss.py.
"""

from __future__ import annotations

from typing import Any

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_positive
from minidl.ops._broadcast import as_tensor
from minidl.ops._reduction import check_reduction, reduced
from minidl.ops._weights import element_weights
from minidl.tensor import Context, Function, Tensor


class MseLoss(Function):
    """Saves the difference."""

    @staticmethod
    def forward(ctx: Context, x: Array, t: Array) -> Array:
        """loss = mean of (x - t)²."""
        loss, difference = kernels.mse(x, t)
        ctx.save(difference)
        return loss

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """dx = 2·(x - t) · dy / M, dt = -dx."""
        (difference,) = ctx.saved
        need_x, need_t = ctx.needs
        dx = kernels.mse_dx(dy, difference)
        return dx if need_x else None, -dx if need_t else None


class L1Loss(Function):
    """Saves both operands; its choice is which of them is the larger one."""

    @staticmethod
    def forward(ctx: Context, x: Array, t: Array) -> Array:
        """|x - t| of each element."""
        ctx.save(x, t)
        ctx.choices = lambda: x > t
        return kernels.l1(x, t)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """dx = sign(x - t) · dy, dt = -dx."""
        dx = kernels.l1_dx(dy, *ctx.saved)
        return _both(ctx, dx)


class SmoothL1Loss(Function):
    """Saves both operands; its choice is on which piece each difference lies."""

    @staticmethod
    def forward(ctx: Context, x: Array, t: Array, *, beta: float) -> Array:
        """(x - t)² / 2β of each element where |x - t| < β, else |x - t| - β / 2."""
        ctx.save(x, t)
        ctx.beta = beta
        ctx.choices = lambda: (x - t > -beta).astype("int8") + (x - t > beta)
        return kernels.smooth_l1(x, t, beta)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """dx = (x - t) / β, cut off at -1 and 1, · dy; dt = -dx."""
        x, t = ctx.saved
        dx = kernels.smooth_l1_dx(dy, x, t, ctx.beta)
        return _both(ctx, dx)


SmoothL1Loss.op = "smooth_l1_loss"  # made of its name it would be smoothl1_loss


class BinaryCrossEntropyWithLogits(Function):
    """Saves x, t, and pos_weight if it is given."""

    @staticmethod
    def forward(ctx: Context, x: Array, t: Array, pos_weight: Array | None) -> Array:
        """(1 - t)·x + (1 + (pos_weight - 1)·t)·log(1 + e⁻ˣ) of each element."""
        ctx.save(x, t, *[pos_weight] * (pos_weight is not None))
        return kernels.bce(x, t, pos_weight)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None, None]:
        """dx = (1 - t - q·σ(-x)) · dy, dt = ((pos_weight - 1)·log(1 + e⁻ˣ) - x) · dy."""
        x, t, *rest = ctx.saved
        (pos_weight,) = rest or (None,)
        need_x, need_t, _ = ctx.needs
        dx = kernels.bce_dx(dy, x, t, pos_weight) if need_x else None
        return dx, kernels.bce_dt(dy, x, pos_weight) if need_t else None, None


def _both(ctx: Context, dx: Array) -> tuple[Array | None, Array | None]:
    """Return the gradients of both operands of a difference."""
    need_x, need_t = ctx.needs
    return dx if need_x else None, -dx if need_t else None


def mse_loss(x: Tensor, target: Any, *, reduction: str = "mean") -> Tensor:
    """Average (x - target)² over all elements.

    Args:
        x: any shape.
        target: a tensor or array of the same shape and dtype; nothing is broadcast, because that is usually a mistake.
        reduction: "mean" (default), "sum", or "none" for the square of each element.

    Returns:
        The loss, one number; with reduction="none" one for each element.

    Raises:
        ValueError: if the shapes differ or there is no element to average.
        TypeError: if the operands differ in dtype or device.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.mse_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        2.0
        >>> ops.mse_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0]), reduction="none").numpy()
        array([0., 4.], dtype=float32)
    """
    target = _target("mse_loss", x, target, reduction)
    if reduction == "mean" and x.numel():
        return MseLoss.apply(x, target)
    difference = x - target
    return reduced("mse_loss", difference * difference, reduction)


def l1_loss(x: Tensor, target: Any, *, reduction: str = "mean") -> Tensor:
    """Average |x - target| over all elements; the gradient where both are equal is 0.

    Args:
        x: any shape.
        target: a tensor or array of the same shape and dtype.
        reduction: "mean" (default), "sum", or "none" for the difference of each element.

    Raises:
        ValueError: if the shapes differ or there is no element to average.
        TypeError: if the operands differ in dtype or device.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.l1_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        1.0
    """
    target = _target("l1_loss", x, target, reduction)
    return reduced("l1_loss", L1Loss.apply(x, target), reduction)


def smooth_l1_loss(x: Tensor, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Average over all elements (x - target)² / (2·beta) where |x - target| < beta, else |x - target| - beta / 2.

    Args:
        x: any shape.
        target: a tensor or array of the same shape and dtype.
        reduction: "mean" (default), "sum", or "none" for the loss of each element.
        beta: where the parabola ends; 0 is `l1_loss`.

    Raises:
        ValueError: if the shapes differ, there is no element to average, or beta is below 0.
        TypeError: if the operands differ in dtype or device.

    Source: Girshick, "Fast R-CNN", arXiv:1504.08083, equation 3.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.smooth_l1_loss(Tensor([1.0, 2.0]), Tensor([1.5, 4.0]), reduction="none").numpy()
        array([0.125, 1.5  ], dtype=float32)
    """
    check_positive("smooth_l1_loss", "beta", beta, zero=True)
    target = _target("smooth_l1_loss", x, target, reduction)
    return reduced("smooth_l1_loss", SmoothL1Loss.apply(x, target, beta=beta), reduction)


def binary_cross_entropy_with_logits(
    x: Tensor, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Average over all elements the cross-entropy between σ(x) and the target: yes or no for each element by itself.

    Args:
        x: logits, any shape.
        target: a tensor or array of the same shape and dtype, from 0 (no) to 1 (yes).
        weight: how much each element counts: plain numbers >= 0 whose shape broadcasts to that of x. The average
            divides by the number of elements all the same, as PyTorch's.
        reduction: "mean" (default), "sum", or "none" for the loss of each element.
        pos_weight: how many times a yes counts: plain numbers >= 0 whose shape broadcasts to that of x, such as one for
            each of C questions.

    Returns:
        The loss, one number; with reduction="none" one for each element.

    Raises:
        ValueError: if the shapes do not fit, a target or weight is out of range, or there is no element to average.
        TypeError: if the operands differ in dtype or device.

    Example:
        >>> from minidl import Tensor, ops
        >>> x, target = Tensor([[0.0, 200.0]]), Tensor([[1.0, 0.0]])
        >>> ops.binary_cross_entropy_with_logits(x, target, reduction="none").numpy().round(4)
        array([[  0.6931, 200.    ]], dtype=float32)
    """
    op = "binary_cross_entropy_with_logits"
    target = _target(op, x, target, reduction)
    if bool(((target._data < 0) | (target._data > 1)).any()):
        raise ValueError(
            f"{op}: target must be from 0 (no) to 1 (yes); received from {float(target._data.min())} to "
            f"{float(target._data.max())}; of classes, use cross_entropy"
        )
    counts = None if pos_weight is None else Tensor(element_weights(op, "pos_weight", pos_weight, x=x))
    each = BinaryCrossEntropyWithLogits.apply(x, target, counts)
    each = each if weight is None else each * Tensor(element_weights(op, "weight", weight, x=x))
    return reduced(op, each, reduction)


def _target(op: str, x: Any, target: Any, reduction: Any) -> Tensor:
    """Judge the arguments that all these losses have, and return the target as a tensor."""
    check_reduction(op, reduction)
    target = as_tensor(target, x) if _backend.is_array(target) else target
    check_alike(op, x=x, target=target)
    if x.shape != target.shape:
        raise ValueError(f"{op}: x and target must have one shape; x.shape={x.shape}, target.shape={target.shape}")
    return target

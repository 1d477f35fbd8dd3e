"""Losses: how wrong an answer is, as one number.

    cross_entropy   loss = mean over n of  -Σ_j t[n, j] · log softmax(x[n])_j        dx = (softmax(x)·Σt - t) / N
    mse_loss        loss = mean of (x - t)²                                          dx = 2·(x - t) / M

The derivation is in minidl/kernels/textbook/loss.py and docs/derivations/cross_entropy.md.
"""

from __future__ import annotations

from typing import Any

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_fraction, check_rank, from_numbers
from minidl.ops._broadcast import as_tensor
from minidl.tensor import Context, Function, Tensor


class CrossEntropy(Function):
    """Saves log p and the targets."""

    @staticmethod
    def forward(ctx: Context, x: Array, t: Array) -> Array:
        """loss = mean of -Σ t · log p."""
        loss, log_p = kernels.cross_entropy(x, t)
        ctx.save(log_p, t)
        return loss

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """dx = (p·Σt - t) · dy / N, dt = -log p · dy / N."""
        log_p, t = ctx.saved
        need_x, need_t = ctx.needs
        dt = log_p * (-dy / log_p.shape[0]) if need_t else None
        return kernels.cross_entropy_dx(dy, log_p, t) if need_x else None, dt


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


def cross_entropy(logits: Tensor, labels: Any, *, label_smoothing: float = 0.0) -> Tensor:
    """Average over the batch the cross-entropy between softmax(logits) and the labels.

    Args:
        logits: (N, M), any real numbers.
        labels: class indices (N,), an integer array from 0 to M - 1; or probabilities of the classes (N, M), a float
            array or tensor, which gets a gradient if it wants one. As in PyTorch, nobody checks that a row sums to 1
            (mixed or weighted targets are allowed), and the gradient is right for any row.
        label_smoothing: s replaces a target t by (1 - s) · t + s / M
            (Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7).

    Returns:
        The loss, one number.

    Raises:
        ValueError: if shapes do not fit or a label is out of range.
        TypeError: if the labels are neither integers nor floats of the dtype of the logits, or on another device.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> round(ops.cross_entropy(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
        0.6931
        >>> round(ops.cross_entropy(Tensor([[0.0, 0.0]]), Tensor([[0.3, 0.7]])).item(), 4)
        0.6931
    """
    check_alike("cross_entropy", logits=logits)
    check_rank("cross_entropy", "logits", logits.shape, "N, M")
    check_fraction("cross_entropy", "label_smoothing", label_smoothing)
    if logits.size == 0:
        raise ValueError(f"cross_entropy: expects at least one row and one class; logits.shape={logits.shape}")
    if not isinstance(labels, Tensor):
        labels = labels if _backend.is_array(labels) else from_numbers("cross_entropy", "labels", labels)
    if labels.dtype.kind not in "iuf":
        raise TypeError(
            f"cross_entropy: labels must be integers (class indices) or floats (probabilities); "
            f"received labels.dtype={labels.dtype}"
        )
    labels = labels if isinstance(labels, Tensor) else Tensor(labels)
    if labels.device != logits.device:
        raise TypeError(f"cross_entropy: logits are on {logits.device} but labels on {labels.device}; move one of them")
    if labels.dtype.kind == "f":
        t = _probabilities(logits, labels)
        t = t * (1 - label_smoothing) + label_smoothing / logits.shape[1] if label_smoothing else t
    else:
        t = _one_hot(logits, labels.data, label_smoothing)
    return CrossEntropy.apply(logits, t)


def _probabilities(logits: Tensor, labels: Tensor) -> Tensor:
    """Judge labels that are probabilities."""
    if labels.shape != logits.shape:
        raise ValueError(
            f"cross_entropy: labels that are floats are probabilities and must have the shape of logits; "
            f"labels.shape={labels.shape}, logits.shape={logits.shape}; are they class indices? "
            f"labels.astype('int64')"
        )
    check_alike("cross_entropy", logits=logits, labels=labels)
    return labels


def _one_hot(logits: Tensor, labels: Array, label_smoothing: float) -> Tensor:
    """Judge labels that are class indices and write them as (smoothed) probabilities (N, M)."""
    n, m = logits.shape
    if labels.shape != (n,):
        raise ValueError(
            f"cross_entropy: labels must have one class index for each row of logits, shape ({n},); "
            f"labels.shape={labels.shape}, logits.shape={logits.shape}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= m:
        raise ValueError(
            f"cross_entropy: labels must be from 0 to {m - 1} (logits have {m} classes); "
            f"received labels from {low} to {high}"
        )
    xp = _backend.array_module(logits.data)
    t = xp.full((n, m), label_smoothing / m, dtype=logits.dtype)
    t[xp.arange(n), labels] += 1 - label_smoothing
    return Tensor(t)


def mse_loss(x: Tensor, target: Any) -> Tensor:
    """Average (x - target)² over all elements.

    Args:
        x: any shape.
        target: a tensor or array of the same shape and dtype; nothing is broadcast, because that is usually a mistake.

    Returns:
        The loss, one number.

    Raises:
        ValueError: if the shapes differ or there is no element.
        TypeError: if the operands differ in dtype or device.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.mse_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        2.0
    """
    target = as_tensor(target, x) if _backend.is_array(target) else target
    check_alike("mse_loss", x=x, target=target)
    if x.shape != target.shape:
        raise ValueError(f"mse_loss: x and target must have one shape; x.shape={x.shape}, target.shape={target.shape}")
    if x.size == 0:
        raise ValueError(f"mse_loss: there is nothing to average; x.shape={x.shape}")
    return MseLoss.apply(x, target)

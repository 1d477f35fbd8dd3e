"""Losses: how wrong an answer is, as one number.

    cross_entropy   loss = mean over n of  -Σ_j t[n, j] · log softmax(x[n])_j        dx = (softmax(x) - t) / N

The derivation is in minidl/kernels/textbook/loss.py and docs/derivations/cross_entropy.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_fraction, check_rank
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
    def backward(ctx: Context, dy: Array) -> tuple[Array, None]:
        """dx = (p - t) · dy / N."""
        log_p, t = ctx.saved
        return kernels.cross_entropy_dx(dy, log_p, t), None


def cross_entropy(logits: Tensor, labels: Any, *, label_smoothing: float = 0.0) -> Tensor:
    """Average over the batch the cross-entropy between softmax(logits) and the labels.

    Args:
        logits: (N, M), any real numbers.
        labels: class indices (N,), an integer array from 0 to M - 1.
        label_smoothing: s replaces a one-hot target by (1 - s) · one-hot + s / M
            (Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7).

    Returns:
        The loss, one number.

    Raises:
        ValueError: if shapes do not fit or a label is out of range.
        TypeError: if the labels are not integers.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> round(ops.cross_entropy(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
        0.6931
    """
    check_alike("cross_entropy", logits=logits)
    check_rank("cross_entropy", "logits", logits.shape, "N, M")
    check_fraction("cross_entropy", "label_smoothing", label_smoothing)
    n, m = logits.shape
    if n == 0 or m == 0:
        raise ValueError(f"cross_entropy: expects at least one row and one class; logits.shape={logits.shape}")
    labels = labels.data if isinstance(labels, Tensor) else labels
    labels = labels if _backend.is_array(labels) else np.asarray(labels)
    if _backend.device_of(labels) != logits.device:
        raise TypeError(
            f"cross_entropy: logits are on {logits.device} but labels on {_backend.device_of(labels)}; move one of them"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: labels must be integers (class indices); received labels.dtype={labels.dtype}")
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
    return CrossEntropy.apply(logits, Tensor(t))

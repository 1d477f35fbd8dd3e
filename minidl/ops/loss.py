"""Losses: how wrong an answer is, as one number.

    cross_entropy   loss = mean over n of  -Σ_j t[n, j] · log softmax(x[n])_j        dx = (softmax(x)·Σt - t) / N
                    weights of classes, smoothing and ignored labels only change t
    mse_loss        loss = mean of (x - t)²                                          dx = 2·(x - t) / M

The derivation is in minidl/kernels/textbook/loss.py and docs/derivations/cross_entropy.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_fraction, check_rank, from_numbers, is_int
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
        """dx = (p·Σt - t) · dy / rows, dt = -log p · dy / rows."""
        log_p, t = ctx.saved
        need_x, need_t = ctx.needs
        dt = log_p * (-dy / (log_p.size // log_p.shape[1])) if need_t else None
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


def cross_entropy(
    logits: Tensor, labels: Any, weight: Any = None, *, ignore_index: int = -100, label_smoothing: float = 0.0
) -> Tensor:
    """Average over the batch the cross-entropy between softmax(logits) and the labels.

    Args:
        logits: (N, M), any real numbers; or (N, M, H, W), where each pixel has a label of its own (any axes behind M).
        labels: class indices (N,) or (N, H, W), an integer array from 0 to M - 1; or probabilities of the classes, of
            the shape of logits, a float array or tensor, which gets a gradient if it wants one. As in PyTorch, nobody
            checks that they sum to 1 (mixed or weighted targets are allowed), and the gradient is right for any.
        weight: how much each class counts, M numbers >= 0; None (default) is 1 for all. With class indices, the average
            is the weighted one: the sum is divided by the weights of the labels, not by their number.
        ignore_index: a label that does not count, neither in the sum nor in what it is divided by.
        label_smoothing: s replaces a target t by (1 - s) · t + s / M
            (Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7).

    Returns:
        The loss, one number.

    Raises:
        ValueError: if shapes do not fit, a label is out of range, or no label counts: there is nothing to average
            (PyTorch returns NaN).
        TypeError: if the labels are neither integers nor floats of the dtype of the logits, or on another device.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> round(ops.cross_entropy(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
        0.6931
        >>> round(ops.cross_entropy(Tensor([[0.0, 0.0]]), Tensor([[0.3, 0.7]])).item(), 4)
        0.6931
        >>> logits = Tensor([[0.0, 0.0], [5.0, 0.0]])
        >>> round(ops.cross_entropy(logits, np.array([1, -100])).item(), 4)  # the second is not counted
        0.6931
    """
    check_alike("cross_entropy", logits=logits)
    if logits.ndim < 2:
        check_rank("cross_entropy", "logits", logits.shape, "N, M")
    check_fraction("cross_entropy", "label_smoothing", label_smoothing)
    if not is_int(ignore_index):
        raise ValueError(f"cross_entropy: ignore_index must be an int; received ignore_index={ignore_index!r}")
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
    weights = None if weight is None else class_weights("cross_entropy", weight, logits)
    if labels.dtype.kind == "f":
        t = _probabilities(logits, labels)
        t = t * (1 - label_smoothing) + label_smoothing / logits.shape[1] if label_smoothing else t
        t = t if weights is None else t * Tensor(weights.reshape(-1, *(1,) * (logits.ndim - 2)))
    else:
        t = _one_hot(logits, labels.data, weights, ignore_index, label_smoothing)
    return CrossEntropy.apply(logits, t)


def class_weights(op: str, weight: Any, logits: Tensor | None = None) -> Array:
    """Judge how much each class counts, and return it as an array, of the dtype of the logits if they are given."""
    array = weight.data if isinstance(weight, Tensor) else weight
    plain = not _backend.is_array(array)
    array = from_numbers(op, "weight", array) if plain else array
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{op}: weight must be numbers, one for each class; received dtype={array.dtype}")
    if array.ndim != 1 or array.size == 0 or (logits is not None and array.size != logits.shape[1]):
        classes = "" if logits is None else f" = {logits.shape[1]}"
        raise ValueError(f"{op}: weight must have one number for each class, (M,){classes}; weight.shape={array.shape}")
    if not 0 <= float(array.min()) <= float(array.max()) < math.inf:
        raise ValueError(f"{op}: weight must be >= 0 and finite; received from {array.min()} to {array.max()}")
    if logits is None:
        return array.astype(np.float32) if array.dtype.kind != "f" else array
    if plain:
        array = _backend.to_device(array, logits.device)
    if _backend.device_of(array) != logits.device:
        raise TypeError(
            f"{op}: logits are on {logits.device} but weight on {_backend.device_of(array)}; move one of them"
        )
    return array.astype(logits.dtype)


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


def _one_hot(logits: Tensor, labels: Array, weights: Array | None, ignore_index: int, label_smoothing: float) -> Tensor:
    """Judge labels that are class indices and write them as targets (N, M, …) whose mean is the weighted average.

    The kernel divides by the number of rows, so a target is multiplied by that number over the weights that count.
    """
    m, places = logits.shape[1], (logits.shape[0], *logits.shape[2:])
    if labels.shape != places:
        each = "row of logits" if logits.ndim == 2 else "place of logits (N, M, ...)"
        raise ValueError(
            f"cross_entropy: labels must have one class index for each {each}, shape {places}; "
            f"labels.shape={labels.shape}, logits.shape={logits.shape}"
        )
    xp, labels = _backend.array_module(logits.data), labels.reshape(-1)
    counted = labels != ignore_index
    wrong = labels[counted & ((labels < 0) | (labels >= m))]
    if wrong.size:
        raise ValueError(
            f"cross_entropy: labels must be from 0 to {m - 1} (logits have {m} classes); "
            f"received labels from {int(labels[counted].min())} to {int(labels[counted].max())}"
        )
    t = xp.full((labels.size, m), label_smoothing / m, dtype=logits.dtype)
    chosen = xp.where(counted, labels, 0).astype(np.intp)
    t[xp.arange(labels.size), chosen] += 1 - label_smoothing
    each = counted.astype(logits.dtype) if weights is None else weights[chosen] * counted
    total = float(each.sum(dtype=np.float64))
    if total == 0:
        raise ValueError(
            f"cross_entropy: there is nothing to average: none of the {labels.size} labels counts, each is "
            f"ignore_index={ignore_index} or of weight 0; leave such a batch out"
        )
    if weights is not None:
        t *= weights
    if weights is not None or total != labels.size:
        t *= (counted * (labels.size / total)).astype(logits.dtype)[:, None]
    t = t.reshape(*places, m)  # the classes of a place lie together, as in pictures that are channels-last
    return Tensor(t.transpose(0, t.ndim - 1, *range(1, t.ndim - 1)))


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

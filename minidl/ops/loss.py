"""Losses of classes: how wrong the answer is which one of M it is.

    cross_entropy   loss = mean over n of  -Σ_j t[n, j] · log softmax(x[n])_j        dx = (softmax(x)·Σt - t) / N
                    weights of classes, smoothing and ignored labels only change t
    nll_loss        the same of log p, which has been made before                    d log p = -t / N

The derivation is in minidl/kernels/textbook/loss.py and docs/derivations/cross_entropy.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_fraction, check_rank, from_numbers, to_int
from minidl.ops._reduction import check_reduction, reduced
from minidl.ops._weights import class_weights
from minidl.ops.softmax import log_softmax
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


class NllLoss(Function):
    """Saves log p if the targets want a gradient, and the targets."""

    @staticmethod
    def forward(ctx: Context, log_p: Array, t: Array) -> Array:
        """-Σ t · log p of each row."""
        ctx.save(t, *[log_p] * ctx.needs[1])
        return kernels.nll(log_p, t)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array | None, Array | None]:
        """d log p = -t · dy, dt = -log p · dy."""
        t, *log_p = ctx.saved
        dt = log_p[0] * -dy[:, None] if log_p else None
        return kernels.nll_dx(dy, t) if ctx.needs[0] else None, dt


def cross_entropy(
    logits: Tensor,
    labels: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
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
        reduction: "mean" (default), "sum", or "none" for the loss of each label, (N,) or (N, H, W).
        label_smoothing: s replaces a target t by (1 - s) · t + s / M
            (Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7).

    Returns:
        The loss, one number; with reduction="none" one for each label, 0 where it does not count.

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
    check_fraction("cross_entropy", "label_smoothing", label_smoothing)
    labels = _judged("cross_entropy", "logits", logits, labels, ignore_index, reduction, "iuf")
    weights = None if weight is None else class_weights("cross_entropy", weight, logits=logits)
    if labels.dtype.kind == "f":
        t = _probabilities(logits, labels)
        t = t * (1 - label_smoothing) + label_smoothing / logits.shape[1] if label_smoothing else t
        t = t if weights is None else t * Tensor(weights.reshape(-1, *(1,) * (logits.ndim - 2)))
        t = t * float(logits.numel() // logits.shape[1]) if reduction == "sum" else t
    else:
        settings = weights, ignore_index, reduction, label_smoothing
        t = _one_hot("cross_entropy", "logits", logits, labels._data, *settings)
    return CrossEntropy.apply(logits, t) if reduction != "none" else NllLoss.apply(log_softmax(logits, 1), t)


def nll_loss(
    log_p: Tensor, labels: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Average over the batch -log p of the right class, where log p is given: behind `log_softmax`, the cross-entropy.

    Args:
        log_p: (N, M), logarithms of the probabilities of M classes; or (N, M, H, W), where each pixel has a label.
        labels: class indices (N,) or (N, H, W), an integer array from 0 to M - 1.
        weight: how much each class counts, M numbers >= 0; None (default) is 1 for all. The average is weighted.
        ignore_index: a label that does not count, neither in the sum nor in what it is divided by.
        reduction: "mean" (default), "sum", or "none" for the loss of each label.

    Returns:
        The loss, one number; with reduction="none" one for each label, 0 where it does not count.

    Raises:
        ValueError: if shapes do not fit, a label is out of range, or no label counts.
        TypeError: if the labels are no integers, or on another device.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, ops
        >>> round(ops.nll_loss(ops.log_softmax(Tensor([[0.0, 0.0]])), np.array([1])).item(), 4)
        0.6931
    """
    check_alike("nll_loss", log_p=log_p)
    labels = _judged("nll_loss", "log_p", log_p, labels, ignore_index, reduction, "iu")
    weights = None if weight is None else class_weights("nll_loss", weight, log_p=log_p)
    scale = "mean" if reduction == "mean" else "none"
    t = _one_hot("nll_loss", "log_p", log_p, labels._data, weights, ignore_index, scale, 0.0)
    return reduced("nll_loss", NllLoss.apply(log_p, t), reduction)


def _judged(op: str, name: str, scores: Tensor, labels: Any, ignore_index: Any, reduction: Any, kinds: str) -> Tensor:
    """Judge the arguments that both losses have, and return the labels as a tensor."""
    if scores.ndim < 2:
        check_rank(op, name, scores.shape, "N, M")
    to_int(op, "ignore_index", ignore_index, least=None)
    check_reduction(op, reduction)
    if scores.numel() == 0:
        raise ValueError(f"{op}: expects at least one row and one class; {name}.shape={scores.shape}")
    if not isinstance(labels, Tensor):
        labels = labels if _backend.is_array(labels) else from_numbers(op, "labels", labels)
    if labels.dtype.kind not in kinds:
        expected = "integers (class indices)" + " or floats (probabilities)" * ("f" in kinds)
        raise TypeError(f"{op}: labels must be {expected}; received labels.dtype={labels.dtype}")
    labels = labels if isinstance(labels, Tensor) else Tensor(labels)
    if labels.device != scores.device:
        raise TypeError(f"{op}: {name} are on {scores.device} but labels on {labels.device}; move one of them")
    return labels


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


def _one_hot(
    op: str,
    name: str,
    scores: Tensor,
    labels: Array,
    weights: Array | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    """Judge labels that are class indices and write them as targets (N, M, …).

    An average over all rows follows: for a weighted one, a target is multiplied by the number of rows over the weights
    that count, and for a sum by the number of rows.
    """
    m, shape = scores.shape[1], (scores.shape[0], *scores.shape[2:])
    if labels.shape != shape:
        each = f"row of {name}" if scores.ndim == 2 else f"place of {name} (N, M, ...)"
        raise ValueError(
            f"{op}: labels must have one class index for each {each}, shape {shape}; "
            f"labels.shape={labels.shape}, {name}.shape={scores.shape}"
        )
    xp, labels = _backend.array_module(scores._data), labels.reshape(-1)
    counted = labels != ignore_index
    wrong = labels[counted & ((labels < 0) | (labels >= m))]
    if wrong.size:
        raise ValueError(
            f"{op}: labels must be from 0 to {m - 1} ({name} have {m} classes); "
            f"received labels from {int(labels[counted].min())} to {int(labels[counted].max())}"
        )
    t = xp.full((labels.size, m), label_smoothing / m, dtype=scores.dtype)
    chosen = xp.where(counted, labels, 0).astype(np.intp)
    t[xp.arange(labels.size), chosen] += 1 - label_smoothing
    if weights is not None:
        t *= weights
    each = counted.astype(scores.dtype) if weights is None else weights[chosen] * counted
    share = {"none": 1.0, "sum": float(labels.size)}.get(reduction) or _share(op, each, ignore_index)
    if weights is not None or reduction != "mean" or share != 1:  # else all labels count, and alike
        t *= (counted * share).astype(scores.dtype)[:, None]
    t = t.reshape(*shape, m)  # the classes of a place lie together, as in pictures that are channels-last
    return Tensor(t.transpose(0, t.ndim - 1, *range(1, t.ndim - 1)))


def _share(op: str, each: Array, ignore_index: int) -> float:
    """Return the number of labels over the weights of all that count."""
    total = float(each.sum(dtype=np.float64))
    if total == 0:
        raise ValueError(
            f"{op}: there is nothing to average: none of the {each.size} labels counts, each is "
            f"ignore_index={ignore_index} or of weight 0; leave such a batch out"
        )
    return each.size / total

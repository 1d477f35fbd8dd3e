"""Losses as layers; `minidl.ops.cross_entropy` and `minidl.ops.mse_loss` have the arithmetic."""

from __future__ import annotations

from typing import Any

from minidl import ops
from minidl._checks import check_fraction, is_int
from minidl.nn.module import Module
from minidl.ops.loss import class_weights
from minidl.tensor import Tensor


class CrossEntropyLoss(Module):
    """The average cross-entropy between softmax(logits) and the labels; see `minidl.ops.cross_entropy`.

    Args:
        weight: how much each class counts, M numbers >= 0, kept as a buffer; None (default) is 1 for all.
        ignore_index: a label that does not count.
        label_smoothing: the share of a label that is spread evenly over all classes.

    Raises:
        ValueError: if label_smoothing is not from 0 to 1, or a weight is negative.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> round(nn.CrossEntropyLoss()(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
        0.6931
    """

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, label_smoothing: float = 0.0):
        super().__init__()
        check_fraction("CrossEntropyLoss", "label_smoothing", label_smoothing)
        if not is_int(ignore_index):
            raise ValueError(f"CrossEntropyLoss: ignore_index must be an int; received ignore_index={ignore_index!r}")
        if weight is None:
            self.weight = None
        else:
            self.register_buffer("weight", class_weights("CrossEntropyLoss", weight))
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, logits: Tensor, labels: Any) -> Tensor:
        """Return the loss, one number."""
        settings: dict[str, Any] = {"ignore_index": self.ignore_index, "label_smoothing": self.label_smoothing}
        return ops.cross_entropy(logits, labels, self.weight, **settings)

    def extra_repr(self) -> str:
        """Return what is not the default."""
        parts = [f"weight of {len(self.weight)} classes"] if self.weight is not None else []
        parts += [f"ignore_index={self.ignore_index}"] if self.ignore_index != -100 else []
        parts += [f"label_smoothing={self.label_smoothing}"] if self.label_smoothing else []
        return ", ".join(parts)


class MSELoss(Module):
    """The average of (x - target)²; see `minidl.ops.mse_loss`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.MSELoss()(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        2.0
    """

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Return the loss, one number."""
        return ops.mse_loss(x, target)

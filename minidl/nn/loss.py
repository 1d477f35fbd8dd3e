"""Losses as layers; `minidl.ops.cross_entropy` and `minidl.ops.mse_loss` have the arithmetic."""

from __future__ import annotations

from typing import Any

from minidl import ops
from minidl._checks import check_fraction
from minidl.nn.module import Module
from minidl.tensor import Tensor


class CrossEntropyLoss(Module):
    """The average cross-entropy between softmax(logits) and the labels; see `minidl.ops.cross_entropy`.

    Raises:
        ValueError: if label_smoothing is not from 0 to 1.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> round(nn.CrossEntropyLoss()(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
        0.6931
    """

    def __init__(self, *, label_smoothing: float = 0.0):
        super().__init__()
        check_fraction("CrossEntropyLoss", "label_smoothing", label_smoothing)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, labels: Any) -> Tensor:
        """Return the loss, one number."""
        return ops.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)

    def extra_repr(self) -> str:
        """Return the smoothing, if there is any."""
        return f"label_smoothing={self.label_smoothing}" if self.label_smoothing else ""


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

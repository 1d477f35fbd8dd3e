"""What a training makes small: the cross-entropy of the network's answers, those of auxiliary heads among them.

    objective = L(main) + aux_weight · Σ L(auxiliary heads)

A network with auxiliary heads returns named fields in training, the main one first, and one tensor otherwise.
Source: Szegedy et al., "Going deeper with convolutions" (arXiv:1409.4842), section 5, where aux_weight is 0.3.
"""

from __future__ import annotations

from typing import Any

from minidl import ops
from minidl.tensor import Tensor


def objective(output: Any, labels: Any, *, label_smoothing: float = 0.0, aux_weight: float = 0.3) -> Tensor:
    """Return the loss of what a network returned, one number.

    Args:
        output: logits (N, M), or several of them of which the first counts whole.
        labels: class indices (N,), or probabilities (N, M).
        label_smoothing: see `minidl.ops.cross_entropy`.
        aux_weight: how much each of the others counts.

    Example:
        >>> import numpy as np
        >>> logits = Tensor(np.zeros((1, 10)))  # all equal: every cross-entropy is log 10 = 2.3026
        >>> f"{objective((logits, logits, logits), np.array([3])).item():.4f}"  # 1.6 · 2.3026
        '3.6841'
    """
    if isinstance(output, Tensor):
        return ops.cross_entropy(output, labels, label_smoothing=label_smoothing)
    main, *others = (ops.cross_entropy(logits, labels, label_smoothing=label_smoothing) for logits in output)
    for loss in others:
        main = main + aux_weight * loss
    return main


def main_logits(output: Any) -> Tensor:
    """Return the logits of the main head."""
    return output if isinstance(output, Tensor) else output[0]

"""Losses as layers; the operations of `minidl.ops` have the arithmetic.

Weights of classes and elements are kept as buffers, under PyTorch's names: they go with the layer to another device,
and into its `state_dict`.
"""

from __future__ import annotations

from typing import Any

from minidl import ops
from minidl._checks import check_fraction, check_positive, to_int
from minidl.nn._repr import changed
from minidl.nn.module import Module
from minidl.ops._reduction import check_reduction
from minidl.ops._weights import class_weights, element_weights
from minidl.tensor import Tensor


class _Loss(Module):
    def __init__(self, reduction: str):
        super().__init__()
        check_reduction(type(self).__name__, reduction)
        self.reduction = reduction

    def _keep(self, name: str, array: Any) -> None:
        if array is None:
            setattr(self, name, None)
        else:
            self.register_buffer(name, array)

    def _parts(self, **defaults: Any) -> str:
        """Return what is not the default, for `extra_repr`."""
        return changed(self, **defaults, reduction="mean")[2:]

    def extra_repr(self) -> str:
        """Return the reduction, if it is not the default."""
        return self._parts()


class CrossEntropyLoss(_Loss):
    """The average cross-entropy between softmax(logits) and the labels; see `minidl.ops.cross_entropy`.

    Args:
        weight: how much each class counts, M numbers >= 0, kept as a buffer; None (default) is 1 for all.
        ignore_index: a label that does not count.
        reduction: "mean" (default), "sum", or "none" for the loss of each label.
        label_smoothing: the share of a label that is spread evenly over all classes.

    Raises:
        ValueError: if label_smoothing is not from 0 to 1, a weight is negative, or a setting is another word.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> round(nn.CrossEntropyLoss()(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
        0.6931
    """

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ):
        super().__init__(reduction)
        check_fraction("CrossEntropyLoss", "label_smoothing", label_smoothing)
        self._keep("weight", None if weight is None else class_weights("CrossEntropyLoss", weight))
        self.ignore_index = to_int("CrossEntropyLoss", "ignore_index", ignore_index, least=None)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, labels: Any) -> Tensor:
        """Return the loss, one number; with reduction="none" one for each label."""
        settings: dict[str, Any] = {"ignore_index": self.ignore_index, "label_smoothing": self.label_smoothing}
        return ops.cross_entropy(logits, labels, self.weight, reduction=self.reduction, **settings)

    def extra_repr(self) -> str:
        """Return what is not the default."""
        own = self._parts(ignore_index=-100, label_smoothing=0.0)
        return ", ".join(filter(None, (_of_classes(self.weight), own)))


class NLLLoss(_Loss):
    """The average of -log p of the right class, behind a `LogSoftmax`; see `minidl.ops.nll_loss`.

    Args:
        weight: how much each class counts, M numbers >= 0, kept as a buffer; None (default) is 1 for all.
        ignore_index: a label that does not count.
        reduction: "mean" (default), "sum", or "none" for the loss of each label.

    Raises:
        ValueError: if a weight is negative, or a setting is another word.

    Example:
        >>> import numpy as np
        >>> from minidl import Tensor, nn
        >>> nn.NLLLoss()(Tensor([[-3.0, -0.5]]), np.array([1])).item()
        0.5
    """

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"):
        super().__init__(reduction)
        self._keep("weight", None if weight is None else class_weights("NLLLoss", weight))
        self.ignore_index = to_int("NLLLoss", "ignore_index", ignore_index, least=None)

    def forward(self, log_p: Tensor, labels: Any) -> Tensor:
        """Return the loss, one number; with reduction="none" one for each label."""
        return ops.nll_loss(log_p, labels, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)

    def extra_repr(self) -> str:
        """Return what is not the default."""
        return ", ".join(filter(None, (_of_classes(self.weight), self._parts(ignore_index=-100))))


class MSELoss(_Loss):
    """The average of (x - target)²; see `minidl.ops.mse_loss`.

    Args:
        reduction: "mean" (default), "sum", or "none" for the square of each element.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.MSELoss()(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        2.0
    """

    def __init__(self, *, reduction: str = "mean"):
        super().__init__(reduction)

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Return the loss, one number; with reduction="none" one for each element."""
        return ops.mse_loss(x, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The average of |x - target|; see `minidl.ops.l1_loss`.

    Args:
        reduction: "mean" (default), "sum", or "none" for the difference of each element.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.L1Loss(reduction="sum")(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        2.0
    """

    def __init__(self, *, reduction: str = "mean"):
        super().__init__(reduction)

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Return the loss, one number; with reduction="none" one for each element."""
        return ops.l1_loss(x, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """The average of a parabola up to |x - target| = beta and straight lines beyond; see `minidl.ops.smooth_l1_loss`.

    Args:
        reduction: "mean" (default), "sum", or "none" for the loss of each element.
        beta: where the parabola ends.

    Raises:
        ValueError: if beta is below 0.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.SmoothL1Loss()(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
        0.75
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0):
        super().__init__(reduction)
        check_positive("SmoothL1Loss", "beta", beta, zero=True)
        self.beta = beta

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Return the loss, one number; with reduction="none" one for each element."""
        return ops.smooth_l1_loss(x, target, reduction=self.reduction, beta=self.beta)

    def extra_repr(self) -> str:
        """Return what is not the default."""
        return self._parts(beta=1.0)


class BCEWithLogitsLoss(_Loss):
    """The average cross-entropy between σ(x) and the targets; see `minidl.ops.binary_cross_entropy_with_logits`.

    Args:
        weight: how much each element counts, numbers >= 0 that broadcast to x, kept as a buffer; None (default) is 1.
        reduction: "mean" (default), "sum", or "none" for the loss of each element.
        pos_weight: how many times a yes counts, numbers >= 0 that broadcast to x, kept as a buffer; None is 1.

    Raises:
        ValueError: if a weight is negative.

    Example:
        >>> from minidl import Tensor, nn
        >>> round(nn.BCEWithLogitsLoss()(Tensor([[0.0, 0.0]]), Tensor([[1.0, 0.0]])).item(), 4)
        0.6931
    """

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None):
        super().__init__(reduction)
        for name, value in (("weight", weight), ("pos_weight", pos_weight)):
            self._keep(name, None if value is None else element_weights("BCEWithLogitsLoss", name, value))

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Return the loss, one number; with reduction="none" one for each element."""
        settings: dict[str, Any] = {"reduction": self.reduction, "pos_weight": self.pos_weight}
        return ops.binary_cross_entropy_with_logits(x, target, self.weight, **settings)

    def extra_repr(self) -> str:
        """Return what is not the default."""
        given = [name for name in ("weight", "pos_weight") if getattr(self, name) is not None]
        parts = [f"{name} of shape {tuple(getattr(self, name).shape)}" for name in given]
        return ", ".join(filter(None, (*parts, self._parts())))


def _of_classes(weight: Any) -> str:
    return "" if weight is None else f"weight of {len(weight)} classes"

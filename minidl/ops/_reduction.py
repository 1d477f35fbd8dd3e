"""From a loss for each row or element to one number: its mean, its sum, or all of them as they are."""

from __future__ import annotations

from typing import Any

from minidl._checks import check_choice
from minidl.ops.reduce import mean, sum
from minidl.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(op: str, reduction: Any) -> None:
    """Refuse another word."""
    check_choice(op, "reduction", reduction, REDUCTIONS)


def reduced(op: str, each: Tensor, reduction: str) -> Tensor:
    """Return what becomes of the losses of all rows or elements."""
    if reduction == "none":
        return each
    if reduction == "mean" and each.numel() == 0:
        raise ValueError(f"{op}: there is nothing to average; x.shape={each.shape}")
    return mean(each) if reduction == "mean" else sum(each)

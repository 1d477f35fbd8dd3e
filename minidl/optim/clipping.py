"""Gradient clipping: all gradients together are made shorter if they are too long.

    norm = √(Σ g²) over all numbers of all gradients;   g = g · max_norm / (norm + 1e-6)   if norm > max_norm

The direction stays. Source: Pascanu, Mikolov and Bengio, arXiv:1211.5063, algorithm 1; the 1e-6 is PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl._backend import Array, array_module, unadorned
from minidl._checks import check_positive
from minidl._judged import judged_grad
from minidl.kernels.textbook.sums import total
from minidl.tensor import Tensor


def clip_grad_norm(parameters: Iterable[Any], max_norm: float) -> float:
    """Shorten the gradients of all parameters together to max_norm, if they are longer.

    A gradient that changes is replaced by a new array: who holds the old one keeps what it was.

    Args:
        parameters: whose `.grad` is meant, for example `net.parameters()`; those without a gradient are passed over.
        max_norm: the largest norm that is left; `math.inf` only measures.

    Returns:
        The norm before. If it is not finite, nothing is changed: no factor would cure it.

    Raises:
        ValueError: if max_norm is not above 0, or a gradient has not the shape of its parameter.
        TypeError: if something else than parameters is given, or a gradient is no array like its parameter.

    Example:
        >>> import numpy as np
        >>> from minidl import nn
        >>> w = nn.Parameter([0.0, 0.0])
        >>> w.grad = np.array([3.0, 4.0], dtype="float32")
        >>> clip_grad_norm([w], max_norm=1.0)
        5.0
        >>> w.grad.round(4)
        array([0.6, 0.8], dtype=float32)
    """
    check_positive("clip_grad_norm", "max_norm", max_norm)
    parameters = _listed(parameters)
    with_gradient = [p for p in parameters if judged_grad("clip_grad_norm", p) is not None]
    norm = math.sqrt(sum(_sum_of_squares(unadorned(p.grad)) for p in with_gradient))
    if math.isfinite(norm) and norm > max_norm:
        for p in with_gradient:
            p.grad = p.grad * p.dtype.type(max_norm / (norm + 1e-6))
    return norm


def _listed(parameters: Any) -> list[Tensor]:
    if isinstance(parameters, (Tensor, np.ndarray)) or not isinstance(parameters, Iterable):
        found = type(parameters).__name__
        raise TypeError(
            f"clip_grad_norm: expects a list of parameters; received a {found}; pass net.parameters() or [parameter]"
        )
    listed = list(parameters)
    for p in listed:
        if not isinstance(p, Tensor):
            raise TypeError(f"clip_grad_norm: expects parameters; received a {type(p).__name__}; pass net.parameters()")
    return listed


def _sum_of_squares(g: Array) -> float:
    """Return Σ g², summed in float64, in which no gradient of float32 overflows."""
    return float(total(array_module(g).square(g, dtype=np.float64), tuple(range(g.ndim))))

"""Leaving things out at random while training; `minidl.ops.dropout` has the arithmetic."""

from __future__ import annotations

import numpy as np

from minidl import ops
from minidl._checks import check_choice, check_fraction
from minidl._random import to_generator
from minidl.nn.module import Module
from minidl.tensor import Tensor


class Dropout(Module):
    """In training, set each element to 0 with probability p and scale the others by 1 / (1 - p).

    Args:
        p: the probability of 0.
        rng: where the draws come from; None (default) takes the generator of `minidl.manual_seed`.

    Raises:
        ValueError: if p is not from 0 to 1.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.Dropout(0.5).eval()(Tensor([1.0, 2.0])).numpy()
        array([1., 2.], dtype=float32)
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | None = None):
        super().__init__()
        check_fraction("Dropout", "p", p)
        to_generator("Dropout", rng)
        self.p, self.rng = p, rng

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout."""
        return ops.dropout(x, self.p, training=self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}"


class Dropout2d(Module):
    """In training, set whole channels to 0 with probability p and scale the others by 1 / (1 - p).

    Args:
        p: the probability of 0.
        rng: where the draws come from; None (default) takes the generator of `minidl.manual_seed`.

    Shape:
        x (N, C, H, W) -> y (N, C, H, W)

    Raises:
        ValueError: if p is not from 0 to 1, or x has other axes.

    Example:
        >>> from minidl import nn
        >>> nn.Dropout2d(0.2)
        Dropout2d(p=0.2)
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | None = None):
        super().__init__()
        check_fraction("Dropout2d", "p", p)
        to_generator("Dropout2d", rng)
        self.p, self.rng = p, rng

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout2d."""
        return ops.dropout2d(x, self.p, training=self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}"


class StochasticDepth(Module):
    """In training, set whole pictures to 0 with probability p and scale the others: for the end of a residual branch.

    Args:
        p: the probability of 0.
        mode: "row" draws for each picture, "batch" once for all.
        rng: where the draws come from; None (default) takes the generator of `minidl.manual_seed`.

    Raises:
        ValueError: if p is not from 0 to 1 or mode has another value.

    Example:
        >>> from minidl import nn
        >>> nn.StochasticDepth(0.2, "row")
        StochasticDepth(p=0.2, mode='row')
    """

    def __init__(self, p: float, mode: str = "row", *, rng: np.random.Generator | None = None):
        super().__init__()
        check_fraction("StochasticDepth", "p", p)
        check_choice("StochasticDepth", "mode", mode, ("row", "batch"))
        to_generator("StochasticDepth", rng)
        self.p, self.mode, self.rng = p, mode, rng

    def forward(self, x: Tensor) -> Tensor:
        """Apply stochastic depth."""
        return ops.stochastic_depth(x, self.p, training=self.training, mode=self.mode, rng=self.rng)

    def extra_repr(self) -> str:
        """Return the probability and the mode."""
        return f"p={self.p}, mode={self.mode!r}"

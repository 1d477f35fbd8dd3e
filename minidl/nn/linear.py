"""The fully connected layer; `minidl.ops.linear` has the arithmetic."""

from __future__ import annotations

import numpy as np

from minidl import ops
from minidl._checks import check_flag, to_int
from minidl.nn import init
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor


class Linear(Module):
    """y = x @ wᵀ + b.

    Args:
        in_features: M.
        out_features: O.
        bias: whether there is a bias for each output.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        x (N, M) -> y (N, O), or with axes between, (N, L, M) -> (N, L, O)

    Raises:
        ValueError: if a number is below 1.

    Example:
        >>> from minidl import nn
        >>> nn.Linear(84, 10)
        Linear(84, 10)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rng: np.random.Generator | None = None
    ):
        super().__init__()
        self.in_features = to_int("Linear", "in_features", in_features, least=1)
        self.out_features = to_int("Linear", "out_features", out_features, least=1)
        check_flag("Linear", "bias", bias)
        self.weight = Parameter(init.default_uniform((out_features, in_features), in_features, rng))
        b = Parameter(init.default_uniform((out_features,), in_features, rng)) if bias else None
        self.register_parameter("bias", b)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply x with the weights and add the bias."""
        return ops.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.in_features}, {self.out_features}" + ("" if self.bias is not None else ", bias=False")

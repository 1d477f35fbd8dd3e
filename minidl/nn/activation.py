"""Activations as layers, for use in `Sequential`; `minidl.ops` has the arithmetic."""

from __future__ import annotations

from minidl import ops
from minidl.nn.module import Module
from minidl.tensor import Tensor


class ReLU(Module):
    """max(x, 0); see `minidl.ops.relu`.

    Example:
        >>> from minidl import Tensor, nn
        >>> nn.ReLU()(Tensor([-1.0, 2.0])).numpy()
        array([0., 2.], dtype=float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply relu."""
        return ops.relu(x)

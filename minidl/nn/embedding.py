"""A table of rows that whole numbers choose; `minidl.ops.embedding` has the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import to_int
from minidl.nn import init
from minidl.nn.module import Module, Parameter
from minidl.tensor import Tensor


class Embedding(Module):
    """A row of learnt numbers for each word, place or class.

    Args:
        num_embeddings: how many rows, V.
        embedding_dim: how many numbers a row has, D.
        rng: generator of the initial weights, from N(0, 1); None (default) takes the one of `minidl.manual_seed`.

    Shape:
        whole numbers (...) from 0 to V - 1 -> y (..., D)

    Raises:
        ValueError: if a number is below 1, or an index is not in the table.

    Example:
        >>> from minidl import nn
        >>> nn.Embedding(10, 3)([[1, 2, 4], [4, 3, 9]]).shape
        (2, 3, 3)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, rng: np.random.Generator | None = None):
        super().__init__()
        self.num_embeddings = to_int("Embedding", "num_embeddings", num_embeddings, least=1)
        self.embedding_dim = to_int("Embedding", "embedding_dim", embedding_dim, least=1)
        self.weight = Parameter(init.normal((self.num_embeddings, self.embedding_dim), 1.0, rng))

    def forward(self, indices: Any) -> Tensor:
        """Return the rows that the indices name."""
        return ops.embedding(indices, self.weight)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.num_embeddings}, {self.embedding_dim}"

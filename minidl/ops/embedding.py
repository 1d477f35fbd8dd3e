"""Embedding: whole numbers become rows of numbers.

    y[i] = w[indices[i]]          dw[v] = Σ dy[i] over all i with indices[i] = v

The formulas stand in minidl/kernels/textbook/embedding.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_alike, check_rank, check_tensor, from_numbers, plain_array
from minidl.tensor import Context, Function, Tensor


class Embedding(Function):
    """Saves the indices, and nothing of the table."""

    @staticmethod
    def forward(ctx: Context, indices: Array, w: Array) -> Array:
        """y = the rows of w that the indices name."""
        ctx.save(indices)
        ctx.w_shape = w.shape
        return kernels.embedding(indices, w)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[None, Array]:
        """Every row the sum of the dy of all places that have chosen it."""
        (indices,) = ctx.saved
        return None, kernels.embedding_dw(dy, indices, ctx.w_shape)


def embedding(indices: Any, weight: Tensor) -> Tensor:
    """Return the rows of a table that whole numbers name; a row that is named twice gets both gradients.

    On the GPU one number comes back at each call: whether all indices are in the table.

    Args:
        indices: an array, tensor or nested lists of whole numbers from 0 to V - 1, of any shape.
        weight: the table (V, D).

    Returns:
        y (..., D), a row for each index.

    Raises:
        ValueError: if an index is not in the table, or the table has other axes.
        TypeError: if the indices are no whole numbers, or weight is no float tensor.

    Example:
        >>> from minidl import Tensor, ops
        >>> ops.embedding([2, 0, 2], Tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])).numpy()
        array([[4., 5.],
               [0., 1.],
               [4., 5.]], dtype=float32)
    """
    check_tensor("embedding", "weight", weight)
    check_alike("embedding", weight=weight)
    check_rank("embedding", "weight", weight.shape, "V, D")
    given = indices._data if isinstance(indices, Tensor) else indices
    array = plain_array("embedding", given if _backend.is_array(given) else from_numbers("embedding", "indices", given))
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"embedding: indices must be whole numbers; received indices.dtype={array.dtype}; convert them: "
            f"indices.astype('int64')"
        )
    array = _backend.to_device(array, weight.device) if array is not given else array
    if _backend.device_of(array) != weight.device:
        raise TypeError(
            f"embedding: indices are on {_backend.device_of(array)} but weight on {weight.device}; move one of them"
        )
    rows = weight.shape[0]
    outside = (array < 0) | (array >= rows)
    if outside.any():
        wrong = array[outside].reshape(-1)[0]
        raise ValueError(
            f"embedding: the table has {rows} rows, so indices go from 0 to {rows} - 1 = {rows - 1}; received an index "
            f"{int(wrong)}; weight.shape={weight.shape}; give the table more rows, or find where the index comes from"
        )
    return Embedding.apply(Tensor(array.astype(np.int64, copy=False)), weight)

"""An embedding: whole numbers choose rows of a table.

    y[i] = w[indices[i]]          w (V, D)   indices (...)   ->   y (..., D)
    dw[v] = Σ dy[i] over all i with indices[i] = v

It is the product of rows that are 0 everywhere but for one 1 with w, without the zeros. A row that was chosen several
times has acted in several places, and gets the sum of what comes back from all of them; one that was not gets 0.
"""

from __future__ import annotations

from minidl import _backend
from minidl._backend import Array
from minidl.kernels.textbook.sums import rounded


def embedding(indices: Array, w: Array) -> Array:
    """y = the rows of w that the indices name."""
    y = _backend.empty((*indices.shape, w.shape[1]), w.dtype, like=w)
    y[...] = w[indices]
    return y


def embedding_dw(dy: Array, indices: Array, w_shape: tuple[int, int]) -> Array:
    """dw: to every row, the sum of the dy of all places that have chosen it."""
    dw = _backend.full(w_shape, 0, "float64", like=dy)
    _backend.array_module(dy).add.at(dw, indices, dy.astype("float64"))
    return rounded(dw, dy.dtype)

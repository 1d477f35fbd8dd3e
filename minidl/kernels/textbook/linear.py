"""Linear layers: one matrix product forward, one for each gradient.

    y = x @ wᵀ + b         x (N, M)   w (O, M)   b (O,)   ->   y (N, O)
    dx = dy @ w            dw = dyᵀ @ x

In y[n, o] = Σ_m x[n, m] w[o, m], x[n, m] meets w[o, m] once for every o: hence dx[n, m] = Σ_o dy[n, o] w[o, m], a
product again; dw the same way, summed over n.

    y = a @ b              a (..., N, M)   b (..., M, O)   ->   y (..., N, O)       axes before are broadcast

is the product itself, of as many pairs of matrices as there are; its gradients are da = dy @ bᵀ and db = aᵀ @ dy.
"""

from __future__ import annotations

from minidl import _backend
from minidl._backend import Array


def linear(x: Array, w: Array, b: Array | None) -> Array:
    """y = x @ wᵀ + b."""
    out = _backend.empty((x.shape[0], w.shape[0]), x.dtype, like=x)
    y = _backend.array_module(x).matmul(x, w.T, out=out)
    if b is not None:
        y += b
    return y


def linear_dx(dy: Array, w: Array) -> Array:
    """dx = dy @ w."""
    return dy @ w


def linear_dw(dy: Array, x: Array) -> Array:
    """dw = dyᵀ @ x."""
    return dy.T @ x


def matmul(a: Array, b: Array) -> Array:
    """y = a @ b."""
    return a @ b

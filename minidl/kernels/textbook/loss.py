"""Softmax with cross-entropy, in one piece, because together they are simpler and safer than apart.

    p_j  = exp(x_j) / Σ_k exp(x_k)          the softmax of one row of logits x
    loss = -Σ_j t_j · log p_j               t sums to 1: one-hot, smoothed, or any distribution over the classes

    d loss / d x_j = p_j - t_j              since ∂ log p_k / ∂ x_j = [k = j] - p_j and Σ t = 1

log p_j = x_j - m - log Σ exp(x_k - m) with m = max x: no exponent is positive, so nothing overflows, and the largest
term is exp(0) = 1, so the logarithm is finite. Logits of ±10,000 give a finite loss.
"""

from __future__ import annotations

from minidl import _backend
from minidl._backend import Array


def log_softmax(x: Array, axis: int) -> Array:
    """log p along one axis."""
    xp = _backend.array_module(x)
    shifted = xp.subtract(x, x.max(axis=axis, keepdims=True), out=_backend.empty(x.shape, x.dtype, like=x))
    shifted -= xp.log(xp.exp(shifted).sum(axis=axis, keepdims=True))
    return shifted


def cross_entropy(x: Array, t: Array) -> tuple[Array, Array]:
    """Mean over the rows of -Σ t·log p: the loss (), and log p (N, M) for the gradient."""
    log_p = log_softmax(x, axis=1)
    loss = _backend.empty((), x.dtype, like=x)
    loss[...] = -(t * log_p).sum(axis=1).mean()
    return loss, log_p


def cross_entropy_dx(dy: Array, log_p: Array, t: Array) -> Array:
    """dx = (p - t) · dy / N."""
    xp = _backend.array_module(log_p)
    dx = xp.exp(log_p, out=_backend.empty(log_p.shape, log_p.dtype, like=log_p))
    dx -= t
    dx *= dy / log_p.shape[0]
    return dx

"""Losses: softmax with cross-entropy, in one piece because together they are simpler and safer than apart; squares.

    p_j  = exp(x_j) / Σ_k exp(x_k)          the softmax of one row of logits x
    loss = -Σ_j t_j · log p_j               t: one-hot, smoothed, or any weights over the classes; 0 where it is ignored

    d loss / d x_j = p_j · Σ_k t_k - t_j    since ∂ log p_k / ∂ x_j = [k = j] - p_j;  p_j - t_j where t sums to 1
    d loss / d t_j = -log p_j

log p_j = x_j - m - log Σ exp(x_k - m) with m = max x: no exponent is positive, so nothing overflows, and the largest
term is exp(0) = 1, so the logarithm is finite. Logits of ±10,000 give a finite loss.

    mse  = Σ (x - t)² / M                   over all M elements;  d mse / d x = 2·(x - t) / M, and its negative for t
"""

from __future__ import annotations

from minidl import _backend
from minidl._backend import Array
from minidl.kernels.textbook.activation import log_softmax
from minidl.kernels.textbook.sums import average, rounded, total


def cross_entropy(x: Array, t: Array) -> tuple[Array, Array]:
    """Mean over the rows of -Σ t·log p, x and t (N, M) or (N, M, H, W): the loss (), and log p for the gradient."""
    xp = _backend.array_module(x)
    log_p = log_softmax(x, axis=1)
    counted = xp.where(t != 0, log_p, x.dtype.type(0))  # a class of weight 0 costs nothing, even where log p is -inf
    rows = x.size // x.shape[1]
    return rounded(-total(t * counted, tuple(range(x.ndim))) / rows, x.dtype), log_p


def cross_entropy_dx(dy: Array, log_p: Array, t: Array) -> Array:
    """dx = (p·Σt - t) · dy / rows; there is a row of M numbers for each picture, or for each of its pixels."""
    xp = _backend.array_module(log_p)
    dx = xp.exp(log_p, out=_backend.empty(log_p.shape, log_p.dtype, like=log_p))
    dx *= rounded(total(t, (1,), keepdims=True), t.dtype)
    dx -= t
    dx *= dy / (log_p.size // log_p.shape[1])
    return dx


def mse(x: Array, t: Array) -> tuple[Array, Array]:
    """Mean of (x - t)²: the loss (), and the difference x - t for the gradient."""
    difference = _backend.array_module(x).subtract(x, t, out=_backend.empty(x.shape, x.dtype, like=x))
    return average(difference * difference, tuple(range(x.ndim))), difference


def mse_dx(dy: Array, difference: Array) -> Array:
    """dx = 2·(x - t) · dy / M."""
    out = _backend.empty(difference.shape, difference.dtype, like=difference)
    return _backend.array_module(difference).multiply(difference, 2 * dy / difference.size, out=out)

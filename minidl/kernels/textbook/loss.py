"""Losses: softmax with cross-entropy, in one piece because together they are simpler and safer than apart; differences.

    p_j  = exp(x_j) / Σ_k exp(x_k)          the softmax of one row of logits x
    loss = -Σ_j t_j · log p_j               t: one-hot, smoothed, or any weights over the classes; 0 where it is ignored

    d loss / d x_j = p_j · Σ_k t_k - t_j    since ∂ log p_k / ∂ x_j = [k = j] - p_j;  p_j - t_j where t sums to 1
    d loss / d t_j = -log p_j

log p_j = x_j - m - log Σ exp(x_k - m) with m = max x: no exponent is positive, so nothing overflows, and the largest
term is exp(0) = 1, so the logarithm is finite. Logits of ±10,000 give a finite loss.

    mse  = Σ (x - t)² / M                   over all M elements;  d mse / d x = 2·(x - t) / M, and its negative for t

The others give one loss for each row or element, which are summed or averaged afterwards:

    nll        = -Σ_j t_j · l_j             of rows of log p, l;  d / d l_j = -t_j,  d / d t_j = -l_j
    l1         = |d|, d = x - t             d / d x = sign d, which is 0 at d = 0;  its negative for t
    smooth_l1  = d² / 2β where |d| < β      d / d x = d / β
                 |d| - β / 2 elsewhere      d / d x = sign d: at |d| = β both have the value β / 2 and the slope ±1

The **binary** cross-entropy has a yes or no for each element. With p = σ(x), and the yes counted P times,

    bce  = -P·t·log p - (1 - t)·log(1 - p)  where -log p = log(1 + e⁻ˣ) = s(x), and -log(1 - p) = x + s(x)
         = (1 - t)·x + q·s(x)               with q = 1 + (P - 1)·t
    d bce / d x = (1 - t) - q·(1 - p)       since s' = -e⁻ˣ / (1 + e⁻ˣ) = -(1 - p) = -σ(-x)
    d bce / d t = -x + (P - 1)·s(x)

and s(x) = max(-x, 0) + log(1 + e^(-|x|)), for no exponential may be taken of a positive number: where p has become 1,
log(1 - p) is lost, and x is not.
"""

from __future__ import annotations

import math

from minidl import _backend
from minidl._backend import Array
from minidl._xp import xp_of
from minidl.kernels.textbook.activation import log_softmax, sigmoid
from minidl.kernels.textbook.select import select
from minidl.kernels.textbook.smooth import softplus
from minidl.kernels.textbook.sums import average, rounded, total

FAR = math.inf  # the threshold of a softplus that has none


def cross_entropy(x: Array, t: Array) -> tuple[Array, Array]:
    """Mean over the rows of -Σ t·log p, x and t (N, M) or (N, M, H, W): the loss (), and log p for the gradient."""
    xp = xp_of(x)
    log_p = log_softmax(x, axis=1)
    counted = xp.where(t != 0, log_p, x.dtype.type(0))  # a class of weight 0 costs nothing, even where log p is -inf
    rows = x.size // x.shape[1]
    return rounded(-total(t * counted, tuple(range(x.ndim))) / rows, x.dtype), log_p


def cross_entropy_dx(dy: Array, log_p: Array, t: Array) -> Array:
    """dx = (p·Σt - t) · dy / rows; there is a row of M numbers for each picture, or for each of its pixels."""
    xp = xp_of(log_p)
    dx = xp.exp(log_p)
    dx *= rounded(total(t, (1,), keepdims=True), t.dtype)
    dx -= t
    dx *= dy / (log_p.size // log_p.shape[1])
    return dx


def mse(x: Array, t: Array) -> tuple[Array, Array]:
    """Mean of (x - t)²: the loss (), and the difference x - t for the gradient."""
    difference = xp_of(x).subtract(x, t)
    return average(difference * difference, tuple(range(x.ndim))), difference


def mse_dx(dy: Array, difference: Array) -> Array:
    """dx = 2·(x - t) · dy / M."""
    return xp_of(difference).multiply(difference, 2 * dy / difference.size)


def nll(log_p: Array, t: Array) -> Array:
    """-Σ t·log p of each row: log p and t (N, M, …), the losses (N, …). Where t is 0, log p may be -inf."""
    return rounded(-total(t * select(t != 0, log_p), (1,)), log_p.dtype)


def nll_dx(dy: Array, t: Array) -> Array:
    """The gradient of log p: -t·dy."""
    xp = xp_of(t)
    return xp.multiply(t, select(t != 0, xp.broadcast_to(-dy[:, None], t.shape)))


def l1(x: Array, t: Array) -> Array:
    """|x - t| of each element."""
    xp = xp_of(x)
    y = xp.subtract(x, t)
    return xp.abs(y, out=y)


def l1_dx(dy: Array, x: Array, t: Array) -> Array:
    """dx = dy where x > t, -dy where x < t."""
    above, below = select(x > t, dy), select(x < t, dy)
    return xp_of(x).subtract(above, below, out=_backend.empty(x.shape, x.dtype, like=x))


def smooth_l1(x: Array, t: Array, beta: float) -> Array:
    """(x - t)² / 2β of each element where |x - t| < beta, else |x - t| - β / 2."""
    if beta == 0:
        return l1(x, t)
    y = l1(x, t)
    square = y * y / x.dtype.type(2 * beta)
    near = y < beta
    y -= x.dtype.type(beta / 2)
    xp_of(x).copyto(y, square, where=near)
    return y


def smooth_l1_dx(dy: Array, x: Array, t: Array, beta: float) -> Array:
    """dx = dy·(x - t) / beta where |x - t| < beta, else sign(x - t)·dy: the quotient, cut off at -1 and 1."""
    if beta == 0:
        return l1_dx(dy, x, t)
    xp = xp_of(x)
    slope = xp.clip(xp.subtract(x, t) / x.dtype.type(beta), -1, 1)
    return xp.multiply(slope, dy)


def bce(x: Array, t: Array, pos_weight: Array | None) -> Array:
    """(1 - t)·x + q·s(x) of each element, q = 1 + (pos_weight - 1)·t; pos_weight is repeated to the shape of t."""
    y = softplus(-x, 1.0, FAR)
    if pos_weight is not None:
        y *= 1 + (pos_weight - 1) * t
    y += (1 - t) * x
    return y


def bce_dx(dy: Array, x: Array, t: Array, pos_weight: Array | None) -> Array:
    """dx = dy·((1 - t) - q·σ(-x))."""
    slope = sigmoid(-x)
    if pos_weight is not None:
        slope *= 1 + (pos_weight - 1) * t
    dx = xp_of(x).subtract(1 - t, slope, out=slope)
    dx *= dy
    return dx


def bce_dt(dy: Array, x: Array, pos_weight: Array | None) -> Array:
    """dt = dy·(-x + (pos_weight - 1)·s(x))."""
    slope = -x if pos_weight is None else (pos_weight - 1) * softplus(-x, 1.0, FAR) - x
    return xp_of(x).multiply(slope, dy)

"""Norms by the statistics of the picture itself, whatever else is in its batch: group norm and layer norm.

**Group norm** gives the channels of one group in one picture mean 0 and variance 1, **layer norm** everything along the
last axes of one row; then comes what has been learnt, a weight and a bias for each channel (group norm), or for each
place of the last axes (layer norm). With M the number of values that share a mean, and sums over them,

    mean = Σ x / M        var = Σ (x - mean)² / M        rstd = 1 / √(var + eps)
    x̂ = (x - mean) · rstd        y = w · x̂ + b

which is batch norm's formula over other values, and in evaluation the same as in training. Backward, db = Σ dy and
dw = Σ dy · x̂ over all that a weight meets: all pictures and pixels. On the way to x, the weight stands inside the sums,
because the values that share a mean have different weights. With g = w · dy, as for batch norm,

    dvar  = Σ g · (x - mean) · (-1/2) · rstd³        dmean = -rstd · Σ g
    dx    = g · rstd + dvar · 2 (x - mean) / M + dmean / M
          = rstd · (g - Σ g / M - x̂ · Σ g · x̂ / M)

A weight of group norm is one number for a channel, and so are the sums: with db_nc = Σ dy and dw_nc = Σ dy · x̂ over the
pixels of one channel of one picture, Σ g = Σ w_c · db_nc and Σ g · x̂ = Σ w_c · dw_nc over the channels of the group.

**Numbers.** As in `norm.py`: the variance around the mean, sums in float64, and mean and rstd stay float64.
Sources: Wu and He, arXiv:1803.08494; Ba, Kiros and Hinton, arXiv:1607.06450.
"""

from __future__ import annotations

import math

from minidl._backend import Array
from minidl._xp import xp_of
from minidl.kernels.textbook.norm import along
from minidl.kernels.textbook.sums import difference, rounded, total


def pixel_sums(x: Array) -> Array:
    """Add up every channel of every picture of x (N, C, …) in float64: (N, C)."""
    return total(x, tuple(range(2, x.ndim)))


def group_sums(sums: Array, groups: int) -> Array:
    """Add the numbers (N, C) of the channels of every group up: (N, G)."""
    n, c = sums.shape
    return total(sums.reshape(n, groups, c // groups), (2,))


def for_channels(values: Array, x: Array) -> Array:
    """Return numbers of groups (N, G), or of channels (N, C), in the shape that goes with x (N, C, …): (N, C, 1, …)."""
    n, c = x.shape[:2]
    repeated = xp_of(x).repeat(values, c // values.shape[1], axis=1)
    return repeated.reshape(n, c, *(1,) * (x.ndim - 2))


def group_norm(x: Array, w: Array, b: Array, groups: int, eps: float) -> tuple[Array, Array, Array]:
    """Normalise every group of channels of x (N, C, …) in every picture: y like x, mean (N, G), rstd (N, G)."""
    m = math.prod(x.shape[1:]) // groups
    mean = group_sums(pixel_sums(x), groups) / m
    y = difference(x, for_channels(mean, x))
    var = group_sums(pixel_sums(y * y), groups) / m
    rstd = (var + eps) ** -0.5
    y *= for_channels(rstd, x).astype(x.dtype)
    y *= along(w, x)
    y += along(b, x)
    return y, mean, rstd


def group_norm_grads(
    dy: Array, x: Array, w: Array, mean: Array, rstd: Array, groups: int
) -> tuple[Array, Array, Array]:
    """Return dx, dw and db of `group_norm`."""
    m = math.prod(x.shape[1:]) // groups
    x_hat = difference(x, for_channels(mean, x))
    x_hat *= for_channels(rstd, x).astype(x.dtype)
    db, dw = pixel_sums(dy), pixel_sums(dy * x_hat)
    sums = (for_channels(group_sums(w * each, groups) / m, x).astype(x.dtype) for each in (db, dw))
    dx = _standardised_dx(xp_of(x).multiply(dy, along(w, x)), x_hat, *sums)
    dx *= for_channels(rstd, x).astype(x.dtype)
    return dx, rounded(total(dw, (0,)), w.dtype), rounded(total(db, (0,)), w.dtype)


def layer_norm(x: Array, w: Array, b: Array, eps: float) -> tuple[Array, Array, Array]:
    """Normalise x (…, D) along the axes D of w and b: y like x, mean (…, 1) and rstd (…, 1)."""
    axes = tuple(range(x.ndim - w.ndim, x.ndim))
    mean = total(x, axes, keepdims=True) / w.size
    y = difference(x, mean)
    rstd = (total(y * y, axes, keepdims=True) / w.size + eps) ** -0.5
    y *= rstd.astype(x.dtype)
    y *= w
    y += b
    return y, mean, rstd


def layer_norm_grads(dy: Array, x: Array, w: Array, mean: Array, rstd: Array) -> tuple[Array, Array, Array]:
    """Return dx, dw and db of `layer_norm`."""
    rows, axes = tuple(range(x.ndim - w.ndim)), tuple(range(x.ndim - w.ndim, x.ndim))
    x_hat = difference(x, mean)
    x_hat *= rstd.astype(x.dtype)
    g = xp_of(x).multiply(dy, w)
    sums = ((total(each, axes, keepdims=True) / w.size).astype(x.dtype) for each in (g, g * x_hat))
    dw, db = (rounded(total(each, rows), w.dtype) for each in (dy * x_hat, dy))
    dx = _standardised_dx(g, x_hat, *sums)
    dx *= rstd.astype(x.dtype)
    return dx, dw, db


def _standardised_dx(g: Array, x_hat: Array, mean_of_g: Array, mean_of_gx: Array) -> Array:
    """Return g - Σ g / M - x̂ · Σ g · x̂ / M in the memory of g; x_hat is used up."""
    g -= mean_of_g
    x_hat *= mean_of_gx
    g -= x_hat
    return g

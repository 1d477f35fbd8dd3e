"""Batch norm: every channel gets mean 0 and variance 1, then the weight w and the bias b that it has learnt.

With M the number of values of one channel (N·H·W) and sums over them,

    mean = Σ x / M        var = Σ (x - mean)² / M        rstd = 1 / √(var + eps)
    x̂ = (x - mean) · rstd        y = w · x̂ + b

Backward, the sums of a channel give db = Σ dy and dw = Σ dy · x̂. Every x moves its own x̂ and, through mean and var, all
others of its channel. With g = w · dy and d the derivative,

    dvar  = Σ g · (x - mean) · (-1/2) · rstd³        dmean = -rstd · Σ g        (Σ (x - mean) = 0: no way through var)
    dx    = g · rstd + dvar · 2 (x - mean) / M + dmean / M
          = w · rstd · (dy - db / M - x̂ · dw / M)

so dx has neither a constant part nor one along x̂: moving a whole channel, or stretching it, changes nothing. In
evaluation mean and rstd are constants, and dx = w · rstd · dy is all that is left.

**Numbers.** The variance is measured around the mean in a second pass: Σ x² / M - mean² would lose all digits where the
mean is large. Sums are taken in float64, and mean and rstd stay float64 (they are C numbers each): a float32 mean of
10,000 is off by up to 0.0005, which is seen in x - mean. The full derivation is in docs/derivations/batch_norm.md.
Source: Ioffe and Szegedy, arXiv:1502.03167, algorithm 1.
"""

from __future__ import annotations

from minidl._backend import Array
from minidl._xp import xp_of
from minidl.kernels.textbook.sums import difference, total


def axes_of_channel(x: Array) -> tuple[int, ...]:
    """Return the axes over which one channel runs: all but axis 1."""
    return (0, *range(2, x.ndim))


def along(values: Array, x: Array) -> Array:
    """Return C numbers in the dtype of x (N, C, …) and in the shape that multiplies with it: (C, 1, …)."""
    return values.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 2))


def channel_sum(x: Array) -> Array:
    """Add up every channel of x (N, C, …) in float64: (C,)."""
    return total(x, axes_of_channel(x))


def centred(x: Array, mean: Array) -> Array:
    """x (N, C, …) minus the mean of each channel (C,), as a new array."""
    return difference(x, mean.reshape(-1, *(1,) * (x.ndim - 2)))


def batch_norm(x: Array, w: Array, b: Array, eps: float) -> tuple[Array, Array, Array]:
    """Normalise every channel of x (N, C, …) by its own mean and variance: y like x, mean (C,), rstd (C,)."""
    m = x.size // x.shape[1]
    mean = channel_sum(x) / m
    var = channel_sum(centred(x, mean) ** 2) / m
    rstd = (var + eps) ** -0.5
    return batch_norm_eval(x, w, b, mean, rstd), mean, rstd


def batch_norm_grads(dy: Array, x: Array, w: Array, mean: Array, rstd: Array) -> tuple[Array, Array, Array]:
    """Return dx, dw and db of `batch_norm`."""
    xp, m = xp_of(x), x.size // x.shape[1]
    x_hat = centred(x, mean)
    x_hat *= along(rstd, x)
    db, dw = channel_sum(dy), channel_sum(dy * x_hat)
    x_hat *= along(dw / m, x)
    dx = xp.subtract(xp.subtract(dy, along(db / m, x)), x_hat, out=x_hat)
    dx *= along(w * rstd, x)
    return dx, dw.astype(w.dtype), db.astype(w.dtype)


def batch_norm_eval(x: Array, w: Array, b: Array, mean: Array, rstd: Array) -> Array:
    """Normalise x (N, C, …) by a given mean and rstd: y = w · (x - mean) · rstd + b."""
    y = centred(x, mean)
    y *= along(w * rstd, x)
    y += along(b, x)
    return y


def batch_norm_eval_grads(dy: Array, x: Array, w: Array, mean: Array, rstd: Array) -> tuple[Array, Array, Array]:
    """Return dx, dw and db of `batch_norm_eval`, where mean and rstd are constants."""
    db, dw = channel_sum(dy), channel_sum(dy * centred(x, mean)) * rstd
    return xp_of(x).multiply(dy, along(w * rstd, x)), dw.astype(w.dtype), db.astype(w.dtype)

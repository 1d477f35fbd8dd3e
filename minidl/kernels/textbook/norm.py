"""Normalisation: every number is set in relation to others, those of its channel or those of neighbouring channels.

**Batch norm** gives each channel mean 0 and variance 1, then the weight w and the bias b that it has learnt. With M the
number of values of one channel (N·H·W) and sums over them,

    mean = Σ x / M        var = Σ (x - mean)² / M        rstd = 1 / √(var + eps)
    x̂ = (x - mean) · rstd        z = w · x̂ + b        y = activation(z)

or, at the end of a residual block, y = activation(z + residual). Backward, dz = dy · activation'(z), where z is made
again from x: two operations instead of another array that is kept. With a residual that takes one array more, called
`joined`: relu and relu6 read their slope off the result, which the next layer keeps anyway, silu and hardswish need
the residual; dz is then the gradient of the residual, too. The sums of a channel give db = Σ dz and dw = Σ dz · x̂.
Every x moves its own x̂ and, through mean and var, all others of its channel. With g = w · dz and d the derivative,

    dvar  = Σ g · (x - mean) · (-1/2) · rstd³        dmean = -rstd · Σ g        (Σ (x - mean) = 0: no way through var)
    dx    = g · rstd + dvar · 2 (x - mean) / M + dmean / M
          = w · rstd · (dz - db / M - x̂ · dw / M)

so dx has neither a constant part nor one along x̂: moving a whole channel, or stretching it, changes nothing. In
evaluation mean and rstd are constants, and dx = w · rstd · dz is all that is left.

**Numbers.** The variance is measured around the mean in a second pass: Σ x² / M - mean² would lose all digits where the
mean is large. Sums are taken in float64, and mean and rstd stay float64 (they are C numbers each): a float32 mean of
10,000 is off by up to 0.0005, which is seen in x - mean. The full derivation is in docs/derivations/batch_norm.md.

**Local response norm** divides by the activity of the neighbouring channels at the same pixel. With the window of
channel c from c - size // 2 to c + (size - 1) // 2, clipped at the ends,

    scale_c = k + alpha · Σ x_j²    over j in the window of c        y_c = x_c · scale_c^(-beta)

    dx_j = dy_j · scale_j^(-beta)  -  2 · alpha · beta · x_j · Σ dy_c · x_c · scale_c^(-beta - 1)

where the sum runs over all channels c whose window holds j: the window mirrored.
Sources: Ioffe and Szegedy, arXiv:1502.03167, algorithm 1; Krizhevsky, Sutskever and Hinton, "ImageNet classification
with deep convolutional neural networks" (2012), section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidl import _backend
from minidl._backend import Array
from minidl.kernels.textbook.activation import hardswish, hardswish_dx, relu, relu6, relu6_dx, relu_dx, silu, silu_dx
from minidl.kernels.textbook.sums import difference, rounded, total

ACTIVATIONS = {
    "relu": (relu, relu_dx),
    "relu6": (relu6, relu6_dx),
    "silu": (silu, silu_dx),
    "hardswish": (hardswish, hardswish_dx),
}


def activate(z: Array, activation: str | None) -> Array:
    """Apply the activation of a fused form: None, "relu", "relu6", "silu" or "hardswish"."""
    return z if activation is None else ACTIVATIONS[activation][0](z)


def activation_dx(dy: Array, z: Array, activation: str | None) -> Array:
    """Carry dy back through the activation of z; for relu and relu6, z may be the result as well."""
    return dy if activation is None else ACTIVATIONS[activation][1](dy, z)


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


def batch_norm(
    x: Array, w: Array, b: Array, eps: float, activation: str | None, residual: Array | None
) -> tuple[Array, Array, Array]:
    """Normalise every channel of x (N, C, …) by its own mean and variance: y like x, mean (C,), rstd (C,)."""
    m = x.size // x.shape[1]
    mean = channel_sum(x) / m
    var = channel_sum(centred(x, mean) ** 2) / m
    rstd = (var + eps) ** -0.5
    return batch_norm_eval(x, w, b, mean, rstd, activation, residual), mean, rstd


def gradient_of_z(
    dy: Array, x: Array, w: Array, b: Array, mean: Array, rstd: Array, activation: str | None, joined: Array | None
) -> Array:
    """Carry dy back to z, which is made again; `joined` is the result or the residual, where one was added."""
    if activation is None:
        return dy
    if joined is not None and activation in ("relu", "relu6"):
        return activation_dx(dy, joined, activation)
    return activation_dx(dy, batch_norm_eval(x, w, b, mean, rstd, None, joined), activation)


def batch_norm_grads(
    dy: Array, x: Array, w: Array, b: Array, mean: Array, rstd: Array, activation: str | None, joined: Array | None
) -> tuple[Array, Array, Array, Array | None]:
    """Return dx, dw and db of `batch_norm`, and dz, the gradient of the residual, where one was joined."""
    m = x.size // x.shape[1]
    dz = gradient_of_z(dy, x, w, b, mean, rstd, activation, joined)
    x_hat = centred(x, mean)
    x_hat *= along(rstd, x)
    db, dw = channel_sum(dz), channel_sum(dz * x_hat)
    dx = _backend.empty(x.shape, x.dtype, like=x)
    dx[...] = dz
    dx -= along(db / m, x)
    x_hat *= along(dw / m, x)
    dx -= x_hat
    dx *= along(w * rstd, x)
    return dx, dw.astype(w.dtype), db.astype(w.dtype), None if joined is None else dz


def batch_norm_eval(
    x: Array, w: Array, b: Array, mean: Array, rstd: Array, activation: str | None, residual: Array | None
) -> Array:
    """Normalise x (N, C, …) by a given mean and rstd: y = activation(w · (x - mean) · rstd + b (+ residual))."""
    z = centred(x, mean)
    z *= along(w * rstd, x)
    z += along(b, x)
    if residual is not None:
        z += residual
    return activate(z, activation)


def batch_norm_eval_grads(
    dy: Array, x: Array, w: Array, b: Array, mean: Array, rstd: Array, activation: str | None, joined: Array | None
) -> tuple[Array, Array, Array, Array | None]:
    """Return dx, dw, db and dz of `batch_norm_eval`, where mean and rstd are constants."""
    dz = gradient_of_z(dy, x, w, b, mean, rstd, activation, joined)
    db, dw = channel_sum(dz), channel_sum(dz * centred(x, mean)) * rstd
    xp = _backend.array_module(x)
    dx = xp.multiply(dz, along(w * rstd, x), out=_backend.empty(x.shape, x.dtype, like=x))
    return dx, dw.astype(w.dtype), db.astype(w.dtype), None if joined is None else dz


def overlaps(channels: int, first: int, last: int) -> Iterator[tuple[slice, slice]]:
    """Yield for each offset from first to last the channels c, and c + offset, that both exist."""
    for offset in range(max(first, 1 - channels), min(last, channels - 1) + 1):
        start, end = max(0, -offset), channels - max(0, offset)
        yield slice(start, end), slice(start + offset, end + offset)


def lrn(x: Array, size: int, alpha: float, beta: float, k: float) -> tuple[Array, Array]:
    """Divide x (N, C, H, W) by the activity of neighbouring channels: y and scale, both like x."""
    scale = _backend.full(x.shape, 0, "float64", like=x)
    square = x * x
    for here, there in overlaps(x.shape[1], -(size // 2), (size - 1) // 2):
        scale[:, here] += square[:, there]
    scale *= alpha
    scale += k
    scale = rounded(scale, x.dtype)
    xp = _backend.array_module(x)
    y = xp.power(scale, x.dtype.type(-beta), out=_backend.empty(x.shape, x.dtype, like=x))
    y *= x
    return y, scale


def lrn_dx(dy: Array, x: Array, scale: Array, size: int, alpha: float, beta: float) -> Array:
    """Carry dy back to x: its own share, and that of every channel in whose window it lies."""
    power = scale ** x.dtype.type(-beta)
    ratio = dy * x * power / scale  # dy · x · scale^(-beta - 1)
    gathered = _backend.full(x.shape, 0, "float64", like=x)
    for here, there in overlaps(x.shape[1], -((size - 1) // 2), size // 2):
        gathered[:, here] += ratio[:, there]
    gathered *= x
    gathered *= -2 * alpha * beta
    gathered += dy * power
    return rounded(gathered, x.dtype)

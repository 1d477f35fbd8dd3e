"""Activations, element by element, and their gradients; softmax, along one axis.

Each pair is y = f(x) and dx = f'(x)·dy. Where f'(x) can be read off the result, the gradient asks for y, which the next
layer keeps anyway, instead of x:

    relu         y = max(x, 0)                 f' = [y > 0]
    leaky_relu   y = max(x, a·x)               f' = 1, or a where y ≤ 0             0 ≤ a ≤ 1: y has the sign of x
    relu6        y = min(max(x, 0), 6)         f' = [0 < y < 6]
    sigmoid      y = 1 / (1 + e⁻ˣ)             f' = e⁻ˣ / (1 + e⁻ˣ)² = y·(1 - y)
    tanh         y = tanh x                    f' = 1 - y²
    scaled_tanh  y = A·tanh(S·x)               f' = A·S·(1 - tanh²) = S·(A - y²/A)
    silu         y = x·σ(x)                    f' = σ + x·σ·(1 - σ)                 y has two x for some values: keeps x
    hardsigmoid  y = relu6(x + 3) / 6          f' = [0 < y < 1] / 6
    hardswish    y = x·h, h = hardsigmoid x    f' = h + x·h', which is 0 for x ≤ -3 and 1 for x ≥ 3
    softmax      y_j = e^x_j / Σ_k e^x_k       dx_j = Σ_k dy_k·y_k·([j = k] - y_j) = y_j·(dy_j - Σ_k dy_k·y_k)
    log_softmax  y_j = x_j - log Σ_k e^x_k     dx_j = dy_j - e^y_j·Σ_k dy_k

At a kink the gradient is that of the flatter side, and for hardswish that of the outer side, as in PyTorch. Where a
condition in brackets does not hold, the gradient is 0 even if dy is infinite or NaN: it selects (`select.py`). No
exponential is taken of a positive number, so nothing overflows however large x is.
"""

from __future__ import annotations

from minidl._backend import Array
from minidl._xp import xp_of
from minidl.kernels.textbook.select import select
from minidl.kernels.textbook.sums import rounded, total

TANH_HEIGHT = 1.7159  # A: with it f(±1) is almost ±1, the usual targets
TANH_SLOPE = 2 / 3  # S


def relu(x: Array) -> Array:
    """y = max(x, 0).  Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines"."""
    return xp_of(x).maximum(x, 0)


def relu_dx(dy: Array, y: Array) -> Array:
    """dx = dy where y > 0, else 0: at the kink x = 0 the gradient is 0."""
    return select(y > 0, dy)


def leaky_relu(x: Array, negative_slope: float) -> Array:
    """y = max(x, a·x) with 0 ≤ a ≤ 1.  Source: Maas, Hannun, Ng, "Rectifier nonlinearities" (2013)."""
    if negative_slope == 0:
        return relu(x)  # which no 0 · ∞ can disturb
    xp = xp_of(x)
    y = xp.multiply(x, x.dtype.type(negative_slope))
    return xp.maximum(x, y, out=y)


def leaky_relu_dx(dy: Array, y: Array, negative_slope: float) -> Array:
    """dx = dy where y > 0, else a·dy: [y > 0] is 1 or 0, and the larger of it and a is the slope."""
    if negative_slope == 0:
        return relu_dx(dy, y)
    xp = xp_of(dy)
    slope = xp.maximum((y > 0).astype(dy.dtype), dy.dtype.type(negative_slope))
    return xp.multiply(dy, slope)


def relu6(x: Array) -> Array:
    """y = min(max(x, 0), 6).  Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10" (2010), sec. 2."""
    return xp_of(x).clip(x, 0, 6)


def relu6_dx(dy: Array, y: Array) -> Array:
    """dx = dy where 0 < y < 6, else 0."""
    return select((y > 0) & (y < 6), dy)


def sigmoid(x: Array) -> Array:
    """y = 1 / (1 + e⁻ˣ), and for negative x the same as eˣ / (1 + eˣ): exact in both tails."""
    xp = xp_of(x)
    y = xp.minimum(x, 0)
    xp.exp(y, out=y)  # 1 for x ≥ 0, else eˣ
    return xp.divide(y, 1 + xp.exp(-xp.abs(x)), out=y)


def sigmoid_dx(dy: Array, y: Array) -> Array:
    """dx = dy·y·(1 - y)."""
    return xp_of(dy).multiply(dy, y * (1 - y))


def tanh(x: Array) -> Array:
    """y = tanh x."""
    return xp_of(x).tanh(x)


def tanh_dx(dy: Array, y: Array) -> Array:
    """dx = dy·(1 - y²)."""
    return xp_of(dy).multiply(dy, 1 - y * y)


def scaled_tanh(x: Array) -> Array:
    """y = 1.7159·tanh(2x/3).  Source: LeCun et al., "Gradient-based learning" (1998), appendix A."""
    xp = xp_of(x)
    y = xp.multiply(x, x.dtype.type(TANH_SLOPE))
    xp.tanh(y, out=y)
    return xp.multiply(y, x.dtype.type(TANH_HEIGHT), out=y)


def scaled_tanh_dx(dy: Array, y: Array) -> Array:
    """dx = dy·2/3·(1.7159 - y²/1.7159)."""
    height, slope = dy.dtype.type(TANH_HEIGHT), dy.dtype.type(TANH_SLOPE)
    return xp_of(dy).multiply(dy, slope * (height - y * y / height))


def silu(x: Array) -> Array:
    """y = x·σ(x).  Source: Ramachandran, Zoph, Le, "Searching for activation functions", arXiv:1710.05941 (swish)."""
    y = sigmoid(x)
    return xp_of(x).multiply(x, y, out=y)


def silu_dx(dy: Array, x: Array) -> Array:
    """dx = dy·σ·(1 + x·(1 - σ))."""
    s = sigmoid(x)
    return xp_of(dy).multiply(dy, s * (1 + x * (1 - s)))


def hardsigmoid(x: Array) -> Array:
    """y = relu6(x + 3) / 6.  Source: Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, section 5.2."""
    xp = xp_of(x)
    y = xp.add(x, 3)
    xp.clip(y, 0, 6, out=y)
    return xp.divide(y, 6, out=y)


def hardsigmoid_dx(dy: Array, y: Array) -> Array:
    """dx = dy/6 where 0 < y < 1, else 0."""
    dx = select((y > 0) & (y < 1), dy)
    return xp_of(dy).divide(dx, 6, out=dx)


def hardswish(x: Array) -> Array:
    """y = x·relu6(x + 3) / 6.  Source: Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, section 5.2."""
    y = hardsigmoid(x)
    return xp_of(x).multiply(x, y, out=y)


def hardswish_dx(dy: Array, x: Array) -> Array:
    """dx = dy·(h + x·h') with h = hardsigmoid(x): 0 for x ≤ -3, 1 for x ≥ 3."""
    slope, dx = hardsigmoid(x), select(x > -3, dy)
    slope += select((x > -3) & (x < 3), x) / x.dtype.type(6)
    return xp_of(dy).multiply(dx, slope, out=dx)


def softmax(x: Array, axis: int) -> Array:
    """y = eˣ / Σ eˣ along one axis; a constant may be taken off x, so the largest becomes 0."""
    xp = xp_of(x)
    y = xp.subtract(x, x.max(axis=axis, keepdims=True))
    xp.exp(y, out=y)
    y /= rounded(total(y, (axis,), keepdims=True), y.dtype)
    return y


def softmax_dx(dy: Array, y: Array, axis: int) -> Array:
    """dx = y·(dy - Σ dy·y)."""
    mean = rounded(total(dy * y, (axis,), keepdims=True), dy.dtype)  # of dy, weighted with y
    return xp_of(dy).multiply(dy - mean, y)


def log_softmax(x: Array, axis: int) -> Array:
    """y = x - log Σ eˣ along one axis: finite wherever x is, because the largest term of the sum is e⁰ = 1."""
    xp = xp_of(x)
    y = xp.subtract(x, x.max(axis=axis, keepdims=True))
    y -= rounded(xp.log(total(xp.exp(y), (axis,), keepdims=True)), y.dtype)
    return y


def log_softmax_dx(dy: Array, y: Array, axis: int) -> Array:
    """dx = dy - eʸ·Σ dy."""
    xp = xp_of(dy)
    dx = xp.exp(y)
    dx *= rounded(total(dy, (axis,), keepdims=True), dy.dtype)
    return xp.subtract(dy, dx, out=dx)


def dropout(x: Array, keep: Array, scale: float) -> Array:
    """y = scale·x where keep, else 0; keep may be repeated along axes. The gradient is the same function of dy."""
    y = select(keep, x)
    y *= x.dtype.type(scale)
    return y

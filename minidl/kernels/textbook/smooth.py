"""Activations that bend where relu breaks: gelu, elu and softplus, element by element, and their gradients.

    gelu      y = x·Φ(x), Φ the share of a normal distribution below x     f' = Φ + x·φ,  φ = Φ' = e^(-x²/2) / √2π
              "tanh": y = x·σ(2u),  u = √(2/π)·(x + 0.044715·x³)           f' = σ + x·σ·(1 - σ)·2u'
    elu       y = x where x > 0, else a·(eˣ - 1)                           f' = 1, or a·eˣ = y + a where y ≤ 0
    softplus  y = log(1 + e^(β·x)) / β, and x where β·x > threshold        f' = σ(β·x), and 1

The tanh of gelu's approximation is a sigmoid in other words, (1 + tanh u) / 2 = σ(2u), and so its left tail keeps its
digits. elu has the sign of x for a ≥ 0, and so its gradient asks for y, which the next layer keeps anyway. softplus is
max(x, 0) + log(1 + e^(-|β·x|)) / β: no exponential is taken of a positive number.

**The normal distribution.** Φ(x) = erfc(-x/√2) / 2, and neither NumPy nor CuPy has erfc(z), 2/√π times the integral of
e^(-t²) from z to ∞. For z ≥ 0 it is e^(-z²) times a function g that falls slowly, from g(0) = 1 like 1 / (z·√π). In
s = (z - 2) / (z + 2), which goes from -1 to 1 when z goes from 0 to ∞, g·(z + 2) is so smooth that a polynomial has all
of its digits. It is laid through points of g, at which Python's `math.erfc` and for large z the continued fraction

    g(z) = (1/√π) / (z + (1/2) / (z + (2/2) / (z + (3/2) / (z + …))))

say what it is. The left tail is made of g itself, Φ(-x) = e^(-x²/2)·g(x/√2) / 2, and keeps its digits, too.
Sources: Hendrycks and Gimpel, arXiv:1606.08415; Clevert, Unterthiner and Hochreiter, arXiv:1511.07289; Dugas et al.,
"Incorporating second-order functional knowledge for better option pricing" (2000); for the continued fraction,
Abramowitz and Stegun, "Handbook of mathematical functions", 7.1.14.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from minidl._backend import Array
from minidl._xp import xp_of
from minidl.kernels.textbook.activation import relu, relu_dx, sigmoid

CUBE = 0.044715  # of gelu's approximation
FAR = 50.0  # where Φ is 0 or 1 in every digit, and no square or cube overflows
DEGREE = 24  # of the polynomial: more would only follow the rounding of the points


def _g(z: float) -> float:
    """g(z) = e^(z²)·erfc(z) of one number."""
    if z < 2:
        return math.exp(z * z) * math.erfc(z)
    rest = z
    for k in range(200, 0, -1):
        rest = z + k / 2 / rest
    return 1 / math.sqrt(math.pi) / rest


@functools.cache
def _polynomial() -> tuple[float, ...]:
    """The coefficients of g·(z + 2) as a sum of Chebyshev polynomials T_j(s) = cos(j·arccos s), j = 0, 1, …."""
    angles = [math.pi * (k + 0.5) / (DEGREE + 1) for k in range(DEGREE + 1)]
    zs = [2 * (1 + math.cos(angle)) / (1 - math.cos(angle)) for angle in angles]
    values = [_g(z) * (z + 2) for z in zs]
    products = ((value * math.cos(j * angle) for value, angle in zip(values, angles)) for j in range(DEGREE + 1))
    return tuple((1 if j == 0 else 2) / (DEGREE + 1) * math.fsum(each) for j, each in enumerate(products))


def half_tail(x: Array) -> Array:
    """Φ(-|x|) of each element, from 1/2 down to 0, by Clenshaw's rule for sums of Chebyshev polynomials."""
    xp = xp_of(x)
    z = xp.minimum(xp.abs(x), FAR) * x.dtype.type(math.sqrt(0.5))
    s = (z - 2) / (z + 2)
    least = np.finfo(x.dtype).eps / 8
    first, *rest = (x.dtype.type(number) for number in _polynomial() if abs(number) > least)
    later, last = xp.zeros_like(s), xp.zeros_like(s)
    for number in reversed(rest):
        later, last = 2 * s * later - last + number, later
    return (s * later - last + first) / (z + 2) * xp.exp(-z * z) / 2


def gelu(x: Array, approximate: str) -> Array:
    """y = x·Φ(x), or with "tanh" the approximation of it."""
    xp = xp_of(x)
    return xp.multiply(x, _gate(x, approximate))


def gelu_dx(dy: Array, x: Array, approximate: str) -> Array:
    """dx = dy·(Φ + x·φ), or dy·(σ + x·σ·(1 - σ)·2u')."""
    xp, gate = xp_of(x), _gate(x, approximate)
    near = xp.clip(x, -FAR, FAR)
    if approximate == "tanh":
        bend = 2 * math.sqrt(2 / math.pi) * (1 + 3 * CUBE * near * near) * gate * (1 - gate)
    else:
        bend = xp.exp(-near * near / 2) / math.sqrt(2 * math.pi)
    slope = (gate + near * bend).astype(dy.dtype)
    return xp.multiply(dy, slope)


def _gate(x: Array, approximate: str) -> Array:
    """What x is multiplied with: from 0 far below to 1 far above."""
    xp = xp_of(x)
    if approximate == "tanh":
        near = xp.clip(x, -FAR, FAR)
        return sigmoid((2 * math.sqrt(2 / math.pi) * (near + CUBE * near * near * near)).astype(x.dtype))
    tail = half_tail(x)
    return xp.where(x > 0, 1 - tail, tail)


def elu(x: Array, alpha: float) -> Array:
    """y = x where x > 0, else alpha·(eˣ - 1), with all digits near 0."""
    if alpha == 0:
        return relu(x)
    xp = xp_of(x)
    y = xp.minimum(x, 0)
    xp.expm1(y, out=y)
    y *= x.dtype.type(alpha)
    y += xp.maximum(x, 0)  # one of the two parts is 0
    return y


def elu_dx(dy: Array, y: Array, alpha: float) -> Array:
    """dx = dy where y > 0, else dy·(y + alpha)."""
    if alpha == 0:
        return relu_dx(dy, y)
    xp = xp_of(dy)
    slope = xp.minimum(y, 0) + dy.dtype.type(alpha)
    return xp.multiply(dy, xp.where(y > 0, dy.dtype.type(1), slope))


def softplus(x: Array, beta: float, threshold: float) -> Array:
    """y = log(1 + e^(beta·x)) / beta, and x where beta·x > threshold."""
    xp = xp_of(x)
    bx = x * x.dtype.type(beta)
    y = xp.log1p(xp.exp(-xp.abs(bx)))
    y /= x.dtype.type(beta)
    y += xp.maximum(x, 0)
    xp.copyto(y, x, where=bx > threshold)
    return y


def softplus_dx(dy: Array, x: Array, beta: float, threshold: float) -> Array:
    """dx = dy·σ(beta·x), and dy where beta·x > threshold."""
    xp = xp_of(dy)
    bx = x * x.dtype.type(beta)
    slope = xp.where(bx > threshold, dy.dtype.type(1), sigmoid(bx))
    return xp.multiply(dy, slope)

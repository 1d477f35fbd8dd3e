"""eˣ and the activations, of sixteen numbers at once.

**The exponential.** The compiler has no vector of e^x, and asking for sixteen one by one costs ten times the memory
traffic of the whole layer. But a float is m·2ⁿ, and 2ⁿ is made by writing n where the bits of the exponent stand:

    n = nearest whole number to x / ln 2          r = x - n·ln 2, so |r| ≤ ln 2 / 2
    eˣ = 2ⁿ · eʳ                                  eʳ = 1 + r + r²·(polynomial of degree 5)

n·ln 2 is taken off in two parts, the first with so few bits that the product is exact. 2ⁿ is multiplied in one
instruction, or where there is none in two halves, so that n may be from -150 to 128 and results below 10^-38 keep their
last bits. e⁰ is 1; e^∞ is ∞, e^-∞ is 0, and NaN stays NaN. The error is at most 1 unit in the last place where the
result is a normal float. The coefficients are those of Moshier's Cephes library (`expf`, `tanhf`), which minimise the
largest error.

**The activations** are the formulas of `kernels/textbook/activation.py`, chosen by a number. That is decided again
for every vector: a branch that always goes the same way costs nothing beside the memory, and one kernel is compiled
where there would be twenty.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.vector import (
    absolute,
    both,
    either,
    fma,
    maximum,
    minimum,
    nearest,
    scaled,
    splat,
    where,
)
from minidl.kernels.textbook.activation import TANH_HEIGHT, TANH_SLOPE
from minidl.kernels.textbook.smooth import CUBE, FAR

F = np.float32
LOG2_E, LN2_HIGH, LN2_LOW = F(1.44269504), F(0.693359375), F(-2.12194440e-4)
LOWEST, HIGHEST = F(-104), F(89)  # below e^-104 everything rounds to 0, above e^89 to infinity
E5, E4, E3 = F(1.9875691500e-4), F(1.3981999507e-3), F(8.3334519073e-3)
E2, E1, E0 = F(4.1665795894e-2), F(1.6666665459e-1), F(5.0000001201e-1)
T4, T3, T2 = F(-5.70498872745e-3), F(2.06390887954e-2), F(-5.37397155531e-2)
T1, T0, SMALL = F(1.33314422036e-1), F(-3.33332819422e-1), F(0.625)
A, S = F(TANH_HEIGHT), F(TANH_SLOPE)
S_A, S_OVER_A = F(TANH_SLOPE * TANH_HEIGHT), F(TANH_SLOPE / TANH_HEIGHT)
# erfc(z) = t·e^(-z² + polynomial in t) with t = 1 / (1 + z / 2): Press et al., "Numerical recipes", section 6.2.
ERFC = tuple(
    F(number)
    for number in (
        *(-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806),
        *(0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277),
    )
)
C0, C1, C2, C3, C4, C5, C6, C7, C8, C9 = ERFC
LIMIT, HALF_ROOT, DENSITY = F(FAR), F(0.5**0.5 / 2), F((2 * np.pi) ** -0.5)  # HALF_ROOT: z / 2 is |x| / √2 / 2
G, G3, THREE_CUBES = F(2 * (2 / np.pi) ** 0.5), F(2 * (2 / np.pi) ** 0.5 * CUBE), F(3 * CUBE)
ZERO, HALF, ONE, TWO, THREE, SIX, SIXTH = (F(number) for number in (0, 0.5, 1, 2, 3, 6, 1 / 6))

IDENTITY, RELU, RELU6, SILU, HARDSWISH, LEAKY_RELU, SIGMOID, TANH, SCALED_TANH, HARDSIGMOID = range(10)
GELU, GELU_TANH = 10, 11
FUSED = {None: IDENTITY, "relu": RELU, "relu6": RELU6, "silu": SILU, "hardswish": HARDSWISH}


@inline
def exp(x):
    """eˣ."""
    x = minimum(maximum(x, splat(LOWEST)), splat(HIGHEST))
    n = nearest(x * splat(LOG2_E))
    r = fma(n, splat(-LN2_LOW), fma(n, splat(-LN2_HIGH), x))
    p = fma(splat(E5), r, splat(E4))
    p = fma(p, r, splat(E3))
    p = fma(p, r, splat(E2))
    p = fma(p, r, splat(E1))
    p = fma(p, r, splat(E0))
    p = fma(p, r * r, r) + splat(ONE)
    return scaled(p, n)


@inline
def sigmoid(x):
    """1 / (1 + e⁻ˣ), and for negative x the same as eˣ / (1 + eˣ): no positive exponent, exact in both tails."""
    e = exp(splat(ZERO) - absolute(x))
    return where(x < splat(ZERO), e, splat(ONE)) / (splat(ONE) + e)


@inline
def tanh(x):
    """Near 0 a polynomial, else ±(1 - 2 / (e^2|x| + 1))."""
    square, size = x * x, absolute(x)
    p = fma(splat(T4), square, splat(T3))
    p = fma(p, square, splat(T2))
    p = fma(p, square, splat(T1))
    p = fma(p, square, splat(T0))
    p = fma(p * square, x, x)
    far = splat(ONE) - splat(TWO) / (exp(size + size) + splat(ONE))
    return where(size < splat(SMALL), p, where(x < splat(ZERO), splat(ZERO) - far, far))


@inline
def hardsigmoid(x):
    """relu6(x + 3) / 6."""
    return minimum(maximum(x + splat(THREE), splat(ZERO)), splat(SIX)) * splat(SIXTH)


@inline
def fused(kind, x):
    """Return the activation of that kind, one of `FUSED`."""
    if kind == RELU:
        return maximum(x, splat(ZERO))
    if kind == RELU6:
        return minimum(maximum(x, splat(ZERO)), splat(SIX))
    if kind == SILU:
        return x * sigmoid(x)
    if kind == HARDSWISH:
        return x * hardsigmoid(x)
    return x


@inline
def fused_dx(kind, dy, x):
    """Carry dy back through an activation of `FUSED` at x; for relu and relu6, x may be the result as well.

    Where the activation is flat, dx is 0 even if dy is infinite or NaN: a mask selects, it does not multiply.
    """
    if kind == RELU:
        return where(x > splat(ZERO), dy, splat(ZERO))
    if kind == RELU6:
        return where(both(x > splat(ZERO), x < splat(SIX)), dy, splat(ZERO))
    if kind == SILU:
        s = sigmoid(x)
        return dy * (s * fma(x, splat(ONE) - s, splat(ONE)))
    if kind == HARDSWISH:
        low, high = splat(-THREE), splat(THREE)
        inside = dy * fma(x, splat(SIXTH), hardsigmoid(x))
        return where(either(x < low, x == low), splat(ZERO), where(either(x > high, x == high), dy, inside))
    return dy


@inline
def half_tail(x):
    """Φ(-x) of x ≥ 0: erfc(x / √2) / 2, with an error of 1.2e-7 of itself."""
    t = splat(ONE) / fma(x, splat(HALF_ROOT), splat(ONE))
    p = fma(splat(C9), t, splat(C8))
    p = fma(p, t, splat(C7))
    p = fma(p, t, splat(C6))
    p = fma(p, t, splat(C5))
    p = fma(p, t, splat(C4))
    p = fma(p, t, splat(C3))
    p = fma(p, t, splat(C2))
    p = fma(p, t, splat(C1))
    p = fma(p, t, splat(C0))
    return splat(HALF) * t * exp(p - splat(HALF) * x * x)


@inline
def gelu_gate(kind, near):
    """What gelu multiplies x with: Φ(x), or the approximation of it."""
    if kind == GELU_TANH:
        return sigmoid(near * fma(splat(G3), near * near, splat(G)))
    tail = half_tail(absolute(near))
    return where(near > splat(ZERO), splat(ONE) - tail, tail)


@inline
def gelu(kind, x):
    """x·Φ(x)."""
    return x * gelu_gate(kind, minimum(maximum(x, splat(-LIMIT)), splat(LIMIT)))


@inline
def gelu_dx(kind, dy, x):
    """dy·(Φ + x·φ), or dy·(σ + x·σ·(1 - σ)·2u')."""
    near = minimum(maximum(x, splat(-LIMIT)), splat(LIMIT))
    gate = gelu_gate(kind, near)
    bend = splat(DENSITY) * exp(splat(-HALF) * near * near)
    if kind == GELU_TANH:
        bend = splat(G) * fma(splat(THREE_CUBES), near * near, splat(ONE)) * gate * (splat(ONE) - gate)
    return dy * fma(near, bend, gate)


@inline
def activated(kind, x, a):
    """Return the activation of that kind, any of them; a is the slope of leaky_relu for negative x."""
    if kind <= HARDSWISH:
        return fused(kind, x)
    if kind == LEAKY_RELU:
        return maximum(x * splat(a), x)
    if kind == SIGMOID:
        return sigmoid(x)
    if kind == HARDSIGMOID:
        return hardsigmoid(x)
    if kind == TANH:
        return tanh(x)
    if kind >= GELU:
        return gelu(kind, x)
    return splat(A) * tanh(splat(S) * x)


@inline
def activated_dx(kind, dy, v, a):
    """Carry dy back through any of them; v is the input of silu, hardswish and gelu, the result of all others."""
    if kind <= HARDSWISH:
        return fused_dx(kind, dy, v)
    if kind == LEAKY_RELU:
        return where(v > splat(ZERO), dy, dy * splat(a))
    if kind == SIGMOID:
        return dy * (v * (splat(ONE) - v))
    if kind == HARDSIGMOID:
        return where(both(v > splat(ZERO), v < splat(ONE)), dy * splat(SIXTH), splat(ZERO))
    if kind == TANH:
        return dy * (splat(ONE) - v * v)
    if kind >= GELU:
        return gelu_dx(kind, dy, v)
    return dy * (splat(S_A) - splat(S_OVER_A) * v * v)

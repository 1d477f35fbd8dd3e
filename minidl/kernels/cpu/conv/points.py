"""The six points of Winograd's convolutions, and the ways to them and back, for tiles of vectors.

`winograd.py` tells what they are for: y = Aᵀ [ (G g) ⊙ (Bᵀ d) ], with

    A    evaluates polynomials of as many coefficients as there are results: a row (1, p, p², …) for every point p
    G    evaluates those of as many coefficients as there are weights, divided by N(p) = Π (p - q) over the others, q
    B    interpolates (Lagrange): the coefficients of Π (x - q) over the other points q

The points are 0, ±r, ±s and ∞, where a polynomial "has the value" of its leading coefficient. With r² = 1/2 and
s² = 2 the numbers in the matrices stay small, and so do the rounding errors (with 1 and 2, which look simpler, they
are three times as large). Pairs ±p share their even and their odd part:

    Bᵀ d   0: r²s²·d0 - (r² + s²)·d2 + d4      ±r: (d4 - s²·d2) ± r·(d3 - s²·d1)       r²s² = 1,  r² + s² = 5/2
           ∞: r²s²·d1 - (r² + s²)·d3 + d5      ±s: (d4 - r²·d2) ± s·(d3 - r²·d1)
    G g    0: g0     ±r: ((g0 + r²·g2 + r⁴·g4) ± r·(g1 + r²·g3)) / N(r)     ±s: likewise     ∞: the last g
    Aᵀ m   y0 = m0 + (m₊r + m₋r) + (m₊s + m₋s)        y1 = r·(m₊r - m₋r) + s·(m₊s - m₋s)
           y2 = r²·(m₊r + m₋r) + s²·(m₊s + m₋s)       y3 = r³·(m₊r - m₋r) + s³·(m₊s - m₋s)      the last y: + m∞

Six points serve four results of three weights and two results of five: in both cases the product of the polynomials
has degree 5. B knows nothing of that; for A and G the coefficients that are not there are 0, and ∞ belongs to the last
one that is. The gradient of the weights (`winograd_dw.py`) needs the adjoints:

    A dy   0: d0      ±r: (d0 + r²·d2) ± r·(d1 + r²·d3)      ±s: (d0 + s²·d2) ± s·(d1 + s²·d3)      ∞: the last d
    Gᵀ u   g0 = u0 + e_r + e_s       e_r = (u₊r + u₋r)/N(r),  o_r = r·(u₊r - u₋r)/N(r),  e_s and o_s likewise
           g1 = o_r + o_s            g2 = r²·e_r + s²·e_s
           g3 = r²·o_r + s²·o_s      g4 = r⁴·e_r + s⁴·e_s                                   the last g: + u∞
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.load_store import load
from minidl.kernels.cpu.simd.vector import fma, splat

SIDE, POINTS = 6, 36
RESULTS = {3: 4, 5: 2}  # of a tile's row, by the width of the weights
R, S = np.float32(0.5**0.5), np.float32(2**0.5)
HALF, TWO, SUM = np.float32(0.5), np.float32(2), np.float32(2.5)  # r², s², r² + s²
QUARTER, FOUR = HALF * HALF, TWO * TWO
R3, S3 = R * HALF, S * TWO
ZERO = np.float32(0)
N_R, N_S = np.float32(-2 / 3), np.float32(1 / 6)  # 1 / N(±r) = 1 / (2r²(r² - s²)), 1 / N(±s) = 1 / (2s²(s² - r²))


@inline
def six(array, at, step):
    """Read six vectors, `step` floats from one to the next."""
    return (
        load(array, at),
        load(array, at + step),
        load(array, at + 2 * step),
        load(array, at + 3 * step),
        load(array, at + 4 * step),
        load(array, at + 5 * step),
    )


@inline
def six_inside(array, at, step, row, h):
    """Read those of six vectors that belong to rows from 0 to h - 1; the first belongs to `row`. The others are 0."""
    zero = splat(ZERO)
    return (
        load(array, at) if 0 <= row < h else zero,
        load(array, at + step) if 0 <= row + 1 < h else zero,
        load(array, at + 2 * step) if 0 <= row + 2 < h else zero,
        load(array, at + 3 * step) if 0 <= row + 3 < h else zero,
        load(array, at + 4 * step) if 0 <= row + 4 < h else zero,
        load(array, at + 5 * step) if 0 <= row + 5 < h else zero,
    )


@inline
def from_pixels(d):
    """Bᵀ d."""
    d0, d1, d2, d3, d4, d5 = d
    minus_two, minus_half, minus_sum = splat(-TWO), splat(-HALF), splat(-SUM)
    even_r, odd_r = fma(minus_two, d2, d4), splat(R) * fma(minus_two, d1, d3)
    even_s, odd_s = fma(minus_half, d2, d4), splat(S) * fma(minus_half, d1, d3)
    zero, infinity = fma(minus_sum, d2, d0 + d4), fma(minus_sum, d3, d1 + d5)
    return zero, even_r + odd_r, even_r - odd_r, even_s + odd_s, even_s - odd_s, infinity


@inline
def from_gradient(d, side):
    """A d, of the first four, or the first two, whose others are 0."""
    d0, d1, d2, d3, _, _ = d
    if side == 2:
        d2, d3 = splat(ZERO), splat(ZERO)
    half, two = splat(HALF), splat(TWO)
    even_r, odd_r = fma(half, d2, d0), splat(R) * fma(half, d3, d1)
    even_s, odd_s = fma(two, d2, d0), splat(S) * fma(two, d3, d1)
    return d0, even_r + odd_r, even_r - odd_r, even_s + odd_s, even_s - odd_s, d3 if side == 4 else d1


@inline
def to_results(m, side):
    """Aᵀ m: four results, or two that count."""
    m0, m1, m2, m3, m4, m5 = m
    even_r, odd_r, even_s, odd_s = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    y1, y2 = fma(splat(R), odd_r, splat(S) * odd_s), fma(splat(HALF), even_r, splat(TWO) * even_s)
    y3 = fma(splat(R3), odd_r, fma(splat(S3), odd_s, m5))
    return m0 + even_r + even_s, y1 if side == 4 else y1 + m5, y2, y3


@inline
def from_weights(packed, at, step, taps):
    """G g, of three or five vectors from `at` on."""
    g0, g1, g2 = load(packed, at), load(packed, at + step), load(packed, at + 2 * step)
    g3, g4 = splat(ZERO), splat(ZERO)
    if taps == 5:
        g3, g4 = load(packed, at + 3 * step), load(packed, at + 4 * step)
    half, two = splat(HALF), splat(TWO)
    even_r = splat(N_R) * fma(splat(QUARTER), g4, fma(half, g2, g0))
    odd_r = splat(N_R * R) * fma(half, g3, g1)
    even_s = splat(N_S) * fma(splat(FOUR), g4, fma(two, g2, g0))
    odd_s = splat(N_S * S) * fma(two, g3, g1)
    return g0, even_r + odd_r, even_r - odd_r, even_s + odd_s, even_s - odd_s, g4 if taps == 5 else g2


@inline
def to_weights(u, taps):
    """Gᵀ u: five weights, or three that count."""
    u0, u1, u2, u3, u4, u5 = u
    even_r, odd_r = splat(N_R) * (u1 + u2), splat(N_R * R) * (u1 - u2)
    even_s, odd_s = splat(N_S) * (u3 + u4), splat(N_S * S) * (u3 - u4)
    half, two = splat(HALF), splat(TWO)
    g2 = fma(half, even_r, fma(two, even_s, u5 if taps == 3 else splat(ZERO)))
    g3, g4 = fma(half, odd_r, two * odd_s), fma(splat(QUARTER), even_r, fma(splat(FOUR), even_s, u5))
    return u0 + even_r + even_s, odd_r + odd_s, g2, g3, g4

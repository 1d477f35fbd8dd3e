"""Sums that keep their digits, in whatever order the numbers lie in memory: the one place where the book adds many up.

A float32 has 24 binary digits. Whoever adds numbers to one running sum loses digits as it grows: at 2²⁴ = 16,777,216
another 1 changes nothing, so 20,000,000 ones add up to 16,777,216. NumPy adds in pairs, which cures that, but only
along an axis whose numbers lie side by side; along any other, such as the pixels of a channels-last picture or an axis
that broadcasting repeats, it keeps one running sum. So here

    float32   is added up in float64: with 29 digits more, a billion numbers lose nothing that a float32 could show
    float64   is added up in pairs: the second half of an axis is added to the first until 128 numbers are left

In pairs, a number goes through log2(M) additions instead of M, and the error grows as slowly. The sums stay float64 for
whoever goes on calculating with them; `rounded` ends the calculation.
"""

from __future__ import annotations

import math
from typing import Any

from minidl import _backend
from minidl._backend import Array
from minidl._xp import xp_of

FEW = 128  # numbers that may be added one after the other: NumPy's pairs begin with as many, too


def total(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    """Σ x over some axes, in float64.

    Example:
        >>> import numpy as np
        >>> ones = np.broadcast_to(np.float32(1), (20_000_000,))
        >>> float(np.add.accumulate(ones)[-1]), float(total(ones, (0,)))
        (16777216.0, 20000000.0)
    """
    while x.dtype == "float64" and math.prod(x.shape[axis] for axis in axes) > FEW:
        x = _folded(x, max(axes, key=lambda axis: x.shape[axis]))
    return x.sum(axis=axes, dtype="float64", keepdims=keepdims)


def _folded(x: Array, axis: int) -> Array:
    """Add the second half of an axis to the first; where their number is odd, one of the first stays as it is."""
    before, half = (slice(None),) * axis, (x.shape[axis] + 1) // 2
    first, second = _backend.copy(x[(*before, slice(half))]), x[(*before, slice(half, None))]
    first[(*before, slice(second.shape[axis]))] += second
    return first


def rounded(sums: Array, dtype: Any) -> Array:
    """Return sums in another dtype, as an array whose axes lie in memory as theirs do; themselves if they have it."""
    if sums.dtype == dtype and _backend.is_array(sums):
        return sums
    result = _backend.empty(sums.shape, dtype, like=sums)
    result[...] = sums
    return result


def average(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    """Σ x / M over the M numbers of some axes, in the dtype of x."""
    return rounded(total(x, axes, keepdims) / math.prod(x.shape[axis] for axis in axes), x.dtype)


def difference(x: Array, mean: Array) -> Array:
    """x - mean, as a new array; mean is float64, and what rounding it to the dtype of x has left over goes as well."""
    near = mean.astype(x.dtype)
    result = xp_of(x).subtract(x, near)
    if x.dtype != mean.dtype:
        result -= (mean - near).astype(x.dtype)
    return result

"""A mask selects, it does not multiply: what it leaves out is 0, whatever was there.

The gradient of relu is dy where x > 0, and 0 elsewhere. The product dy · [x > 0] says the same as long as dy is a
number, but 0 · ∞ and 0 · NaN are NaN: √relu(x) has an infinite dy wherever x < 0, and one NaN reaches every weight that
its picture has met.

`numpy.where` selects, too, but looks at one element after the other, and a processor that guesses which way the next
one goes is wrong every second time: five times as long as the product. The bits of a float, read as a whole number,
are a number like any other, those of ∞ and NaN included. That whole number times 1 or 0 is what is wanted, and takes as
long as the product.
"""

from __future__ import annotations

from minidl import _backend
from minidl._backend import Array


def select(mask: Array, x: Array) -> Array:
    """Return x where the mask is true, else 0, as a new array; the mask may be repeated along axes of x.

    Example:
        >>> import numpy as np
        >>> select(np.array([True, False, False]), np.array([-1.0, np.inf, np.nan]))
        array([-1.,  0.,  0.])
    """
    result, whole = _backend.empty(x.shape, x.dtype, like=x), f"int{8 * x.dtype.itemsize}"
    _backend.array_module(x).multiply(x.view(whole), mask, out=result.view(whole))
    return result

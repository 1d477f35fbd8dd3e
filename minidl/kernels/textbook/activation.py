"""Activations, element by element, and their gradients.

Each pair is y = f(x) and dx = f'(x)·dy. Where f'(x) can be read off the result, the gradient asks for y, which the next
layer keeps anyway, instead of x.
"""

from __future__ import annotations

from minidl import _backend
from minidl._backend import Array


def relu(x: Array) -> Array:
    """y = max(x, 0).  Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines"."""
    return _backend.array_module(x).maximum(x, 0, out=_backend.empty(x.shape, x.dtype, like=x))


def relu_dx(dy: Array, y: Array) -> Array:
    """dx = dy where y > 0, else 0: at the kink x = 0 the gradient is 0."""
    dx = _backend.full(dy.shape, 0, dy.dtype, like=dy)
    _backend.array_module(dy).copyto(dx, dy, where=y > 0)
    return dx

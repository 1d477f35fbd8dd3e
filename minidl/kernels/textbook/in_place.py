"""The two kernels that write into an array they are given, their last argument; all others make new ones."""

from __future__ import annotations

from minidl._backend import Array


def copy_to(x: Array, y: Array) -> Array:
    """y = x, number by number, whatever the memory orders of both; returns y."""
    y[...] = x
    return y


def add_to(x: Array, y: Array) -> Array:
    """y = y + x, number by number; returns y."""
    y += x
    return y

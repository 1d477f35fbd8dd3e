"""`xp`, as kernels call the module of their arrays: NumPy, or CuPy where they lie on the GPU.

A formula is written as everybody writes it, `xp.maximum(x, 0)`. Only where the result lies is minidl's own concern, to
which the functions named in REUSING see: it has the dtype of the first operand, its axes lie in memory in the order of
those of the first that has its shape, and a large one of NumPy's stands on memory that an earlier one has left (what
that is worth, `_memory.py` says).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array

REUSING = (
    *("abs", "add", "clip", "divide", "exp", "expm1", "log", "log1p", "maximum", "minimum"),
    *("multiply", "negative", "power", "sqrt", "subtract", "tanh"),
)


def xp_of(x: Array) -> Any:
    """Return the module that x belongs to.

    Example:
        >>> x = np.array([-1.0, 2.0])
        >>> xp_of(x).maximum(x, 0)
        array([0., 2.])
    """
    module = _backend.array_module(x)
    return NUMPY if module is np else _other(module)


class _Reusing:
    """A module whose functions of floats, element by element, leave it to `_backend` where their results lie."""

    def __init__(self, module: Any) -> None:
        self._module = module
        for name in REUSING:
            setattr(self, name, _reusing(getattr(module, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _reusing(function: Callable[..., Array]) -> Callable[..., Array]:
    """Let a function of arrays and numbers allocate its result by `_backend.empty`."""

    def run(x: Array, *others: Any, out: Array | None = None) -> Array:
        if out is not None:
            return function(x, *others, out=out)
        shape, like = x.shape, x
        for other in others:
            if getattr(other, "shape", ()) not in ((), shape):
                shape = np.broadcast_shapes(shape, other.shape)
                like = other if other.shape == shape != like.shape else like
        return function(x, *others, out=_backend.empty(shape, x.dtype, like=like))

    return run


NUMPY = _Reusing(np)
_other = functools.cache(_Reusing)  # CuPy: on the GPU, too, the axes of a result lie as those of its operand

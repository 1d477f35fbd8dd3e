"""A tensor among NumPy's functions: they get plain arrays, or are answered with minidl's way.

Where nobody wants a gradient, a NumPy function is called with plain arrays and gives one. Where somebody does, most of
them would cut the graph in silence, and are answered with minidl's way instead; what says nothing about gradients
(`np.argmax`) works there, too. Which function is which is data: `_words.py`. The functions behind operators
(`array * x` is `np.multiply(array, x)`) are those of tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl._checks import on_host
from minidl._methods import Methods
from minidl._values import ARITHMETIC, COMPARISONS, LOGIC, Values, arithmetic, elementwise, logic
from minidl._words import WORKS
from minidl._words.tensor import OPERATORS


class _Ufuncs:
    """What NumPy and CuPy ask about `array * x`: NumPy asks the class, for a function, CuPy the tensor, for None."""

    def __get__(self, tensor: Any, kind: type) -> Any:
        return _ask_ufunc if tensor is None else None


class Arrays(Methods):
    """What a tensor does where NumPy meets it."""

    __slots__ = ()
    __array_ufunc__ = _Ufuncs()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Tensor: NumPy always gets a copy of a tensor; x.data is the array itself")
        if self._is_wanted():
            raise TypeError(
                "Tensor: an array keeps no history, and somebody wants the gradient; x.numpy() says that the numbers "
                "alone are meant, ops.concat joins tensors"
            )
        return on_host(self).astype(dtype or self.dtype)  # a copy: whoever changes it does not change the tensor

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        module = function.__module__.removeprefix("numpy").removeprefix(".")
        return _ask_numpy(f"{module}.{function.__name__}".removeprefix("."), function, args, kwargs)


def _ask_ufunc(tensor: Values, ufunc: np.ufunc, how: str, *inputs: Any, **kwargs: Any) -> Any:
    """Compute what an operator of a tensor would compute; ask NumPy about everything else."""
    name = ufunc.__name__
    if how == "__call__" and not kwargs:
        if name in ARITHMETIC:
            return arithmetic(name, *inputs)
        if name in LOGIC:
            return logic(name, *inputs)
        if name in COMPARISONS:
            return elementwise(name, COMPARISONS[name], *inputs)
        if name in OPERATORS:
            raise TypeError(OPERATORS[name].way)
    return _ask_numpy(name if how == "__call__" else f"{name}.{how}", getattr(ufunc, how), inputs, kwargs)


def _ask_numpy(name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call NumPy with arrays in place of tensors, unless that would cut a graph or be written into one of them."""
    from minidl._words.numpy import NUMPY, NUMPY_WRITES  # here: few programs need it

    word = NUMPY.get(name)
    if any(tensor._is_wanted() for tensor in _tensors_in((args, kwargs))) and (word is None or word.fate != WORKS):
        way = f"use {word.way}" if word else "minidl.ops has what is differentiable"
        raise TypeError(
            f"np.{name}: the result would keep no history, and somebody wants the gradient; {way}; x.numpy() gives the "
            f"numbers alone"
        )
    written = [*_tensors_in(kwargs.get("out")), *(_tensors_in(args[:1]) if name in NUMPY_WRITES else ())]
    if written:
        raise TypeError(f"np.{name}: NumPy cannot write into a tensor; x[…] = value can, and x.data = array")
    return function(*_without_tensors(args), **_without_tensors(kwargs))


def _tensors_in(value: Any) -> Iterator[Values]:
    """Yield the tensors in an argument, in lists of them, too."""
    if isinstance(value, Values):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _tensors_in(one)


def _without_tensors(value: Any) -> Any:
    """Return an argument with the array of each tensor in its place, which nobody can write to."""
    if isinstance(value, Values):
        array = on_host(value).view()
        array.flags.writeable = False
        return array
    if isinstance(value, dict):
        return {name: _without_tensors(one) for name, one in value.items()}
    return type(value)(_without_tensors(one) for one in value) if type(value) in (list, tuple) else value

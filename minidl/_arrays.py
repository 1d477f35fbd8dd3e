"""The array that a tensor shows, as `x.data` and `x.grad`: NumPy's, and aware that hands take it for a tensor.

It is an ndarray in everything that arrays can do; results of functions are plain arrays. What only tensors have is
answered in one line. Nothing inside of minidl computes with it: `Tensor._data` is plain, and so is a judged gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl._answers import SPELLINGS
from minidl._checks import broadcast_shape, check_number


class ndarray(np.ndarray):
    """An array of a tensor.

    Example:
        >>> import minidl
        >>> minidl.ones(2).data
        array([1., 1.], dtype=float32)
        >>> minidl.ones(2).data.view_as
        Traceback (most recent call last):
        AttributeError: x.data and x.grad are NumPy arrays, which have no .view_as; use Tensor(x.data).view_as(…)
    """

    __slots__ = ()

    def __array_wrap__(self, made: Any, context: Any = None, return_scalar: bool = False) -> Any:
        if made is self:  # written in place: x.grad *= 0.5
            return self
        made = made.view(np.ndarray)
        return made[()] if return_scalar else made

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.view(np.ndarray).__reduce_ex__(protocol)  # a file of pickles knows NumPy's alone

    def zero_(self) -> ndarray:
        """Write 0 to all places, and return the array."""
        return self.fill_(0)

    def fill_(self, value: Any) -> ndarray:
        """Write one number to all places, and return the array."""
        check_number("fill_", "value", value)
        self[...] = value
        return self

    def copy_(self, other: Any) -> ndarray:
        """Write the numbers of another array or tensor, and return the array."""
        return self._written("copy_", other)

    def add_(self, other: Any, *, alpha: float = 1) -> ndarray:
        """Write self + alpha · other, and return the array."""
        return self._written("add_", np.asarray(self) + alpha * _operand("add_", other))

    def sub_(self, other: Any, *, alpha: float = 1) -> ndarray:
        """Write self - alpha · other, and return the array."""
        return self._written("sub_", np.asarray(self) - alpha * _operand("sub_", other))

    def mul_(self, other: Any) -> ndarray:
        """Write self · other, and return the array."""
        return self._written("mul_", np.asarray(self) * _operand("mul_", other))

    def div_(self, other: Any) -> ndarray:
        """Write self / other, and return the array."""
        return self._written("div_", np.asarray(self) / _operand("div_", other))

    def _written(self, word: str, other: Any) -> ndarray:
        values = np.asarray(_operand(word, other))
        if broadcast_shape(word, values.shape, self.shape) != self.shape:
            raise ValueError(f"{word}: the other's shape must broadcast to {self.shape}; received shape={values.shape}")
        self[...] = values
        return self

    def clone(self) -> Any:
        """Return a copy."""
        return self.copy()

    def numpy(self) -> np.ndarray:
        """Return the array as one of NumPy's own, on the same memory."""
        return self.view(np.ndarray)

    def detach(self) -> ndarray:
        """Return the array itself, which has no history."""
        return self

    cpu = detach

    def abs(self) -> Any:
        """Return the distance of each number from 0."""
        return np.abs(self)

    def norm(self) -> Any:
        """Return √Σ x²."""
        return np.linalg.norm(self.numpy().ravel())

    def numel(self) -> int:
        """Return how many numbers there are."""
        return self.size

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")
        from minidl._words.tensor import ARRAYS, TENSOR

        way = ARRAYS[name].way if name in ARRAYS else f"Tensor(x.data).{name}(…)" if name in TENSOR else ""
        text = f"x.data and x.grad are NumPy arrays, which have no .{name}"
        raise AttributeError(f"{text}; use {way}" if way else text)

    @property
    def data(self) -> Any:
        """The array itself; NumPy shows its memory here."""
        return self


def _operand(word: str, other: Any) -> Any:
    """Return a number, or the array of a tensor or of an array."""
    other = getattr(other, "_data", other)
    if not isinstance(other, np.ndarray):
        check_number(word, "other", other)
    return other


def _reduction(name: str) -> Callable[..., Any]:
    numpys = getattr(np.ndarray, name)

    def reduce(self: Any, *args: Any, **settings: Any) -> Any:
        for theirs, ours in SPELLINGS.items() if settings else ():
            if theirs in settings:
                raise TypeError(
                    f"{name}: x.data and x.grad are NumPy arrays, which call it {ours}; received {theirs}; "
                    f"x.detach().{name}(…) is the tensor's"
                )
        return numpys(self.view(np.ndarray), *args, **settings)

    reduce.__name__, reduce.__doc__ = name, f"NumPy's {name}."
    return reduce


for _name in ("all", "any", "argmax", "argmin", "argsort", "cumsum", "max", "mean", "min", "prod", "std", "sum", "var"):
    setattr(ndarray, _name, _reduction(_name))


def shown(plain: Any) -> Any:
    """Return an array as a tensor shows it: one of NumPy's with answers, any other as it is."""
    return plain.view(ndarray) if type(plain) is np.ndarray else plain


def hidden(given: Any, there: Any) -> Any:
    """Return what a tensor keeps of an array that it is given: its own again where it was shown before."""
    if type(given) is not ndarray:
        return given
    base = given.base
    if base is there and given.shape == base.shape and given.strides == base.strides:
        return base
    return given.view(np.ndarray)

"""A tensor among the values of Python and NumPy: the half of `Tensor` that knows other people's manners.

- **Operators** look their operation up in `ops`. Whole numbers and truths have no gradient: NumPy computes with them.
- **Comparisons** go element by element and return bools without a gradient. Whether two names stand for one tensor is
  asked with `is`; the hash follows that.
- **`x += y`** changes x itself, under all of its names, as in PyTorch; `_take_over` says when it may.
- **Conversions** such as `float(x)`, `f"{x:.4f}"`, `range(x)` need one element, loops an axis.
- **Names that only PyTorch has** are answered with minidl's way. What becomes of which word is data: `_words.py`.

How NumPy's functions meet a tensor stands in `_numpy.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import _backend
from minidl._answers import answer_in
from minidl._backend import Array
from minidl._checks import (
    NUMBERS,
    broadcast_shape,
    check_kind,
    is_int,
    plain_array,
    shown,
    to_result,
)
from minidl._judged import to_like
from minidl._looks import numbers, unfailing
from minidl._sharing import looks_into_anothers
from minidl._words import WORKS
from minidl._words.tensor import OPERATORS, TENSOR

if TYPE_CHECKING:
    from minidl.tensor import Tensor

ARITHMETIC = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "matmul": "@", "power": "**"}
COMPARISONS = {"equal": "==", "not_equal": "!=", "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="}
LOGIC = {"bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^"}

STEMS = {
    "floor_divide": "floordiv",
    "remainder": "mod",
    "divmod": "divmod",
    "left_shift": "lshift",
    "right_shift": "rshift",
}  # of the methods behind operators that have no operation


# Two operands, of which one is a tensor


def arithmetic(name: str, x: Any, y: Any) -> Tensor:
    """Return x + y, or another one of ARITHMETIC."""
    if name in ("add", "subtract", "multiply") and _is_whole(x) and _is_whole(y):
        return elementwise(name, ARITHMETIC[name], x, y)
    return operation(name)(x, y)


def elementwise(name: str, symbol: str, x: Any, y: Any) -> Tensor:
    """Let the array module compute what has no gradient."""
    like = x if isinstance(x, Values) else y
    a, b = (_plain(symbol, operand, like) for operand in (x, y))
    broadcast_shape(symbol, getattr(a, "shape", ()), getattr(b, "shape", ()))
    if name in ARITHMETIC:  # the sum of two truths is 2
        a, b = (one.astype(np.int64) if _backend.is_array(one) and one.dtype == np.bool_ else one for one in (a, b))
    return like._wrap(to_result(symbol, getattr(_backend.array_module(like._data), name)(a, b)), False)


def _is_whole(value: Any) -> bool:
    """Tell whether value is an int, or a tensor or an array of whole numbers or truths."""
    if isinstance(value, Values):
        return value._data.dtype.kind != "f"
    return type(value) is int or (isinstance(value, (np.ndarray, np.integer)) and value.dtype.kind in "biu")


def _plain(symbol: str, value: Any, like: Values) -> Any:
    """Return an operand as an array on the device of `like`, or as a plain number that takes the dtype of `like`."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, NUMBERS):
        return _number_like(value, like.dtype)
    array = value._data if isinstance(value, Values) else value
    if not _backend.is_array(array):
        cure = "; wrap it: Tensor(…)" if isinstance(value, (list, tuple)) else ""
        raise TypeError(f"{symbol}: expects Tensors, arrays or plain numbers; received a {type(value).__name__}{cure}")
    array = plain_array(symbol, array)
    check_kind(symbol, array)
    if _backend.device_of(array) != like.device:
        raise TypeError(
            f"{symbol}: all operands must be on one device, but they are on {like.device} and "
            f"{_backend.device_of(array)}; move one of them with .to(...)"
        )
    return array


def _number_like(value: Any, dtype: np.dtype) -> Any:
    """Return a plain number as NumPy's rule wants it: one that fits the dtype takes it, one that does not stays."""
    if dtype.kind != "f":
        return value.item() if isinstance(value, np.generic) else value
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    return number if not math.isfinite(number) or abs(number) <= float(np.finfo(dtype).max) else np.float64(number)


def operation(name: str) -> Any:
    """Return an operation of `ops`: the import that points upwards, made when an operator or a method is used."""
    from minidl import ops

    return getattr(ops, name)


# Makers of methods


def _method(name: str) -> Callable[..., Tensor]:
    """Make the method of Tensor that calls the operation of that name."""

    def method(x: Any, *args: Any, **settings: Any) -> Tensor:
        return operation(name)(x, *args, **settings)

    method.__doc__ = f"See `minidl.ops.{name}`."
    return method


def _operators(name: str) -> tuple[Callable[..., Tensor], Callable[..., Tensor], Callable[..., Tensor]]:
    """Make the methods for `tensor + other`, `other + tensor` and `tensor += other`."""

    def compute(x: Any, y: Any) -> Tensor:
        return arithmetic(name, x, y) if name in ARITHMETIC else logic(name, x, y)

    def change(x: Values, y: Any) -> Tensor:
        symbol = f"{ARITHMETIC.get(name) or LOGIC[name]}="
        x._check_free(symbol)
        return x._take_over(symbol, compute(x, y))

    return compute, lambda self, other: compute(other, self), change


def logic(name: str, x: Any, y: Any, symbol: str = "") -> Tensor:
    """Return x & y, or another one of LOGIC; `symbol` is for ~x, which is x ^ True."""
    symbol = symbol or LOGIC[name]
    for operand in (x, y):
        if isinstance(operand, (float, np.floating)) or getattr(getattr(operand, "dtype", None), "kind", "b") == "f":
            raise TypeError(
                f"{symbol}: expects bools on both sides; received {getattr(operand, 'dtype', 'a float')}; "
                "comparisons need parentheses: (x > 0) & (x < 1)"
            )
    return elementwise(name, symbol, x, y)


def _comparison(name: str) -> Any:
    """Make the method for `tensor == other`; what is no number, array or tensor is not equal to any."""

    def compare(x: Values, y: Any) -> Any:
        foreign = not isinstance(y, (Values, bool, np.bool_, complex, list, tuple, *NUMBERS)) and not _backend.is_array(
            y
        )
        if foreign and name in ("equal", "not_equal"):
            return NotImplemented
        return elementwise(name, COMPARISONS[name], x, y)

    return compare


class Values:
    """What a tensor does among the values of Python and NumPy; `Tensor` adds the graph."""

    __slots__ = ()
    if TYPE_CHECKING:  # what Tensor has
        _data: Array
        data: Array
        requires_grad: bool
        shape: tuple[int, ...]
        dtype: np.dtype
        ndim: int
        device: str
        _is_wanted: Callable[[], bool]
        _wrap: Callable[[Array, bool], Tensor]
        _node: Any

    # ------------------------------------------------------------------ operators and comparisons

    __add__, __radd__, __iadd__ = _operators("add")
    __sub__, __rsub__, __isub__ = _operators("subtract")
    __mul__, __rmul__, __imul__ = _operators("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _operators("divide")
    __matmul__, __rmatmul__, __imatmul__ = _operators("matmul")
    __pow__, __rpow__, __ipow__ = _operators("power")
    __and__, __rand__, __iand__ = _operators("bitwise_and")
    __or__, __ror__, __ior__ = _operators("bitwise_or")
    __xor__, __rxor__, __ixor__ = _operators("bitwise_xor")
    __eq__, __ne__ = _comparison("equal"), _comparison("not_equal")
    __lt__, __le__, __gt__, __ge__ = (_comparison(name) for name in ("less", "less_equal", "greater", "greater_equal"))
    __hash__ = object.__hash__
    __neg__, __abs__, __getitem__ = _method("negative"), _method("abs"), _method("index")

    def __pos__(self) -> Any:
        return self

    def __invert__(self) -> Tensor:
        return logic("bitwise_xor", self, True if self.dtype == np.bool_ else -1, "~")

    # ------------------------------------------------------------------ elements

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len: the tensor has no axis, it is one number; x.numel() counts elements; shape=()")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iter: the tensor has no axis to go along, it is one number: x.item(); shape=()")
        return (self[index] for index in range(self.shape[0]))

    def __reversed__(self) -> Tensor:
        if not self.ndim:
            raise TypeError("reversed: the tensor has no axis to go along, it is one number: x.item(); shape=()")
        return self[::-1]

    def __contains__(self, value: Any) -> bool:
        return bool(elementwise("equal", "in", self, value)._data.any())

    def __setitem__(self: Any, key: Any, value: Any) -> None:
        from minidl.ops.shape import places_of

        self._check_free("x[…] =")
        if self._is_wanted() or (isinstance(value, Values) and value._is_wanted()):
            raise RuntimeError(
                "x[…] =: writing into a tensor would cut its history; make a new one: ops.where(mask, value, x), or "
                "ops.concat of its parts; under no_grad() it can be written"
            )
        if looks_into_anothers(self):
            raise RuntimeError(
                "x[…] =: the tensor is a view (detached, reshaped or transposed), and what it looks into would not "
                "change with it; write into a copy: x = x.clone(), or through the whole"
            )
        value, places = _plain("x[…] =", value, self), places_of(self, key)
        if _backend.is_array(value) and value.dtype != self.dtype:
            raise TypeError(f"x[…] =: the value must be {self.dtype} as the tensor is; received {value.dtype}")
        if self.dtype.kind in "iu" and not _backend.is_array(value) and not is_int(value):
            raise TypeError(
                f"x[…] =: the value must be a whole number, the tensor is {self.dtype}; received {shown(value)}"
            )
        array = _backend.copy(self._data)
        try:
            array[places] = value
        except IndexError as error:
            raise IndexError(f"x[…] =: {error}; x.shape={self.shape}") from None
        except ValueError:  # NumPy's own word for it speaks of an input array
            found = f"value has shape {np.shape(value)}, the places have {array[places].shape}"
            raise ValueError(f"x[…] =: the value must broadcast to the places that it goes to; {found}") from None
        self.data = array

    def _check_free(self, word: str) -> None:
        """Refuse to change a leaf in place while its uses are recorded; `word` says what was tried."""
        if self._is_wanted() and self._node is None:
            raise RuntimeError(
                f"{word}: this would change a leaf that wants a gradient, and the graph would not know; put it under "
                f"`with minidl.no_grad():`, or make a new tensor: y = x + …"
            )

    def _take_over(self: Any, word: str, result: Tensor) -> Tensor:
        """Become the result of `x += y`, and return x: its history goes on, nothing in memory is written over."""
        to_like(word, "result", self, result._data)
        if looks_into_anothers(self):
            raise RuntimeError(
                f"{word}: the tensor is a view (detached, reshaped, …), and what it looks into would not change with "
                f"it; make a new tensor: x = x {word.rstrip('=')} …, or write through the whole: x[0] = …"
            )
        if result.requires_grad:
            self._data, self.requires_grad, self._node = result._data, True, result._node
        else:
            self.data = result._data
        return self

    def __delitem__(self, key: Any) -> None:
        raise TypeError("del x[…]: elements of a tensor cannot be deleted; take the others: x[keep]")

    # ------------------------------------------------------------------ Python's conversions

    def _number(self, word: str) -> Any:
        """Return the only element as a Python number; `word` is what was asked for."""
        if self._data.size != 1:
            cure = "; ask for .all() or .any() of them" if word == "bool" else ""
            found = f"it has {self._data.size}; shape={self.shape}"
            raise ValueError(f"{word}: the tensor must have one element, {found}{cure}")
        return self._data.reshape(-1)[0].item()

    def _converted(self, word: str, convert: Callable[..., Any], *args: Any) -> Any:
        number = self._number(word)
        try:
            return convert(number, *args)
        except (ValueError, OverflowError):
            raise ValueError(f"{word}: {number!r} cannot be converted{' as asked' * bool(args)}") from None

    def __bool__(self) -> bool:
        return self._number("bool") != 0

    def __float__(self) -> float:
        return float(self._number("float"))

    def __int__(self) -> int:
        return self._converted("int", int)

    __trunc__ = __int__

    def __round__(self, digits: int | None = None) -> Any:
        if digits is not None and not is_int(digits):
            raise TypeError(f"round: digits must be an int; received {shown(digits)}")
        return self._converted("round", round, digits)

    def __index__(self) -> int:
        if self._data.size != 1 or self.dtype.kind not in "iu":
            raise TypeError(
                f"index: only a tensor of one whole number counts places; received dtype={self.dtype}, "
                f"shape={self.shape}; int(x) cuts a fraction off"
            )
        return self._number("index")

    def __format__(self, form: str) -> str:
        if not isinstance(form, str):
            raise TypeError(f"format: expects a str such as '.4f'; received a {type(form).__name__}")
        if not form:
            return str(self)
        number = self._number("format")
        try:
            return format(number, form)
        except ValueError:
            raise ValueError(f"format: a {type(number).__name__} has no format {form!r}") from None

    @unfailing
    def __repr__(self) -> str:
        return numbers(type(self).__name__, self._data, self._notes())

    def _notes(self) -> list[str]:
        """Say where the numbers lie, if not on the CPU, and what has to do with gradients."""
        made = getattr(self, "_node", None)
        grad = f"grad_fn=<{made.function.op}>" if made else "requires_grad=True" if self.requires_grad else ""
        return [note for note in ("device=cuda" if self.device == "cuda" else "", grad) if note]

    def _repr_html_(self) -> str:
        from minidl import _heat

        return _heat.shown(self)

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in TENSOR or TENSOR[name].fate == WORKS]


def _refusal(text: str) -> Callable[..., Any]:
    def refuse(self: Any, other: Any) -> Any:
        raise TypeError(text)

    return refuse


answer_in(Values, "Tensor", TENSOR)
for _name, _stem in STEMS.items():
    setattr(Values, f"__{_stem}__", _refusal(OPERATORS[_name].way))
    setattr(Values, f"__r{_stem}__", _refusal(OPERATORS[_name].way))

"""Functions that PyTorch has at its top and that are no methods: new tensors, joins, and what else `minidl.NAME` is.

`minidl.exp(x)` and its like are the methods of `Tensor`; which names there are says `minidl/_words/torch.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import _backend
from minidl._answers import spelled
from minidl._checks import NUMBERS, check_choice, check_number, check_tensor, is_int, shown, to_axis, to_int, to_shape
from minidl._random import default_generator
from minidl.tensor import Tensor, no_grad

DTYPES = {
    "float": "float32", "float32": "float32", "double": "float64", "float64": "float64", "long": "int64",
    "int64": "int64", "int": "int32", "int32": "int32", "short": "int16", "int16": "int16", "int8": "int8",
    "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64", "bool": "bool",
}  # fmt: skip
CONSTANTS = {"pi": np.pi, "e": np.e, "inf": np.inf, "nan": np.nan, "newaxis": None}


# New tensors


def _new(array: Any, dtype: Any, device: Any, requires_grad: Any) -> Tensor:
    array = array if dtype is None else array.astype(np.dtype(dtype))
    return Tensor(array if device is None else _backend.to_device(array, device), requires_grad)


def _of_numbers(array: np.ndarray) -> np.ndarray:
    """Return numbers in the dtype that PyTorch gives them: floats as float32, whole numbers as int64."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new tensor with a copy of the data; whole numbers stay whole (`Tensor` makes float32 of all numbers).

    Args:
        data: numbers, nested lists of them, an array, or a tensor, of which the numbers alone are taken.
        dtype: float32, float64, bool or of whole numbers; None (default) for what the data are.
        device: "cpu" or "cuda".
        requires_grad: whether `backward` shall leave a gradient in `.grad`.

    Example:
        >>> import minidl
        >>> minidl.tensor([1, 2]).dtype, minidl.tensor([1.0, 2.0]).dtype
        (dtype('int64'), dtype('float32'))
    """
    if isinstance(data, Tensor) or _backend.is_array(data):
        array = _backend.copy(data._data if isinstance(data, Tensor) else data)
    else:
        with no_grad():
            array = _of_numbers(np.asarray(data))
    return _new(array, dtype, device, requires_grad)


def _shape(word: str, sizes: tuple[Any, ...]) -> tuple[int, ...]:
    return to_shape(word, sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes)


def _filled(word: str, make: Callable[[tuple[int, ...]], np.ndarray], what: str) -> Callable[..., Tensor]:
    """Make a function that takes a shape."""

    def new(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        return _new(make(_shape(word, size)), dtype, device, requires_grad)

    new.__name__, new.__doc__ = (
        word,
        f"Return a new float32 tensor of a shape, {what}; dtype=, device=, requires_grad=.",
    )
    return new


def _like(word: str, make: Callable[[tuple[int, ...]], np.ndarray]) -> Callable[..., Tensor]:
    def new(x: Tensor, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        return _new(make(tuple(x.shape)), dtype or x.dtype, device or x.device, requires_grad)

    new.__name__, new.__doc__ = word, f"Return a new tensor with the shape, dtype and device of x; see `{word[:-5]}`."
    return new


def _zeros(shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _ones(shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape, np.float32)


def _rand(shape: tuple[int, ...]) -> np.ndarray:
    return default_generator().random(shape, np.float32)


def _randn(shape: tuple[int, ...]) -> np.ndarray:
    return default_generator().standard_normal(shape, np.float32)


zeros, zeros_like = _filled("zeros", _zeros, "full of 0"), _like("zeros_like", _zeros)
ones, ones_like = _filled("ones", _ones, "full of 1"), _like("ones_like", _ones)
empty, empty_like = _filled("empty", _zeros, "full of 0"), _like("empty_like", _zeros)
rand, rand_like = _filled("rand", _rand, "of numbers from 0 to 1"), _like("rand_like", _rand)
randn, randn_like = _filled("randn", _randn, "of normal numbers"), _like("randn_like", _randn)


def full(size: Any, fill_value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new tensor of a shape full of one number."""
    check_number("full", "fill_value", fill_value)
    return _new(_of_numbers(np.full(to_shape("full", size), fill_value)), dtype, device, requires_grad)


def full_like(x: Tensor, fill_value: Any) -> Tensor:
    """Return a new tensor with the shape, dtype and device of x, full of one number."""
    return x.new_full(x.shape, fill_value)


def eye(n: int, m: int | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a matrix with 1 on its diagonal and 0 elsewhere."""
    return _new(np.eye(n, m, dtype=np.float32), dtype, device, requires_grad)


def arange(*bounds: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return start, start + step, … below end: of whole numbers int64, else float32; (end), (start, end[, step])."""
    for bound in bounds:
        check_number("arange", "a bound", bound)
    return _new(_of_numbers(np.arange(*bounds)), dtype, device, requires_grad)


def linspace(
    start: Any, end: Any, steps: int, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return so many float32 numbers from start to end, at equal distances."""
    count = to_int("linspace", "steps", steps, least=0)
    return _new(np.linspace(start, end, count, dtype=np.float32), dtype, device, requires_grad)


def randint(low: int, high: Any, size: Any = None, dtype: Any = None, device: Any = None) -> Tensor:
    """Return whole numbers drawn evenly from low to high - 1; (high, size) begins at 0."""
    low, high, size = (0, low, high) if size is None else (low, high, size)
    return _new(default_generator().integers(low, high, to_shape("randint", size)), dtype, device, False)


def randperm(n: int) -> Tensor:
    """Return 0 to n - 1 in an order that is drawn."""
    return Tensor(default_generator().permutation(to_int("randperm", "n", n, least=0)))


def normal(mean: float, std: float, size: Any) -> Tensor:
    """Return float32 numbers of a shape, drawn around a mean."""
    return Tensor(default_generator().normal(mean, std, to_shape("normal", size)).astype(np.float32))


def from_numpy(array: np.ndarray) -> Tensor:
    """Return a tensor on an array, which is not copied."""
    if not _backend.is_array(array):
        raise TypeError(f"from_numpy: expects an array; received a {type(array).__name__}")
    return Tensor(array)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Return a tensor as it is, one on an array without a copy, or a new one of numbers."""
    if isinstance(data, Tensor):
        return data.to(data.device if device is None else device, data.dtype if dtype is None else dtype)
    return _new(data if _backend.is_array(data) else _of_numbers(np.asarray(data)), dtype, device, False)


asarray = as_tensor


# Several tensors


@spelled
def cat(tensors: Any, axis: int = 0) -> Tensor:
    """Put tensors behind each other along one axis: `minidl.ops.concat`; whole numbers and bools, too."""
    from minidl import ops

    if isinstance(tensors, (list, tuple)) and tensors and all(_is_whole(one) for one in tensors):
        return Tensor(np.concatenate([one._data for one in tensors], to_axis("cat", axis, tensors[0].ndim)))
    return ops.concat(tensors, axis)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype.kind != "f" and value.device == "cpu"


concat = concatenate = cat


@spelled
def stack(tensors: Any, axis: int = 0) -> Tensor:
    """Put tensors of one shape beside each other along a new axis.

    Example:
        >>> import minidl
        >>> minidl.stack([minidl.zeros(2), minidl.ones(2)], dim=1).tolist()
        [[0.0, 1.0], [0.0, 1.0]]
    """
    if not isinstance(tensors, (list, tuple)) or not tensors or not all(isinstance(one, Tensor) for one in tensors):
        raise TypeError(f"stack: expects a list of at least one Tensor; received {shown(tensors)}")
    if len({one.shape for one in tensors}) > 1:
        raise ValueError(f"stack: all shapes must be equal; received {[one.shape for one in tensors]}")
    return cat([one.unsqueeze(axis) for one in tensors], axis=to_axis("stack", axis, tensors[0].ndim + 1))


@spelled
def max(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest element, or, along an axis, the largest ones and their places."""
    return _extreme(Tensor.max, x, axis, keepdims)


@spelled
def min(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the smallest element, or, along an axis, the smallest ones and their places."""
    return _extreme(Tensor.min, x, axis, keepdims)


def _extreme(method: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    check_tensor(method.__name__, "x", x)
    if is_int(axis):
        return method(x, dim=axis, keepdims=keepdims)
    return method(x) if axis is None else method(x, axis)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return x with the axes from start_dim to end_dim joined."""
    return Tensor.flatten(x, start_dim, end_dim)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return x with two axes swapped."""
    return Tensor.swapaxes(x, dim0, dim1)


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """Return x where the condition is true, else y; see `minidl.ops.where`."""
    from minidl import ops

    return ops.where(condition, x, y)


# Questions


def device(name: Any) -> str:
    """Return the name of a device: "cpu" or "cuda", of which there is one ("cuda:0")."""
    name = "cuda" if name in ("cuda:0", 0) else name
    check_choice("device", "name", name, ("cpu", "cuda"))
    return name


def is_tensor(value: Any) -> bool:
    """Tell whether value is a Tensor."""
    return isinstance(value, Tensor)


inference_mode = no_grad


def look(name: str) -> Any:
    """Return what minidl.NAME is, or raise KeyError."""
    if name.startswith("_"):
        raise KeyError(name)
    from minidl._words import WORKS
    from minidl._words.torch import CHANGES, METHODS, TORCH

    if name not in TORCH or TORCH[name].fate != WORKS:
        raise KeyError(name)
    if name in DTYPES:
        return np.dtype(DTYPES[name])
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name in f"{METHODS} {CHANGES}".split():
        return _function(name)
    if name in globals():
        return globals()[name]
    from minidl.nn import functional

    return getattr(functional, name)


def _function(name: str) -> Callable[..., Any]:
    """Return the method as a function that judges its first argument."""
    method = getattr(Tensor, name)

    @functools.wraps(method)
    def function(input: Any, *args: Any, **settings: Any) -> Any:
        operand = args and isinstance(args[0], Tensor) and isinstance(input, NUMBERS)
        if not operand:
            check_tensor(name, "input", input)
        return method(input, *args, **settings)

    return function

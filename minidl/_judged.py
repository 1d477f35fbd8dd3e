"""What the autograd is given, judged: the array of a tensor, the gradients that go in and those that come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl._backend import FLOATS, Array, device_of, full, is_array, unadorned
from minidl._checks import check_flag, check_kind, from_numbers, plain_array


def to_array(value: Any, requires_grad: bool) -> Array:
    """Return the array of a new tensor: an array as it is (see `plain_array`), plain numbers as float32."""
    if type(value) is np.ndarray and value.dtype is FLOATS[0] and value.flags.aligned:
        return value
    if hasattr(value, "_node"):
        raise TypeError("Tensor: the argument is a Tensor already; use it as it is, or its .data")
    array = plain_array("Tensor", value) if is_array(value) else from_numbers("Tensor", "array", value)
    check_kind("Tensor", array)
    if not is_array(value) and not isinstance(value, np.generic):
        array = array.astype(np.float32)
    if array.dtype.kind == "f" and array.dtype not in FLOATS:
        raise TypeError(
            f"Tensor: floats are float32 or float64 here; received dtype={array.dtype}; convert it: "
            f"array.astype('float32')"
        )
    check_flag("Tensor", "requires_grad", requires_grad)
    if requires_grad and array.dtype not in FLOATS:
        raise TypeError(f"Tensor: only float32 and float64 have gradients; received dtype={array.dtype}")
    return array


def to_like(op: str, name: str, tensor: Any, array: Any) -> Array:
    """Return an array of the tensor's shape, dtype and device; refuse any other: kernels walk through both together."""
    data = tensor._data
    if type(array) is type(data) and array.shape == data.shape and array.dtype == data.dtype:
        return array
    if not is_array(array):
        cure = f"; take its array: {name}.data" if is_array(getattr(array, "data", None)) else ""
        wanted = "a plain array like the tensor" + " (None forgets it)" * (name == "grad")
        raise TypeError(f"{op}: {name} must be {wanted}; received a {type(array).__name__}{cure}")
    array = array if type(array) is np.ndarray else plain_array(op, array)
    if array.shape != data.shape:
        raise ValueError(
            f"{op}: {name} must have the tensor's shape {data.shape}; received {name}.shape={array.shape}; nothing is "
            f"broadcast here, so repeat its numbers, or sum them, before"
        )
    if array.dtype != data.dtype or device_of(array) != device_of(data):
        convert, move = f"convert it: {name}.astype('{data.dtype}')", f"move it: Tensor({name}).to(…).data"
        raise TypeError(
            f"{op}: {name} must be {data.dtype} on {device_of(data)} like the tensor; received {array.dtype} on "
            f"{device_of(array)}; {move if array.dtype == data.dtype else convert}"
        )
    return array


def set_grad(tensor: Any, grad: Any) -> None:
    """Make an array, or None, the gradient of a tensor, if it is one."""
    if grad is not None and grad is not tensor._grad:
        grad = to_like("Tensor.grad", "grad", tensor, grad)
    tensor._grad = grad


def judged_grad(op: str, tensor: Any) -> Array | None:
    """Return the gradient of a tensor, judged once more: NumPy lets everybody change the shape of an array in place."""
    grad = unadorned(tensor._grad)
    return None if grad is None else to_like(op, "grad", tensor, grad)


def to_upstream(tensor: Any, dy: Any, gradient: Any, **refused: Any) -> Array:
    """Return the gradient that backward begins with, under PyTorch's name, too; refuse what has no meaning here."""
    for name, value in refused.items():
        if value:
            cure = "add the losses up and call backward() once, or run forward again"
            raise TypeError(f"backward: takes no {name}, the graph is freed as it is walked; {cure}")
    if gradient is not None and dy is not None:
        raise TypeError("backward: dy and gradient are two words for one thing; say one of them")
    dy, data = gradient if dy is None else dy, tensor._data
    if dy is None and data.size == 1:
        return full(data.shape, 1, data.dtype, like=data)
    if dy is None:
        raise ValueError(
            f"backward: dy may be left out only for a tensor of one element, this one has {data.size}; "
            f"shape={data.shape}; give dy, or reduce to one number first: y.sum().backward()"
        )
    return to_like("backward", "dy", tensor, plain_array("backward", getattr(dy, "_data", dy)))


def to_gradients(op: str, result: Any, inputs: Sequence[Any]) -> tuple[Array | None, ...]:
    """Return what a backward returned as one gradient for each input (None where no gradient is wanted)."""
    gradients = list(result) if isinstance(result, tuple) else [result]
    if len(gradients) != len(inputs):
        raise ValueError(
            f"{op}: backward must return one gradient (or None) for each of the {len(inputs)} inputs; "
            f"it returned {len(gradients)}"
        )
    for index, (gradient, wanted) in enumerate(zip(gradients, inputs, strict=True)):
        if gradient is None:
            continue
        if isinstance(gradient, np.generic):
            gradient = gradients[index] = np.asarray(gradient)
        if wanted is None:
            continue
        if not is_array(gradient):
            raise TypeError(f"{op}: backward must return arrays; for input {index} it is a {type(gradient).__name__}")
        if gradient.shape != wanted.shape or gradient.dtype != wanted.dtype:
            raise ValueError(
                f"{op}: backward must return for input {index} a gradient {wanted.dtype} {wanted.shape}; "
                f"it returned {gradient.dtype} {gradient.shape}"
            )
    return tuple(gradients)

"""Judge an argument once, and say what is wrong with it.

Every message names the operation, what was expected with its arithmetic, and what came. Shapes and values are a
ValueError; types, dtypes and devices are a TypeError.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from minidl._backend import FLOATS, Array, device_of, is_array

NUMBERS = (int, float, np.integer, np.floating)
MOST_SHOWN = 100  # letters of a wrong value in a message
OPTIONAL = ("b", "weight", "bias", "residual")  # operands that may be None

Pair = tuple[int, int]
Shape = tuple[int, ...]
Padding = tuple[Pair, Pair]
IntOrPair = int | Pair  # as users write kernel_size, stride, dilation
PaddingLike = int | Pair | Padding  # as users write padding, ((top, bottom), (left, right)) among it
PaddingOrSame = PaddingLike | Literal["same"]  # of a convolution


def shown(value: object) -> str:
    """Return what was received as one short line, for the end of a message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"


def is_int(value: object) -> bool:
    """Tell whether value is a whole number (Python's or NumPy's), and not a bool."""
    if type(value) is int:
        return True
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def to_int(op: str, name: str, value: Any, *, least: int | None) -> int:
    """Return value as an int of at least `least`, or as any int."""
    if type(value) is int and (least is None or value >= least):
        return value
    if not is_int(value) or (least is not None and value < least):
        expected = "an int" if least is None else f"an int >= {least}"
        raise ValueError(f"{op}: {name} must be {expected}; received {name}={shown(value)}")
    return operator.index(value)


def to_pair(op: str, name: str, value: Any, *, least: int) -> Pair:
    """Turn 3 or (3, 3) into (3, 3), each number at least `least`."""
    pair = to_pair_or_none(value if isinstance(value, (tuple, list)) else (value, value))
    if pair is None or pair[0] < least or pair[1] < least:
        raise ValueError(f"{op}: {name} must be an int or a pair of ints >= {least}; received {name}={shown(value)}")
    return pair


def to_padding(op: str, value: Any, *, same: bool = False) -> Padding:
    """Turn 1, (ph, pw) or ((top, bottom), (left, right)) into ((top, bottom), (left, right)).

    `same` tells whether the operation knows "same", too, and is only for the message.
    """
    if isinstance(value, (tuple, list)) and len(value) == 2 and not (is_int(value[0]) or is_int(value[1])):
        rows, columns = to_pair_or_none(value[0]), to_pair_or_none(value[1])
        if rows is not None and columns is not None:
            return rows, columns
    else:
        numbers = to_pair_or_none(value if isinstance(value, (tuple, list)) else (value, value))
        if numbers is not None:
            return (numbers[0], numbers[0]), (numbers[1], numbers[1])
    forms = "an int, (ph, pw)" + (", " if same else " or ") + "((top, bottom), (left, right))" + ' or "same"' * same
    raise ValueError(f"{op}: padding must be {forms} with ints >= 0; received padding={shown(value)}")


def to_pair_or_none(value: Any) -> Pair | None:
    """Return value as a pair of ints >= 0, or None if it is not one."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return None
    first, second = value
    if not type(first) is type(second) is int:
        if not (is_int(first) and is_int(second)):
            return None
        first, second = operator.index(first), operator.index(second)
    return (first, second) if first >= 0 and second >= 0 else None


def to_axis(op: str, axis: Any, ndim: int) -> int:
    """Return an axis counted from the front."""
    if ndim == 0:
        raise ValueError(f"{op}: a single number has no axis; received axis={shown(axis)}")
    if not is_int(axis) or not -ndim <= axis < ndim:
        raise ValueError(f"{op}: axis must be an int from {-ndim} to {ndim - 1}; received axis={shown(axis)}")
    return operator.index(axis) % ndim


def check_axis(op: str, name: str, axis: Any, *, optional: bool = False) -> None:
    """Refuse what can be no axis of any tensor (nor, with optional=True, None)."""
    if not is_int(axis) and not (optional and axis is None):
        raise ValueError(f"{op}: {name} must be an int{' or None' * optional}; received {name}={shown(axis)}")


def to_axes(op: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes of a reduction, counted from the front and sorted: None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = [to_axis(op, one, ndim) for one in (axis if isinstance(axis, (tuple, list)) else (axis,))]
    if len(set(axes)) != len(axes):
        raise ValueError(f"{op}: every axis may be named once; received axis={shown(axis)}")
    return tuple(sorted(axes))


def check_fraction(op: str, name: str, value: Any, *, below_one: bool = False) -> None:
    """Refuse a probability outside 0 <= value <= 1 (or < 1)."""
    if not isinstance(value, NUMBERS) or not (0 <= value < 1 if below_one else 0 <= value <= 1):
        raise ValueError(f"{op}: {name} must be from 0 to {'below ' * below_one}1; received {name}={shown(value)}")


def check_positive(op: str, name: str, value: Any, *, zero: bool = False) -> None:
    """Refuse a number that is not positive (or, with zero=True, negative)."""
    if not isinstance(value, NUMBERS) or not (value >= 0 if zero else value > 0):
        raise ValueError(f"{op}: {name} must be {'>= 0' if zero else '> 0'}; received {name}={shown(value)}")


def check_number(op: str, name: str, value: Any, *, optional: bool = False, nan: bool = True) -> None:
    """Refuse what is no plain number (nor, with optional=True, None), and with nan=False NaN."""
    if not isinstance(value, NUMBERS) and not (optional and value is None):
        raise TypeError(
            f"{op}: {name} must be a plain number{' or None' * optional}; received a {type(value).__name__}"
        )
    if not nan and value != value:
        raise ValueError(f"{op}: {name} must be a number; received {name}=nan")


def check_flag(op: str, name: str, value: Any) -> None:
    """Refuse what is neither True nor False (nor 1 nor 0)."""
    if not isinstance(value, (bool, np.bool_)) and not (is_int(value) and value in (0, 1)):
        raise TypeError(f"{op}: {name} must be True or False; received {name}={shown(value)}")


def to_flag(op: str, name: str, value: Any) -> bool:
    """Return what is True or False (or 1 or 0, or NumPy's) as Python's bool, which NumPy's functions want."""
    check_flag(op, name, value)
    return bool(value)


def to_shape(op: str, shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple of ints."""
    if not isinstance(shape, (tuple, list)) or not all(is_int(size) and size >= 0 for size in shape):
        raise TypeError(f"{op}: shape must be a tuple of ints >= 0; received shape={shown(shape)}")
    return tuple(operator.index(size) for size in shape)


def check_path(op: str, path: Any, name: str = "path") -> None:
    """Refuse what names no file; True, or another number, would be an open one."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{op}: {name} must be a str or a Path; received {name}={shown(path)}")
    text = os.fsdecode(path)
    if not text or "\0" in text:
        raise ValueError(f"{op}: {name} must not be empty, nor hold the letter NUL; received {name}={shown(path)}")


def to_names(op: str, name: str, value: Any) -> list[str]:
    """Return names as a list of str; an array of text will do, a single str will not."""
    names = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(one, str) for one in names):
        raise TypeError(f"{op}: {name} must be a list of names, each a str; received {name}={shown(value)}")
    return list(names)


def check_choice(op: str, name: str, value: Any, choices: Iterable[Any]) -> None:
    """Refuse a value that is not one of the choices."""
    choices = tuple(choices)
    if not isinstance(value, (str, int, type(None))) or value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{op}: {name} must be one of {known}; received {name}={shown(value)}")


def nearest(name: Any, known: Iterable[str]) -> str:
    """Return the names that are most like a wrong one, for "did you mean …?"; all of them if none is like it."""
    import difflib

    names = list(known)
    return " or ".join(difflib.get_close_matches(str(name), names, n=3, cutoff=0.4) or names)


def check_divides(op: str, name: str, divisor: int, other: str, number: int) -> None:
    """Refuse a divisor that leaves a remainder."""
    if number % divisor:
        raise ValueError(
            f"{op}: {other} must be divisible by {name}; "
            f"received {other}={number}, {name}={divisor} ({number} % {divisor} = {number % divisor})"
        )


def check_rank(op: str, name: str, shape: Sequence[int], axes: str) -> None:
    """Refuse an array with another number of axes than, for example, "N, C, H, W" names."""
    if len(shape) != axes.count(",") + 1:
        cure = " (one picture? give it a batch axis: x[None])" if axes == "N, C, H, W" and len(shape) == 3 else ""
        raise ValueError(
            f"{op}: {name} must have {axes.count(',') + 1} axes ({axes}), it has {len(shape)}; "
            f"{name}.shape={tuple(shape)}{cure}"
        )


def check_alike(op: str, **operands: Any) -> None:
    """Refuse operands that are no tensors, are not float32 or float64, or differ in dtype or device.

    Those that an operation can do without (OPTIONAL) may be None.
    """
    first: Any = None
    for name, operand in operands.items():
        if operand is None and name in OPTIONAL:
            continue
        data: Any = getattr(operand, "_data", None)
        if type(data) is np.ndarray and data.dtype is FLOATS[0] and (first is None or first.dtype is FLOATS[0]):
            first = data  # nothing is wrong with what nearly all operands are
            continue
        check_tensor(op, name, operand)
        if data.dtype not in FLOATS:
            raise TypeError(
                f"{op}: {name} must be float32 or float64, it is {data.dtype}; "
                f"convert its array: Tensor(array.astype('float32'))"
            )
        if first is None:
            first = data
        elif data.dtype != first.dtype or (type(data) is not type(first) and device_of(data) != device_of(first)):
            present = {key: value for key, value in operands.items() if value is not None}
            for key, value in present.items():
                check_tensor(op, key, value)
            raise TypeError(_differing(op, present))


def check_tensor(op: str, name: str, value: Any) -> None:
    """Refuse what is no tensor; one of whole numbers or bools will do."""
    if not is_array(getattr(value, "_data", None)) or isinstance(value, np.ndarray):  # masked arrays have one, too
        found = type(value).__name__
        raise TypeError(f"{op}: {name} must be a Tensor, it is a {found}; wrap it: Tensor({name})")


def _differing(op: str, operands: dict[str, Any]) -> str:
    """Say which operands differ in dtype or device."""
    if len({operand.device for operand in operands.values()}) > 1:
        found = ", ".join(f"{name} is on {operand.device}" for name, operand in operands.items())
        return f"{op}: all operands must be on one device, but {found}; move one of them with .to(...)"
    found = ", ".join(f"{name} is {operand.dtype}" for name, operand in operands.items())
    return f"{op}: all operands must have one dtype, but {found}; convert one of their arrays"


def plain_array(op: str, array: Array) -> Array:
    """Return an array that behaves like one: itself, or the same numbers without the manners of its kind.

    A matrix multiplies where arrays go element by element, other byte orders and odd addresses are foreign to kernels:
    they become plain arrays. The numbers under a mask are nobody's, and refused.
    """
    if type(array) is np.ndarray and array.dtype.isnative and array.flags.aligned:
        return array
    if not isinstance(array, np.ndarray):
        return array  # on the GPU, where there is one kind
    if isinstance(array, getattr(sys.modules.get("numpy.ma"), "MaskedArray", ())):
        raise TypeError(f"{op}: received a masked array, whose numbers may be missing; fill them in: array.filled(0)")
    return np.require(np.asarray(array), np.dtype(array.dtype.type) if array.dtype.kind in "biuf" else None, "A")


def check_kind(op: str, array: Array) -> None:
    """Refuse an array of other things than numbers."""
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{op}: expects numbers; received dtype={array.dtype}")


def broadcast_shape(op: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the common shape of the operands, or say that there is none."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        found = " and ".join(str(shape) for shape in shapes)
        raise ValueError(
            f"{op}: the shapes {found} do not broadcast: from the right, sizes must be equal or 1"
        ) from None


def from_numbers(op: str, name: str, value: Any) -> np.ndarray:
    """Return a number, or nested lists of numbers, as an array."""
    try:
        return np.asarray(value)
    except TypeError:  # a tensor in the list that does not want to be cut off, or another stranger's own reason
        raise
    except Exception:  # NumPy's own word for it is inhomogeneous; strangers have others
        raise ValueError(
            f"{op}: {name} must be numbers in rows of one length; received {name}={shown(value)}"
        ) from None


def to_numbers(op: str, name: str, value: Any) -> np.ndarray:
    """Return an array, a number or nested lists as an array of plain numbers on the CPU."""
    array = plain_array(op, from_numbers(op, name, value))
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{op}: {name} must be numbers; received {name}.dtype={array.dtype}")
    return array


def to_result(op: str, value: Any) -> Array:
    """Return what a forward returned as an array, or say that it is none."""
    if is_array(value):
        return value
    if not isinstance(value, np.generic):
        raise TypeError(f"{op}: forward must return an array; it returned a {type(value).__name__}")
    return np.asarray(value)


def on_host(tensor: Any) -> np.ndarray:
    """Return the array of a tensor that NumPy asked for; one on the GPU does not come by itself."""
    if tensor.device != "cpu":
        raise TypeError(f"Tensor: NumPy cannot use a tensor on {tensor.device}; bring it over: x.numpy()")
    return tensor._data

"""Which array module an array belongs to, and where arrays are allocated.

The only file that knows CuPy. It is imported when somebody asks for the GPU and never before: a CuPy array can only
exist once `cupy` is in `sys.modules`, so asking "is this a CuPy array?" needs no import.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

import numpy as np

from minidl._memory import POOL

Array = Any  # numpy.ndarray or cupy.ndarray; the two share one interface and, on purpose, no base class

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def is_array(value: object) -> bool:
    """Tell whether value is a NumPy or a CuPy array."""
    return isinstance(value, np.ndarray) or _is_cupy_array(value)


def array_module(array: Array) -> Any:
    """Return the module, NumPy or CuPy, that the array belongs to; NumPy for everything that is no array."""
    return sys.modules["cupy"] if _is_cupy_array(array) else np


def device_of(array: Array) -> str:
    """Return "cpu" for a NumPy array, "cuda" for a CuPy array."""
    return "cuda" if _is_cupy_array(array) else "cpu"


def _is_cupy_array(value: object) -> bool:
    # While another thread imports CuPy, the module is there already but its array class is not.
    return isinstance(value, getattr(sys.modules.get("cupy"), "ndarray", ()))


def empty(shape: tuple[int, ...], dtype: Any, *, like: Array) -> Array:
    """Allocate a result: the one door through which every result array comes.

    The array lives on the device of `like`. Where the number of axes is the same, its axes also lie in memory in the
    order of those of `like`: a picture block that is channels-last stays channels-last. Large arrays on the CPU stand
    on memory that earlier ones have left (see `_memory`).
    """
    allocate = array_module(like).empty if _is_cupy_array(like) else POOL.empty
    if like.ndim != len(shape) or like.flags.c_contiguous:
        return allocate(shape, dtype)
    outer_first = sorted(range(like.ndim), key=lambda axis: -abs(like.strides[axis]))
    block = allocate(tuple(shape[axis] for axis in outer_first), dtype)
    return block.transpose([outer_first.index(axis) for axis in range(like.ndim)])


def empty_channels_last(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Allocate a result (N, C, H, W) on the CPU whose memory is an N, H, W, C block."""
    n, c, h, width = shape
    return POOL.empty((n, h, width, c), dtype).transpose(0, 3, 1, 2)


def full(shape: tuple[int, ...], value: float | np.number, dtype: Any, *, like: Array) -> Array:
    """Allocate a result as `empty` does and fill it with one value."""
    array = empty(shape, dtype, like=like)
    array[...] = value
    return array


def copy(array: Array) -> Array:
    """Return a copy that shares memory with nothing and keeps the memory order of the axes."""
    result = empty(array.shape, array.dtype, like=array)
    result[...] = array
    return result


def constant(array: np.ndarray) -> np.ndarray:
    """Return a copy in C order that nobody can ever change, because it stands on Python's `bytes`.

    Example:
        >>> constant(np.ones(3)).flags.writeable = True
        Traceback (most recent call last):
            ...
        ValueError: cannot set WRITEABLE flag to True of this array
    """
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def outer_first(array: Any) -> list[int]:
    """Return the axes of an array in the order in which they lie in memory, the one with the largest step first.

    Example:
        >>> outer_first(np.ones((2, 3, 4, 5)).transpose(0, 3, 1, 2))  # channels-last
        [0, 2, 3, 1]
    """
    return sorted(range(array.ndim), key=lambda axis: -array.strides[axis])  # a stable sort keeps C order where equal


def is_constant(array: Any) -> bool:
    """Tell whether nobody can ever change this array; see `constant`.

    Example:
        >>> w = np.ones((2, 3))
        >>> w.flags.writeable = False
        >>> is_constant(w), is_constant(constant(w)), is_constant(constant(w).T)
        (False, True, True)
    """
    if not isinstance(array, np.ndarray) or array.flags.writeable:
        return False
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, bytes)


def unadorned(array: Any) -> Any:
    """Return an array that a tensor has shown, which knows PyTorch's words, as NumPy's own kind; others as they are."""
    return array.view(np.ndarray) if isinstance(array, np.ndarray) and type(array) is not np.ndarray else array


def corners(array: Array, edge: int) -> Array:
    """Return the ends of each axis, as a copy: `edge` places and one more, and `edge` places."""
    axes = [[*range(edge + 1), *range(n - edge, n)] if n > 2 * edge + 1 else [*range(n)] for n in array.shape]
    xp = array_module(array)
    return array[xp.ix_(*(xp.array(places, dtype=int) for places in axes))]


def to_numpy(array: Array) -> np.ndarray:
    """Return the array on the CPU: itself if it is there already, plain numbers as an array."""
    return array.get() if _is_cupy_array(array) else np.asarray(array)


def to_device(array: Array, device: str) -> Array:
    """Return the array on "cpu" or "cuda": itself if it is there already.

    Raises:
        ValueError: if the device has another name.
        RuntimeError: if CUDA is asked for and is not available; the message says why.
    """
    if not isinstance(device, str) or device not in ("cpu", "cuda"):
        found = repr(device) if isinstance(device, str) else f"a {type(device).__name__}"
        raise ValueError(f'to: device must be "cpu" or "cuda"; received device={found}')
    if device == "cpu":
        return to_numpy(array)
    if _is_cupy_array(array):
        return array
    status = cuda_status()
    if not status:
        raise RuntimeError(f"to: CUDA is not available: {status.reason}")
    return sys.modules["cupy"].asarray(array)


class CudaStatus:
    """The answer of `minidl.cuda.is_available()`: true or false, and the reason in words."""

    def __init__(self, available: bool, reason: str):
        self.available = available
        self.reason = reason

    def __bool__(self) -> bool:
        return self.available

    def __repr__(self) -> str:
        return f"{self.available} ({self.reason})"


def cuda_status() -> CudaStatus:
    """Tell whether CuPy and an NVIDIA GPU can be used, and why not; imports CuPy."""
    try:
        import cupy
    except Exception as error:  # mostly an ImportError; a CuPy that does not fit NumPy or CUDA fails in its own ways
        cure = "install it with: pip install 'minidl[cuda]'"
        return CudaStatus(False, f"CuPy cannot be imported ({_in_one_line(error)}); {cure}")
    try:
        count = _count_gpus(cupy)
    except Exception as error:  # CuPy raises its own classes here, one per missing piece of the driver
        return CudaStatus(False, f"CuPy is installed but finds no usable driver ({_in_one_line(error)})")
    if count < 1:
        return CudaStatus(False, "CuPy is installed but no NVIDIA GPU was found")
    return CudaStatus(True, f"{count} NVIDIA GPU{'s' if count > 1 else ''}")


@functools.lru_cache(maxsize=1)
def _count_gpus(cupy: ModuleType) -> int:
    """Ask the driver once: the answer stays the same as long as the process lives; an error is not remembered."""
    return cupy.cuda.runtime.getDeviceCount()


def _in_one_line(error: BaseException) -> str:
    """Return the first line of a message that says something; CuPy puts a banner around the real cause."""
    lines = (line.strip() for line in str(error.__cause__ or error).splitlines())
    return next((line for line in lines if any(letter.isalpha() for letter in line)), type(error).__name__)

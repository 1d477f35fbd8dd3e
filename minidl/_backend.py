"""Which array module an array belongs to, and where arrays are allocated.

The only file that knows CuPy. It is imported when somebody asks for the GPU and never before: a CuPy array can only
exist once `cupy` is in `sys.modules`, so asking "is this a CuPy array?" needs no import.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or cupy.ndarray; the two share one interface and, on purpose, no base class

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def _loaded_cupy() -> ModuleType | None:
    return sys.modules.get("cupy")


def is_array(value: object) -> bool:
    """Tell whether value is a NumPy or a CuPy array."""
    if isinstance(value, np.ndarray):
        return True
    cupy = _loaded_cupy()
    return cupy is not None and isinstance(value, cupy.ndarray)


def array_module(array: Array) -> Any:
    """Return the module, NumPy or CuPy, that the array belongs to."""
    if isinstance(array, np.ndarray):
        return np
    cupy = _loaded_cupy()
    if cupy is not None and isinstance(array, cupy.ndarray):
        return cupy
    return np


def device_of(array: Array) -> str:
    """Return "cpu" for a NumPy array, "cuda" for a CuPy array."""
    return "cpu" if array_module(array) is np else "cuda"


def empty(shape: tuple[int, ...], dtype: Any, *, like: Array) -> Array:
    """Allocate a result: the one door through which every result array comes.

    The array lives on the device of `like`. Where the number of axes is the same, its axes also lie in memory in the
    order of those of `like`: a picture block that is channels-last stays channels-last.
    """
    xp = array_module(like)
    if like.ndim != len(shape) or like.flags.c_contiguous:
        return xp.empty(shape, dtype)
    outer_first = sorted(range(like.ndim), key=lambda axis: -abs(like.strides[axis]))
    block = xp.empty(tuple(shape[axis] for axis in outer_first), dtype)
    return block.transpose([outer_first.index(axis) for axis in range(like.ndim)])


def full(shape: tuple[int, ...], value: float, dtype: Any, *, like: Array) -> Array:
    """Allocate a result as `empty` does and fill it with one value."""
    array = empty(shape, dtype, like=like)
    array[...] = value
    return array


def copy(array: Array) -> Array:
    """Return a copy that shares memory with nothing and keeps the memory order of the axes."""
    result = empty(array.shape, array.dtype, like=array)
    result[...] = array
    return result


def to_numpy(array: Array) -> np.ndarray:
    """Return the array on the CPU: itself if it is there already."""
    return np.asarray(array) if isinstance(array, (np.ndarray, np.generic)) else array.get()


def to_device(array: Array, device: str) -> Array:
    """Return the array on "cpu" or "cuda": itself if it is there already.

    Raises:
        ValueError: if the device has another name.
        RuntimeError: if CUDA is asked for and is not available; the message says why.
    """
    if device == "cpu":
        return to_numpy(array)
    if device != "cuda":
        raise ValueError(f'to: device must be "cpu" or "cuda"; received device={device!r}')
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
    except ImportError as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        return CudaStatus(False, f"CuPy cannot be imported ({cause}); install it with: pip install 'minidl[cuda]'")
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # CuPy raises its own classes here, one per missing piece of the driver
        return CudaStatus(False, f"CuPy is installed but finds no usable driver ({str(error).splitlines()[0]})")
    if count < 1:
        return CudaStatus(False, "CuPy is installed but no NVIDIA GPU was found")
    return CudaStatus(True, f"{count} NVIDIA GPU{'s' if count > 1 else ''}")

"""Which room serves a call, and how the fast room is opened.

The fast kernels need Numba, SciPy and a processor with vectors, and seconds of compiling when they run for the first
time on a machine. So without `kernels.use`, calls below a size at which that pays stay with the textbook, and a small
network never waits for the compiler. The rule looks at sizes alone: the same call always goes to the same room,
whatever has happened before, and gives the same bits.
"""

from __future__ import annotations

import functools
import importlib
import math
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from minidl._log import log
from minidl._looks import Brief

WORTH_MACS = 2**25  # multiply-adds of a convolution: about a millisecond of the textbook's
WIDE, WORTH_MACS_WIDE = 2**9, 2**20  # the same, from so many pairs of channels on: then its network is a large one
WORTH_MACS_WIDE_DW = 2**16  # of their gradient: the textbook makes one for each picture, and adds them up
WORTH_FUSED_MACS = 2**18  # of conv2d_fused: whoever fuses a network asks for speed
WORTH_ELEMENTS = 2**17  # numbers that an elementwise kernel or a pooling walks over
WORTH_NORM = 2**14  # numbers that a batch norm walks over: the textbook walks ten times
WORTH_GROUPED = 2**14  # numbers that a convolution in groups walks over: the textbook makes columns group by group
CPU_SWITCHES = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")  # with these Numba writes code for another processor

compiling = [0.0]  # seconds that the compiler has taken in this process
telling: list[Callable[[str | None], None]] = []  # who shows what is compiled: told the name of a kernel, then None
rehearsing: ContextVar[dict[str, Any] | None] = ContextVar("kernels_rehearsing", default=None)

_closed: list[str] = []  # why the fast room does not serve any more
in_use: ContextVar[Any] = ContextVar("kernels_in_use", default=None)
options: ContextVar[dict[str, Any]] = ContextVar("kernels_options", default={})  # noqa: B039 - it is never changed


class CannotRun(RuntimeError):
    """A kernel of the fast room cannot be compiled or started here; the message says why."""


class Room(Brief):
    """A set of kernels that is imported when its first function is asked for; without it, it has no functions."""

    def __init__(self, module: str):
        self._module = module
        self._room: Any = None

    def _words(self) -> list[str]:
        return [self._module]

    def _opened(self) -> Any:
        if self._room is None and not _closed:
            if reason := lack():
                close(reason)
            else:
                self._room = importlib.import_module(self._module)
                log("kernels: the room %s is open", self._module)
        return None if _closed else self._room

    def __getattr__(self, name: str) -> Any:
        room = self._opened()
        if room is None:
            raise AttributeError(f"kernels: {self._module} cannot be used here")
        return getattr(room, name)


def close(reason: str) -> None:
    """Leave everything to the textbook from now on, with one warning that says why."""
    if not _closed:
        _closed.append(reason)
        log("kernels: the fast room is closed: %s", reason)
        warnings.warn(
            f"kernels: the fast kernels cannot be used ({reason}); the textbook's serve, several times slower",
            RuntimeWarning,
            stacklevel=4,
        )


def lack() -> str:
    """Say what this machine lacks for the fast kernels, or ""."""
    return _closed[0] if _closed else _lack()


@functools.cache
def _lack() -> str:
    import platform

    try:
        import llvmlite.binding
        import numba

        if numba.config.DISABLE_JIT:
            return "NUMBA_DISABLE_JIT is set"
        host = llvmlite.binding.get_host_cpu_name()
        foreign = any(os.environ.get(name) for name in CPU_SWITCHES) and os.environ.get("NUMBA_CPU_NAME") != host
        if foreign and _signal_of_a_trial():
            return f"this processor, {host}, cannot run what NUMBA_CPU_NAME or NUMBA_CPU_FEATURES asks for"
        if platform.machine().lower() in ("x86_64", "amd64"):
            features = llvmlite.binding.get_host_cpu_features()
            if not (features.get("avx2") and features.get("fma")):
                return "the processor has no AVX2"
        importlib.import_module("minidl.kernels.cpu")
    except Exception as error:  # a Numba that does not fit NumPy or LLVM fails in its own ways
        return str(error) or type(error).__name__
    return ""


def _signal_of_a_trial() -> int:
    """Run a kernel in another process, which ends by a signal where the processor does not know an instruction."""
    code = "import numpy, minidl.kernels.cpu as room; room.relu(numpy.ones(3, numpy.float32))"
    return max(0, -subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode)


def leading(arguments: tuple[Any, ...]) -> Any:
    """Return the array by which a call is judged: the first, or the first of several that are given as one."""
    return arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]


def is_worth_it(name: str, arguments: tuple[Any, ...]) -> bool:
    """Tell whether a call is large enough for the fast room, if it can serve it at all."""
    x = leading(arguments)
    if not isinstance(x, np.ndarray) or x.dtype != np.float32:
        return False
    other = arguments[1] if len(arguments) > 1 else x
    if name.endswith("pool2d_dx"):  # the gradient is larger than what it is made of
        return math.prod(next(it for it in arguments if isinstance(it, tuple))) >= WORTH_ELEMENTS
    if name.startswith("batch_norm"):
        return x.size >= WORTH_NORM
    if name.startswith("linear"):  # waits for its weights, however few rows there are
        return x.shape[1] * other.shape[1] >= WORTH_ELEMENTS if name == "linear_dw" else other.size >= WORTH_ELEMENTS
    if name == "conv2d_fused":
        return x.size // max(1, x.shape[1]) * other.size >= WORTH_FUSED_MACS
    if name not in ("conv2d", "conv2d_dx", "conv2d_dw"):
        return x.size >= WORTH_ELEMENTS
    if arguments[-1] > 1:  # groups: the textbook makes columns for few multiply-adds
        return x.size >= WORTH_GROUPED
    o, c, *taps = arguments[2] if name == "conv2d_dw" else arguments[1].shape
    weights = o * c * math.prod(taps)
    windows = x.size // x.shape[1] if x.size else 0
    if name == "conv2d":
        stride = arguments[3]
        windows //= stride[0] * stride[1]
    if name == "conv2d_dw" and o * c >= WIDE:
        return windows * weights >= WORTH_MACS_WIDE_DW
    return windows * weights >= (WORTH_MACS_WIDE if o * c >= WIDE else WORTH_MACS)

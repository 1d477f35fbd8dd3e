"""How a kernel is compiled: on its first call, for one signature, once for this machine.

    @kernel("void(r1, w1, i)")
    def relu(x, y, threads):
        ...

The signature says what the compiled function takes; the letters are those of `TYPES`: r for arrays that are only read,
w for arrays that are written, the number of axes, all float32, C-contiguous, unless said otherwise; i3 is a tuple of
three ints (a named one would cost 2 µs a call). One signature a kernel: Numba would silently compile another version
for every new mix of types, seconds each.

A long kernel is cut in two ways. `@inline` is written down on its own and becomes part of what calls it when that is
optimised (`pieces.py`): it is for what several kernels, or several lines, share. `@part` is put back before anything is
compiled: it is for a kernel's outer loops, which have grown too long to be read in one piece.

What has been compiled is written beside the source file (or to NUMBA_CACHE_DIR), so the next process only reads it; see
`cache.py`. Whoever waits for the compiler at a terminal is told so in a line that vanishes. A kernel that cannot be
compiled or started, for whatever reason, closes the kernel set: the textbook serves from then on.

Threads. A kernel shares its work among `threads` jobs with `prange(threads)` (`outline.py` makes a function of what a
thread does) and gets that number as an argument; `Kernel` passes it. Who does the jobs is told in `crew.py`. Any thread
may do any job, so nothing may be summed up across them.
"""

from __future__ import annotations

import functools
import gc
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import event
from numba.core.registry import cpu_target
from numba.np.ufunc.parallel import NUM_THREADS

from minidl import _threads
from minidl._text import columns
from minidl.kernels import _ahead
from minidl.kernels._compiling import rehearsing, seconds, telling
from minidl.kernels._launches import Launch, is_noting
from minidl.kernels._sets import CannotRun
from minidl.kernels.cpu.simd import crew
from minidl.kernels.cpu.simd.cache import KernelFiles, warn_unkept
from minidl.kernels.cpu.simd.outline import cut_out
from minidl.kernels.cpu.simd.pieces import PieceCompiler, WholeCompiler

F4 = types.float32
TYPES: dict[str, Any] = {"i": types.intp, "f": F4, "d": types.float64, "void": types.void}
for _axes in (1, 2, 3, 4):
    TYPES[f"r{_axes}"] = types.Array(F4, _axes, "C", readonly=True)
    TYPES[f"w{_axes}"] = types.Array(F4, _axes, "C")
    TYPES[f"rb{_axes}"] = types.Array(types.uint8, _axes, "C", readonly=True)
    TYPES[f"wb{_axes}"] = types.Array(types.uint8, _axes, "C")
    TYPES[f"ri{_axes}"] = types.Array(types.int64, _axes, "C", readonly=True)
    TYPES[f"rd{_axes}"] = types.Array(types.float64, _axes, "C", readonly=True)
    TYPES[f"wd{_axes}"] = types.Array(types.float64, _axes, "C")
    TYPES[f"i{_axes}"] = types.UniTuple(types.intp, _axes)

# `fastmath` may reorder sums (that is what makes them vector code) and use reciprocals, but NaN and infinity stay.
FAST = {"reassoc", "nsz", "arcp", "contract"}

# A kernel makes no arrays. So Numba need not count who refers to one: each count is a number that all threads change,
# in the innermost loops, too, where a view is made; small convolutions took half as long again.
COUNTS_NOTHING = {"_nrt": False}

ALL: dict[str, Kernel] = {}  # every kernel by its name, for `minidl warmup`
_compiling = threading.RLock()


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Let Python look for garbage much later: a compiler makes millions of objects, and nearly all of them stay."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if gc.get_freeze_count() == 0:  # else somebody has put objects aside, and they would come back
                gc.freeze()  # all that there is counts as old from now on, without being looked through
                gc.unfreeze()
            gc.enable()


class Kernel:
    """A function that is compiled when it is called first; see the top of this file.

    Args:
        function: what is compiled.
        signature: what it takes, see `TYPES`.
        over: the place of an argument that is read, and of one that may be written over it: each number by whoever
            has just read the one at the same place, and nobody else reads that.
    """

    def __init__(self, function: Callable[..., Any], signature: str, over: tuple[int, int] | None = None):
        self.over = over
        self.name, self.signature, self.__doc__ = function.__name__, signature, function.__doc__
        self.key = f"{function.__module__.rpartition('.')[2]}.{self.name}"
        self._function = function
        self._run: Callable[..., Any] | None = None
        ALL[self.key] = self

    @functools.cached_property
    def _files(self) -> KernelFiles | None:
        try:
            return KernelFiles(self._function)
        except Exception:  # Numba found no folder that it may write to, or was told to look in an impossible place
            warn_unkept("no folder can be written to")
            return None

    @functools.cached_property
    def _dispatcher(self) -> Any:
        dispatcher = _jit(cut_out(self._function, inline), WholeCompiler, nogil=True)
        if self._files is not None:
            dispatcher._cache = self._files
        return dispatcher

    @functools.cached_property
    def _written(self) -> frozenset[int]:
        """The places of the arguments that it writes."""
        letters = self.signature.partition("(")[2].rstrip(")").split(",")
        return frozenset(place for place, letter in enumerate(letters) if letter.strip().startswith("w"))

    @property
    def folder(self) -> str:
        """Where it is kept; "" where nothing can be written."""
        return "" if self._files is None else str(self._files.cache_path)

    @property
    def code(self) -> Any:
        """What Numba makes of it."""
        self.compile()
        [code] = self._dispatcher.overloads.values()
        return code

    def is_kept(self) -> bool:
        """Tell whether this machine has compiled it already."""
        with suppress(Exception):  # what is wrong is told when it is compiled
            return self._files is not None and self._files.has(_parsed(self.signature), cpu_target.target_context)
        return False

    def compile(self) -> None:
        """Compile for this machine, or read what an earlier process has compiled; make sure that there are threads.

        Raises:
            CannotRun: if Numba cannot do it here; the message says why.
        """
        with _compiling:
            if self._run is None:
                with self._turn():
                    self._compile()

    def _compile(self) -> None:
        with _compiling, _announced(self.name.lstrip("_")), _collecting_later():
            try:
                _share_among(_threads.get_num_threads())  # a kernel's code names functions of that library
                with crew.sharing():
                    self._dispatcher.compile(_parsed(self.signature))
            except Exception as error:  # a switch, a version, a library of threads: Numba fails in its own ways
                lines = str(error).strip().splitlines() or [type(error).__name__]
                raise CannotRun(f"Numba, for {self.name.lstrip('_')}: {lines[0]}") from error
            self._dispatcher.disable_compile()
            self._run = self._dispatcher

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait while another process compiles this kernel; see `KernelFiles.alone`."""
        if self._files is None or self.is_kept():
            yield
            return
        _ahead.ask_once(self.key)
        try:
            with self._files.alone(waiting=lambda: _tell(self.name.lstrip("_"))):
                yield
        finally:
            _tell(None)

    def compile_if_free(self) -> bool:
        """Compile unless another process is at it, and tell whether that is so.

        Raises:
            CannotRun: as `compile`.
        """
        if self._run is not None or self._files is None or self.is_kept():
            return True
        with self._files.alone(0) as free:
            if free:
                self._compile()
        return free

    def launch(self, *arguments: Any) -> Launch:
        """Return the note of a start with these arguments."""
        return Launch(self, arguments, self._written)

    def _note(self, noted: dict[str, Any], arguments: tuple[Any, ...]) -> None:
        """Compute nothing, see `kernels.rehearsal`: what would have been written is 0."""
        noted[self.key] = self
        for place in self._written:
            arguments[place].fill(0)

    def __call__(self, *arguments: Any) -> Any:
        """Run with the number of threads in force, which becomes the last argument."""
        if self._run is None:
            if (noted := rehearsing.get()) is not None:
                return self._note(noted, arguments)
            self.compile()
        threads = share_as_told()
        if (notes := is_noting()) is not None:
            notes.add(self.launch(*arguments))
            if notes.apart is not None:
                return None
        try:
            if one_at_a_time is None:
                return self._run(*arguments, threads)  # type: ignore[misc]
            with one_at_a_time:
                return self._run(*arguments, threads)  # type: ignore[misc]
        except TypeError:  # Numba has found that the arguments are not of the one signature, and has run nothing
            raise TypeError(
                f"kernels: {self.name.lstrip('_')} takes plain numbers and arrays of NumPy, writeable where it writes; "
                f"received {', '.join(map(_kind, arguments))}"
            ) from None


def _kind(argument: Any) -> str:
    """Describe an argument in a word or two."""
    if not isinstance(argument, np.ndarray):
        return type(argument).__name__
    return f"{argument.dtype} {argument.shape}" + " read-only" * (not argument.flags.writeable)


def kernel(signature: str, over: tuple[int, int] | None = None) -> Callable[[Callable[..., Any]], Kernel]:
    """Make a kernel of a function, whose last parameter is the number of threads; without `prange` it uses one."""
    return lambda function: Kernel(function, signature, over)


def inline(function: Callable[..., Any]) -> Any:
    """Make a function that kernels call; it becomes part of each of them."""
    return _jit(function, PieceCompiler, no_cpython_wrapper=True)


def part(function: Callable[..., Any]) -> Any:
    """Make a function that is cut out of one long kernel, for its reader: it is put back before that is compiled."""
    return _jit(function, PieceCompiler, inline="always")


def _jit(function: Callable[..., Any], compiler: type, **settings: Any) -> Any:
    options = {"fastmath": FAST, "error_model": "numpy", "no_cfunc_wrapper": True, **COUNTS_NOTHING, **settings}
    return numba.njit(pipeline_class=compiler, **options)(function)


def _parsed(signature: str) -> Any:
    result, _, arguments = signature.rstrip(")").partition("(")
    return TYPES[result](*(TYPES[letter.strip()] for letter in arguments.split(",")))


# What the user sees of it


class _Watch(event.Listener):
    """Tells which kernel is being compiled, and adds up how long that takes."""

    def __init__(self, name: str):
        self.name, self.depth, self.began = name, 0, 0.0

    def on_start(self, event: Any) -> None:
        """Begin with the first of the functions that a kernel is made of."""
        if self.depth == 0:
            self.began = time.perf_counter()
            _tell(self.name)
        self.depth += 1

    def on_end(self, event: Any) -> None:
        """End with the last."""
        self.depth -= 1
        if self.depth == 0:
            seconds[0] += time.perf_counter() - self.began
            _tell(None)


def _tell(name: str | None) -> None:
    """Tell whoever shows it; where nobody does, a terminal gets a line, which vanishes when it is done."""
    if telling:
        telling[-1](name)
        return
    with suppress(OSError, ValueError, AttributeError):  # no stderr, a closed one, or a terminal that has gone away
        width = columns(err=True)
        if width is None:
            return
        text = f"minidl: compiling {name}, once on this machine" if name else ""
        if len(text) >= width:  # it cannot vanish from two lines
            text = "minidl: compiling"
        print("\r" + text + " " * (width - 1 - len(text)) * (name is None), end="\r" * (name is None), file=sys.stderr)
        sys.stderr.flush()


@contextmanager
def _announced(name: str) -> Iterator[None]:
    with event.install_listener("numba:compile", _Watch(name)):
        yield


# Threads


def _choose_layer() -> str:
    """Name the threading layer: OpenMP where there is one, else TBB, else Numba's own, which needs a lock.

    Numba's own layer ("workqueue") aborts the process when two Python threads launch kernels at the same time.
    """
    for layer, module in (("omp", "omppool"), ("tbb", "tbbpool")):
        try:
            __import__(f"numba.np.ufunc.{module}")
        except ImportError:
            continue
        return layer
    return "workqueue"


class _Told(threading.local):
    """The number of threads that Numba was told of; it keeps one for each Python thread."""

    threads = 0


def _share_among(threads: int) -> None:
    """Tell Numba how many threads the next kernels use; it starts them when it is told first.

    Where Numba has been limited to fewer (NUMBA_NUM_THREADS), a kernel is still handed the number that was asked for,
    and divides its work by that: the same bits come out.
    """
    numba.set_num_threads(min(threads, NUM_THREADS))
    _told.threads = threads
    crew.hire(min(threads, NUM_THREADS))


def share_as_told() -> int:
    """Return the number of threads in force, of which Numba knows then; a kernel is about to run."""
    threads = _threads.get_num_threads()
    if _told.threads != threads:
        _share_among(threads)
    _launched[0] = True
    return threads


LAYER = os.environ.get("NUMBA_THREADING_LAYER") or _choose_layer()
numba.config.THREADING_LAYER = LAYER
one_at_a_time: Any = None if LAYER in ("omp", "tbb") else threading.RLock()
_told = _Told()
_launched = [False]  # whether the threads have been started in this process
forked = [False]  # whether this process is a child of one whose threads had been started: they are not here


def _note_fork() -> None:
    forked[0] = _launched[0] or forked[0]


@functools.cache
def warn_forked() -> None:
    """Say once why this process does without the fast kernels."""
    warnings.warn(
        "kernels: this process was forked from one that had run fast kernels, whose threads do not come along; it uses "
        'the slower textbook kernels; start processes with multiprocessing.get_context("spawn")',
        RuntimeWarning,
        stacklevel=3,
    )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)

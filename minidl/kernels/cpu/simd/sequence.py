"""Kernels that follow each other, started by machine code: no Python between one and the next.

Before a kernel runs, Numba asks each argument what it is, and takes from an array its address, its sizes and its
strides: 2 to 20 µs, as much as a small kernel takes, the more the less of it is still in the cache. Where the same
kernels run again with the same arrays (`kernels/_launches.py`), that is done once. The arguments lie as 8-byte words
behind each other, as machine code wants them:

    ints and floats    one word
    a tuple            one for each number
    an array           nothing, nothing (who it belongs to), numbers in all, bytes of one, address, sizes, strides

A small function is made for each kernel, which loads the words and calls it. A loop over pairs of such a function and
of where its words lie is the whole sequence. Only addresses of arrays that are others each time are still written.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import operator
import struct
from contextlib import nullcontext
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic
from numba.np import numpy_support

from minidl._log import log
from minidl._threads import get_num_threads
from minidl.kernels._launches import Find, Step, address
from minidl.kernels.cpu.simd.atomics import I8, get
from minidl.kernels.cpu.simd.compile import Kernel, one_at_a_time, share_as_told
from minidl.kernels.cpu.simd.crew import address_of, compiled

WORD, NUMBER = 8, ir.IntType(64)
ADDRESS = 4  # which word of an array's is its address


def _words(kind: Any, value: Any) -> list[int]:
    """Return an argument as words.

    Raises:
        TypeError: if it is not of the kind that the kernel was compiled for.
    """
    if isinstance(kind, types.Array):
        if not _is(kind, value):
            raise TypeError(f"a kernel takes {kind}; received {getattr(value, 'dtype', type(value).__name__)}")
        return [0, 0, value.size, value.itemsize, address(value), *value.shape, *value.strides]
    if isinstance(kind, types.containers.UniTuple):
        if len(value) != kind.count:
            raise TypeError(f"a kernel takes {kind.count} numbers; received {value}")
        return [word for number in value for word in _words(kind.dtype, number)]
    if isinstance(kind, types.Float):
        return [int(np.frombuffer(struct.pack("=d" if kind.bitwidth == 64 else "=f4x", value), np.int64)[0])]
    return [operator.index(value)]


def _is(kind: Any, array: Any) -> bool:
    """Tell whether an array is of the kind that a kernel was compiled for."""
    if not isinstance(array, np.ndarray) or array.ndim != kind.ndim:
        return False
    may = array.flags.c_contiguous and array.flags.aligned and (array.flags.writeable or not kind.mutable)
    return may and array.dtype == numpy_support.as_dtype(kind.dtype)


_number = itertools.count()  # of starters: no two have the same name


@functools.cache  # for as long as the process lives, like kernels themselves
def _starter(kernel: Kernel) -> tuple[int, tuple[Any, ...], Any]:
    """Make what calls a kernel with words: return its address, of what kinds the arguments are, and who keeps it."""
    code, name = kernel.code, f"start_{next(_number)}_{kernel.key}"
    context, kinds = code.target_context, code.fndesc.argtypes
    library = context.codegen().create_library(name)
    module = library.create_ir_module(name)
    start = ir.Function(module, ir.FunctionType(NUMBER, [NUMBER]), name)
    builder, at, values = ir.IRBuilder(start.append_basic_block()), 0, []
    for kind in kinds:
        value = context.get_value_type(kind)
        pointer = builder.inttoptr(builder.add(start.args[0], NUMBER(WORD * at)), value.as_pointer())
        values.append(builder.load(pointer))
        at += -(-context.get_abi_sizeof(value) // WORD)
    inner = code.fndesc.llvm_func_name
    llvmlite.binding.add_symbol(inner, code.library.get_pointer_to_function(inner))
    function = context.declare_function(module, code.fndesc)
    status, _ = context.call_conv.call_function(builder, function, code.fndesc.restype, kinds, values)
    builder.ret(builder.zext(status.is_error, NUMBER))
    with global_compiler_lock:
        library.add_ir_module(module)
        library.finalize()
    return library.get_pointer_to_function(name), kinds, library


@intrinsic
def _call(typing, start, words):
    """Call what starts a kernel; return 0 if it went well."""

    def emit(context, builder, sig, args):
        function = builder.inttoptr(args[0], ir.FunctionType(NUMBER, [NUMBER]).as_pointer())
        return builder.call(function, [args[1]])

    return I8(I8, I8), emit


@compiled
def _run(pairs, count):
    """Start kernels one after the other, each by the address of its starter and that of its words."""
    for place in range(pairs, pairs + 2 * WORD * count, 2 * WORD):
        if _call(get(place), get(place + WORD)):
            return 1
    return 0


@functools.cache
def _runner() -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(address_of(_run, 2))


class _Sequence:
    """Kernels that are started one after the other, with arguments that are written down as words.

    Args:
        steps: kernels, each with its arguments.

    Raises:
        TypeError: if an argument is not of the kind that its kernel takes.
    """

    def __init__(self, steps: list[Step]):
        threads, words, pairs = get_num_threads(), list[int](), list[tuple[int, int]]()
        self._arrays = list[tuple[int, list[Any], int]]()  # where the address of which argument is written
        kernel: Any
        for kernel, arguments in steps:
            (start, kinds, _), given = _starter(kernel), [*arguments, threads]
            if len(given) != len(kinds):
                raise TypeError(f"{kernel.key} takes {len(kinds) - 1} arguments; received {len(arguments)}")
            pairs.append((start, WORD * len(words)))
            for place, (kind, value) in enumerate(zip(kinds, given)):
                if isinstance(value, np.ndarray):
                    self._arrays.append((len(words) + ADDRESS, arguments, place))
                words += _words(kind, value)
        self._words, self._pairs = np.array(words, np.int64), np.array(pairs, np.int64)
        self._pairs[:, 1] += address(self._words)
        self._run = functools.partial(_runner(), address(self._pairs), len(pairs))

    def _start(self) -> None:
        """Start them.

        Raises:
            RuntimeError: if a thread fails.
        """
        share_as_told()
        with one_at_a_time or nullcontext():
            failed = self._run()
        if failed:
            raise RuntimeError("kernels: a thread of a kernel failed")


class Sequence(_Sequence):
    """Kernels whose arrays are always the same but for a few.

    Args:
        steps: kernels, each with its arguments.
        changing: the arrays that are others each time: a list of arguments, and which of them.
    """

    def __init__(self, steps: list[Step], changing: list[tuple[list[Any], int]]):
        super().__init__(steps)
        self._steps = steps  # arrays must live as long
        others = {(id(arguments), place) for arguments, place in changing}
        self._arrays = [it for it in self._arrays if (id(it[1]), it[2]) in others]

    def __call__(self) -> None:
        """Start them."""
        for at, arguments, place in self._arrays:
            self._words[at] = address(arguments[place])
        self._start()


class MovingSequence(_Sequence):
    """Kernels whose arrays lie in regions that are elsewhere each time.

    Args:
        steps: kernels, each with its arguments.
        find: tells where an array lies; None of one that stays where it is.
    """

    def __init__(self, steps: list[Step], find: Find):
        super().__init__(steps)
        found = [(at, find(arguments[place])) for at, arguments, place in self._arrays]
        moving = np.array([(at, *where) for at, where in found if where is not None], np.int64).reshape(-1, 3)
        self._at, self._regions, self._offsets = moving.T.copy()
        arrays = [arguments[place] for _, arguments, place in self._arrays]
        self._staying = [array for array, (_, where) in zip(arrays, found) if where is None]  # which must live as long
        del self._arrays

    def __call__(self, starts: np.ndarray) -> None:
        """Start them, with the address of each region."""
        self._words[self._at] = starts[self._regions] + self._offsets
        self._start()


def in_sequence(steps: list[Step], changing: list[tuple[list[Any], int]]) -> list[Step]:
    """Return steps that do the same, those of kernels that follow each other as one; `changing` as in `Sequence`."""
    made = list[Step]()
    try:
        for are_kernels, group in itertools.groupby(steps, lambda step: isinstance(step[0], Kernel)):
            some = list(group)
            made += [(Sequence(some, changing), [])] if are_kernels else some
    except Exception as reason:  # Numba's inner parts are others, or an argument is odd: one by one it goes, too
        log("fuse: kernels are started one by one: %s", reason)
        return steps
    return made


def in_moving_sequence(steps: list[Step], find: Find) -> list[tuple[Any, Any]]:
    """Return steps that do the same: those of kernels that follow each other as one, which takes addresses of regions.

    Its arguments are None; `find` as in `MovingSequence`.
    """
    made = list[tuple[Any, Any]]()
    for are_kernels, group in itertools.groupby(steps, lambda step: isinstance(step[0], Kernel)):
        some = list(group)
        made += [(MovingSequence(some, find), None)] if are_kernels else some
    return made

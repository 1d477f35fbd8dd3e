"""What the arrays of a call must have in common, judged before a kernel reads them.

A compiled kernel asks nobody: it takes the sizes from one array and reads and writes the others by them. So every door
of this kernel set states what its kernels rely on, in one line, which is judged at every call:

    @door("x (N C H W), s (N C)")                    the same letter is the same number, wherever it stands
    @door("dy (...), y (...)")                       the dots are any axes, everywhere the same
    @door("x (N C ...), b (C)?, mean (C) double")    a question mark: or None
    @door("a (...), b (*)")                          a star: any axes, as b may be broadcast, or is judged behind
    @door("dy (N C OH OW), x_shape (N C H W)")       a tuple of sizes is judged like the shape of an array

Arrays are float32, unless another kind of `KINDS` is named; the first may be "floats", where float64 is served,
too. What does not fit is an error that says so, never a crash.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl._checks import Padding, Pair, is_int, to_padding, to_pair
from minidl.kernels.cpu.simd.compile import forked, warn_forked
from minidl.kernels.textbook.windows import output_size

KINDS: dict[str, tuple[np.dtype, ...]] = {
    "": (np.dtype(np.float32),),
    "double": (np.dtype(np.float64),),
    "floats": (np.dtype(np.float32), np.dtype(np.float64)),
    "numbers": tuple(np.dtype(kind) for kind in (np.uint8, np.uint16, np.uint32, np.uint64)),
    "marks": (np.dtype(np.bool_), np.dtype(np.uint8)),
}
ANY = ("*",)
ENTRY = re.compile(r"(\w+) \(([\w.* ]*)\)(\??)(?: (\w+))?(?:, |$)")


class Entry(NamedTuple):
    """One array of a call, and what it is compared with.

    Attributes:
        at: its place among the arguments.
        like: the number of an earlier entry that must have its shape, or -1.
        ndim: how many axes it has, at least, where there are dots; -1 for any.
        pairs: which axis is as long as which axis of which earlier entry.
    """

    at: int
    name: str
    axes: tuple[str, ...]
    optional: bool
    dtypes: tuple[np.dtype, ...]
    like: int
    ndim: int
    pairs: tuple[tuple[int, int, int], ...]


def _parsed(op: str, names: tuple[str, ...], spec: str) -> list[Entry]:
    entries: list[Entry] = []
    places: dict[str, tuple[int, int]] = {}  # of every letter: the entry that has it first, and its axis
    end = 0
    for found in ENTRY.finditer(spec):
        name, text, optional, kind = found.groups()
        axes = tuple(text.split())
        like = next((number for number, it in enumerate(entries) if it.axes == axes and not it.optional), -1)
        pairs = tuple((axis, *places[letter]) for axis, letter in enumerate(axes) if letter in places)
        if not optional:
            for axis, letter in enumerate(axes):
                places.setdefault(letter, (len(entries), axis))
        count = -1 if axes == ("*",) else len(axes)
        like, pairs = (-1, ()) if count < 0 else (like, pairs)
        entries.append(Entry(names.index(name), name, axes, bool(optional), KINDS[kind or ""], like, count, pairs))
        end = found.end() if found.start() == end else -1
    if end != len(spec) or sum("..." in it.axes and it.like < 0 for it in entries) > 1:
        raise ValueError(f"{op}: what a door states must be like 'x (N C ...), b (C)?'; received {spec!r}")
    return entries


def door(spec: str, name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function of this kernel set decline, by NotImplemented, what it does not serve; the textbook then does it.

    Served are NumPy arrays with at least one element, in any memory order, of which the first is native float32, in a
    process that has its threads. What the others must be then is stated and judged at every call, so that no kernel can
    be led out of its arrays.

    A function with the keyword `over` is told by it that nobody needs the first array any longer, and may write its
    result there (`memory/layout.py`: `result_over`).

    Args:
        spec: what the arrays must have in common.
        name: of the door in messages, if the function has another one.
    """

    def opened(function: Callable[..., Any]) -> Callable[..., Any]:
        code = function.__code__
        fit = judge(name or function.__name__, code.co_varnames[: code.co_argcount], spec)

        @functools.wraps(function)
        def judged(*arguments: Any, **over: bool) -> Any:
            if forked[0]:
                warn_forked()
                return NotImplemented
            first = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]  # of several, given as one
            if not isinstance(first, np.ndarray) or first.dtype not in served or first.size == 0:
                return NotImplemented
            if len(arguments) >= least and not fit(arguments):
                return NotImplemented
            return function(*arguments, **over)

        judged.takes_over = code.co_kwonlyargcount > 0  # type: ignore[attr-defined]
        least = code.co_argcount - len(function.__defaults__ or ())
        served = KINDS["floats" if spec.split(",")[0].endswith(" floats") else ""]
        return judged

    return opened


def judge(op: str, names: tuple[str, ...], spec: str) -> Callable[[tuple[Any, ...]], bool]:
    """Make the function that judges the arguments of a door: False where an array is empty, an error on a misfit.

    Args:
        op: the name of the door, for messages.
        names: those of its parameters.
        spec: see the top of this file.
    """
    entries = _parsed(op, names, spec)
    quick = [(it.at, it.dtypes, it.like, it.ndim, "..." in it.axes, it.pairs) for it in entries]

    def fits(arguments: tuple[Any, ...]) -> bool:
        shapes: list[Any] = []
        for at, dtypes, like, count, dots, pairs in quick:
            array = arguments[at]
            if isinstance(array, np.ndarray):
                shape = array.shape
                if array.dtype not in dtypes:
                    raise _misfit(op, entries, arguments)
                if not array.size:
                    return False
            elif array is None and entries[len(shapes)].optional:
                shapes.append(None)
                continue
            elif type(array) is tuple and _are_sizes(array):
                shape = array
            else:
                raise _misfit(op, entries, arguments)
            shapes.append(shape)
            if like >= 0:
                if shape != shapes[like]:
                    raise _misfit(op, entries, arguments)
            elif count >= 0:
                if len(shape) != count and not (dots and len(shape) >= count - 1):
                    raise _misfit(op, entries, arguments)
                for axis, number, other in pairs:
                    if shape[axis] != shapes[number][other]:
                        raise _misfit(op, entries, arguments)
        return True

    return fits


def _are_sizes(value: tuple[Any, ...]) -> bool:
    if set(map(type, value)) == {int}:
        return min(value) > 0
    return all(is_int(size) and size > 0 for size in value)


def _misfit(op: str, entries: list[Entry], arguments: tuple[Any, ...]) -> Exception:
    """Return the error that says what does not fit."""
    for entry in entries:
        value, name = arguments[entry.at], entry.name
        if value is None and entry.optional:
            continue
        if isinstance(value, np.ndarray):
            if value.dtype not in entry.dtypes:
                wanted = " or ".join(str(dtype) for dtype in entry.dtypes)
                return TypeError(f"{op}: {name} must be {wanted}; received {name}.dtype={value.dtype}")
        elif not name.endswith(("_shape", "_size")):
            return TypeError(f"{op}: {name} must be an array of NumPy; received a {type(value).__name__}")
        elif not isinstance(value, tuple) or not _are_sizes(value):
            return TypeError(f"{op}: {name} must be a tuple of ints >= 1; received {name}={value!r}")
    wanted = ", ".join(f"{entry.name} ({', '.join(entry.axes)})" for entry in entries)
    given = ((entry.name, arguments[entry.at]) for entry in entries)
    found = ", ".join(f"{name} {getattr(value, 'shape', value)}" for name, value in given)
    return ValueError(f"{op}: expects {wanted}, each letter one size; received {found}")


def judged_windows(op: str, *sizes: Any) -> tuple[int, ...]:
    """Return what kernels are told of windows: their size, stride, what is padded above and on the left, and dilation.

    Args:
        op: the name of the door.
        sizes: those of the picture, of a window, stride, padding, dilation, and how many windows there are.

    Raises:
        ValueError: if the windows do not fit the picture.
        TypeError: if something is no tuple of ints.
    """
    try:
        return _judged_windows(op, *sizes)
    except TypeError:  # what is no tuple cannot be looked up
        raise TypeError(f"{op}: all sizes must be tuples of ints; received {sizes!r}") from None


@functools.lru_cache(maxsize=4096)  # a network asks the same again for every batch
def _judged_windows(
    op: str, size: Pair, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, count: Pair
) -> tuple[int, ...]:
    for name, pair in (("kernel_size", kernel_size), ("stride", stride), ("dilation", dilation)):
        to_pair(op, name, pair, least=1)
    to_padding(op, padding)
    for axis in range(2):
        numbers = size[axis], kernel_size[axis], stride[axis], padding[axis], dilation[axis]
        most = max(output_size(*numbers), output_size(*numbers, ceil_mode=True))
        if not 1 <= count[axis] <= most:
            raise ValueError(
                f"{op}: {size[axis]} pixels have at most {most} windows of {kernel_size[axis]}; received {count[axis]} "
                f"(kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation})"
            )
    return (*kernel_size, *stride, padding[0][0], padding[1][0], *dilation)

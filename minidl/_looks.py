"""How things look at a prompt: the name of the class, and in a few short lines what it is.

A class that is `Brief` says in `_words` what stands between its parentheses; a dataclass need not, its fields do.
However much that is, no more than `LINES` lines of `COLUMNS` letters are shown, and showing never fails: a debugger
looks at things that are only half made. How a tensor's numbers are laid out stands here, too.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array

LINES, COLUMNS = 12, 100
MOST_LETTERS = 40  # of one value
MOST_VALUES = 4  # of a list
Plain = (bool, int, float, str, tuple, list, dict, type(None))  # what can be compared without surprises
EDGES = (3, 2, 1)  # how many numbers of each end of an axis are shown, if not all are


def unfailing(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """Make a `__repr__` say what is missing where it would fail: debuggers look at things that are only half made.

    Example:
        >>> class Pair:
        ...     @unfailing
        ...     def __repr__(self):
        ...         return f"Pair({self.a}, {self.b})"
        >>> Pair()
        Pair(not complete: 'Pair' object has no attribute 'a')
    """

    @functools.wraps(show)
    def shown(self: Any) -> str:
        try:
            return show(self)
        except Exception as error:
            return together(type(self).__name__, [f"not complete: {error}"])

    return shown


class Brief:
    """Is shown as `Name(part, part)`, or with each part on a line of its own where that would be too long.

    Example:
        >>> class Box(Brief):
        ...     def _words(self):
        ...         return ["3 boards", "12 nails"]
        >>> Box()
        Box(3 boards, 12 nails)
    """

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = cls.__repr__  # type: ignore[method-assign]  # its own, so that a dataclass makes no other

    def _words(self) -> list[str]:
        """Return what stands between the parentheses, part by part.

        A dataclass shows its fields; where they are too many, only those that are not as by default.
        """
        if isinstance(self, BaseException):
            return str(self).splitlines()[:1]
        if not is_dataclass(self):
            return []
        every = {field.name: f"{field.name}={short(getattr(self, field.name))}" for field in fields(self) if field.repr}
        if len(every) <= LINES - 2:
            return [*every.values()]
        own = differing(self)
        usual = len(every) - len(own)
        return [
            *own.values(),
            *([f"{'and' if own else 'all'} {usual} {'more ' * bool(own)}as by default"] * bool(usual)),
        ]

    @unfailing
    def __repr__(self) -> str:
        return together(type(self).__name__, self._words())


def together(name: str, parts: Sequence[str]) -> str:
    """Write a name and its parts in one line, or else under each other.

    Example:
        >>> print(together("Pipeline", ["resize(size=256)"] * 7))
        Pipeline(
          resize(size=256)
          resize(size=256)
          resize(size=256)
          resize(size=256)
          resize(size=256)
          resize(size=256)
          resize(size=256)
        )
    """
    parts = [cut(" ".join(part.split()), COLUMNS - 2) for part in parts]
    line = f"{name}({', '.join(parts)})"
    if len(line) <= COLUMNS:
        return line
    most = LINES - 2
    if len(parts) > most:
        parts = [*parts[: most - 1], f"… and {len(parts) - most + 1} more"]
    return "\n  ".join([f"{name}(", *parts]) + "\n)"


def cut(text: str, most: int) -> str:
    """Shorten a text.

    Example:
        >>> cut("a long story", 8)
        'a long …'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def listed(words: Sequence[Any], most: int = 5) -> str:
    """Write the first of some words, and how many more there are.

    Example:
        >>> listed(["cat", "dog", "cow"], 2)
        'cat, dog and 1 more'
    """
    line = ", ".join(cut(str(word), MOST_LETTERS) for word in words[:most])
    return f"{line} and {len(words) - most} more" if len(words) > most else line


def count(n: int, what: str) -> str:
    """Write how many there are of something.

    Example:
        >>> count(1, "parameter"), count(2000, "parameter")
        ('1 parameter', '2,000 parameters')
    """
    return f"{n:,} {what}{'s' * (n != 1)}"


def sides(shape: Sequence[int]) -> str:
    """Write a shape as the size of a picture.

    Example:
        >>> sides((3, 32, 32))
        '3×32×32'
    """
    return "×".join(map(str, shape))


def percent(share: float) -> str:
    """Write a share as people read it; NaN is a dash.

    Example:
        >>> percent(0.9726), percent(float("nan"))
        ('97.3 %', '–')
    """
    return f"{100 * share:.1f} %" if math.isfinite(share) else "–"


def short(value: Any) -> str:
    """Write a value shortly: of arrays the dtype and shape, of lists the first, of functions the name.

    Example:
        >>> short(np.zeros((64, 3))), short([1, 2, 3, 4, 5, 6]), short(max), short(1 / 3)
        ('float64 (64, 3)', '[1, 2, 3, 4, … 6 in all]', 'max', '0.333333')
    """
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}" if len(repr(float(value))) > 8 else repr(float(value))
    if isinstance(value, (str, bytes)):
        return repr(cut(value, MOST_LETTERS) if isinstance(value, str) else value[:MOST_LETTERS])
    if _backend.is_array(value) or (hasattr(value, "dtype") and isinstance(getattr(value, "shape", None), tuple)):
        return f"{value.dtype} {value.shape}" if value.shape else cut(str(value), MOST_LETTERS)
    if isinstance(value, Mapping):
        return _few([f"{short(key)}: {short(one)}" for key, one in _first(value.items())], len(value), "{}")
    if isinstance(value, (list, tuple, Set)) and not hasattr(value, "_fields"):
        ends = "[]" if isinstance(value, list) else "()" if isinstance(value, tuple) else "{}"
        return _few([short(one) for one in _first(value)], len(value), ends)
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
        return value.__name__
    return cut(" ".join(repr(value).split()), COLUMNS)


def differing(thing: Any) -> dict[str, str]:
    """Return the fields of a dataclass that have not their defaults: name → `name=value`."""
    own = [field.name for field in fields(thing) if field.repr and not _is_usual(thing, field)]
    return {name: f"{name}={short(getattr(thing, name))}" for name in own}


def _is_usual(thing: Any, field: Any) -> bool:
    """Tell whether a field of a dataclass has its default."""
    made = field.default if field.default_factory is MISSING else field.default_factory()
    value = getattr(thing, field.name)
    return type(value) is type(made) and isinstance(value, Plain) and value == made


def _first(values: Any) -> list[Any]:
    return [one for one, _ in zip(values, range(MOST_VALUES))]


def _few(words: list[str], count: int, ends: str) -> str:
    words = [*words, f"… {count} in all"] if count > len(words) else words
    alone = "," if ends == "()" and count == 1 else ""
    return f"{ends[0]}{', '.join(words)}{alone}{ends[1]}"


def numbers(name: str, array: Array, notes: Sequence[str]) -> str:
    """Write the numbers of an array behind a name, rows under each other, then its shape, its dtype and some notes.

    If there are too many for `LINES` lines, both ends of each axis are shown, or of the first axes the beginning.

    Example:
        >>> print(numbers("Tensor", np.array([[1.0, 20.0], [0.25, 3.0]]), ["grad_fn=<relu>"]))
        Tensor([[ 1.  , 20.  ],
                [ 0.25,  3.  ]], shape=(2, 2), dtype=float64, grad_fn=<relu>)
    """
    indent = len(name) + 1
    text = f"{name}({_written(array, indent, LINES - 1)},"
    rest = ", ".join([cut(f"shape={array.shape}", 60), f"dtype={array.dtype}", *notes]) + ")"
    fits = len(text) - text.rfind("\n") + len(rest) <= COLUMNS
    return f"{text} {rest}" if fits else f"{text}\n{' ' * indent}{rest}"


def _written(array: Array, indent: int, room: int) -> str:
    """Write the numbers in at most so many lines, of which all but the first are indented."""
    edges = EDGES if array.ndim <= 4 else EDGES[-1:]
    choices = (None, *edges) if array.size <= LINES * COLUMNS else edges
    for edge in choices:
        shown = _backend.to_numpy(array if edge is None else _backend.corners(array, edge))
        text = np.array2string(
            shown,
            max_line_width=COLUMNS - 1,
            precision=4,
            separator=", ",
            prefix=" " * indent,
            threshold=array.size if edge is None else 0,
            edgeitems=edge,
        )
        if text.count("\n") < room:
            return text
    if array.ndim >= room - 2:  # more brackets than anybody could read
        return "..."
    inner = _written(array[0], indent + 1, room - 1)
    return f"[{inner},\n{' ' * (indent + 1)}...]" if len(array) > 1 else f"[{inner}]"

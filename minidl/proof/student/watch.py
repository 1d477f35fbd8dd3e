"""Load a file of functions, and watch each of them while it runs."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minidl._gradcheck import patterns
from minidl._gradcheck.catalogue import CATALOGUE, explain
from minidl._gradcheck.evidence import Evidence

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}
MODULE = "minidl_students_file"
UNKNOWN = "the mistake is not recognised: it is none of the usual ones"
NAMED = 3  # mistakes that lead to the same result, at most
Mistakes = Iterable[tuple[str, np.ndarray]]  # what was done wrong, and what comes out then

# What may be wrong with a result that is no gradient.
FORWARD = (
    patterns.not_finite,
    patterns.zero,
    patterns.sign,
    patterns.scaled,
    patterns.incomplete,
    patterns.transposed,
    patterns.flipped,
    patterns.permuted,
    patterns.shifted,
    patterns.only_border,
    patterns.only_part,
)


class Wrong(Exception):
    """What a function returned or did is wrong; the text says what, and `error` how much, if that is known.

    Attributes:
        error: the relative error; inf if there is none.
        named: the mistakes that lead to exactly this, in words; empty if none is known.
        numbers: the name of the result, the result and the right one, where numbers were compared.
        exact: whether the names are those of mistakes that were made on purpose and led to the same numbers.
    """

    def __init__(
        self,
        text: str,
        error: float = float("inf"),
        named: tuple[str, ...] = (),
        numbers: tuple[str, np.ndarray, np.ndarray] | None = None,
        exact: bool = False,
    ):
        super().__init__(text)
        self.error, self.named, self.numbers, self.exact = error, named, numbers, exact


@contextmanager
def loaded(path: Path) -> Iterator[ModuleType]:
    """Give the module in a file; while it is in use, its folder can be imported from, and afterwards it is gone.

    What a notebook has imported from that folder, or under such a name, is set aside meanwhile: it may be older than
    the files are now.
    """
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"gradcheck: {path.name} is no Python file; give a file that ends in .py")
    folder, write = str(path.resolve().parent), sys.dont_write_bytecode
    beside = {file.stem: file.name for file in Path(folder).glob("*.py") if file.stem not in sys.stdlib_module_names}
    stale = [name for name in beside if Path(getattr(sys.modules.get(name), "__file__", "") or "").name == beside[name]]
    aside = {name: sys.modules.pop(name) for name in stale}
    before = set(sys.modules)
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True  # no traces in the student's folder, and no stale code from it
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.dont_write_bytecode = write
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if name == MODULE or (file and Path(file).parent == Path(folder)):
                del sys.modules[name]
        sys.modules.update(aside)


def where(error: BaseException, path: Path, otherwise: str = "", *, pointed: bool = False) -> str:
    """Return "file:line: what happened", with the student's own line, for an error that came out of his file.

    Files beside it count as his, too. An error without a line of his gets the place `otherwise`, such as that of the
    function that was called, or the name of the file. An arrow shows the place in a line that cannot be read, if that
    is asked for (`pointed`): it needs a line of its own.
    """
    text = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    if isinstance(error, SyntaxError):
        file = Path(error.filename or path).name
        line = (error.text or "").rstrip()
        arrow = max((error.offset or 1) - 1 - (len(line) - len(line.lstrip())), 0)
        place = f"{file}:{error.lineno}: {type(error).__name__}: {error.msg}"
        return f"{place}\n    {line.lstrip()}" + f"\n    {' ' * arrow}^" * bool(pointed and line.strip())
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename, path)]
    if own:
        return f"{Path(own[-1].filename).name}:{own[-1].lineno}: {text}\n    {own[-1].line}"
    return f"{otherwise or path.name}: {text}"


def is_own(file: str, path: Path) -> bool:
    """Tell whether a file lies beside the student's, however the way to it was written."""
    return Path(file).resolve().parent == path.resolve().parent


def place_of(function: Any) -> str:
    """Return "file:line" of the first line of a function, or nothing where Python does not know it.

    Example:
        >>> place_of(place_of).rpartition(":")[0], place_of(max)
        ('watch.py', '')
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code else ""


class Watched:
    """A student's function: called as it is, but it must take the right arguments and leave them as they are.

    `last` is what it was called with the last time, by the names of its parameters.
    """

    def __init__(self, name: str, function: Any, parameters: str):
        self.name, self.function, self.parameters = name, function, parameters.split(", ")
        if not callable(function):
            raise Wrong(f"{name} must be a function; it is a {type(function).__name__}")
        self.place, self.last = place_of(function), dict[str, Any]()
        with suppress(ValueError):  # functions written in C have no signature
            found = inspect.signature(function)
            try:
                found.bind(*self.parameters)
            except TypeError:
                begin = f"{self.place}: " if self.place else ""
                raise Wrong(f"{begin}{name} must take ({parameters}), by position; it takes {found}") from None

    def __call__(self, *arguments: Any) -> Any:
        """Call the function and compare its arguments before and after."""
        before = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
        self.last = dict(zip(self.parameters, before, strict=True))
        result = self.function(*arguments)
        for name, old, new in zip(self.parameters, before, arguments, strict=True):
            if isinstance(new, np.ndarray) and not np.array_equal(old, new, equal_nan=True):
                text = f"{self.name} changes its argument {name}; work on a copy: {name} = {name}.copy()"
                raise Wrong(text, named=(f"the argument {name} is changed in place",))
        return result


def check_form(
    function: str,
    result: Any,
    shape: tuple[int, ...],
    dtype: Any,
    axes: str,
    why: str = "",
    mistakes: Iterable[tuple[str, tuple[int, ...]]] = (),
) -> np.ndarray:
    """Refuse a result that is no array, or has the wrong shape or dtype.

    Args:
        function: the name of the function.
        result: what it returned.
        shape: the shape that it must have.
        dtype: the type that it must have.
        axes: the letters of the shape.
        why: the arithmetic of the shape.
        mistakes: which other shapes come out of which mistakes. A shape that comes out of two is not explained: it says
            less than numbers do.
    """
    if result is None:
        named = ("nothing is returned",)
        raise Wrong(f"{function} returned None; is the return statement missing?", named=named)
    if not isinstance(result, np.ndarray):
        kind = type(result).__name__
        raise Wrong(
            f"{function} must return an array; it returned a {kind}", named=(f"a {kind} is returned, no array",)
        )
    if result.shape != shape:
        made = {what for what, other in mistakes if other == result.shape}
        only = tuple(made) if len(made) == 1 else ()
        known = f"\n  exactly this shape comes out if {only[0]}" if only else ""
        text = f"{function} must return ({axes}) = {shape}; it returned the shape {result.shape}"
        raise Wrong(text + why + known, named=only)
    if result.dtype != dtype:
        raise Wrong(
            f"{function} must return {np.dtype(dtype)} for {np.dtype(dtype)} arguments; it returned {result.dtype} "
            f"(make results with dtype=x.dtype)",
            named=(f"the result is {result.dtype}, though the arguments are {np.dtype(dtype)}",),
        )
    return result


def _is_same(a: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    """Tell whether one result is another; what is infinite, or nan, must be so in both."""
    if other.shape != a.shape:
        return False
    finite = np.isfinite(other)
    near = np.abs(np.subtract(a, other, where=finite, out=np.zeros(a.shape))) <= tolerance * max(
        1.0, float(np.abs(other[finite]).max(initial=0.0))
    )
    return bool((np.where(finite, near, (a == other) | (np.isnan(a) & np.isnan(other)))).all())


def compare(
    name: str,
    result: np.ndarray,
    right: np.ndarray,
    mistakes: Mistakes,
    evidence: Callable[[], Evidence] | None = None,
) -> float:
    """Return the relative error of a result, or say what is wrong with it.

    Args:
        name: what the result is called, such as "dx".
        result: what the student's function returned, of the right shape and dtype.
        right: what it should have returned.
        mistakes: what else could have been computed, worked out only if the result is wrong.
        evidence: for a gradient what is known of it besides; asked only if nothing else fits.
    """
    a, b = result.astype(np.float64), right.astype(np.float64)
    scale = float(np.abs(b).max(initial=0.0)) or 1.0
    tolerance = TOLERANCE[str(right.dtype)]
    difference = np.where(np.isnan(a), np.inf, np.abs(a - b))
    error = float(difference.max(initial=0.0)) / scale
    if error <= tolerance:
        return error
    worst = tuple(int(i) for i in np.unravel_index(difference.argmax(), b.shape))
    lines = [
        f"{name}, worst at {name}[{', '.join(str(i) for i in worst)}]:",
        f"  yours  {a[worst]: .10g}",
        f"  right  {b[worst]: .10g}",
        f"  ratio  {a[worst] / b[worst] + 0.0: .7g}" if b[worst] else "  ratio   inf",
        f"  wrong in {(difference > tolerance * scale).sum()} of {b.size} elements",
    ]
    numbers = name, a, b
    if made := tuple([what for what, other in mistakes if _is_same(a, other, tolerance)][:NAMED]):
        text = "\n".join([*lines, f"  exactly this comes out if {', or if '.join(made)}"])
        raise Wrong(text, error, made, numbers, exact=True)
    known = Evidence(dx=a, slope=b, name=name) if evidence is None else evidence()
    pattern = explain(known, FORWARD if evidence is None else CATALOGUE)
    if pattern:
        text = re.sub(r"\bdx\b", name, pattern.text)
        text = re.sub(r"\b(the )?slope\b", "the right result", text)
        lines.append(f"  pattern ({pattern.name}): {text}")
        raise Wrong("\n".join(lines), error, (text,), numbers)
    raise Wrong("\n".join([*lines, f"  {UNKNOWN}"]), error, numbers=numbers)

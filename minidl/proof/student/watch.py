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
    """What a function returned or did is wrong; the text says what, and `error` how much, if that is known."""

    def __init__(self, text: str, error: float = float("inf")):
        super().__init__(text)
        self.error = error


@contextmanager
def loaded(path: Path) -> Iterator[ModuleType]:
    """Give the module in a file; while it is in use, its folder can be imported from, and afterwards it is gone."""
    folder, before, write = str(path.resolve().parent), set(sys.modules), sys.dont_write_bytecode
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"gradcheck: {path.name} is no Python file; give a file that ends in .py")
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


def where(error: BaseException, path: Path) -> str:
    """Return "file:line: what happened", with the student's own line, for an error that came out of his file."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    if isinstance(error, SyntaxError):
        return f"{path.name}:{error.lineno}: {type(error).__name__}: {error.msg}\n    {(error.text or '').strip()}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return f"{path.name}:{own[-1].lineno}: {text}\n    {own[-1].line}" if own else f"{path.name}: {text}"


class Watched:
    """A student's function: called as it is, but it must take the right arguments and leave them as they are."""

    def __init__(self, name: str, function: Any, parameters: str):
        self.name, self.function, self.parameters = name, function, parameters.split(", ")
        if not callable(function):
            raise Wrong(f"{name} must be a function; it is a {type(function).__name__}")
        with suppress(ValueError):  # functions written in C have no signature
            found = inspect.signature(function)
            try:
                found.bind(*self.parameters)
            except TypeError:
                raise Wrong(f"{name} must take ({parameters}), by position; it takes {found}") from None

    def __call__(self, *arguments: Any) -> Any:
        """Call the function and compare its arguments before and after."""
        before = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
        result = self.function(*arguments)
        for name, old, new in zip(self.parameters, before, arguments, strict=True):
            if isinstance(new, np.ndarray) and not np.array_equal(old, new, equal_nan=True):
                raise Wrong(f"{self.name} changes its argument {name}; work on a copy: {name} = {name}.copy()")
        return result


def check_form(function: str, result: Any, shape: tuple[int, ...], dtype: Any, axes: str, why: str = "") -> np.ndarray:
    """Refuse a result that is no array, or has the wrong shape or dtype; `why` holds the arithmetic of the shape."""
    if result is None:
        raise Wrong(f"{function} returned None; is the return statement missing?")
    if not isinstance(result, np.ndarray):
        raise Wrong(f"{function} must return an array; it returned a {type(result).__name__}")
    if result.shape != shape:
        raise Wrong(f"{function} must return ({axes}) = {shape}; it returned the shape {result.shape}" + why)
    if result.dtype != dtype:
        raise Wrong(
            f"{function} must return {np.dtype(dtype)} for {np.dtype(dtype)} arguments; it returned {result.dtype} "
            f"(make results with dtype=x.dtype)"
        )
    return result


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
    for what, other in mistakes:
        if other.shape == a.shape and (np.abs(a - other) <= tolerance * max(1.0, float(np.abs(other).max()))).all():
            raise Wrong("\n".join([*lines, f"  exactly this comes out if {what}"]), error)
    known = Evidence(dx=a, slope=b, name=name) if evidence is None else evidence()
    pattern = explain(known, FORWARD if evidence is None else CATALOGUE)
    if pattern:
        text = re.sub(r"\bdx\b", name, pattern.text)
        text = re.sub(r"\b(the )?slope\b", "the right result", text)
        lines.append(f"  pattern ({pattern.name}): {text}")
    raise Wrong("\n".join(lines), error)

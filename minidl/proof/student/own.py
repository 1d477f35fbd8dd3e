"""Operations of a student's own: subclasses of `Function`, and functions of tensors, against finite differences.

What such an operation is called with is its own affair. A file may say so, for each by its name:

    INPUTS = {"Scale": [(2, 3, 4, 4), (2, 3)], "loss": [(5, 3), np.array([0, 2, 1, 1, 0]), {"smoothing": 0.1}]}

A tuple of ints is the shape of numbers that are drawn, a dict at the end holds settings, all else is taken as it is.
Where nothing is said, the inputs are guessed: the first shapes of a list that the operation takes, both ways.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from minidl._checks import is_int, shown
from minidl._gradcheck import GradcheckReport, gradcheck
from minidl._gradcheck.slopes import outputs
from minidl.proof.student.watch import place_of
from minidl.proof.table import normal, positive
from minidl.tensor import Function, Tensor, no_grad

SAID = "INPUTS"  # the name in the file
# No size is 2: of a gradient that is half of what it must be, a size is seldom to blame.
PICTURE, ROWS, KERNELS = (5, 4, 3, 7), (5, 7), (6, 4, 2, 3)
GUESSES = {
    1: ([PICTURE], [ROWS], [(7,)], [()]),
    2: ([PICTURE] * 2, [ROWS] * 2, [PICTURE, (5, 4)], [ROWS, (7, 6)], [PICTURE, KERNELS], [(7,)] * 2, [()] * 2),
    3: ([PICTURE] * 3, [ROWS] * 3, [ROWS, (6, 7), (6,)], [PICTURE, (4,), (4,)], [PICTURE, KERNELS, (6,)]),
}
Inputs = tuple[list[Any], dict[str, Any]]


class NoInputs(Exception):
    """None of the guesses is taken; the error of the first is the cause."""


@dataclass(frozen=True)
class Own:
    """An operation that a file defines.

    Attributes:
        name: of the class or function.
        call: takes tensors and settings, returns a tensor.
        tensors: the names of the tensors that it takes.
        places: "file:line" of what a message may speak of, by name: "forward" and "backward", or "".
        guess: whether the inputs may be guessed; not if there is a setting without a default, or any number of tensors.
    """

    name: str
    call: Callable[..., Any]
    tensors: tuple[str, ...]
    places: dict[str, str]
    guess: bool

    def place(self, text: str) -> str:
        """Return where to look for what a message speaks of."""
        return next((place for word, place in self.places.items() if word in text), "")

    def inputs(self, said: dict[str, Any]) -> Iterator[Inputs]:
        """Yield arguments and settings: those of the file, or guesses that forward takes.

        Raises:
            NoInputs: if it takes none of them.
        """
        rng = np.random.default_rng(0)
        if self.name in said:
            *arguments, last = said[self.name]
            settings = last if isinstance(last, dict) else {}
            arguments = arguments if isinstance(last, dict) else [*arguments, last]
            yield [normal(one)(rng)[0] if _is_shape(one) else one for one in arguments], settings
            return
        found, first = False, None
        for shapes in GUESSES.get(len(self.tensors), ()) if self.guess else ():
            try:
                for arrays in (list(draw(*shapes)(rng)) for draw in (normal, positive)):
                    if _is_finite(self.call, arrays):
                        found = True
                        yield arrays, {}
                        break
            except NotImplementedError:
                raise
            except Exception as error:  # whatever a function says of inputs that it is not made for
                first = first or error
        if not found:
            raise NoInputs from first

    def check(self, inputs: Inputs, *, full: bool) -> GradcheckReport:
        """Compare its gradients with finite differences."""
        arguments, settings = inputs
        names = [*self.tensors, *(f"argument {i}" for i in range(len(self.tensors), len(arguments)))]

        def call(*tensors: Any) -> Any:
            return self.call(*tensors, **settings)

        return gradcheck(call, arguments, names=names[: len(arguments)], mode="elements" if full else "direction")


def _is_finite(call: Callable[..., Any], arrays: list[np.ndarray]) -> bool:
    with no_grad(), np.errstate(all="ignore"):
        return all(bool(np.isfinite(y.data).all()) for y in outputs(call(*map(Tensor, arrays))))


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(is_int(size) and size >= 0 for size in value)


def said_in(module: ModuleType, file: str) -> dict[str, Any]:
    """Return what a file says of the inputs of its operations, judged."""
    said = getattr(module, SAID, {})
    if not isinstance(said, dict) or not all(isinstance(name, str) for name in said):
        raise ValueError(f"gradcheck: {file}: {SAID} must be a dict of names; received {shown(said)}")
    for name, inputs in said.items():
        if not isinstance(inputs, (list, tuple)) or not inputs or not hasattr(module, name):
            expected = "a list of shapes and arrays" if hasattr(module, name) else "the name of what the file defines"
            raise ValueError(f"gradcheck: {file}: {SAID}[{name!r}] must be {expected}; received {shown(inputs)}")
    return said


def own_of(module: ModuleType, said: dict[str, Any], only: str | None = None) -> Iterator[Own]:
    """Yield the operations that a file defines: classes, functions whose inputs it tells or annotates, and `only`."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value) and issubclass(value, Function):
            if value.forward is not Function.forward:  # else it only stands above others
                yield _of_class(name, value)
        elif inspect.isfunction(value) and (name in said or name == only or _is_annotated(value)):
            tensors, guess = _tensors(value, 0)
            yield Own(name, value, tensors, {"": place_of(value)}, guess)


def _of_class(name: str, kind: type[Function]) -> Own:
    tensors, guess = _tensors(kind.forward, 1)
    places = {"backward": place_of(kind.backward), "": place_of(kind.forward)}
    return Own(name, kind.apply, tensors, places, guess)


def _tensors(function: Callable[..., Any], skipped: int) -> tuple[tuple[str, ...], bool]:
    """Return the names of what must be given by place, behind the first few, and whether nothing else must be given."""
    parameters = list(inspect.signature(function).parameters.values())[skipped:]
    needed = [one for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    by_place = [one.name for one in needed if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return tuple(by_place), len(by_place) == len(needed) and 0 < len(by_place) <= max(GUESSES)


def _is_annotated(function: Callable[..., Any]) -> bool:
    """Tell whether a function says that it returns a tensor."""
    return getattr(function, "__annotations__", {}).get("return") in (Tensor, "Tensor", "minidl.Tensor")

"""What it takes to prove an operation: a table of cases, and the slow, obvious function that says what is right.

A `Table` belongs to one operation; a `Case` is one way to call it. The command `minidl gradcheck` runs all tables, and
the tests run the same tables through the whole contract of an operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl._looks import Brief, listed, short

Draw = Callable[[np.random.Generator], tuple[Any, ...]]


@dataclass(frozen=True)
class Case(Brief):
    """One call: a name, how to draw the arrays (float64, or integers that are passed on), and the settings."""

    name: str
    draw: Draw
    settings: dict[str, Any] = field(default_factory=dict)

    def _words(self) -> list[str]:
        return [self.name, *(f"{name}={short(value)}" for name, value in self.settings.items())]


@dataclass(frozen=True)
class Table(Brief):
    """All cases of one operation.

    Attributes:
        op: its name.
        function: takes tensors (and the settings), returns a tensor.
        cases: the ways it is called.
        oracle: the same on plain arrays, by nested loops or straight from the formula.
        views: whether the result may share memory with an input (reshape and the like).
    """

    op: str
    function: Callable[..., Any]
    cases: tuple[Case, ...]
    oracle: Callable[..., np.ndarray]
    views: bool = False

    def _words(self) -> list[str]:
        return [self.op, f"{len(self.cases)} cases: {listed([case.name for case in self.cases], 3)}"]


def normal(*shapes: tuple[int, ...] | None) -> Draw:
    """Draw arrays of these shapes from a normal distribution; None stays None (an argument that is left out)."""
    return lambda rng: tuple(None if shape is None else np.asarray(rng.standard_normal(shape)) for shape in shapes)


def separated(*shapes: tuple[int, ...]) -> Draw:
    """Draw arrays whose elements are all different, far from each other and from 0: no step crosses a kink."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        arrays = []
        for shape in shapes:
            size = int(np.prod(shape))
            arrays.append((rng.permutation(size) - size / 2 + 0.25).reshape(shape) / max(4, size / 4))
        return tuple(arrays)

    return draw


def positive(*shapes: tuple[int, ...]) -> Draw:
    """Draw arrays of numbers from 0.5 to 2.5, for logarithms, roots and denominators."""
    return lambda rng: tuple(rng.uniform(0.5, 2.5, shape) for shape in shapes)

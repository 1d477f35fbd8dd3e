"""Measure slopes: run forward alone at x + h·u and x - h·u and look at the difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl.tensor import Event, Tensor, no_grad, observe

HALVINGS = 10


def outputs(result: Any) -> tuple[Tensor, ...]:
    """Return what f returned as a tuple of tensors."""
    several = result if isinstance(result, (tuple, list)) else (result,)
    for y in several:
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: f must return a Tensor or several; it returned a {type(y).__name__}")
        if y.dtype.kind != "f":
            raise TypeError(f"gradcheck: f must return floating numbers, which have gradients; it returned {y.dtype}")
    if not several:
        raise ValueError("gradcheck: f must return a Tensor or several; it returned an empty tuple")
    return tuple(several)


@dataclass
class Slope:
    """A slope, and how it was found."""

    value: float
    kink: bool
    h: float
    noise: float  # what rounding alone may make of it
    rates: list[Array]  # the slope of every output by itself


@dataclass
class Run:
    """One forward pass: the outputs, and the choices that were made on the way (relu's mask, max's winners)."""

    outputs: list[Array]
    choices: list[np.ndarray]


class Slopes:
    """Measures the slope of L = Σ <y, dy> along directions in one argument; `inputs` are those of f, arrays bare."""

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], names: Sequence[str], eps: float):
        self.f, self.inputs, self.names, self.eps = f, list(inputs), names, eps
        self.dys: list[Array] = []

    def run(self, inputs: Sequence[Any]) -> Run:
        """Run forward alone."""
        choices: list[np.ndarray] = []

        def collect(event: Event) -> None:
            if event.choices is not None:
                choices.append(np.array(_backend.to_numpy(event.choices)))

        with no_grad(), observe(collect):
            tensors = [Tensor(value) if _backend.is_array(value) else value for value in inputs]
            return Run([y._data for y in outputs(self.f(*tensors))], choices)

    def along(self, argument: int, direction: Array) -> Slope:
        """Return the slope along a direction; h is halved while the two sides make different choices."""
        h = self.eps
        for _ in range(HALVINGS + 1):
            above, below = (self.run(self._moved(argument, step * direction)) for step in (h, -h))
            kink = not _same_choices(above.choices, below.choices)
            if not kink:
                break
            h /= 2
        rates = [_array((up - down) / (2 * h), up) for up, down in zip(above.outputs, below.outputs, strict=True)]
        value = sum(float((rate * dy).sum()) for rate, dy in zip(rates, self.dys, strict=True))
        if not np.isfinite(value):
            raise ValueError(
                f"gradcheck: f gives nan or inf a step of {h:.1e} beside the inputs in {self.names[argument]}; "
                f"move the inputs away from the edge of its domain"
            )
        size = sum(float(abs(y * dy).sum()) for y, dy in zip(above.outputs, self.dys, strict=True))
        return Slope(value, kink, h, float(np.finfo(np.float64).eps) * size / h, rates)

    def at(self, argument: int, place: tuple[int, ...]) -> Slope:
        """Return the slope along one element."""
        direction = _backend.full(self.inputs[argument].shape, 0, np.float64, like=self.inputs[argument])
        direction[place] = 1
        return self.along(argument, direction)

    def unsettled(self, argument: int, direction: Array, slope: Slope) -> float:
        """Return by how much the slope changes with half the step: where that is much, it is not to be trusted."""
        eps, self.eps = self.eps, slope.h / 2
        try:
            return abs(self.along(argument, direction).value - slope.value)
        finally:
            self.eps = eps

    def _moved(self, argument: int, by: Array) -> list[Any]:
        moved = list(self.inputs)
        moved[argument] = _array(moved[argument] + by, by)
        return moved


def _same_choices(above: list[np.ndarray], below: list[np.ndarray]) -> bool:
    return len(above) == len(below) and all(np.array_equal(p, q) for p, q in zip(above, below, strict=True))


def _array(value: Any, like: Array) -> Array:
    """Return an array where NumPy's arithmetic on arrays without axes gives a bare number."""
    return _backend.array_module(like).asarray(value)

"""`gradcheck`: compare what backward says with measured slopes, argument by argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import check_choice, check_positive, shown, to_int
from minidl._gradcheck.catalogue import explain
from minidl._gradcheck.evidence import Evidence
from minidl._gradcheck.locate import SMALL, locate
from minidl._gradcheck.report import ArgumentReport, GradcheckReport, GradientError
from minidl._gradcheck.slopes import Slope, Slopes, outputs
from minidl._random import to_generator
from minidl.tensor import Context, Function, Tensor

JACOBIAN = 4_000_000  # entries of the largest Jacobian that is kept to explain a failure: 32 MB


def gradcheck(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    mode: str = "direction",
    names: Sequence[str] | None = None,
    eps: float = 1e-5,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    seed: int = 0,
    rng: np.random.Generator | None = None,
) -> GradcheckReport:
    """Compare the gradients of f with finite differences.

    Args:
        f: takes tensors, returns a tensor or a tuple of tensors; must give the same result when called twice.
        inputs: what f takes, in a list. Floating arrays, tensors and numbers are checked, after a cast to float64;
            other arrays reach f as tensors, everything else (None, a shape, a word) as it is.
        mode: "direction" (one random direction for each argument) or "elements" (every element).
        names: what the arguments are called in the verdict; None (default) takes the names of f's parameters.
        eps: the step h.
        rtol: the largest relative error, max |a - b| / max |b|.
        atol: an absolute error below this always passes (gradients that are 0).
        seed: of the random dy and directions; printed, so that a failure can be repeated.
        rng: a generator that the seed is drawn from instead.

    Returns:
        The report: verdict and numbers for each argument; printed, it takes at most 25 lines.

    Raises:
        GradientError: if a gradient is wrong; its text is the report, with the mistake by name where it is a known one.
        ValueError: if f gives two different results for the same inputs, changes them, or returns nan; if there is
            nothing to check.
        TypeError: if f returns no floating tensor, or inputs is no list.

    Example:
        >>> import numpy as np
        >>> import minidl
        >>> print(minidl.gradcheck(minidl.ops.relu, [np.array([1.0, -2.0, 3.0])], mode="elements"))
        gradcheck (elements, seed 0): ok
          x  (3,)  ok    relative error ...
    """
    if not callable(f):
        raise TypeError(f"gradcheck: f must be a function of tensors; received a {type(f).__name__}")
    check_choice("gradcheck", "mode", mode, ("direction", "elements"))
    check_positive("gradcheck", "eps", eps)
    check_positive("gradcheck", "rtol", rtol, zero=True)
    check_positive("gradcheck", "atol", atol, zero=True)
    if not isinstance(inputs, (list, tuple)):
        kind = type(inputs).__name__
        raise TypeError(f"gradcheck: inputs must be a list of the arguments of f; received a {kind}; write [x]")
    seed = to_int("gradcheck", "seed", seed, least=0)
    seed = seed if rng is None else int(to_generator("gradcheck", rng).integers(2**31))
    given = [_as_input(value) for value in inputs]
    checked = [index for index, value in enumerate(given) if _is_checked(value)]
    if not checked:
        found = ", ".join(str(value.dtype) if _is_array(value) else type(value).__name__ for value in given)
        raise ValueError(
            f"gradcheck: none of the inputs is floating, so none has a gradient; received {found or 'none'}"
        )
    slopes = Slopes(f, given, _names(f, names, len(given)), eps)
    check = _Check(slopes, np.random.default_rng([seed, 2]), rtol, atol, *_differentiate(slopes, checked, seed))
    report = GradcheckReport(mode, seed)
    for index in checked:
        report.arguments.append(check.along_direction(index) if mode == "direction" else check.elements(index))
    if any(str(getattr(value, "dtype", "")) in ("float16", "float32") for value in inputs):
        report.notes.append("float32 inputs were cast to float64: in float32 a right gradient looks wrong")
    if report.verdict == "KINK":
        report.notes.append("KINK: f has a corner here (relu at 0, two equal maxima); move the inputs away from it")
    if report.verdict == "FAIL":
        raise GradientError(report)
    return report


# ------------------------------------------------------------------ what goes in


def _is_array(value: Any) -> bool:
    return _backend.is_array(value)


def _is_checked(value: Any) -> bool:
    return _is_array(value) and value.dtype.kind == "f"


def _as_input(value: Any) -> Any:
    """Return floating arrays, tensors and numbers as float64 arrays, anything else as it is."""
    value = value._data if isinstance(value, Tensor) else value
    if not _is_array(value):
        if not isinstance(value, (float, list, np.floating)) or np.asarray(value).dtype.kind != "f":
            return value
        value = np.asarray(value)
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def _names(f: Callable[..., Any], names: Sequence[str] | None, count: int) -> list[str]:
    """Return a name for every argument: those given, else those of f's parameters, else "argument 2"."""
    if names is not None:
        if not isinstance(names, (list, tuple)) or len(names) != count:
            raise ValueError(
                f"gradcheck: names must have one name for each of the {count} inputs; received {shown(names)}"
            )
        return list(names)
    found: list[str] = []
    with suppress(TypeError, ValueError):  # functions written in C have no signature
        for parameter in inspect.signature(getattr(f, "forward", f)).parameters.values():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                found.append(parameter.name)
            elif parameter.kind == parameter.VAR_POSITIONAL:
                found += [f"{parameter.name}[{index}]" for index in range(count - len(found))]
    return [*found, *(f"argument {index}" for index in range(len(found), count))][:count]


def _draw(rng: np.random.Generator, like: Array) -> Array:
    """Draw numbers from ±0.5 to ±1.5: with none near 0, no element can hide its error behind a small weight."""
    numbers = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
    return _backend.array_module(like).asarray(numbers)


# ------------------------------------------------------------------ forward and backward, once


class _Weigh(Function):
    """L = Σ <y, dy> over all outputs, so that one walk starts at all of them."""

    @staticmethod
    def forward(ctx: Context, *ys: Array, dys: list[Array]) -> Array:
        ctx.dys = dys
        return _backend.full(
            (), sum(float((y * dy).sum()) for y, dy in zip(ys, dys, strict=True)), np.float64, like=ys[0]
        )

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array, ...]:
        return tuple(ctx.dys)


def _differentiate(slopes: Slopes, checked: list[int], seed: int) -> tuple[list[Any], list[Array], Slopes | None]:
    """Run f forward and backward; return the gradients (None where there is none), the outputs, and another call of f.

    The other call is made before and after forward, at other inputs: a backward that reads what a call left outside of
    ctx then gives itself away.
    """
    given = slopes.inputs
    before = [_backend.copy(value) if _is_array(value) else None for value in given]
    other = Slopes(slopes.f, [_rolled(value) for value in given], slopes.names, slopes.eps)
    _shapes(other)
    tensors = [
        Tensor(value, requires_grad=index in checked) if _is_array(value) else value
        for index, value in enumerate(given)
    ]
    ys = outputs(slopes.f(*tensors))
    arrays = [y._data for y in ys]
    _judge_outputs(slopes, arrays)
    rng = np.random.default_rng(
        [seed, 1]
    )  # apart from the inputs, which may come from the same seed: dy = x hides a lot
    slopes.dys = other.dys = [_draw(rng, y) for y in arrays]
    kept = [_backend.copy(dy) for dy in slopes.dys]
    comparable = _shapes(other) == [y.shape for y in arrays]
    if any(y.requires_grad for y in ys):
        _Weigh.apply(*ys, dys=slopes.dys).backward()
    for index, old in enumerate(before):
        if old is not None and not _equal(given[index], old):
            name = slopes.names[index]
            raise ValueError(f"gradcheck: f or its backward changed the input {name}; work on a copy of it")
    if not all(_equal(dy, old) for dy, old in zip(slopes.dys, kept, strict=True)):
        raise ValueError("gradcheck: backward changed dy, which other operations may share; work on a copy of it")
    return [getattr(tensor, "grad", None) for tensor in tensors], arrays, other if comparable else None


def _shapes(other: Slopes) -> list[tuple[int, ...]] | None:
    """Run f at other inputs, which it need not take; return the shapes that came out."""
    with np.errstate(all="ignore"):
        try:
            return [y.shape for y in other.run(other.inputs).outputs]
        except Exception:
            return None


def _judge_outputs(slopes: Slopes, ys: list[Array]) -> None:
    """Refuse outputs whose slope cannot be measured."""
    for y in ys:
        if y.dtype != np.float64:
            raise TypeError(
                f"gradcheck: f returned {y.dtype} for float64 inputs; a {y.dtype} array inside f (a layer's weights?) "
                f"would drown the slope in rounding: convert it, or make it one of the inputs"
            )
        bad = ~np.isfinite(_backend.to_numpy(y))
        if bad.any():
            place = ", ".join(str(int(i)) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"gradcheck: f returns nan or inf in {bad.sum()} of {bad.size} elements, the first at y[{place}]; "
                f"finite differences need finite numbers: check the inputs"
            )
    again = slopes.run(slopes.inputs).outputs
    if not all(_equal(y, z) for y, z in zip(ys, again, strict=True)):
        raise ValueError("gradcheck: f gives two results for the same inputs; fix its random numbers (pass it an rng)")


def _equal(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool((_backend.to_numpy(a) == _backend.to_numpy(b)).all())


def _rolled(value: Any) -> Any:
    """Return a floating array with its elements moved on along the last axis that has several."""
    if not _is_checked(value) or value.size < 2:
        return value
    axis = max(axis for axis, size in enumerate(value.shape) if size > 1)
    return _backend.array_module(value).roll(value, 1, axis)


# ------------------------------------------------------------------ comparing


def _leaning(direction: Array, dx: np.ndarray) -> Array:
    """Return the direction with the unit vector of dx for its part along dx, so that <dx, u> = |dx|.

    A random u is often almost at a right angle to dx; then <dx, u> is near 0, and a wrong scale of dx hides.
    """
    length = float(np.sqrt((dx**2).sum()))
    if not np.isfinite(length) or length == 0:
        return direction
    unit = _backend.array_module(direction).asarray(dx / length)
    return direction + (1 - float((direction * unit).sum())) * unit


class _Check:
    """Compares one argument after the other; `gradients` are those of backward, None where it gave none."""

    def __init__(
        self,
        slopes: Slopes,
        rng: np.random.Generator,
        rtol: float,
        atol: float,
        gradients: list[Any],
        ys: list[Array],
        other: Slopes | None,
    ):
        self.slopes, self.rng, self.rtol, self.atol = slopes, rng, rtol, atol
        self.gradients, self.ys, self.other = gradients, ys, other

    def gradient(self, index: int) -> np.ndarray:
        """Return the gradient of one argument as a NumPy array."""
        dx = self.gradients[index]
        return np.zeros(self.slopes.inputs[index].shape) if dx is None else _backend.to_numpy(dx)

    def along_direction(self, index: int) -> ArgumentReport:
        """Compare along one random direction; where that fails, look for the wrong elements."""
        dx = self.gradient(index)
        direction = _leaning(_draw(self.rng, self.slopes.inputs[index]), dx)
        slope = self.slopes.along(index, direction)
        analytic = float((dx * _backend.to_numpy(direction)).sum())
        difference = abs(analytic - slope.value)
        scale = max(abs(slope.value), abs(analytic), float(np.sqrt((dx**2).sum())))
        error = self._relative(difference, scale) if np.isfinite(analytic) else float("inf")
        # A step that was halved often drowns in rounding: then the kink is near, and nothing can be said.
        lost = slope.kink or (slope.h < self.slopes.eps and difference <= 8 * slope.noise)
        verdict = "ok" if error <= self.rtol and not slope.kink else "KINK" if lost else "FAIL"
        error = 0.0 if verdict == "KINK" else error
        report = ArgumentReport(
            index,
            dx.shape,
            verdict,
            error,
            analytic,
            slope.value,
            kinks=int(verdict == "KINK"),
            dx=dx,
            name=self.slopes.names[index],
        )
        if verdict == "FAIL":
            if dx.size <= SMALL:
                found = self.elements(index)
                return found if found.verdict == "FAIL" else report
            self._note_unsettled(report, direction, slope)
            locate(report, self.slopes, self.rng, self.rtol, self.evidence(index, dx, dx))
        return report

    def elements(self, index: int) -> ArgumentReport:
        """Compare element by element."""
        x, dx = self.slopes.inputs[index], self.gradient(index)
        keep = len(self.ys) == 1 and x.size * self.ys[0].size <= JACOBIAN
        jacobian = np.zeros((*self.ys[0].shape, *x.shape)) if keep else None
        numeric, kinks = np.zeros(dx.shape), np.zeros(dx.shape, dtype=bool)
        for place in np.ndindex(dx.shape):
            slope = self.slopes.at(index, place)
            numeric[place], kinks[place] = slope.value, slope.kink
            if jacobian is not None:
                jacobian[(..., *place)] = _backend.to_numpy(slope.rates[0])
        difference = np.where(kinks, 0, np.abs(dx - numeric))
        difference = np.where(np.isnan(difference), np.inf, difference)
        worst = tuple(int(i) for i in np.unravel_index(difference.argmax(), dx.shape)) if dx.size else None
        error = self._relative(float(difference.max(initial=0.0)), float(np.abs(numeric[~kinks]).max(initial=0.0)))
        verdict = "FAIL" if error > self.rtol else "KINK" if kinks.any() else "ok"
        values = (0.0, 0.0) if worst is None else (float(dx[worst]), float(numeric[worst]))
        report = ArgumentReport(
            index,
            dx.shape,
            verdict,
            error,
            *values,
            where=worst,
            kinks=int(kinks.sum()),
            compared=dx.size,
            name=self.slopes.names[index],
            dx=dx,
            slope=numeric,
        )
        if verdict == "FAIL" and worst is not None:
            evidence = self.evidence(index, np.where(kinks, 0, dx), np.where(kinks, 0, numeric))
            evidence.jacobian = None if jacobian is None else np.where(kinks, 0, jacobian)
            report.wrong, report.pattern = int(evidence.wrong.sum()), explain(evidence)
            unit = _backend.full(x.shape, 0, np.float64, like=x)
            unit[worst] = 1
            self._note_unsettled(report, unit, self.slopes.at(index, worst))
        return report

    def evidence(self, index: int, dx: np.ndarray, slope: np.ndarray) -> Evidence:
        """Put together what is known about the gradient of one argument."""
        names, one = self.slopes.names, len(self.ys) == 1
        arrays = {i: _backend.to_numpy(value) for i, value in enumerate(self.slopes.inputs) if _is_checked(value)}
        return Evidence(
            dx=dx,
            slope=slope,
            rtol=min(max(self.rtol, 1e-8), 1e-5),
            name=names[index],
            x=arrays.pop(index),
            arrays={names[i]: array for i, array in arrays.items()},
            y=_backend.to_numpy(self.ys[0]) if one else None,
            dy=_backend.to_numpy(self.slopes.dys[0]) if one else None,
            slope_of=lambda other: self._slope(self.slopes, names.index(other)),
            elsewhere=None if self.other is None else lambda: self._slope(self.other, index),
            missing=self.gradients[index] is None,
        )

    def _slope(self, slopes: Slopes | None, index: int) -> np.ndarray:
        """Measure the slope of one argument, element by element."""
        shape = self.slopes.inputs[index].shape
        return np.array([slopes.at(index, place).value for place in np.ndindex(shape)]).reshape(shape)  # type: ignore[union-attr]

    def _relative(self, difference: float, scale: float) -> float:
        """Return difference / scale, or 0 where that is too large only because the gradient itself is about 0."""
        error = difference / scale if scale else float("inf")
        return 0.0 if error > self.rtol and difference <= self.atol else error

    def _note_unsettled(self, report: ArgumentReport, direction: Array, slope: Slope) -> None:
        change = self.slopes.unsettled(report.argument, direction, slope)
        if change > 0.1 * abs(report.analytic - report.numeric):
            report.notes.append(
                f"careful: with half the step the slope changes by {change:.1e}; try a smaller or a larger eps"
            )

"""Finite differences: is the gradient that backward computes the slope that forward has?

For a loss L(x) = <f(x), dy> with a random dy, backward claims the gradient dx. Independently of it, the slope along any
direction u can be measured with forward alone,

    (L(x + h·u) - L(x - h·u)) / 2h  =  <dx, u> + O(h²)

so the two must agree. `mode="direction"` compares them along one random u for each argument, `mode="elements"` along
every axis. dy is random, never ones: with ones, batch norm and softmax have gradient 0 whatever their backward says.

In float64 with h = 1e-5 a right gradient agrees to about 1e-9; the tolerance of 1e-6 leaves room for curvature and
still sees an error of a millionth. At a kink (relu at 0, two equal maxima) there is no slope to compare with: the
operation makes another choice at x + h·u than at x - h·u (`ctx.choices`). Then h is halved, up to ten times, until the
choices agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import check_choice
from minidl.tensor import Event, Tensor, no_grad, observe

HALVINGS = 10


@dataclass
class ArgumentReport:
    """The verdict on one argument: "ok", "FAIL" or "KINK", and the numbers behind it."""

    argument: int
    shape: tuple[int, ...]
    verdict: str
    error: float
    analytic: float
    numeric: float
    where: tuple[int, ...] | None = None
    kinks: int = 0


@dataclass
class GradcheckReport:
    """The verdict on a function: one entry for each argument that was checked."""

    mode: str
    seed: int
    arguments: list[ArgumentReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The largest relative error of all arguments."""
        return max((argument.error for argument in self.arguments), default=0.0)

    @property
    def verdict(self) -> str:
        """FAIL if any argument fails, else KINK if any could not be judged everywhere, else ok."""
        verdicts = {argument.verdict for argument in self.arguments}
        return "FAIL" if "FAIL" in verdicts else "KINK" if "KINK" in verdicts else "ok"

    def __str__(self) -> str:
        lines = [f"gradcheck ({self.mode}, seed {self.seed}): {self.verdict}"]
        for a in self.arguments:
            place = "" if a.where is None else f" at {a.where}"
            lines.append(
                f"argument {a.argument} {a.shape}: {a.verdict}, relative error {a.error:.2e}{place}: "
                f"backward says {a.analytic:.10g}, finite differences say {a.numeric:.10g}"
                + (f"; {a.kinks} at a kink" if a.kinks else "")
            )
        return "\n".join([*lines, *self.notes])


class GradientError(AssertionError):
    """A gradient is wrong; `.report` carries the numbers."""

    def __init__(self, report: GradcheckReport):
        super().__init__(str(report))
        self.report = report


def gradcheck(
    f: Callable[..., Tensor],
    inputs: Sequence[Any],
    *,
    mode: str = "direction",
    eps: float = 1e-5,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    seed: int = 0,
) -> GradcheckReport:
    """Compare the gradients of f with finite differences.

    Args:
        f: takes tensors, returns one tensor; must give the same result when called twice.
        inputs: arrays or tensors; floating ones are checked, after a cast to float64, the others are passed on.
        mode: "direction" (one random direction for each argument) or "elements" (every element).
        eps: the step h.
        rtol: the largest relative error, |a - b| / max |b|.
        atol: an absolute error below this always passes (gradients that are 0).
        seed: of the random dy and directions; printed, so that a failure can be repeated.

    Returns:
        The report: verdict and numbers for each argument.

    Raises:
        GradientError: if a gradient is wrong; its text is the report.
        ValueError: if f gives two different results for the same inputs.

    Example:
        >>> import numpy as np
        >>> import minidl
        >>> minidl.gradcheck(minidl.ops.relu, [np.array([1.0, -2.0, 3.0])]).verdict
        'ok'
    """
    check_choice("gradcheck", "mode", mode, ("direction", "elements"))
    rng = np.random.default_rng(seed)
    arrays = [_as_float64(value) for value in inputs]
    checked = [index for index, array in enumerate(arrays) if array.dtype == np.float64]
    tensors = [Tensor(array, requires_grad=index in checked) for index, array in enumerate(arrays)]
    y = f(*tensors)
    dy = _draw(rng, y.data)
    y.backward(dy)
    again, _ = _run(f, arrays)
    if not bool((_backend.to_numpy(again) == _backend.to_numpy(y.data)).all()):
        raise ValueError("gradcheck: f gives two results for the same inputs; fix its random numbers (pass it an rng)")
    slope = _Slope(f, arrays, dy, eps)
    report = GradcheckReport(mode, seed)
    for index in checked:
        dx = tensors[index].grad
        dx = _backend.full(arrays[index].shape, 0, np.float64, like=arrays[index]) if dx is None else dx
        check = _check_direction if mode == "direction" else _check_elements
        report.arguments.append(check(slope, index, _backend.to_numpy(dx), rng, rtol, atol))
    if any(np.dtype(getattr(value, "dtype", np.float64)) == np.float32 for value in inputs):
        report.notes.append("float32 inputs were cast to float64: in float32 a right gradient looks wrong")
    if report.verdict == "FAIL":
        raise GradientError(report)
    return report


def _as_float64(value: Any) -> Array:
    array = value.data if isinstance(value, Tensor) else value
    array = array if _backend.is_array(array) else np.asarray(array)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _draw(rng: np.random.Generator, like: Array) -> Array:
    return _backend.array_module(like).asarray(rng.standard_normal(like.shape))


def _run(f: Callable[..., Tensor], arrays: Sequence[Array]) -> tuple[Array, list[np.ndarray]]:
    """Run forward alone; return the result and the choices that were made on the way."""
    choices: list[np.ndarray] = []

    def collect(event: Event) -> None:
        if event.choices is not None:
            choices.append(np.array(_backend.to_numpy(event.choices)))

    with no_grad(), observe(collect):
        return f(*(Tensor(array) for array in arrays)).data, choices


class _Slope:
    """Measures the slope of <f(x), dy> along a direction in one argument."""

    def __init__(self, f: Callable[..., Tensor], arrays: list[Array], dy: Array, eps: float):
        self.f, self.arrays, self.dy, self.eps = f, arrays, dy, eps

    def along(self, argument: int, direction: Array) -> tuple[float, bool]:
        """Return the slope, and whether it was measured across a kink."""
        h = self.eps
        for _ in range(HALVINGS + 1):
            (above, choices_above), (below, choices_below) = (
                _run(self.f, self._moved(argument, step * direction)) for step in (h, -h)
            )
            slope = float(((above - below) * self.dy).sum()) / (2 * h)
            if all(np.array_equal(p, q) for p, q in zip(choices_above, choices_below, strict=True)):
                return slope, False
            h /= 2
        return slope, True

    def _moved(self, argument: int, by: Array) -> list[Array]:
        moved = list(self.arrays)
        moved[argument] = moved[argument] + by
        return moved


def _relative(difference: float, scale: float, rtol: float, atol: float) -> float:
    """Return difference / scale, or 0 where that is too large only because the gradient itself is about 0."""
    error = difference / scale if scale else float("inf")
    return 0.0 if error > rtol and difference <= atol else error


def _check_direction(
    slope: _Slope, index: int, dx: np.ndarray, rng: np.random.Generator, rtol: float, atol: float
) -> ArgumentReport:
    direction = _draw(rng, slope.arrays[index])
    numeric, kink = slope.along(index, direction)
    analytic = float((dx * _backend.to_numpy(direction)).sum())
    # <dx, u> of a random u is about |dx|; where it happens to be near 0, |dx| is what the error is measured by.
    scale = max(abs(numeric), abs(analytic), float(np.sqrt((dx**2).sum())))
    error = _relative(abs(analytic - numeric), scale, rtol, atol)
    verdict = "KINK" if kink else "ok" if error <= rtol else "FAIL"
    return ArgumentReport(index, dx.shape, verdict, 0.0 if kink else error, analytic, numeric, kinks=int(kink))


def _check_elements(
    slope: _Slope, index: int, dx: np.ndarray, rng: np.random.Generator, rtol: float, atol: float
) -> ArgumentReport:
    numeric, kinks = np.zeros_like(dx), np.zeros(dx.shape, dtype=bool)
    for place in np.ndindex(dx.shape):
        direction = _backend.full(dx.shape, 0, np.float64, like=slope.arrays[index])
        direction[place] = 1
        numeric[place], kinks[place] = slope.along(index, direction)
    difference = np.where(kinks, 0, np.abs(dx - numeric))
    scale = float(np.abs(np.where(kinks, 0, numeric)).max(initial=0.0))
    worst = tuple(int(i) for i in np.unravel_index(difference.argmax(), dx.shape)) if dx.size else ()
    largest = float(difference.max(initial=0.0))
    error = _relative(largest, scale, rtol, atol)
    verdict = "FAIL" if error > rtol else "KINK" if kinks.any() else "ok"
    values = (float(dx[worst]), float(numeric[worst])) if dx.size else (0.0, 0.0)
    return ArgumentReport(index, dx.shape, verdict, error, *values, where=worst, kinks=int(kinks.sum()))

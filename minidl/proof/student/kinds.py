"""Three ways to check a function: against the loops, by the adjoint identity, and by finite differences.

Each runs one function on one geometry and returns a relative error, or raises `Wrong`. A linear map f and the
function g that carries gradients back through it belong together if <f(x), c> = <x, g(c)> for all x and c; numbers
without a fraction make this exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._gradcheck import GradientError, gradcheck
from minidl._gradcheck.evidence import Evidence
from minidl.proof.student.cases import Case, Geometry
from minidl.proof.student.shapes import wrong_shapes
from minidl.proof.student.watch import Mistakes, Watched, Wrong, check_form, compare
from minidl.tensor import Context, Function

RTOL = 1e-6  # of finite differences
Linear = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Subject:
    """The function that is checked, the others of its file, whether every element is differentiated, and who asks.

    Where nobody asks why a gradient is wrong (`quiet`), because that has been said, the reason is not looked for.
    """

    function: Watched
    others: dict[str, Watched]
    full: bool = False
    quiet: bool = False
    seed: int = 0  # of all that is drawn

    def other(self, name: str, loops: Callable[..., Any]) -> Callable[..., Any]:
        """Return the student's function of that name, or the loops if it is missing."""
        return self.others.get(name, loops)


def arithmetic(axes: str, g: Geometry) -> str:
    """Return how the number of windows is worked out, if it is part of a shape."""
    if "OH" not in axes or g.beyond != (0, 0):
        return ""
    parts = []
    for a, (o, letter, kernel) in enumerate((("OH", "H", "KH"), ("OW", "W", "KW"))):
        size, (front, back), d, k, s = g.x_shape[2 + a], g.padding[a], g.dilation[a], g.kernel_size[a], g.stride[a]
        parts.append(
            f"{o} = ({letter} + p - d * ({kernel} - 1) - 1) // s + 1 = "
            f"({size} + {front + back} - {d} * ({k} - 1) - 1) // {s} + 1 = {g.size[a]}"
        )
    return "".join(f"\n  {part}" for part in parts)


def against_loops(
    s: Subject,
    g: Geometry,
    result_name: str,
    axes: str,
    arguments: tuple[Any, ...],
    right: np.ndarray,
    wrong: Mistakes,
    forward: tuple[Linear, np.ndarray] | None = None,
) -> float:
    """Compare one call with the right result.

    Args:
        s: the function.
        g: the geometry.
        result_name: what its result is called.
        axes: the letters of the result's shape.
        arguments: what the function is called with.
        right: what it must return.
        wrong: the mistakes that are tried if it does not.
        forward: for a gradient the linear map that it belongs to, and dy.
    """
    why, shapes = arithmetic(axes, g), wrong_shapes(axes, right.shape, g)
    result = check_form(s.function.name, s.function(*arguments), right.shape, right.dtype, axes, why, shapes)

    def evidence() -> Evidence:
        f, dy = forward  # type: ignore[misc]
        columns = [f(unit.reshape(right.shape)) for unit in np.eye(right.size)]
        jacobian = np.stack(columns, axis=-1).reshape(*dy.shape, *right.shape)
        a, b = result.astype(np.float64), right.astype(np.float64)
        return Evidence(dx=a, slope=b, name=result_name, dy=dy.astype(np.float64), jacobian=jacobian)

    return compare(result_name, result, right, wrong, evidence if forward else None)


Named = Iterable[tuple[str, str, Any]]  # a mistake, the result that it changes, and what that becomes


def against_formula(
    s: Subject,
    parts: tuple[tuple[str, str], ...],
    arguments: tuple[Any, ...],
    right: tuple[Any, ...],
    wrong: Callable[[], Named],
) -> float:
    """Compare one call with the right results, of which there may be several.

    Args:
        s: the function.
        parts: the name of each result, and the letters of its shape.
        arguments: what the function is called with.
        right: what it must return.
        wrong: gives the mistakes that are tried if it does not.
    """
    results: tuple[Any, ...] = (s.function(*arguments),)
    if len(parts) > 1:
        names, given = ", ".join(name for name, _ in parts), results[0]
        if not isinstance(given, tuple) or len(given) != len(parts):
            kind = f"a tuple of {len(given)}" if isinstance(given, tuple) else f"a {type(given).__name__}"
            raise Wrong(f"{s.function.name} must return ({names}); it returned {kind}")
        results = given
    errors, wrongs = [0.0], list[Wrong]()
    for (name, axes), result, expected in zip(parts, results, right, strict=True):
        said = s.function.name if len(parts) == 1 else f"{s.function.name} ({name})"
        if expected is None:
            if result is not None:
                raise Wrong(f"{said} must return None here; it returned a {type(result).__name__}")
            continue
        result = np.asarray(result) if isinstance(result, np.floating) else result
        result = check_form(said, result, np.shape(expected), np.asarray(expected).dtype, axes)
        try:
            errors.append(compare(name, result, np.asarray(expected), _of(name, wrong)))
        except Wrong as error:
            wrongs.append(error)
    if wrongs:  # of several wrong results the one that says most
        raise max(wrongs, key=lambda error: (error.exact, bool(error.named)))
    return max(errors)


def _of(name: str, wrong: Callable[[], Named]) -> Mistakes:
    """Yield the mistakes that change one of the results."""
    with np.errstate(all="ignore"):
        for what, changed, result in wrong():
            if changed == name:
                yield what, np.asarray(result, dtype=np.float64)


def adjoint(s: Subject, g: Case, forward: tuple[str, Linear], backward: Linear, shapes: tuple[Any, Any]) -> float:
    """Compare <f(x), c> with <x, g(c)>, where shapes are those of x and of c."""
    rng = np.random.default_rng(s.seed + 1)
    x, c = (rng.integers(-4, 5, shape).astype(g.dtype) for shape in shapes)
    y = check_form(forward[0], forward[1](x), c.shape, c.dtype, "like the loops'")
    dx = check_form(s.function.name, backward(c), x.shape, x.dtype, "like x")
    left, right = float((y * c).sum()), float((x * dx).sum())
    error = abs(left - right) / max(1.0, abs(left), abs(right))
    if error <= 1e-6:
        return error
    text = f"<{forward[0]}(x), c> = {left:.10g}, but <x, {s.function.name}(c)> = {right:.10g}: they must be equal"
    raise Wrong(text + _disagreement(s, forward, backward, x, c), error)


def _disagreement(s: Subject, forward: tuple[str, Linear], backward: Linear, x: np.ndarray, c: np.ndarray) -> str:
    """Find one number that forward carries to a place from which backward does not carry it back."""
    y = forward[1](x)
    for place in np.ndindex(c.shape):
        unit = np.zeros_like(c)
        unit[place] = 1
        given = backward(unit)
        if abs(float((x * given).sum() - y[place])) <= 1e-6 * max(1.0, abs(float(y[place]))):
            continue
        for pixel in np.ndindex(x.shape):
            probe = np.zeros_like(x)
            probe[pixel] = 1
            weight = float(forward[1](probe)[place])
            if abs(weight - float(given[pixel])) > 1e-6:
                return (
                    f"\n  for example: {forward[0]} takes {weight:.4g} times x{list(pixel)} into its result at "
                    f"{list(place)},\n  so {s.function.name} must add {weight:.4g} times c{list(place)} at "
                    f"{list(pixel)}; it adds {float(given[pixel]):.4g}"
                )
    return ""


def finite_differences(
    s: Subject, x: np.ndarray, forward: Callable[[np.ndarray], np.ndarray], backward: Linear, name: str
) -> float:
    """Check backward as the gradient of forward at x with the gradient checker."""

    class Students(Function):
        @staticmethod
        def forward(ctx: Context, x: np.ndarray) -> np.ndarray:
            return forward(x)

        @staticmethod
        def backward(ctx: Context, dy: np.ndarray) -> np.ndarray:
            return check_form(s.function.name, backward(dy), x.shape, np.float64, f"like {name}")

    mode, rtol = "elements" if s.full else "direction", math.inf if s.quiet else RTOL
    try:
        report = gradcheck(
            lambda x: Students.apply(x), [x.astype(np.float64)], names=[name], mode=mode, rtol=rtol, seed=s.seed
        )
    except GradientError as error:
        raise Wrong(str(error), error.report.worst) from None
    if report.worst > RTOL:
        raise Wrong(str(report), report.worst)
    return report.worst

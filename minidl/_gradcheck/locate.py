"""Find the wrong elements of an argument that is too large to try them all.

A slope can be measured along a direction that is 0 outside of any part. So a part is right if backward and finite
differences agree along a random direction within it. Halving the part that is wrong leads to a wrong element in log2(n)
steps; parts such as one channel or the border tell where the wrong elements lie; a sample of elements is enough for the
mistakes that show in every element by itself.
"""

from __future__ import annotations

import numpy as np

from minidl import _backend
from minidl._gradcheck.catalogue import explain
from minidl._gradcheck.evidence import Evidence, Pattern
from minidl._gradcheck.places import axis_name, indices
from minidl._gradcheck.report import ArgumentReport
from minidl._gradcheck.slopes import Slopes

SMALL = 500  # up to this many elements all are tried
SAMPLE = 100
LONGEST = 16  # axes that are longer are not tried index by index


def locate(report: ArgumentReport, slopes: Slopes, rng: np.random.Generator, rtol: float, evidence: Evidence) -> None:
    """Write into the report one wrong element, and the pattern if one is found."""
    parts = _Parts(report, slopes, rng, rtol)
    place = parts.wrong_element()
    first = np.ravel_multi_index(place, evidence.dx.shape)
    sample = np.union1d(rng.choice(evidence.dx.size, SAMPLE - 1, replace=False), first)
    values = {int(flat): slopes.at(report.argument, np.unravel_index(flat, evidence.dx.shape)) for flat in sample}
    chosen = [flat for flat, slope in values.items() if not slope.kink]
    found = sampled(evidence, chosen, np.array([values[flat].value for flat in chosen]))
    difference = np.abs(found.dx - found.slope)
    worst = int(difference.argmax())
    report.where = tuple(int(i) for i in np.unravel_index(chosen[worst], evidence.dx.shape))
    report.analytic, report.numeric = float(found.dx[worst]), float(found.slope[worst])
    report.wrong, report.compared = int(found.wrong.sum()), len(chosen)
    report.pattern = explain(found) or parts.border() or parts.along_axes()


def sampled(e: Evidence, chosen: list[int], slope: np.ndarray) -> Evidence:
    """Return the evidence of some elements, by their place in reading order."""

    def at(array: np.ndarray | None) -> np.ndarray | None:
        return array.ravel()[chosen] if array is not None and array.shape == e.dx.shape else None

    arrays = {name: array.ravel()[chosen] for name, array in e.arrays.items() if array.shape == e.dx.shape}
    return Evidence(
        dx=e.dx.ravel()[chosen],
        slope=slope,
        rtol=e.rtol,
        name=e.name,
        x=at(e.x),
        arrays=arrays,
        y=at(e.y),
        dy=at(e.dy),
        missing=e.missing,
        sampled=True,
    )


class _Parts:
    """Compares backward and finite differences within parts of one argument."""

    def __init__(self, report: ArgumentReport, slopes: Slopes, rng: np.random.Generator, rtol: float):
        self.report, self.slopes, self.rng, self.rtol = report, slopes, rng, rtol
        self.dx = report.dx if report.dx is not None else np.zeros(report.shape)

    def error(self, part: np.ndarray) -> float:
        """Return the relative error along a random direction within a part, a mask; 0 across a kink."""
        direction = np.where(part, self.rng.uniform(0.5, 1.5, part.shape) * self.rng.choice([-1, 1], part.shape), 0.0)
        x = self.slopes.inputs[self.report.argument]
        slope = self.slopes.along(self.report.argument, _backend.array_module(x).asarray(direction))
        analytic = float((self.dx * direction).sum())
        scale = max(abs(slope.value), abs(analytic), float(np.sqrt((self.dx[part] ** 2).sum())))
        return 0.0 if slope.kink or not scale else abs(analytic - slope.value) / scale

    def wrong_element(self) -> tuple[int, ...]:
        """Return the place of a wrong element: halve the part that is more wrong, again and again."""
        bad = ~np.isfinite(self.dx)
        if bad.any():
            return tuple(int(i) for i in np.argwhere(bad)[0])
        low, high = 0, self.dx.size  # in reading order
        while high - low > 1:
            middle = (low + high) // 2
            low, high = max((low, middle), (middle, high), key=lambda span: self.error(self._between(*span)))
        return tuple(int(i) for i in np.unravel_index(low, self.dx.shape))

    def _between(self, low: int, high: int) -> np.ndarray:
        part = np.zeros(self.dx.size, dtype=bool)
        part[low:high] = True
        return part.reshape(self.dx.shape)

    def border(self) -> Pattern | None:
        """Name the border if everything inside it is right."""
        if self.dx.ndim < 2:
            return None
        for k in range(1, min(4, (min(self.dx.shape[-2:]) + 1) // 2)):
            inside = np.zeros(self.dx.shape, dtype=bool)
            inside[..., k:-k, k:-k] = True
            if self.error(inside) <= self.rtol:
                text = f"only the border is wrong, {k} wide: padding not cut off, or counted wrongly"
                return Pattern("border", text)
        return None

    def along_axes(self) -> Pattern | None:
        """Tell right from wrong along the one axis that does it best."""
        best: tuple[float, Pattern] | None = None
        for axis, size in enumerate(self.dx.shape):
            if not 1 < size <= LONGEST or self.dx.ndim == 1:
                continue
            bad = np.zeros(size, dtype=bool)
            for index in range(size):
                part = np.zeros(self.dx.shape, dtype=bool)
                np.moveaxis(part, axis, 0)[index] = True
                bad[index] = self.error(part) > self.rtol
            if bad.any() and not bad.all() and (best is None or bad.mean() < best[0]):
                name = axis_name(self.report.name, self.dx.ndim, axis)
                leading = not bad[: (~bad).sum()].any()
                text = f"right in {name} {indices(~bad)}, wrong in {name} {indices(bad)} (axis {axis})"
                best = float(bad.mean()), Pattern("first only" if leading else "part", text)
        return best[1] if best else None

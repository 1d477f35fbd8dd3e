"""What is known about a wrong gradient, and what it takes to say that two gradients are the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from minidl._looks import Brief

NOTHING = 1e-10  # a number this small is 0, whatever it is compared with


@dataclass(frozen=True)
class Pattern(Brief):
    """The name of a mistake ("sign", "scaled", "border" …) and a sentence about it."""

    name: str
    text: str


@dataclass
class Evidence:
    """What is known about the gradient of one argument.

    Attributes:
        dx: what backward says.
        slope: what finite differences say.
        rtol: two gradients are the same if max |a - b| / max |b| is at most this.
        name: the name of the argument.
        x: the argument itself.
        arrays: the other floating arguments by name.
        y: the output, if there is only one.
        dy: the gradient of the output.
        jacobian: the slope of every output with respect to every element of x, shape (*y.shape, *x.shape).
        slope_of: returns the slope of another argument, by its name.
        elsewhere: returns the slope at the inputs of another call of f.
        missing: whether backward returned no gradient at all.
        sampled: whether dx, slope and all arrays are only some elements of a large argument, in one row.
    """

    dx: np.ndarray
    slope: np.ndarray
    rtol: float = 1e-6
    name: str = "x"
    x: np.ndarray | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    y: np.ndarray | None = None
    dy: np.ndarray | None = None
    jacobian: np.ndarray | None = None
    slope_of: Callable[[str], np.ndarray] | None = None
    elsewhere: Callable[[], np.ndarray] | None = None
    missing: bool = False
    sampled: bool = False

    @property
    def tolerance(self) -> float:
        """The largest absolute error that is none."""
        return max(self.rtol * float(np.abs(self.slope).max(initial=0.0)), NOTHING)

    @property
    def wrong(self) -> np.ndarray:
        """Which elements are wrong."""
        return ~(np.abs(self.dx - self.slope) <= self.tolerance)

    @property
    def flat(self) -> np.ndarray:
        """Where the slope is 0."""
        return np.abs(self.slope) <= self.tolerance

    def is_slope(self, a: np.ndarray) -> bool:
        """Tell whether an array equals the slope: whether the gradient would be right if it were this one."""
        return a.shape == self.slope.shape and bool((np.abs(a - self.slope) <= self.tolerance).all())

    def is_dx(self, a: np.ndarray) -> bool:
        """Tell whether an array equals what backward says: whether this is how it came about."""
        largest = max(float(np.abs(self.dx).max(initial=0.0)), float(np.abs(a).max(initial=0.0)))
        return a.shape == self.dx.shape and bool((np.abs(a - self.dx) <= max(self.rtol * largest, NOTHING)).all())

    def factor(self, where: np.ndarray) -> float | None:
        """Return the c with dx = c · slope at these places, some of which have a slope, or None if there is none."""
        a, b = self.dx[where], self.slope[where]
        c = float((a * b).sum()) / float((b * b).sum())
        return c if bool((np.abs(a - c * b) <= self.tolerance * max(1.0, abs(c))).all()) else None

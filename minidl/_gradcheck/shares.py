"""Mistakes that show in how the gradient is made up: slope = Σ over the outputs k of dy[k] · ∂y[k]/∂x.

With the slope of every single output, the Jacobian J (outputs × elements of x), one can ask what backward would say if
it had forgotten some of the outputs, kept only the last one that uses an element (`=` for `+=`), or mixed up dy on its
way in. For each such mistake the gradient that it leads to is worked out and compared with what backward says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from minidl._gradcheck.evidence import Evidence, Pattern
from minidl._gradcheck.patterns import flips, rearranged
from minidl._gradcheck.places import axis_name, border, indices, join


def pull_back(e: Evidence, dy: np.ndarray) -> np.ndarray:
    """Return Jᵀ·dy: the right gradient for this dy."""
    return np.tensordot(dy, e.jacobian, axes=dy.ndim)  # type: ignore[arg-type]


def shares(e: Evidence, axes: tuple[int, ...]) -> np.ndarray:
    """Return what each index of these axes of y contributes to the slope: (indices, *x.shape)."""
    rest = tuple(axis for axis in range(e.dy.ndim) if axis not in axes)  # type: ignore[union-attr]
    weighted = e.jacobian * e.dy.reshape(e.dy.shape + (1,) * e.dx.ndim)  # type: ignore[union-attr]
    return weighted.sum(axis=rest).reshape(-1, *e.dx.shape)


def dy_ignored(e: Evidence) -> Pattern | None:
    """The gradient of the plain sum of y."""
    if e.jacobian is None or e.dy is None or not e.is_dx(pull_back(e, np.ones_like(e.dy))):
        return None
    return Pattern("dy ignored", "dx is the gradient of y.sum(): dy is not multiplied in")


def own_place(e: Evidence) -> Pattern | None:
    """Every element holds the share of the output at its own place, where others depend on it, too."""
    if e.jacobian is None or e.dy is None or e.dy.shape != e.dx.shape or e.dx.size < 3:
        return None
    own = np.array([e.jacobian[(*place, *place)] * e.dy[place] for place in np.ndindex(e.dx.shape)])
    if not e.is_dx(own.reshape(e.dx.shape)):
        return None
    return Pattern(
        "own place",
        "every element holds the share of the output at its own place only; the other outputs depend on it, too",
    )


def one_use(e: Evidence) -> Pattern | None:
    """Every element holds the share of the first or of the last output that uses it."""
    if e.jacobian is None or e.dy is None:
        return None
    every = tuple(range(e.dy.ndim))
    for axes in ((2, 3), every) if len(every) == 4 else (every,):
        parts = shares(e, axes)
        used = np.abs(parts) > e.tolerance * 1e-3
        first = np.take_along_axis(parts, used.argmax(axis=0)[None], axis=0)[0]
        last = np.take_along_axis(parts, len(parts) - 1 - used[::-1].argmax(axis=0)[None], axis=0)[0]
        for candidate, which in ((last, "last"), (first, "first")):
            if e.is_dx(candidate):
                return Pattern(
                    "missing sum",
                    f"every element holds only the share of the {which} output that uses it: `=` stands for `+=`",
                )
        if len(axes) == len(every) and (np.abs(parts - e.dx) <= e.tolerance).any(axis=0).all():
            return Pattern("missing sum", "every element holds the share of one of its outputs: `=` stands for `+=`")
    return None


def some_outputs(e: Evidence) -> Pattern | None:
    """Some pictures, channels, rows or columns of y are not counted, or counted with another weight."""
    if e.jacobian is None or e.dy is None:
        return None
    single = [(axis,) for axis in range(e.dy.ndim) if e.dy.shape[axis] > 1]
    for axes in [*single, *([(2, 3)] if e.dy.ndim == 4 else [])]:
        weights = _weights(e, shares(e, axes))
        if weights is not None:
            return _of_places(e, weights) if len(axes) == 2 else _of_indices(e, axes[0], weights)
    return None


def _of_indices(e: Evidence, axis: int, weights: np.ndarray) -> Pattern:
    """Say how often the pictures, channels, rows or columns of y are counted."""
    name = axis_name("y", e.dy.ndim, axis)  # type: ignore[union-attr]
    counted, lost = np.abs(weights - 1) <= 1e-5, np.abs(weights) <= 1e-5
    if (counted | lost).all():
        some = f"only {name} {indices(counted)} of y is counted"
        rest = f"{name} {indices(lost)} of y is not counted"
        text = some if counted.sum() < lost.sum() or counted.sum() == 1 else rest
        return Pattern("missing sum", f"{text} (axis {axis}): a sum is missing, or stops too early")
    if name in ("row", "column") and counted[1:-1].all() and len(counted) > 2:
        odd = join(weights[~counted].tolist())
        text = f"the windows of {name} {indices(~counted)} of y count {odd} times: padding counted wrongly"
        return Pattern("border", text)
    times = join(weights.tolist())
    return Pattern("weighted", f"{name} 0, 1, … of y (axis {axis}) count {times} times instead of once")


def _of_places(e: Evidence, weights: np.ndarray) -> Pattern:
    """Say how often the windows at each place (oh, ow) are counted."""
    odd = np.abs(weights - 1) > 1e-5
    low, high = float(weights[odd].min()), float(weights[odd].max())
    times = f"{low:.4g}" if high - low <= 1e-5 else f"{low:.4g} to {high:.4g}"
    sides = border(odd.reshape(e.dy.shape[2:]))  # type: ignore[union-attr]
    if sides:
        text = f"the windows at the border ({sides}) count {times} times instead of once: padding counted wrongly"
        return Pattern("border", text)
    return Pattern("weighted", f"{odd.sum()} of the {odd.size} windows count {times} times instead of once")


def _weights(e: Evidence, parts: np.ndarray) -> np.ndarray | None:
    """Return the weights with dx = Σ weight · part, if there is no other way to explain dx with these parts."""
    count = len(parts)
    for index, rest in itertools.product(range(count), (0, 1)):  # all but one, only one: nothing is fitted
        candidate = np.full(count, 1.0 - rest)
        candidate[index] = rest
        if e.dx.size > 1 and e.is_dx(np.tensordot(candidate, parts, axes=1)):
            return candidate
    matrix = parts.reshape(count, -1).T
    if len(matrix) < 2 * count + 2:
        return None
    weights, _, rank, _ = np.linalg.lstsq(matrix, e.dx.ravel(), rcond=1e-9)
    return weights if rank == count and e.is_dx((matrix @ weights).reshape(e.dx.shape)) else None


def dy_reordered(e: Evidence) -> Pattern | None:
    """Right for a dy whose elements stand elsewhere."""
    if e.jacobian is None or e.dy is None:
        return None
    for candidate, how in _reorderings(e.dy):
        if e.is_dx(pull_back(e, candidate)):
            return Pattern("dy reordered", f"dx would be right for another dy: {how}")
    return None


def _reorderings(dy: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    """Yield dy with its axes, its order along them, or its channels (groups) mixed up."""
    for candidate, how in rearranged(dy):
        yield candidate, how.format("dy")
    for candidate, axes in flips(dy):
        yield candidate, f"np.flip(dy, {axes})"
    for axis in range(min(dy.ndim, 2)):
        size = dy.shape[axis]
        for step in range(1, size):
            yield np.roll(dy, step, axis), f"np.roll(dy, {step}, axis={axis}) (groups or channels mixed up)"
        for groups in (g for g in range(2, size) if size % g == 0):
            order = np.arange(size).reshape(groups, -1).T.ravel()
            yield dy.take(order, axis), f"dy with axis {axis} in the order {join(order.tolist())} (groups interleaved)"


def weights_reordered(e: Evidence) -> Pattern | None:
    """Right if the weights were flipped or transposed: a mistake between x and y, seen from both ends."""
    if e.jacobian is None or e.dy is None:
        return None
    if e.dy.ndim == e.dx.ndim == 4:
        for axes in ((2, 3), (2,), (3,)):
            if e.is_dx(np.flip(pull_back(e, np.flip(e.dy, axes)), axes)):
                return Pattern("kernel", f"the kernel is used reversed along axis {join(axes)}")
        square = e.dy.shape[2] == e.dy.shape[3] and e.dx.shape[2] == e.dx.shape[3]
        if square and e.is_dx(pull_back(e, e.dy.swapaxes(2, 3)).swapaxes(2, 3)):
            return Pattern("kernel", "the kernel is used with rows and columns swapped")
    if e.dy.ndim == e.dx.ndim > 1 and e.dy.shape[1] == e.dx.shape[1]:
        swapped = e.jacobian.swapaxes(1, e.dy.ndim + 1)
        if e.is_dx(np.tensordot(e.dy, swapped, axes=e.dy.ndim)):
            return Pattern("kernel", "the weights are used transposed: inputs and outputs (axis 1 of x and y) swapped")
    return None

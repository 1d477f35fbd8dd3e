"""Mistakes that show in the gradient itself: each entry undoes one and compares what comes out with the slope."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from minidl._gradcheck.evidence import Evidence, Pattern
from minidl._gradcheck.places import axis_name, border, join, parts, place

# ------------------------------------------------------------------ nothing, or everywhere the same


def missing(e: Evidence) -> Pattern | None:
    """Backward gives this argument no gradient."""
    if not e.missing or e.flat.all():
        return None
    return Pattern("none", "backward returns None for this argument, or the graph to it is cut (.data, .detach)")


def not_finite(e: Evidence) -> Pattern | None:
    """The gradient holds nan or inf."""
    bad = ~np.isfinite(e.dx)
    return Pattern("nan", f"dx is nan or inf in {bad.sum()} of {bad.size} elements") if bad.any() else None


def no_influence(e: Evidence) -> Pattern | None:
    """The slope is 0 everywhere."""
    return Pattern("no influence", "f does not depend on this argument, but dx is not 0") if e.flat.all() else None


def zero(e: Evidence) -> Pattern | None:
    """The gradient is 0 everywhere."""
    return None if e.dx.any() else Pattern("zero", "dx is 0 everywhere: it was made and never filled")


def sign(e: Evidence) -> Pattern | None:
    """-dx is right."""
    return Pattern("sign", "the sign: -dx is right") if e.is_slope(-e.dx) else None


def scaled(e: Evidence) -> Pattern | None:
    """The gradient is a constant times the slope."""
    c = e.factor(np.ones(e.dx.shape, dtype=bool))
    if not c:
        return None
    words = in_words(c, e)
    if words is None and (~e.flat).sum() < 2:
        return None  # one number is always a multiple of another
    return Pattern("scaled", f"a constant factor: dx is {words or f'{c:.7g}'} times the slope")


def sizes(e: Evidence) -> Iterator[tuple[int, str]]:
    """Yield what a mean divides by or a sum multiplies with: the sizes of neighbouring axes, and N * H * W."""
    shapes = {name: array.shape for name, array in {e.name: e.x, "y": e.y, **e.arrays}.items() if array is not None}
    for length in range(1, 5):
        for name, shape in shapes.items():
            runs = [tuple(range(start, start + length)) for start in range(len(shape) - length + 1)]
            for axes in [*runs, (0, 2, 3)] if length == 3 and len(shape) == 4 else runs:
                number = int(np.prod([shape[axis] for axis in axes]))
                if number > 1:
                    yield number, " * ".join(f"{name}.shape[{axis}]" for axis in axes)


def in_words(c: float, e: Evidence) -> str | None:
    """Return a factor that means something, a size or a small number or 1 over one, in words."""
    sign, size = "-" if c < 0 else "", abs(c)
    for number, meaning in (*sizes(e), *((number, "") for number in range(2, 11))):
        if abs(size / number - 1) <= e.rtol:
            return f"{sign}{number}" + (f" (= {meaning})" if meaning else "")
        if abs(size * number - 1) <= e.rtol:
            return f"{sign}1/{number}" + (f" ({number} = {meaning})" if meaning else "")
    return None


def mask(e: Evidence) -> Pattern | None:
    """Right, or a multiple of the slope, where there is a slope, and something where there is none."""
    leaks = e.flat & e.wrong
    if not leaks.any():
        return None
    c = e.factor(~e.flat)
    if not c or (abs(c - 1) > e.rtol and (~e.flat).sum() < 2):
        return None
    rest = "right" if abs(c - 1) <= e.rtol else f"{in_words(c, e) or f'{c:.7g}'} times the slope"
    return Pattern(
        "mask",
        f"a mask is missing: the slope is 0 in {e.flat.sum()} of {e.flat.size} elements, and dx is not in "
        f"{leaks.sum()} of them; elsewhere it is {rest}",
    )


def other_mask(e: Evidence) -> Pattern | None:
    """Right wherever both have something; but dx has it elsewhere than the slope."""
    lost, leaks = e.wrong & (np.abs(e.dx) <= e.tolerance), e.wrong & e.flat
    if (e.wrong & ~lost & ~leaks).any() or not lost.any() or not leaks.any() or (~e.wrong & ~e.flat).sum() < 2:
        return None
    text = f"dx is 0 in {lost.sum()} elements that have a slope, and not 0 in {leaks.sum()} that have none"
    return Pattern("mask", f"the mask is another one: {text}")


# ------------------------------------------------------------------ the right numbers in the wrong places


def rearranged(a: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the array with its axes in another order: transposed, or as a reshape in place of a transpose leaves it.

    The text says what was done to the array, which it calls {}.
    """
    orders = list(itertools.permutations(range(a.ndim)))[1:] if 1 < a.ndim <= 4 else []
    for order in orders:
        shape, back = tuple(a.shape[axis] for axis in order), tuple(int(axis) for axis in np.argsort(order))
        if shape == a.shape:
            yield a.transpose(order), f"{{}}.transpose{order}"
        yield a.reshape(shape).transpose(back), f"{{}}.reshape{shape}.transpose{back}"
        yield a.transpose(order).reshape(a.shape), f"{{}}.transpose{order}.reshape{a.shape}"


def flips(a: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[int, ...]]]:
    """Yield the array reversed along some of its axes."""
    long = [axis for axis in range(a.ndim) if a.shape[axis] > 1]
    for count in range(1, len(long) + 1):
        for axes in itertools.combinations(long, count):
            yield np.flip(a, axes), axes


def transposed(e: Evidence) -> Pattern | None:
    """The axes are in another order."""
    for candidate, how in rearranged(e.dx):
        if e.is_slope(candidate):
            cause = "a reshape stands where a transpose belongs" if "reshape" in how else "the axes are mixed up"
            return Pattern("transposed", f"{cause}: {how.format('dx')} is right")
    return None


def flipped(e: Evidence) -> Pattern | None:
    """The order is reversed along some axes."""
    for candidate, axes in flips(e.dx):
        if e.is_slope(candidate):
            return Pattern("flipped", f"the order is reversed along axis {join(axes)}: np.flip(dx, {axes}) is right")
    return None


def permuted(e: Evidence) -> Pattern | None:
    """Every slice along one axis is the right one of another place."""
    for axis in range(e.dx.ndim if e.dx.size > 2 else 0):
        ours, right = np.moveaxis(e.dx, axis, 0), np.moveaxis(e.slope, axis, 0)
        found = []
        for piece in ours:
            same = [index for index, other in enumerate(right) if (np.abs(piece - other) <= e.tolerance).all()]
            found.append(same[0] if same else -1)
        alive = (~np.moveaxis(e.flat, axis, 0)).reshape(len(right), -1).any(axis=1)
        if -1 in found or not alive.all():
            continue
        word = "mixed up" if len(set(found)) == len(found) else "repeated"
        name = axis_name(e.name, e.dx.ndim, axis)
        return Pattern(
            "permuted", f"{word} along axis {axis}: {name} 0, 1, … of dx are those of {name} {join(found)} of the slope"
        )
    return None


def shifted(e: Evidence) -> Pattern | None:
    """The gradient is the slope, moved by a few rows and columns."""
    steps = itertools.product(range(-3, 4), repeat=2) if e.dx.ndim > 1 else ()
    for down, right in sorted(steps, key=lambda step: abs(step[0]) + abs(step[1])):
        if (down == right == 0) or abs(down) >= e.dx.shape[-2] or abs(right) >= e.dx.shape[-1]:
            continue
        (to_rows, from_rows), (to_columns, from_columns) = _moved(down), _moved(right)
        ours, ideal = e.dx[..., to_rows, to_columns], e.slope[..., from_rows, from_columns]
        enough = 4 * ours.size >= e.dx.size and (np.abs(ideal) > e.tolerance).sum() > 5
        if enough and (np.abs(ours - ideal) <= e.tolerance).all():
            moves = [(down, "row", "down", "up"), (right, "column", "right", "left")]
            where = [f"{abs(s)} {noun}{'s' * (abs(s) > 1)} {a if s > 0 else b}" for s, noun, a, b in moves if s]
            cause = "padding cut off at the wrong side, or a window off by one"
            return Pattern("shifted", f"everything lies too far {join(where)}: {cause}")
    return None


def _moved(step: int) -> tuple[slice, slice]:
    """Return the part of an axis that something is moved to, and the part that it comes from."""
    return slice(max(step, 0), step if step < 0 else None), slice(max(-step, 0), -step if step > 0 else None)


# ------------------------------------------------------------------ right but for a factor or a term


def some_signs(e: Evidence) -> Pattern | None:
    """Right but for the sign of some elements."""
    if e.dx.size < 3 or not e.is_slope(np.where(e.wrong, -e.dx, e.dx)):
        return None
    return Pattern("sign", f"the sign, in {e.wrong.sum()} of {e.wrong.size} elements" + place(e, ", all of them"))


def dy_unchanged(e: Evidence) -> Pattern | None:
    """Backward hands on dy."""
    if e.dy is None or not e.is_dx(e.dy):
        return None
    return Pattern("dy unchanged", "backward returns dy as it came: the derivative is not multiplied in")


def known_arrays(e: Evidence) -> list[tuple[np.ndarray, str]]:
    """Return what a factor may be: the arguments, y, dy, their squares, and what the usual derivatives are made of."""
    named = {e.name: e.x, **e.arrays, "y": e.y, "dy": e.dy}
    known = [(array, name) for name, array in named.items() if array is not None]
    known += [(array * array, f"{name}²") for array, name in known]
    return known + ([(1 - e.y, "(1 - y)"), (1 - e.y * e.y, "(1 - y²)")] if e.y is not None else [])


def known_factor(e: Evidence) -> Pattern | None:
    """A factor is missing or one too many in every element, and it is an array that has a name."""
    for array, name in known_arrays(e) if (~e.flat).sum() > 1 else []:
        for v, where in _laid_over(array, e.dx.shape):
            if e.is_slope(e.dx * v):
                return Pattern("factor", f"the factor {name} is missing{where}: dx * {name} is right")
            if e.is_dx(e.slope * v):
                return Pattern("factor", f"the factor {name} is one too many{where}: dx / {name} is right")
    return None


def other_factor(e: Evidence) -> Pattern | None:
    """dy is multiplied with one array, and should be with another."""
    if e.dy is None or e.dy.shape != e.dx.shape or e.dx.size < 2:
        return None
    fitting = [(v, name) for v, name in known_arrays(e) if v.shape == e.dx.shape]
    ours = next((name for v, name in fitting if e.is_dx(e.dy * v)), None)
    right = next((name for v, name in fitting if e.is_slope(e.dy * v)), None)
    return Pattern("factor", f"dx is dy * {ours}, but dy * {right} is right") if ours and right else None


def constant_taken(e: Evidence) -> Pattern | None:
    """y = x · s, and s is taken for a constant, or what goes through s has a wrong factor."""
    if e.dy is None or e.y is None or e.x is None or not e.dx.shape == e.x.shape == e.y.shape == e.dy.shape:
        return None
    if e.dx.size < 3 or not e.x.all():
        return None
    direct = e.dy * e.y / e.x  # the slope if s were constant
    rest = e.slope - direct
    square = float((rest * rest).sum())
    if np.abs(rest).max() <= e.tolerance or not square:
        return None
    c = float(((e.dx - direct) * rest).sum()) / square
    if (np.abs(e.dx - direct - c * rest) > e.tolerance * max(1.0, abs(c))).any():
        return None
    if abs(c) <= 1e-5:
        return Pattern("constant", f"dx is dy * y / {e.name}: what {e.name} is multiplied with is taken for a constant")
    text = f"counts {in_words(c, e) or f'{c:.5g}'} times, not once"
    return Pattern("constant", f"y is {e.name} times a factor; the way through this factor {text}")


def _laid_over(array: np.ndarray, shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the ways to lay an array over a shape: as it is, or one number for each index of an axis."""
    if array.shape == shape:
        yield array, ""
    elif array.ndim == 1 and array.size > 1:
        for axis in range(len(shape)):
            if shape[axis] == array.size:
                yield array.reshape([-1 if a == axis else 1 for a in range(len(shape))]), f" along axis {axis}"


def factor_per_index(e: Evidence) -> Pattern | None:
    """Each picture, channel, row … has a factor of its own."""
    for axis in range(e.dx.ndim if e.dx.ndim > 1 else 0):
        factors = []
        for index in range(e.dx.shape[axis]):
            here = np.zeros(e.dx.shape, dtype=bool)
            np.moveaxis(here, axis, 0)[index] = True
            c = e.factor(here) if (here & ~e.flat).sum() > 1 else None
            factors += [c] if c else []
        if len(factors) == e.dx.shape[axis]:
            name = axis_name(e.name, e.dx.ndim, axis)
            return Pattern(
                "factor", f"each {name} (axis {axis}) has a factor of its own: dx is {join(factors)} times the slope"
            )
    return None


def branches(e: Evidence) -> Pattern | None:
    """dx is one multiple of the slope in some elements and another in the others: two cases with wrong factors."""
    rest: np.ndarray = ~e.flat
    found: list[tuple[float, int]] = []
    if (e.flat & e.wrong).any() or rest.sum() < 6:
        return None
    while rest.any() and len(found) < 3:
        top = np.unravel_index(np.where(rest, np.abs(e.slope), 0).argmax(), e.slope.shape)
        c = float(e.dx[top] / e.slope[top])
        same = rest & (np.abs(e.dx - c * e.slope) <= e.tolerance * max(1.0, abs(c)))
        found.append((c, int(same.sum())))
        rest &= ~same
    if rest.any() or min(count for _, count in found) < 2:
        return None
    cases = join([f"{in_words(c, e) or f'{c:.5g}'} times the slope in {count} elements" for c, count in found])
    return Pattern("branches", f"dx is {cases}: the factors of two cases are wrong or exchanged")


def offset(e: Evidence) -> Pattern | None:
    """The difference is the same along some axes: a mean, or a sum over them, is missing."""
    difference = e.dx - e.slope
    for axes in _axis_sets(difference.shape, at_least=2):
        if (np.abs(difference - difference.mean(axis=axes, keepdims=True)) <= e.tolerance).all():
            size = (
                f"{difference.flat[0]:.7g} everywhere"
                if len(axes) == difference.ndim
                else f"the same along axis {join(axes)}"
            )
            return Pattern("offset", f"dx - slope is {size}: a mean or a sum over these elements is dropped")
    return None


def term(e: Evidence) -> Pattern | None:
    """The difference is α + β·v along some axes, where v is x or y: batch norm or softmax without one of its terms."""
    difference = e.dx - e.slope
    exp = None if e.y is None or (np.abs(e.y) > 50).any() else np.exp(e.y)
    for v, name in ((e.y, "y"), (e.x, e.name), (exp, "exp(y)")):
        if v is None or v.shape != difference.shape:
            continue
        for axes in _axis_sets(difference.shape, at_least=4):
            centred = v - v.mean(axis=axes, keepdims=True)
            square = (centred * centred).sum(axis=axes, keepdims=True)
            if not square.all():
                continue
            beta = (difference * centred).sum(axis=axes, keepdims=True) / square
            alpha = difference.mean(axis=axes, keepdims=True) - beta * v.mean(axis=axes, keepdims=True)
            if (np.abs(difference - alpha - beta * v) <= e.tolerance).all():
                line = f"a multiple of {name}" if (np.abs(alpha) <= e.tolerance).all() else f"α + β·{name}"
                text = f"dx - slope is {line} along axis {join(axes)}: a term with a sum over these elements is dropped"
                return Pattern("term", text)
    return None


def _axis_sets(shape: tuple[int, ...], *, at_least: int) -> list[tuple[int, ...]]:
    """Return the sets of axes that hold at least so many elements, the largest first."""
    long = [axis for axis, size in enumerate(shape) if size > 1]
    sets = [axes for count in range(1, len(long) + 1) for axes in itertools.combinations(long, count)]
    held = {axes: int(np.prod([shape[axis] for axis in axes])) for axes in sets}
    return sorted((axes for axes in sets if held[axes] >= at_least), key=lambda axes: -held[axes])


# ------------------------------------------------------------------ right in some elements


def incomplete(e: Evidence) -> Pattern | None:
    """0 where there is a slope, right elsewhere."""
    empty = e.wrong & (np.abs(e.dx) <= e.tolerance)
    if (e.wrong & ~empty).any() or not (~e.wrong & ~e.flat).any():
        return None
    found = parts(e)
    if found and found[2]:
        return Pattern("first only", f"dx is filled in for {found[0]} only, and 0 in {found[1]}")
    text = f"dx is 0 in {empty.sum()} of {empty.size} elements that have a slope, and right in the others"
    return Pattern("incomplete", text + place(e, "; the zeros lie"))


def swapped(e: Evidence) -> Pattern | None:
    """The gradient is that of another argument."""
    for name, array in e.arrays.items() if e.slope_of else ():
        if array.shape == e.dx.shape and e.is_dx(e.slope_of(name)):  # type: ignore[misc]
            return Pattern("swapped", f"dx is the gradient of {name}: backward returns them in the wrong order")
    return None


def stale(e: Evidence) -> Pattern | None:
    """The gradient is that of another call."""
    if e.elsewhere is None or not e.is_dx(e.elsewhere()):
        return None
    return Pattern("stale", "dx is the gradient of another call of f: backward reads what a call left outside of ctx")


def only_border(e: Evidence) -> Pattern | None:
    """Right inside, wrong at the border."""
    sides = border(e.wrong) if e.wrong.ndim > 2 else None
    if sides is None or not (~e.wrong & ~e.flat).any():
        return None
    return Pattern("border", f"only the border is wrong ({sides}): padding not cut off, or counted wrongly")


def only_part(e: Evidence) -> Pattern | None:
    """Right at some indices of one axis, wrong at the others."""
    found = parts(e)
    if found is None:
        return None
    return Pattern("first only" if found[2] else "part", f"right in {found[0]}, wrong in {found[1]}")

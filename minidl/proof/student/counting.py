"""Functions of the exercises that count: how many windows fit, and how much border it takes; and their mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.proof import oracles
from minidl.proof.student.cases import Numbers
from minidl.proof.student.kinds import Subject
from minidl.proof.student.watch import Wrong

SIZES = (Numbers("small sizes, then drawn ones", (1,)),)
DRAWN = 40  # settings, besides the small ones


def against_numbers(
    s: Subject,
    calls: list[tuple[Any, ...]],
    right: Callable[..., Any],
    wrong: dict[str, Callable[..., Any]],
) -> float:
    """Compare results that are whole numbers, or tuples of them; a mistake is named if it explains all calls at once.

    Args:
        s: the function.
        calls: the arguments of each call, the small ones first.
        right: gives the right result for the same arguments.
        wrong: what comes out if it is done wrong, by name.
    """
    results = [_whole(s, s.function(*call), right(*call)) for call in calls]
    failed = [index for index, call in enumerate(calls) if results[index] != right(*call)]
    if not failed:
        return 0.0
    call = calls[failed[0]]
    said = ", ".join(f"{name}={value}" for name, value in zip(s.function.parameters, call, strict=True))
    named = tuple(
        what for what, other in wrong.items() if all(other(*call) == result for call, result in zip(calls, results))
    )
    lines = [
        f"{s.function.name}({said}):",
        f"  yours  {results[failed[0]]}",
        f"  right  {right(*call)}",
        f"  wrong in {len(failed)} of {len(calls)} calls",
    ]
    raise Wrong("\n".join([*lines, *exactly(named)]), 1.0, named)


def exactly(named: tuple[str, ...]) -> list[str]:
    """Return the line that names the mistakes which lead to just this result."""
    return [f"  exactly this comes out if {', or if '.join(named)}"] if named else []


def _whole(s: Subject, result: Any, right: Any) -> Any:
    """Return a result as plain whole numbers, or refuse it."""
    if result is None:
        raise Wrong(f"{s.function.name} returned None; is the return statement missing?")
    if isinstance(right, tuple):
        if not isinstance(result, tuple) or len(result) != len(right):
            raise Wrong(f"{s.function.name} must return (front, back); it returned {result!r:.60}")
        return tuple(_whole(s, one, other) for one, other in zip(result, right))
    if isinstance(result, (bool, np.bool_)) or not isinstance(result, (int, np.integer)):
        raise Wrong(
            f"{s.function.name} must return whole numbers; it returned {result!r:.60}, a {type(result).__name__} "
            "(`//` gives a whole number)"
        )
    return int(result)


def out_size_loops(s: Subject, g: Numbers) -> float:
    """The number of windows against walking along the row."""
    rng = np.random.default_rng(s.seed)
    calls: list[tuple[Any, ...]] = [
        (3, 2, 1, (0, 0), 1),
        (5, 3, 2, (0, 0), 1),
        (6, 3, 2, (1, 1), 1),
        (7, 3, 1, (0, 0), 2),
    ]
    for _ in range(DRAWN):
        kernel, stride, front, back, dilation = (int(rng.integers(low, high)) for low, high in SETTINGS)
        size = int(rng.integers(dilation * (kernel - 1) + 1, 30))
        calls.append((size, kernel, stride, (front, back), dilation))
    return against_numbers(s, calls, oracles.out_size, OUT_SIZES)


SETTINGS = (1, 5), (1, 4), (0, 3), (0, 3), (1, 4)  # kernel, stride, front, back, dilation
OUT_SIZES: dict[str, Callable[..., Any]] = {
    "the + 1 at the end is forgotten": lambda n, k, s, p, d: (n + sum(p) - d * (k - 1) - 1) // s,
    "the stride is forgotten": lambda n, k, s, p, d: n + sum(p) - d * (k - 1),
    "the dilation is forgotten": lambda n, k, s, p, d: (n + sum(p) - k) // s + 1,
    "the dilation is multiplied with the kernel, not with the gaps between its taps": (
        lambda n, k, s, p, d: (n + sum(p) - d * k) // s + 1
    ),
    "the padding is forgotten": lambda n, k, s, p, d: (n - d * (k - 1) - 1) // s + 1,
    "the padding is counted at one end only": lambda n, k, s, p, d: (n + p[0] - d * (k - 1) - 1) // s + 1,
    "the padding is counted at one end only, the back": lambda n, k, s, p, d: (n + p[1] - d * (k - 1) - 1) // s + 1,
    "the front of the padding is counted twice": lambda n, k, s, p, d: (n + 2 * p[0] - d * (k - 1) - 1) // s + 1,
    "the quotient is rounded up: `//` rounds down": lambda n, k, s, p, d: -(-(n + sum(p) - d * (k - 1) - 1) // s) + 1,
    "the stride divides everything, the + 1 too": lambda n, k, s, p, d: (n + sum(p) - d * (k - 1)) // s,
    "span is one pixel too long: it is d·(K - 1) + 1": lambda n, k, s, p, d: (n + sum(p) - d * (k - 1) - 2) // s + 1,
}


def _same(n: int, k: int, s: int, d: int, least: int | None = 0) -> int:
    total = (-(-n // s) - 1) * s + d * (k - 1) + 1 - n
    return total if least is None else max(total, least)


def _halves(total: int) -> tuple[int, int]:
    return total // 2, total - total // 2


def same_padding_loops(s: Subject, g: Numbers) -> float:
    """The border against the formula, checked in turn by the number of windows that it leaves."""
    rng = np.random.default_rng(s.seed)
    calls: list[tuple[Any, ...]] = [(5, 3, 1, 1), (4, 2, 1, 1), (6, 3, 2, 1), (7, 3, 1, 2), (5, 1, 2, 1)]
    for _ in range(DRAWN):
        kernel, stride, dilation = (int(rng.integers(low, high)) for low, high in ((1, 6), (1, 4), (1, 4)))
        calls.append((int(rng.integers(3, 30)), kernel, stride, dilation))
    return against_numbers(s, calls, lambda *call: _halves(_same(*call)), SAME_PADDINGS)


SAME_PADDINGS: dict[str, Callable[..., Any]] = {
    "the odd pixel stands in front": lambda *call: _halves(_same(*call))[::-1],
    "the stride is left out: d·(K - 1) is right for a stride of 1 only": lambda n, k, s, d: _halves(d * (k - 1)),
    "the number of windows is rounded down: ceil(size / stride) rounds up": (
        lambda n, k, s, d: _halves(max((n // s - 1) * s + d * (k - 1) + 1 - n, 0))
    ),
    "the border is negative where the windows fit without one": lambda n, k, s, d: _halves(_same(n, k, s, d, None)),
    "the dilation is forgotten": lambda n, k, s, d: _halves(_same(n, k, s, 1)),
    "both ends get half of it, rounded down": lambda *call: (_same(*call) // 2,) * 2,
    "both ends get half of it, rounded up": lambda *call: (-(-_same(*call) // 2),) * 2,
    "both ends get all of it": lambda *call: (_same(*call),) * 2,
    "all of it stands in front": lambda *call: (_same(*call), 0),
    "all of it stands at the end": lambda *call: (0, _same(*call)),
    "it is one pixel too much: a window ends with its last tap": lambda *call: _halves(_same(*call) + 1),
}

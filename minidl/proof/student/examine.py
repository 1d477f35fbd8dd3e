"""Examine one function: run its checks with numbers drawn from a seed, up to the first that finds something.

What is found is said once, with the mistake by its name where it is a known one, and shown on the smallest case that
fails: a few whole numbers, with which one can reckon by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl._looks import Brief
from minidl.proof.runner import unknown
from minidl.proof.student.cases import HANDS, Geometry
from minidl.proof.student.claims import CLAIMS, Check, Claim
from minidl.proof.student.kinds import Subject
from minidl.proof.student.watch import Watched, Wrong, where

KNOWN = {claim.name: claim for claim in CLAIMS}


@dataclass(frozen=True)
class Shown(Brief):
    """A case that fails, to be looked at: what the function was called with, what it returned, and what is right."""

    arguments: dict[str, Any]
    result: str
    yours: np.ndarray
    right: np.ndarray

    def _words(self) -> list[str]:
        return [self.result, f"of {', '.join(self.arguments)}"]


@dataclass(frozen=True)
class Finding(Brief):
    """What is wrong with a function.

    Attributes:
        function: its name.
        kind: "wrong" (it computes something else), "form" (arguments, shape or type), "raised", "unwritten",
            or "missing".
        check: the check that has found it, such as "loops"; "" where none was run.
        case: the case, in words.
        text: what is wrong, in lines.
        place: "file:line" of the function, or of the line that raised; "" where Python does not know it.
        named: the mistakes that lead to exactly this; empty where the mistake is not recognised.
        shown: the smallest case that fails, where there is one to be shown.
    """

    function: str
    kind: str
    check: str
    case: str
    text: str
    named: tuple[str, ...] = ()
    place: str = ""
    shown: Shown | None = field(default=None, repr=False)

    def _words(self) -> list[str]:
        return [self.function, self.kind, *self.named[:1]]


def examine(
    name: str,
    function: Callable[..., Any] | None,
    *,
    seed: int = 0,
    others: dict[str, Watched] | None = None,
    path: Path | None = None,
    checks: tuple[str, ...] = (),
) -> Finding | None:
    """Check one function, and return what is wrong with it; None if nothing is.

    Args:
        name: that of the kernel, or another that can be checked; see `KNOWN`.
        function: what is called; None stands for a function that the file does not have.
        seed: of all numbers.
        others: functions that have passed; the adjoint identity uses them.
        checks: the names of those that are made; () (default) stands for all.
        path: of the file that the function stands in, so that a line of it can be named.

    Raises:
        ValueError: if there is nothing of that name that could be checked.

    Example:
        >>> import numpy as np
        >>> from minidl.proof.student.examine import examine
        >>> examine("relu", lambda x: np.maximum(x, 0)) is None
        True
        >>> examine("relu", abs).named
        ('negative numbers keep their size',)
    """
    claim = KNOWN.get(name)
    if claim is None:
        raise ValueError(unknown("function", name, list(KNOWN)))
    if function is None:
        return Finding(name, "missing", "", "", f"the file has no function {name}({claim.parameters})")
    try:
        watched = Watched(name, function, claim.parameters)
    except Wrong as wrong:
        return Finding(name, "form", "", "", str(wrong))
    subject = Subject(watched, others or {}, seed=seed)
    asked = [check for check in claim.checks if not checks or check.name in checks]
    found = next(filter(None, (_run(check, subject, path) for check in asked)), None)
    return found and replace(found, shown=smallest(claim, subject) if found.kind == "wrong" else None)


def _run(check: Check, subject: Subject, path: Path | None) -> Finding | None:
    name = subject.function.name
    for case in check.cases:

        def found(kind: str, text: str, named: tuple[str, ...] = (), case: Any = case) -> Finding:
            raised = re.match(r"(.*?:\d+): ", text) if kind == "raised" else None
            place = raised[1] if raised else subject.function.place
            return Finding(name, kind, check.name, f"{case.name!r} ({case})", text, named, place)

        try:
            check.run(subject, case)
        except NotImplementedError as error:
            place = where(error, path or Path(subject.function.place.rpartition(":")[0]), subject.function.place)
            other = place.partition(":")[0]
            elsewhere = path is not None and other != path.name and other.endswith(".py")
            return found("unwritten", f"{other}: {error}" if elsewhere else str(error))
        except Wrong as wrong:
            is_number = wrong.numbers is not None or wrong.error < float("inf")
            return found("wrong" if is_number else "form", str(wrong), wrong.named)
        except (Exception, SystemExit) as error:
            text = where(error, path or Path(subject.function.place.rpartition(":")[0]), subject.function.place)
            return found("raised", text)
    return None


def smallest(claim: Claim, subject: Subject) -> Shown | None:
    """Return the smallest case of whole numbers that fails, if one does."""
    for check, case in _by_hand(claim):
        try:
            check.run(subject, case)
        except Wrong as wrong:
            if wrong.numbers is not None:
                return Shown(subject.function.last, *wrong.numbers)
        except (Exception, SystemExit):
            continue
    return None


def _by_hand(claim: Claim) -> Iterator[tuple[Check, Any]]:
    """Yield cases of whole numbers, the smallest first."""
    pairs: list[tuple[Check, Any]] = []
    for check in claim.checks:
        if check.name.partition(",")[0] not in ("loops", "formula", "winners"):
            continue
        if isinstance(check.cases[0], Geometry):
            grouped = "groups" in check.name
            pairs += [(check, case) for case in HANDS if (case.groups > 1) == grouped]
        else:
            pairs += [(check, replace(case, whole=True)) for case in check.cases if case.dtype == "float64"]
    yield from sorted(pairs, key=lambda pair: _numbers(pair[1]))


def _numbers(case: Any) -> int:
    """Return how many numbers one has to look at."""
    return int(np.prod(case.x_shape) + (np.prod(case.cols_shape) if isinstance(case, Geometry) else 0))

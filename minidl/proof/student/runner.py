"""Run the checks of a student's file and turn whatever happens into verdicts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from minidl._looks import Brief
from minidl.proof.runner import unknown
from minidl.proof.student.claims import ADJOINT, CLAIMS, Check, Claim
from minidl.proof.student.kinds import Subject
from minidl.proof.student.watch import Watched, Wrong, loaded, where


@dataclass(frozen=True)
class Result(Brief):
    """The verdict on one check of one function.

    Attributes:
        function: its name.
        check: "loops", "adjoint identity", "finite differences" …; empty if nothing could be checked.
        cases: how many geometries it passed.
        worst: the largest relative error; inf if it could not be worked out.
        seconds: how long it took.
        verdict: "ok", "FAIL", "ERROR" (it raised), "not written yet" (NotImplementedError) or "missing".
        trouble: what is wrong, in at most 25 lines; empty if nothing is, or if it has been said of this function. For
            what is not written yet, the text of the NotImplementedError.
    """

    function: str
    check: str
    cases: int
    worst: float
    seconds: float
    verdict: str
    trouble: str = ""


def check_file(path: Path, only: str | None = None, *, full: bool = False) -> Iterator[Result]:
    """Check the functions in a file that are named like kernels, and give the verdicts as they come.

    Args:
        path: the file; its folder can be imported from.
        only: the one function to check; None (default) checks all.
        full: whether finite differences go element by element.

    Raises:
        ValueError: if there is no such file, it cannot be imported (with the line that is to blame), it has none of
            the functions, or `only` is none of them.
    """
    known = [claim.name for claim in CLAIMS]
    if only is not None and only not in known:
        raise ValueError(unknown("function that can be checked", only, known))
    if not path.is_file():
        raise ValueError(f"gradcheck: there is no file {path}")
    return _check_file(path, [claim for claim in CLAIMS if only in (None, claim.name)], full)


def _check_file(path: Path, claims: list[Claim], full: bool) -> Iterator[Result]:
    with ExitStack() as stack:
        try:
            module = stack.enter_context(loaded(path))
        except (Exception, SystemExit) as error:
            raise ValueError(f"gradcheck: {path.name} cannot be imported: {where(error, path)}") from None
        yield from _check_module(module, path, claims, full)


def _check_module(module: ModuleType, path: Path, claims: list[Claim], full: bool) -> Iterator[Result]:
    found = [claim for claim in claims if hasattr(module, claim.name)]
    if not found and len(claims) > 1:
        names = ", ".join(claim.name for claim in claims)
        raise ValueError(f"gradcheck: {path.name} has none of the functions that can be checked: {names}")
    right: dict[str, Watched] = {}  # those that have passed; the adjoint identity uses them
    for claim in found:
        try:
            function = Watched(claim.name, getattr(module, claim.name), claim.parameters)
        except Wrong as wrong:
            yield Result(claim.name, "", 0, float("inf"), 0.0, "FAIL", str(wrong))
            continue
        results: list[Result] = []
        for check in claim.checks:
            results.append(_run(check, Subject(function, right, full), path, quiet=_is_known(check, results)))
            yield results[-1]
            if results[0].verdict == "not written yet":
                break
        if all(result.verdict == "ok" for result in results):
            right[claim.name] = function
    for claim in claims:
        if claim not in found:
            yield Result(claim.name, "", 0, 0.0, 0.0, "missing")


def _is_known(check: Check, results: list[Result]) -> bool:
    """Tell whether the trouble has been said: only the adjoint identity adds to what the loops have found."""
    failed = [result for result in results if result.verdict in ("FAIL", "ERROR")]
    return bool(failed) and not (check.name == ADJOINT and failed[-1].worst < float("inf"))


def _run(check: Check, subject: Subject, path: Path, *, quiet: bool) -> Result:
    """Run one check on its geometries up to the first that fails."""
    name, start, worst, passed = subject.function.name, time.perf_counter(), 0.0, 0

    def result(verdict: str, trouble: str = "") -> Result:
        seconds = time.perf_counter() - start
        return Result(name, check.name, passed, worst, seconds, verdict, "" if quiet else trouble)

    for geometry in check.cases:
        case = f"{name}, {check.name}, case {geometry.name!r} ({geometry}):\n"
        try:
            worst = max(worst, check.run(subject, geometry))
        except NotImplementedError as error:
            return result("not written yet", str(error))
        except Wrong as wrong:
            worst = wrong.error
            return result("FAIL", case + str(wrong))
        except (Exception, SystemExit) as error:
            worst = float("inf")
            return result("ERROR", case + where(error, path))
        passed += 1
    return result("ok")

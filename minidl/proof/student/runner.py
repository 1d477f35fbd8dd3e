"""Run the checks of a student's file and turn whatever happens into verdicts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from minidl._gradcheck import GradientError
from minidl._looks import Brief
from minidl.proof.runner import unknown
from minidl.proof.student.claims import ADJOINT, CLAIMS, DIFFERENCES, Check, Claim
from minidl.proof.student.kinds import Subject
from minidl.proof.student.own import SAID, NoInputs, Own, own_of, said_in
from minidl.proof.student.watch import Watched, Wrong, loaded, where

KNOWN = [claim.name for claim in CLAIMS]
REPORTED = 22  # lines of a report, so that the trouble has at most 25
GROUPS_LATER = """
  (groups come later, in step c5 of `minidl learn`; until then, let the function begin with
  `if groups != 1: raise NotImplementedError("groups come in step c5")`)"""


@dataclass(frozen=True)
class Result(Brief):
    """The verdict on one check of one function.

    Attributes:
        function: its name.
        check: "loops", "adjoint identity", "finite differences" …; empty if nothing could be checked.
        cases: how many geometries it passed.
        worst: the largest relative error; inf if it could not be worked out.
        seconds: how long it took.
        verdict: "ok", "FAIL", "ERROR" (it raised), "not written yet" (NotImplementedError), "missing"; or "KINK", where
            an operation of the student's own has a corner, at which there is no slope.
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

    @property
    def place(self) -> tuple[str, int] | None:
        """The file and the line that the trouble speaks of; None where it speaks of none."""
        found = re.findall(r"^(\S+):(\d+): ", self.trouble, re.MULTILINE)
        return (found[-1][0], int(found[-1][1])) if found else None


def check_file(path: Path, only: str | None = None, *, full: bool = False) -> Iterator[Result]:
    """Check what a file defines, and give the verdicts as they come.

    That are its functions with the names of kernels, its subclasses of `Function`, and the functions of tensors that
    its `INPUTS` name, that are annotated to return a Tensor, or that are asked for by name.

    Args:
        path: the file; its folder can be imported from.
        only: the one function or class to check; None (default) checks all.
        full: whether finite differences go element by element.

    Raises:
        ValueError: if there is no such file, it cannot be imported (with the line that is to blame), there is nothing
            to check in it, or `only` is not in it.
    """
    if not path.is_file():
        raise ValueError(f"gradcheck: there is no file {path}")
    return _check_file(path, only, full)


def known_in(path: Path) -> list[str]:
    """Return the names of the functions in a file that can be checked."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return [name for name in re.findall(r"^def (\w+)", text, re.MULTILINE) if name in KNOWN]


def _check_file(path: Path, only: str | None, full: bool) -> Iterator[Result]:
    with ExitStack() as stack:
        try:
            module = stack.enter_context(loaded(path))
        except (Exception, SystemExit) as error:
            raise ValueError(f"gradcheck: {path.name} cannot be imported: {where(error, path)}") from None
        said = said_in(module, path.name)
        own = [one for one in own_of(module, said, only) if one.name not in KNOWN and only in (None, one.name)]
        claims = [claim for claim in CLAIMS if only in (None, claim.name)]
        found = [claim for claim in claims if hasattr(module, claim.name)]
        if only is not None and not claims and not own:
            there = [one.name for one in own_of(module, said)] + [name for name in KNOWN if hasattr(module, name)]
            raise ValueError(unknown("function or operation", only, there or KNOWN))
        if not found and not own and len(claims) > 1:
            raise ValueError(
                f"gradcheck: {path.name} has nothing that can be checked: no subclass of Function, no function that "
                f"{SAID} names or that is annotated to return a Tensor, and none of {', '.join(KNOWN)}"
            )
        yield from _check_claims(module, path, found, full)
        for one in own:
            yield _check_own(one, said, path, full)
        families = {claim.family for claim in found}
        for claim in claims:
            if claim not in found and (claim.family in families or only):
                yield Result(claim.name, "", 0, 0.0, 0.0, "missing")


def _check_claims(module: ModuleType, path: Path, found: list[Claim], full: bool) -> Iterator[Result]:
    right: dict[str, Watched] = {}  # those that have passed; the adjoint identity uses them
    for claim in found:
        try:
            function = Watched(claim.name, getattr(module, claim.name), claim.parameters)
        except Wrong as wrong:
            yield Result(claim.name, "", 0, float("inf"), 0.0, "FAIL", str(wrong))
            continue
        results: list[Result] = []
        for check in claim.checks:
            results.append(_run(check, Subject(function, right, full, _is_known(check, results)), path))
            yield results[-1]
            if results[0].verdict == "not written yet":
                break
        if all(result.verdict == "ok" for result in results):
            right[claim.name] = function


def _check_own(own: Own, said: dict[str, Any], path: Path, full: bool) -> Result:
    """Check one operation of the file's own."""
    start = time.perf_counter()

    def result(verdict: str, worst: float, trouble: str = "") -> Result:
        passed, seconds = int(verdict == "ok"), time.perf_counter() - start
        return Result(own.name, DIFFERENCES, passed, worst, seconds, verdict, trouble)

    guessed, failures = "", []
    try:
        for inputs in own.inputs(said):
            shapes = [getattr(array, "shape", array) for array in inputs[0]]
            if own.name not in said:
                guessed = f"\n(guessed inputs: {shapes}; the file may say others: {SAID} = {{{own.name!r}: {shapes}}})"
            try:
                report = own.check(inputs, full=full)
                break
            except (NotImplementedError, GradientError):
                raise
            except (Exception, SystemExit) as error:  # another guess may be what the operation is made for
                text = where(error, path, own.place(str(error)))
                failures.append(result("ERROR", float("inf"), text + guessed))
        else:
            return failures[0]
    except NotImplementedError as error:
        return result("not written yet", 0.0, str(error))
    except GradientError as error:
        head = f"{own.place('backward')}: {own.name}, {DIFFERENCES}:\n"
        return result("FAIL", error.report.worst, head + "\n".join(str(error).splitlines()[:REPORTED]) + guessed)
    except NoInputs as error:
        cause = f": {where(error.__cause__, path, own.place(''))}" if error.__cause__ else ""
        text = f"{own.place('')}: {own.name}: its inputs cannot be guessed{cause}"
        return result("ERROR", float("inf"), f"{text}\n  say them in the file: {SAID} = {{{own.name!r}: [(2, 3), …]}}")
    return result(report.verdict, report.worst, "" if report.verdict == "ok" else f"{own.name}:\n{report}{guessed}")


def _is_known(check: Check, results: list[Result]) -> bool:
    """Tell whether the trouble has been said: only the adjoint identity adds to what the loops have found."""
    failed = [result for result in results if result.verdict in ("FAIL", "ERROR")]
    return bool(failed) and not (check.name == ADJOINT and failed[-1].worst < float("inf"))


def _run(check: Check, subject: Subject, path: Path) -> Result:
    """Run one check on its geometries up to the first that fails."""
    name, start, worst, passed = subject.function.name, time.perf_counter(), 0.0, 0
    begin = f"{subject.function.place}: " if subject.function.place else ""

    def result(verdict: str, trouble: str = "") -> Result:
        seconds = time.perf_counter() - start
        return Result(name, check.name, passed, worst, seconds, verdict, "" if subject.quiet else trouble)

    for geometry in check.cases:
        case = f"{begin}{name}, {check.name}, case {geometry.name!r} ({geometry}):\n"
        try:
            worst = max(worst, check.run(subject, geometry))
        except NotImplementedError as error:
            return result("not written yet", str(error))
        except Wrong as wrong:
            worst = wrong.error
            return result("FAIL", case + str(wrong))
        except (Exception, SystemExit) as error:
            worst = float("inf")
            later = GROUPS_LATER if geometry.groups > 1 else ""
            return result("ERROR", case + where(error, path, subject.function.place) + later)
        passed += 1
    return result("ok")

"""A step that is a few functions under the names of kernels: each is checked as `minidl gradcheck FILE` checks it."""

from __future__ import annotations

import re
from pathlib import Path

from minidl.proof.student import Result, check_file
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import ERROR, MISSING, RIGHT, UNWRITTEN, WRONG, Verdict

STATES = {"FAIL": WRONG, "ERROR": ERROR, "not written yet": UNWRITTEN, "missing": MISSING}
MISTAKE = re.compile(r"exactly this(?: shape)? comes out if (.*)")


def run(step: Step, path: Path, seed: int) -> Verdict:
    """Check the functions of a step in their order, up to the first check that fails."""
    passed = 0
    for function, checks in step.checks.items():
        try:
            for result in check_file(path, function):
                if result.verdict != "ok" and (not checks or result.check in ("", *checks)):
                    return _verdict(step, result, passed)
                passed += result.cases
        except ValueError as error:
            return Verdict(step.name, ERROR, text=str(error))
    return Verdict(step.name, RIGHT, cases=passed)


def _verdict(step: Step, result: Result, passed: int) -> Verdict:
    mistake, case = MISTAKE.search(result.trouble), re.search(r"case (.*):$", result.trouble, re.MULTILINE)
    return Verdict(
        step.name,
        STATES[result.verdict],
        result.function,
        result.check,
        mistake[1] if mistake else "",
        case[1] if case else "",
        result.trouble,
        line=result.place[1] if result.place else None,
        cases=passed + result.cases,
    )

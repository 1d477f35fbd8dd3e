"""A step that is a few functions under the names of kernels: each is examined with numbers that are drawn anew."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from textwrap import wrap

from minidl.proof.student.examine import KNOWN, Finding, examine
from minidl.proof.student.watch import UNKNOWN, Watched, loaded, where
from minidl.teach.learn.checks.picture import WIDE, draw
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import ERROR, MISSING, RIGHT, UNWRITTEN, WRONG, Verdict

STATES = {"wrong": WRONG, "form": WRONG, "raised": ERROR, "unwritten": UNWRITTEN, "missing": MISSING}
REPORTED = 14  # lines of a report, before they are broken


def run(step: Step, path: Path, seed: int) -> Verdict:
    """Check the functions of a step in their order, up to the first check that fails."""
    right: dict[str, Watched] = {}  # those that have passed; the adjoint identity uses them
    passed = 0
    with ExitStack() as stack:
        try:
            module = stack.enter_context(loaded(path))
        except NotImplementedError as error:
            return Verdict(step.name, UNWRITTEN, text=str(error))
        except (Exception, SystemExit) as error:
            text = f"{path.name} cannot be imported: {where(error, path, pointed=True)}"
            lacks = isinstance(error, ModuleNotFoundError) and error.name in step.needs
            mistake = f"it uses {error.name}.py, which is not there" if lacks else ""  # type: ignore[union-attr]
            return Verdict(step.name, ERROR, mistake=mistake, text=text, line=_line(where(error, path)))
        for name, checks in step.checks.items():
            function = getattr(module, name, None)
            found = examine(name, function, seed=seed, others=right, path=path, checks=checks)
            if found is not None:
                return verdict_of(step, found, passed)
            claim = KNOWN[name]
            right[name] = Watched(name, function, claim.parameters)
            passed += sum(len(check.cases) for check in claim.checks if not checks or check.name in checks)
    return Verdict(step.name, RIGHT, cases=passed)


def verdict_of(step: Step, found: Finding, passed: int) -> Verdict:
    """Put what was found into words for the learner."""
    lines = [line for line in found.text.splitlines() if line.strip() != UNKNOWN][:REPORTED]
    if found.kind != "unwritten" and found.case:
        begin = f"{found.place}: " if found.place and found.kind != "raised" else ""
        name, _, sizes = found.case.partition(" (")
        lines = [f"{begin}{found.function}, {found.check}, case {name}:", f"({sizes}", *lines]
    return Verdict(
        step.name,
        STATES[found.kind],
        found.function,
        found.check,
        ", or if ".join(found.named),
        found.case,
        "\n".join(part for line in lines for part in broken(line)),
        draw(found.shown) if found.shown else "",
        line=_line(found.place + ": "),
        cases=passed,
    )


def broken(line: str) -> list[str]:
    """Break a line where the terminal ends; what is written under each other stays so."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return wrap(line, WIDE, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def _line(text: str) -> int | None:
    """Return the line that "file:line: what happened" speaks of."""
    number = text.partition(": ")[0].rpartition(":")[2]
    return int(number) if number.isdigit() else None

"""A step that is code with a bug: the learner says which of its numbered lines is wrong, and mends it.

Besides what all steps have, its file holds

    BUG       = 4                      the line that is wrong, or a tuple of them; lines are numbered with `# (4)`
    INNOCENT  = {2: "it counts …"}     what is said to who suspects another line; not needed for all

The learner's file has `LINE = None` above the code.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from minidl._checks import is_int, shown
from minidl.proof.student.watch import loaded
from minidl.teach.learn.checks import functions
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import UNWRITTEN, WRONG, Verdict
from minidl.teach.strings.learn import bugs as words

ANSWER = "LINE"


def run(step: Step, path: Path, seed: int) -> Verdict:
    """Judge the line first, then what the code does."""
    found = functions.run(step, path, seed)
    try:
        with loaded(path) as module:
            line = getattr(module, ANSWER, None)
    except (Exception, SystemExit):
        return found  # it cannot be imported, as has been said
    last = max(map(int, re.findall(r"# \((\d+)\)", step.skeleton)))
    if line is None:
        return Verdict(step.name, UNWRITTEN, text=words.WHICH.format(last=last))
    if not is_int(line) or not 1 <= line <= last:
        return Verdict(step.name, WRONG, text=words.NO_LINE.format(last=last, line=shown(line)))
    bugs = step.extra["BUG"]
    if line not in (bugs if isinstance(bugs, tuple) else (bugs,)):
        why = step.extra.get("INNOCENT", {}).get(line, "")
        text = words.LOOK_ON.format(line=line, why=f": {why}" if why else "")
        return Verdict(step.name, WRONG, check=ANSWER, mistake=words.INNOCENT.format(line=line), text=text)
    if found.passed:
        return found
    return replace(found, text=f"{words.FOUND.format(line=line)}\n{found.text}")

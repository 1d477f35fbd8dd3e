"""The process that runs one student's code: `python -m minidl.teach.learn.marking.worker`, a job on its standard input.

It tells on its standard output, a JSON object a line: which walls stand, which step begins, its verdict. What the
student's code prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from minidl import kernels
from minidl.teach.learn import steps
from minidl.teach.learn.marking import shelter
from minidl.teach.learn.patience import check_patiently


def main() -> None:
    """Read the job, close the shelter, check step by step."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    job = json.loads(sys.stdin.readline())
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    home = Path(job["home"])
    os.chdir(home)
    sys.path.insert(0, str(home))
    hidden = [Path(folder) for folder in job["hidden"]]
    steps()  # found while everything can be
    tell(out, walls=shelter.close(home, hidden, job["memory"], job["seconds"] * (len(job["steps"]) + 1)))
    with kernels.use("textbook"):  # compiled kernels call libraries, which the shelter refuses
        for name in job["steps"]:
            tell(out, begins=name)
            step = steps()[name]
            verdict, _ = check_patiently(step, home / step.file, job["seed"], job["seconds"])
            tell(out, verdict=verdict.to_dict())


def tell(out: TextIO, **what: Any) -> None:
    """Write a line at once."""
    out.write(json.dumps(what) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
    os._exit(0)  # whatever the student's code has left behind: threads, exit functions

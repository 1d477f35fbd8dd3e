"""The page on the exercises as a script: which commands it shows, on which file, and what they print.

`python -m tests.learn.page` runs them and writes what they print into the page. Above each of its console blocks
stands what the command is about: `step c1: the bias is not added` (a planted wrong answer of a step, or `the skeleton`,
or `the solution`), `all functions` (one file of them), or `an operation` (the block of the page that defines it).
"""

import io
import re
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from minidl import cli
from minidl.teach.learn import get_step
from tests.learn.answers import write_answers
from tests.proof.wrong import SOLUTION

PAGE = Path(__file__).resolve().parents[2] / "docs" / "learn.md"
BLOCK = re.compile(r"<!-- (?P<about>.+?) -->\n```console\n\$ minidl (?P<command>[^\n]+)\n(?P<output>.*?)```", re.S)
TIMES = re.compile(r"\d+\.\d\d s\b")


@dataclass
class Printed:
    status: int
    out: str
    err: str


def command(*arguments):
    """Run `minidl gradcheck`; return its exit status and what it prints."""
    return run("gradcheck", *arguments)


def run(*arguments):
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = cli.run([*arguments])
    return Printed(status, out.getvalue(), err.getvalue())


def printed(about, line, folder):
    """Return what the command of a block prints, its times set to 0.02 s."""
    folder, arguments = Path(folder), line.split(" ")
    if step := re.fullmatch(r"step (\w+): (.*)", about, re.S):
        _write(folder, get_step(step[1]), step[2])
        arguments += ["--dir", str(folder)]
    else:
        file, _, name = arguments[1].partition("::")
        (folder / file).write_text(SOLUTION if about == "all functions" else _operation(), encoding="utf-8")
        arguments[1] = str(folder / file) + (f"::{name}" if name else "")
    return TIMES.sub("0.02 s", run(*arguments).out)


def _write(folder, step, which):
    """Put the file of a step into a folder, and those that it imports, which have passed."""
    write_answers(folder, step.needs)
    for need in step.needs:
        run("learn", "check", need, "--dir", str(folder))
    texts = {"the skeleton": step.handout, "the solution": step.answer}
    text = texts[which]() if which in texts else step.planted(which)
    (folder / step.file).write_text(text, encoding="utf-8")


def _operation():
    return re.search(r"```python\n# roundrelu.py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[1]


def main():
    def block(found):
        head = found[0][: found.start("output") - found.start()]
        with tempfile.TemporaryDirectory() as folder:
            return head + printed(found["about"], found["command"], folder) + "```"

    PAGE.write_text(BLOCK.sub(block, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

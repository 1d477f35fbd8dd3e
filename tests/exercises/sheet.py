"""The exercise sheet as a script: which commands it shows, on which file, and what they print.

`python -m tests.exercises.sheet` runs them and writes what they print into the sheet.
"""

import io
import re
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from minidl import cli
from tests.exercises.wrong import SOLUTION, WRONG

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "exercises"
SHEET = FOLDER / "convolution.md"
BLOCK = re.compile(
    r"<!-- file: (?P<file>.+?) -->\n```console\n\$ minidl gradcheck (?P<target>\S+)\n(?P<output>.*?)```", re.S
)

NO_GROUPS = '    if groups != 1:\n        raise NotImplementedError("exercise 7, groups")\n'


def source(name):
    """Return the file that a block of the sheet is about."""
    if name == "skeleton":
        return (FOLDER / "convolution.py").read_text(encoding="utf-8")
    if name == "solution":
        return SOLUTION
    if name == "roundrelu":
        return re.search(r"```python\n# roundrelu.py\n(.*?)```", SHEET.read_text(encoding="utf-8"), re.S)[1]
    if name == "before the groups":
        return re.sub(r"(?m)^def conv2d(_dx|_dw)?\(.*\n", lambda found: found[0] + NO_GROUPS, SOLUTION)
    return WRONG[name].source


@dataclass
class Printed:
    status: int
    out: str
    err: str


def command(*arguments):
    """Run `minidl gradcheck`; return its exit status and what it prints."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = cli.run(["gradcheck", *arguments])
    return Printed(status, out.getvalue(), err.getvalue())


def printed(name, target, folder):
    """Return what the command prints for a block."""
    (Path(folder) / target.partition("::")[0]).write_text(source(name), encoding="utf-8")
    return command(str(Path(folder) / target)).out


def main():
    with tempfile.TemporaryDirectory() as folder:

        def run(block):
            head = block[0][: block.start("output") - block.start()]
            return head + printed(block["file"], block["target"], folder) + "```"

        SHEET.write_text(BLOCK.sub(run, SHEET.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

"""A learner at the command line, in a folder whose name has spaces and Korean letters."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from minidl import cli
from minidl.teach.learn import get_step


@dataclass
class Printed:
    status: int
    out: str
    err: str


class Learner:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *arguments):
        """Run `minidl learn …` in the folder."""
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            status = cli.run(["learn", *map(str, arguments), "--dir", str(self.folder)])
        return Printed(status, out.getvalue(), err.getvalue())

    def write(self, name, text):
        step = get_step(name)
        (self.folder / step.file).write_text(text, encoding="utf-8")
        return step

    def solve(self, name):
        return self.write(name, get_step(name).answer())


@pytest.fixture
def learner(tmp_path):
    folder = tmp_path / "내 연습 one"
    folder.mkdir()
    return Learner(folder)

"""Starting the command line as a user does: in a process of its own, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import minidl


@pytest.fixture
def environment():
    """The variables of a process that finds this minidl wherever it starts."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MINIDL_TRACEBACK", "COLUMNS", "LINES")}
    return kept | {"PYTHONPATH": str(Path(minidl.__file__).parents[1]), "PYTHONWARNINGS": "error"}


@pytest.fixture
def launch(tmp_path, environment):
    """Start `minidl ARGUMENTS` in tmp_path and return the process; it is gone when the test is over."""
    processes = []

    def start(*arguments, **settings):
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | settings
        command = [sys.executable, "-m", "minidl", *arguments]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, **settings)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

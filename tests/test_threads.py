"""The number of threads."""

import os
import subprocess
import sys

import pytest

import minidl
from minidl import _threads


@pytest.fixture(autouse=True)
def _restored():
    before = minidl.get_num_threads()
    yield
    minidl.set_num_threads(before)


def test_what_is_set_is_in_force():
    minidl.set_num_threads(1)
    assert minidl.get_num_threads() == 1


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "two"])
def test_no_number_is_refused(n):
    with pytest.raises(ValueError, match=f"set_num_threads: n must be an int >= 1; received n={n!r}"):
        minidl.set_num_threads(n)


def test_more_than_there_are_is_refused():
    n = _threads.available() + 1
    with pytest.raises(ValueError, match=f"set_num_threads: n must be at most {n - 1}, .*; received n={n}"):
        minidl.set_num_threads(n)


@pytest.mark.parametrize(
    ("value", "printed"),
    [("1", "1"), ("", str(_threads.available())), ("many", "MINIDL_NUM_THREADS must be an int >= 1; received")],
)
def test_the_environment_decides_at_first(value, printed):
    code = "import minidl\ntry: print(minidl.get_num_threads())\nexcept ValueError as error: print(error)"
    environment = {**os.environ, "MINIDL_NUM_THREADS": value}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert printed in done.stdout

"""What the measurements rest on: contenders compute the same and take turns, and tables say what was read."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import _published
from benchmarks._tables import table
from benchmarks._timing import geometric_mean, take_turns
from minidl.kernels import textbook
from tests.contract import assert_close


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, (1, 1), 1), (3, (2, 1), 0), (1, (1, 1), 0)])
def test_the_published_way_computes_the_same(groups, kernel, stride, padding, rng):
    x = rng.standard_normal((2, 4, 7, 6))
    w = rng.standard_normal((6, 4 // groups, kernel, kernel))
    geometry = (stride, ((padding, padding), (padding, padding)), (1, 1), groups)
    y = textbook.conv2d(x, w, None, *geometry)
    dy = rng.standard_normal(y.shape)
    assert_close(_published.conv2d(x, w, None, *geometry), y)
    assert_close(_published.conv2d_dx(dy, w, x.shape, *geometry), textbook.conv2d_dx(dy, w, x.shape, *geometry))
    assert_close(_published.conv2d_dw(dy, x, w.shape, *geometry), textbook.conv2d_dw(dy, x, w.shape, *geometry))


def test_contenders_take_turns():
    called = []
    found = take_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, rounds=2, calls=2)
    assert "".join(called) == "ab" + "aaabbb" * 2
    assert list(found) == ["a", "b"]
    assert all(0 < reading.best <= reading.median for reading in found.values())


def test_twice_as_fast_and_twice_as_slow_cancel():
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_a_table_lines_up():
    assert table(["what", "ms"], [["one", 1.0], ["thirteen", "20.5"]]).splitlines() == [
        "| what     | ms   |",
        "|----------|-----:|",
        "| one      | 1.00 |",
        "| thirteen | 20.5 |",
    ]


def test_an_unknown_part_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "layer"], capture_output=True, text=True, check=False, cwd=_root()
    )
    assert done.returncode == 2
    assert done.stderr == (
        "benchmarks: there is no layer; the parts are layers, networks, compare, scaling, first_step, small, roofline\n"
    )


def _root():
    return Path(__file__).resolve().parent.parent

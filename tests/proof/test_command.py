"""`minidl gradcheck`: what is printed, and the exit status."""

import json
import sys

import pytest

from minidl import proof
from minidl.proof import runner
from tests.learn.page import SOLUTION, command
from tests.proof.test_runner import planted  # noqa: F401 - a fixture


def test_everything(monkeypatch):
    monkeypatch.setattr(runner, "names", lambda: ["relu", "conv2d", "ReLU"])
    result = command()
    assert result.status == 0
    lines = result.out.splitlines()
    assert lines[0].split("  ")[0] == "operation"
    assert [line.split()[0] for line in lines[1:4]] == ["relu", "conv2d", "ReLU"]
    assert all(line.endswith("ok") for line in lines[1:4])
    assert lines[-1].startswith("all 3 operations and layers right; worst relative error ")
    assert "\x1b" not in result.out


def test_one_operation_shows_its_cases():
    result = command("conv2d", "--full")
    cases = proof.tables()["conv2d"].cases
    assert result.status == 0
    assert [line[:20].strip() for line in result.out.splitlines()[1 : 1 + len(cases)]] == [c.name[:20] for c in cases]
    assert f"all {len(cases)} cases of conv2d right" in result.out


@pytest.mark.usefixtures("planted")
def test_a_failure_is_shown_and_is_the_exit_status():
    result = command("square")
    assert result.status == 1
    assert "square, case 'one':\ngradcheck (direction, seed 0): FAIL" in result.out
    assert "1 of 1 cases of square wrong: one" in result.out


@pytest.mark.usefixtures("planted")
def test_a_kink_is_shown_and_no_failure():
    result = command("kinked")
    assert result.status == 0
    assert "KINK: f has a corner here" in result.out


def test_an_unknown_name_prints_no_table():
    result = command("Conv2D")
    assert result.status == 1
    assert result.err == (
        "minidl: gradcheck: there is no operation, layer or file 'Conv2D'; did you mean conv2d or Conv2d or "
        "conv2d_fused?\n"
    )
    assert result.out == ""


def test_a_file_that_cannot_be_imported_prints_no_table(tmp_path):
    (tmp_path / "mine.py").write_text("relu =\n")
    result = command(str(tmp_path / "mine.py"))
    assert (
        result.err == "minidl: gradcheck: mine.py cannot be imported: mine.py:1: SyntaxError: invalid syntax relu =\n"
    )
    assert result.out == ""


def test_a_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(SOLUTION, encoding="utf-8")
    result = command(str(file))
    assert result.status == 0
    assert "\nmissing: avg_pool2d, avg_pool2d_dx, relu, relu_dx\n" in result.out
    assert command(f"{file}::im2col").out.splitlines()[-1] == "right: im2col"
    assert command(f"{file}::relu").status == 1  # asked for, and missing


def test_a_file_with_everything_in_it(tmp_path):
    file = tmp_path / "mine.py"
    source = """
def relu(x):
    return abs(x)

def relu_dx(dy, y):
    raise NotImplementedError

def im2col(x, kernel_size, stride, padding, dilation):
    raise NotImplementedError("tomorrow")
"""
    file.write_text(source, encoding="utf-8")
    result = command(str(file))
    assert result.status == 1
    assert "exactly this comes out if negative numbers keep their size" in result.out
    assert result.out.splitlines()[-4:-1] == [
        "wrong: relu",
        "not written yet: im2col (tomorrow)",
        "not written yet: relu_dx",
    ]
    assert result.out.splitlines()[-1].startswith("missing: conv2d_loops, conv2d, col2im, ")


def test_a_file_of_ones_own_operations(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from minidl import Function, Tensor, ops\n\ndef loss(x: Tensor, t: Tensor) -> Tensor:\n"
        "    return ops.l1_loss(x, t)\n\nclass Twice(Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        return 2 * x\n    @staticmethod\n    def backward(ctx, dy):\n        return dy\n"
    )
    result = command(str(file))
    assert result.status == 1
    assert result.out.splitlines()[-2:] == ["right: loss", "wrong: Twice"]
    assert "mine.py:10: Twice, finite differences:" in result.out
    assert command(f"{file}::loss").status == 0


class TestJson:
    def test_operations(self, monkeypatch):
        monkeypatch.setattr(runner, "names", lambda: ["relu", "ReLU"])
        result = command("--json")
        found = json.loads(result.out)
        assert result.status == 0
        assert (found["right"], found["wrong"]) == (True, [])
        assert [row["name"] for row in found["rows"]] == ["relu", "ReLU"]
        assert all(row["verdict"] == "ok" and row["worst"] < 1e-6 and row["trouble"] == [] for row in found["rows"])

    @pytest.mark.usefixtures("planted")
    def test_a_wrong_one(self):
        result = command("square", "--json")
        found = json.loads(result.out)
        assert result.status == 1
        assert (found["right"], found["wrong"]) == (False, ["one"])
        assert "gradcheck (direction, seed 0): FAIL" in found["rows"][0]["trouble"][0]

    def test_a_file(self, tmp_path):
        file = tmp_path / "mine.py"
        file.write_text(
            "def relu(x):\n    return x.nothing\n\ndef relu_dx(dy, y):\n    return dy * (y > 0)\n\n"
            "def im2col(x, k, s, p, d):\n    raise NotImplementedError('tomorrow')\n"
        )
        result = command(str(file), "--json")
        found = json.loads(result.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        assert result.status == 1
        assert found["file"] == "mine.py"
        assert (found["right"], found["wrong"]) == (["relu_dx"], ["relu"])
        assert found["not_written_yet"] == {"im2col": "tomorrow"}
        assert found["missing"][:2] == ["conv2d_loops", "conv2d"]
        (broken,) = (one for one in found["checks"] if one["function"] == "relu")
        assert (broken["verdict"], broken["worst"]) == ("ERROR", None)
        assert broken["place"] == {"file": "mine.py", "line": 2}
        assert {one["function"]: one["place"] for one in found["checks"]}["relu_dx"] is None

    def test_an_error_is_a_line_all_the_same(self):
        result = command("nothing_at_all.py", "--json")
        assert (result.status, result.out) == (1, "")
        assert result.err == "minidl: gradcheck: there is no file nothing_at_all.py\n"


def test_on_a_terminal_rich_draws_the_table(monkeypatch, capsys):
    from minidl.cli.gradcheck import gradcheck

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert gradcheck("relu") == 0
    out = capsys.readouterr().out
    assert "┏" in out
    assert "case of relu" in out
    monkeypatch.setenv("TERM", "dumb")
    assert gradcheck("relu") == 0
    assert "┏" not in capsys.readouterr().out

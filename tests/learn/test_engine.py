"""The checks of functions: what is told of a file, and the picture of the smallest case that fails."""

import re

import pytest

from minidl.proof.student.examine import examine
from minidl.teach.learn import check, get_step
from minidl.teach.learn.checks.picture import WIDE, draw
from tests.doctor import planted_norms, planted_pools, planted_rows, planted_windows  # noqa: F401 - they plant
from tests.doctor.planting import BUGS

STEP = get_step("im2col")


@pytest.fixture
def judged(tmp_path):
    def run(source, seed=7):
        file = tmp_path / STEP.file
        file.write_text(source, encoding="utf-8")
        return check(STEP, file, seed)

    return run


def body(line):
    """The file with one line in place of the last of its function."""
    return STEP.answer().replace("    return cols\n", f"    {line}\n")


@pytest.mark.parametrize(
    ("source", "state", "mistake", "says"),
    [
        (STEP.answer(), "right", "", ""),
        (STEP.handout(), "not written yet", "", "write out what every window sees"),
        ("def im2col(:\n", "error", "", f"{STEP.file}:1: SyntaxError"),
        ("import nothing_like_it\n", "error", "", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("raise SystemExit(3)\n", "error", "", "SystemExit: 3"),
        ("x = 1\n", "missing", "", "the file has no function im2col(x, kernel_size, stride, padding, dilation)"),
        ("im2col = 3\n", "wrong", "", "im2col must be a function; it is a int"),
        ("def im2col(x):\n    return x\n", "wrong", "", "must take (x, kernel_size, stride, padding, dilation)"),
        (body("return"), "wrong", "nothing is returned", "is the return statement missing?"),
        (body("return cols.tolist()"), "wrong", "a list is returned, no array", "must return an array"),
        (body("x *= 2; return cols"), "wrong", "the argument x is changed in place", "work on a copy"),
        (body("return cols.astype('float16')"), "wrong", "the result is float16", "dtype=x.dtype"),
        (body("return cols / None"), "error", "", "TypeError: unsupported operand"),
        (body("return cols + 1"), "wrong", "", "worst at cols["),
    ],
)
def test_what_is_told(judged, source, state, mistake, says):
    verdict = judged(source)
    assert (verdict.state, verdict.mistake[: len(mistake)]) == (state, mistake)
    assert bool(mistake) == bool(verdict.mistake)
    assert says in verdict.text
    assert len(verdict.text.splitlines()) <= 25


def test_the_line_is_that_of_the_function_or_of_what_raised(judged):
    source = body("return cols / None")
    lines = source.splitlines()
    assert judged(source).line == lines.index("    return cols / None") + 1
    assert judged(body("return cols + 1")).line == next(i for i, line in enumerate(lines, 1) if line.startswith("def "))


def test_the_seed_draws_everything(judged):
    """The same seed shows the same numbers, another seed others."""
    source = body("return cols + 1")
    first, again, other = judged(source, 1), judged(source, 1), judged(source, 2)
    assert (first.text, first.picture) == (again.text, again.picture)
    assert first.text != other.text
    assert first.picture != other.picture


def test_the_smallest_case_is_drawn(judged):
    picture = judged(STEP.planted("the taps i and j are exchanged")).picture
    assert picture.splitlines()[0].rstrip() == "x"
    assert "cols[0, 0, 0, 1], yours" in picture
    assert len(re.findall(r"\[-?\d\]", picture)) == 2
    assert judged(STEP.answer()).picture == ""


@pytest.mark.parametrize("bug", BUGS[::4], ids=lambda bug: bug.function.__name__)
def test_every_picture_fits_a_plain_terminal(bug):
    shown = examine(bug.kernel, bug.function, seed=3).shown
    if shown is not None:
        lines = draw(shown).splitlines()
        assert max(map(len, lines)) <= WIDE
        assert len(lines) <= 45
        assert "\x1b" not in draw(shown)
        assert "[" in draw(shown)

"""Find the bug: first the line, then what it does."""

import pytest

from minidl.teach.learn import check, steps

BUGS = [step for step in steps().values() if step.kind == "bugs"]
STEP = BUGS[0]


@pytest.fixture
def judged(tmp_path):
    def run(source, step=STEP):
        file = tmp_path / step.file
        file.write_text(source, encoding="utf-8")
        return check(step, file, 7)

    return run


def test_there_are_ten():
    assert len(BUGS) == 10
    assert len({next(iter(step.wrong)) for step in BUGS}) == 10


@pytest.mark.parametrize("step", BUGS, ids=lambda step: step.name)
def test_the_code_is_wrong_in_one_line_and_says_nothing_of_it(step):
    """The skeleton and the solution differ in LINE, and in the line that is meant."""
    pairs = list(zip(step.skeleton.splitlines(), step.solution.splitlines(), strict=True))
    changed = [ours for theirs, ours in pairs if theirs != ours]
    assert changed[0].startswith(f"LINE = {step.extra['BUG']} ")
    assert [line.rpartition("# ")[2] for line in changed[1:]] == [f"({step.extra['BUG']})"]
    assert step.extra["BUG"] not in step.extra["INNOCENT"]
    assert step.kernels == ()


@pytest.mark.parametrize("step", BUGS, ids=lambda step: step.name)
def test_who_finds_the_line_is_told_what_stands_there(step, judged):
    verdict = judged(step.handout().replace("LINE = None", f"LINE = {step.extra['BUG']}"), step)
    assert verdict.state == "wrong"
    assert verdict.mistake.startswith(next(iter(step.wrong)))
    assert verdict.text.startswith(f"line ({step.extra['BUG']}) it is; what stands there now:")


@pytest.mark.parametrize(
    ("line", "state", "says"),
    [
        ("None", "not written yet", "which of the lines (1) to (11) is wrong?"),
        ("12", "wrong", "LINE must be the number of a line, from 1 to 11; received LINE=12"),
        ("0", "wrong", "received LINE=0"),
        ("'four'", "wrong", "received LINE='four'"),
        ("True", "wrong", "received LINE=True"),
        ("3", "wrong", "line (3) does what it shall; look on"),
        ("11", "wrong", "line (11) does what it shall: the taps lie in the order i·KW + j"),
        ("4", "right", ""),
    ],
)
def test_the_line_is_judged_first(judged, line, state, says):
    verdict = judged(STEP.answer().replace("LINE = 4", f"LINE = {line}"))
    assert verdict.state == state
    assert says in verdict.text


def test_a_mended_line_that_is_not_told_is_asked_for(judged):
    assert judged(STEP.answer().replace("LINE = 4", "line = 4")).state == "not written yet"


def test_a_file_that_cannot_be_read_is_told_as_everywhere(judged):
    assert "SyntaxError" in judged("LINE = (\n").text

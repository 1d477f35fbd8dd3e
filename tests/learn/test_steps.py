"""Every step of the course: its form, its skeleton, its solution, and its planted wrong answers."""

import pytest

from minidl import kernels
from minidl.teach.learn import check, get_step, steps
from minidl.teach.learn.checks import KINDS
from tests.learn.answers import write_answers

STEPS = list(steps().values())
IDS = list(steps())
WIDEST = 80


@pytest.fixture(scope="session")
def answers(tmp_path_factory):
    return write_answers(tmp_path_factory.mktemp("answers"))


@pytest.mark.parametrize("step", STEPS, ids=IDS)
def test_the_form_of_a_step(step):
    assert len(step.title) <= 45
    assert step.kind in KINDS
    assert step.checks
    assert set(step.kernels) <= set(kernels.NAMES)
    assert len(step.hints) == 3
    assert step.hints[0].endswith("?")
    assert len(step.wrong) >= 3
    assert all(need in steps() and need < step.name for need in step.needs)
    assert max(len(line) for line in step.handout().splitlines()) <= WIDEST
    assert len(step.task.strip().splitlines()) <= 14
    compile(step.handout(), step.file, "exec")


@pytest.mark.parametrize("step", STEPS, ids=IDS)
def test_the_skeleton_fails_with_a_useful_message(step, answers, tmp_path):
    file = write_answers(tmp_path, step.needs) / step.file
    file.write_text(step.handout(), encoding="utf-8")
    verdict = check(step, file)
    assert verdict.state in ("not written yet", "wrong")
    assert len(verdict.text) > 10


@pytest.mark.parametrize("step", STEPS, ids=IDS)
def test_the_solution_passes(step, answers):
    verdict = check(step, answers / step.file, 7)
    assert verdict.passed, verdict.text
    assert verdict.cases


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("step", STEPS, ids=IDS)
def test_the_solution_passes_with_every_seed(step, seed, answers):
    verdict = check(step, answers / step.file, seed)
    assert verdict.passed, verdict.text


@pytest.mark.parametrize("step", STEPS, ids=IDS)
def test_a_planted_wrong_answer_gets_its_own_name(step, tmp_path):
    file, found = write_answers(tmp_path, step.needs) / step.file, set()
    for name in step.wrong:
        file.write_text(step.planted(name), encoding="utf-8")
        verdict = check(step, file, 7)
        assert not verdict.passed, name
        assert verdict.mistake.startswith(name), (name, verdict.mistake, verdict.text)
        assert len(verdict.text.splitlines()) <= 25
        found.add(verdict.mistake)
    assert len(found) == len(step.wrong)


def test_a_step_has_three_names():
    assert get_step("b1") is get_step("IM2COL") is get_step(r"C:\learn\b1_im2col.py") is get_step("b1_im2col.ipynb")


def test_an_unknown_step_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"no step 'im2cool'; did you mean b1_im2col\?"):
        get_step("im2cool")
    with pytest.raises(ValueError, match=r"no step '\\n'; see: minidl learn list"):
        get_step("\n")

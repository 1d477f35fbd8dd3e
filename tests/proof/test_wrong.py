"""A file of functions: the solution passes `minidl gradcheck`, and every wrong one is told what is wrong with it."""

import re

import pytest

from minidl.proof.student import check_file
from tests.proof.wrong import SOLUTION, WRONG

NAMES = set(re.findall(r"^def (im2col|col2im|conv2d\w*|max_pool2d\w*)", SOLUTION, re.M))


def test_functions_that_wait_are_not_written_yet(tmp_path):
    file, text = tmp_path / "mine.py", ""
    for signature in re.findall(r"^def (?:im2col|col2im|conv2d\w*|max_pool2d\w*)\(.*?\):\n", SOLUTION, re.M):
        text += f"{signature}    raise NotImplementedError('later')\n"
    file.write_text(text, encoding="utf-8")
    results = [r for r in check_file(file) if r.verdict != "missing"]
    assert len(results) == 8
    assert {(r.verdict, r.trouble) for r in results} == {("not written yet", "later")}


def test_the_solution_passes(tmp_path):
    file = tmp_path / "solution.py"
    file.write_text(SOLUTION, encoding="utf-8")
    results = [r for r in check_file(file) if r.verdict != "missing"]
    assert {r.verdict for r in results} == {"ok"}
    assert {r.function for r in results} == NAMES
    assert max(r.worst for r in results) < 1e-6
    assert list(tmp_path.iterdir()) == [file]  # nothing is left behind


@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_answer_gets_its_own_message(key, tmp_path):
    wrong = WRONG[key]
    results = list(check_file(wrong.write(tmp_path), wrong.function))
    first = next(r for r in results if r.trouble)
    assert first.verdict == wrong.verdict
    for words in wrong.says:
        assert words in first.trouble
    assert len(first.trouble.splitlines()) <= 25
    assert all(len(r.trouble.splitlines()) <= 25 for r in results)


def test_the_messages_differ():
    assert len({wrong.says[-1] for wrong in WRONG.values()}) >= 30

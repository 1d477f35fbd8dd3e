"""The exercise sheet: the skeleton waits, the solution passes, and every wrong answer is told what is wrong with it."""

import importlib.util
import re

import pytest

from minidl.proof.student import check_file
from tests.exercises import sheet
from tests.exercises.wrong import WRONG

TEXT = sheet.SHEET.read_text(encoding="utf-8")
BLOCKS = list(sheet.BLOCK.finditer(TEXT))


def test_the_skeleton_is_not_written_yet():
    results = [r for r in check_file(sheet.FOLDER / "convolution.py") if r.verdict != "missing"]
    assert len(results) == 8
    assert {r.verdict for r in results} == {"not written yet"}
    assert all(r.trouble.startswith("exercise ") for r in results)
    assert sheet.command(str(sheet.FOLDER / "convolution.py")).status == 1


def test_the_solution_passes(tmp_path):
    file = tmp_path / "solution.py"
    file.write_text(sheet.SOLUTION, encoding="utf-8")
    results = [r for r in check_file(file) if r.verdict != "missing"]
    assert {r.verdict for r in results} == {"ok"}
    assert {r.function for r in results} == set(re.findall(r"^def (\w+)", sheet.source("skeleton"), re.M))
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


def numbers(line):
    """Split a line into words and numbers; times are left out, and errors below a millionth count as 0."""
    line = re.sub(r"\d+\.\d\d s", "", line)
    words = re.split(r"((?<![\w.])-?\d+\.?\d*(?:e[+-]\d+)?(?![\w.]))", line)
    return [" ".join(word.split()) for word in words[::2]], [
        0 if abs(float(word)) < 1e-6 else float(word) for word in words[1::2]
    ]


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{b['file']}-{b['target'].split('::')[-1]}" for b in BLOCKS])
def test_the_sheet_shows_what_is_printed(block, tmp_path):
    shown, printed = block["output"], sheet.printed(block["file"], block["target"], tmp_path)
    assert shown.count("\n") == printed.count("\n")
    for ours, theirs in zip(shown.splitlines(), printed.splitlines(), strict=True):
        words, values = numbers(ours)
        assert (words, values) == (numbers(theirs)[0], pytest.approx(numbers(theirs)[1], rel=1e-6))


def test_the_sheet_asks_for_what_the_skeleton_has():
    for signature in re.findall(r"^def .*?\):", TEXT, re.M):
        assert signature in sheet.source("skeleton")


def test_the_solution_trains_a_network(tmp_path, monkeypatch, capsys):
    (tmp_path / "convolution.py").write_text(sheet.SOLUTION, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    snippet = re.search(r"```python\n(import convolution.*?)```", TEXT, re.S)[1]
    exec(compile(snippet, "the sheet", "exec"), {})
    losses = [float(line) for line in capsys.readouterr().out.split()]
    assert losses[0] > losses[1] > losses[2]


def test_the_script_writes_the_sheet(tmp_path, monkeypatch):
    copy = tmp_path / "convolution.md"
    copy.write_text(re.sub(r"\nright: .*", "\nright: everything", TEXT), encoding="utf-8")
    monkeypatch.setattr(sheet, "SHEET", copy)
    sheet.main()
    assert copy.read_text(encoding="utf-8").count("\nright: conv2d_loops") == TEXT.count("\nright: conv2d_loops")


def test_the_skeleton_can_be_imported():
    spec = importlib.util.spec_from_file_location("skeleton", sheet.FOLDER / "convolution.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(NotImplementedError, match="exercise 2, windows become columns"):
        module.im2col(None, None, None, None, None)

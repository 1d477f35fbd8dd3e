"""`minidl learn`: each command, what is remembered, and what bad input gets."""

import json
import signal

import pytest

from minidl.teach.learn import folder as folders
from minidl.teach.learn import get_step, steps
from minidl.teach.learn.folder import Folder
from minidl.teach.learn.watching import watched
from minidl.teach.strings.learn import words

B1 = get_step("b1")


def test_the_way_through_a_step(learner):
    assert words.HERE in learner("list").out
    started = learner("start", "b1")
    assert (started.status, started.err) == (0, "")
    file = learner.folder / "b1_im2col.py"
    assert file.read_text(encoding="utf-8") == B1.handout()
    waiting = learner("check")
    assert waiting.status == 1
    assert "b1_im2col: not written yet (seed " in waiting.out
    assert waiting.out.endswith("\na hint: minidl learn hint 1 --of b1\n")
    learner.solve("b1")
    right = learner("check", "b1", "--seed", 5)
    assert right.status == 0
    assert right.out.startswith("b1_im2col: right (")
    assert "seed 5" in right.out
    assert "   b1  Windows become columns                        done\n" in learner("list").out


def test_start_never_writes_over_a_file(learner):
    learner.write("b1", "mine")
    for how in ((), ("--notebook",)):
        refused = learner("start", "b1", *how)
        assert refused.status == 1
        assert "b1_im2col.py is here already and stays as it is" in refused.err
        assert (learner.folder / "b1_im2col.py").read_text() == "mine"


def test_hints_come_one_after_the_other(learner):
    told = [learner("hint", "--of", "b1").out for _ in range(4)]
    assert [text.split(":")[0] for text in told] == [f"b1, hint {n} of 3" for n in (1, 2, 3, 3)]
    assert B1.hints[1] in learner("hint", 2, "--of", "b1").out
    assert "hints are numbered 1 to 3; received 4" in learner("hint", 4, "--of", "b1").err
    learner("start", "b1")
    assert learner("check", "b1").out.endswith("minidl learn solution b1 --give-up\n")


def test_the_solution_comes_after_a_pass_or_a_giving_up_that_is_remembered(learner):
    refused = learner("solution", "b1")
    assert (refused.status, refused.out) == (1, "")
    assert "--give-up" in refused.err
    assert learner("solution", "b1", "--give-up").out == B1.answer()
    assert words.GIVEN_UP in learner("list").out
    assert learner("solution", "b1").status == 0
    learner.write("b1", "mine")
    assert learner("solution", "b1", "--write").status == 0
    assert (learner.folder / "b1_im2col.old-1.py").read_text() == "mine"
    assert learner("check", "b1").status == 0


def test_after_a_pass_the_solution_is_no_giving_up(learner):
    learner.solve("b1")
    learner("check", "b1")
    assert learner("solution", "b1").status == 0
    assert words.GIVEN_UP not in learner("list").out
    learner("reset", "b1")
    assert learner("solution", "b1").status == 0


def test_reset_keeps_every_old_file(learner):
    assert "b1_im2col.py is not here; begin with: minidl learn start b1" in learner("reset", "b1").err
    for text in ("one", "two"):
        learner.write("b1", text)
        assert learner("reset", "b1").status == 0
    assert (learner.folder / "b1_im2col.old-1.py").read_text() == "one"
    assert (learner.folder / "b1_im2col.old-2.py").read_text() == "two"
    assert (learner.folder / "b1_im2col.py").read_text(encoding="utf-8") == B1.handout()


def test_a_pass_belongs_to_the_file_as_it_was(learner):
    learner.solve("b1")
    learner("check", "b1")
    learner.write("b1", B1.answer() + "# more\n")
    assert words.CHANGED in learner("list").out
    learner("reset", "b1")
    assert words.BEGUN in learner("list").out


def test_json_holds_the_whole_verdict(learner):
    learner.write("b1", B1.planted(next(iter(B1.wrong))) + "\nprint('hello')\n")
    found = json.loads(learner("check", "b1", "--json", "--seed", 3).out)
    assert found["state"] == "wrong"
    assert found["passed"] is False
    assert found["mistake"] == next(iter(B1.wrong))
    assert found["seed"] == 3
    assert "hello" in found["printed"]


def test_a_flood_of_prints_ends_in_its_last_lines(learner):
    learner.write("b1", B1.answer() + "\nfor i in range(5000):\n    print('line', i)\n")
    out = learner("check", "b1").out
    assert "… and 4,990 lines before these\n  line 4990\n" in out
    assert "b1_im2col: right" in out


@pytest.mark.parametrize(
    "code, says",
    [
        ("while True:\n    pass\n", "b1_im2col.py:1: does not end: stopped after"),
        ("while True:\n    try:\n        x = 1\n    except:\n        pass\n", "does not end: stopped after"),
        ("def im2col(x, kernel_size, stride, padding, dilation):\n    while True:\n        y = 1\n", "b1_im2col.py:"),
    ],
)
@pytest.mark.parametrize("ignored", [False, True], ids=["usual signals", "in the background"])
@pytest.mark.usefixtures("usual_signals")
def test_a_loop_without_an_end_is_stopped(learner, monkeypatch, ignored, code, says):
    monkeypatch.setattr(folders, "PATIENCE", 0.15)
    if ignored:  # as by `nohup`, and by shells for what they start in the background
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    handler = signal.getsignal(signal.SIGINT)
    learner.write("b1", code)
    stopped = learner("check", "b1")
    assert stopped.status == 1
    assert says in stopped.out
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize(
    "code, says",
    [
        ("def im2col(x:\n", "b1_im2col.py:1: SyntaxError"),
        ("if True:\n    x = 3 +* 4\n", "    x = 3 +* 4\n           ^\n"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("1 / 0\n", "b1_im2col.py:1: ZeroDivisionError"),
        ("x = 1\n", "im2col"),
        ("def im2col(x):\n    return x\n", "must take (x, kernel_size, stride, padding, dilation)"),
        ("im2col = 3\n", "im2col must be a function; it is a int"),
        ("\0", "b1_im2col.py"),
    ],
)
def test_a_broken_file_is_a_message(learner, code, says):
    learner.write("b1", code)
    told = learner("check", "b1")
    assert (told.status, told.err) == (1, "")
    assert says in told.out


def test_a_file_of_bytes_that_are_no_text_is_a_message(learner):
    (learner.folder / "b1_im2col.py").write_bytes(b"\xff\xfe\x00x")
    told = learner("check", "b1")
    assert (told.status, told.err) == (1, "")


def test_a_step_that_builds_on_another_says_so(learner):
    learner.solve("c2")
    assert learner("check", "c2").out.endswith(words.NEEDS.format(file="b1_im2col.py", number="b1") + "\n")
    learner("start", "b1")
    first = words.FIRST.format(file="b1_im2col.py", number="b1") + "\n"
    assert learner("check", "c2").out.endswith(first)
    learner.solve("b1")
    learner("check", "b1")
    assert learner("check", "c2").status == 0


def test_an_unknown_step_is_told_the_nearest(learner):
    for command in ("start", "check", "reset", "solution"):
        told = learner(command, "im2cool")
        assert told.status == 1
        assert "there is no step 'im2cool'; did you mean b1_im2col?" in told.err


@pytest.mark.parametrize("text", ["[]", "{}", "no json", '{"steps": 3}', '{"minidl learn": 1, "steps": [1]}', "\xff"])
def test_a_state_of_somebody_elses_is_refused_and_kept(learner, text):
    file = learner.folder / "learn.json"
    file.write_text(text, encoding="latin-1")
    learner.solve("b1")
    for command in ("list", "check"):
        told = learner(command)
        assert told.status == 1
        assert told.err.startswith("minidl: learn: learn.json is none of minidl learn's")
    assert file.read_text(encoding="latin-1") == text


def test_a_state_of_a_newer_minidl_is_refused(learner):
    (learner.folder / "learn.json").write_text('{"minidl learn": 9, "steps": {}}')
    assert "written by a newer minidl (form 9, this one knows 1)" in learner("list").err


def test_steps_that_this_minidl_does_not_know_stay_in_the_state(learner):
    (learner.folder / "learn.json").write_text('{"minidl learn": 1, "steps": {"z9_new": {"passed": "x"}}}')
    learner("hint", "--of", "b1")
    assert json.loads((learner.folder / "learn.json").read_text())["steps"]["z9_new"] == {"passed": "x"}


def test_a_state_survives_a_kill(learner, monkeypatch):
    """What is interrupted while it writes leaves the old file whole."""
    learner("hint", "--of", "b1")
    before = (learner.folder / "learn.json").read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert learner("hint", "--of", "b1").status == 130
    assert (learner.folder / "learn.json").read_bytes() == before
    assert [file.name for file in learner.folder.iterdir()] == ["learn.json"]


def test_there_is_no_such_folder(learner):
    learner.folder = learner.folder / "none"
    assert "there is no folder" in learner("list").err


def test_watch_checks_each_save_and_begins_the_next_step(learner):
    saves = [
        lambda: learner.write("b1", B1.handout() + "\n"),
        lambda: None,
        lambda: learner.write("b1", B1.planted(next(iter(B1.wrong)))),
        lambda: learner.solve("b1"),
    ]

    def wait(seconds):
        saves.pop(0)()
        if not saves:
            learner.last = True

    told = watched(Folder(learner.folder), wait)
    begin = next(told)
    first = begin[0].split(":")[0]
    assert (learner.folder / get_step(first).file).exists()
    assert "b1_im2col: not written yet" in next(told)[0]
    wrong = next(told)
    assert wrong[0].startswith("b1_im2col: wrong")
    right = next(told)
    assert right[0].startswith("b1_im2col: right")
    assert not saves
    if len(steps()) > 1:
        assert right[-1].split(" ")[0].endswith(".py")


def test_watch_ends_with_ctrl_c(learner, monkeypatch):
    def interrupted(folder):
        yield ["first"]
        raise KeyboardInterrupt

    monkeypatch.setattr("minidl.teach.learn.watching.watched", interrupted)
    ended = learner("watch")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.endswith("first\n\n")


def notebook_of(learner, text):
    file = learner.folder / "b1_im2col.ipynb"
    book = json.loads(file.read_text(encoding="utf-8"))
    book["cells"][1]["source"] = text.splitlines(keepends=True)
    book["cells"].append({"cell_type": "code", "source": "%timeit 3\n!ls\n", "metadata": {}})
    file.write_text(json.dumps(book), encoding="utf-8")


def test_a_notebook_is_the_same_step(learner):
    assert "b1_im2col.ipynb is written" in learner("start", "b1", "--notebook").out
    waiting = learner("check", "b1")
    assert "b1_im2col: not written yet" in waiting.out
    assert words.UNSAVED in waiting.out
    notebook_of(learner, B1.solution)
    assert learner("check", "b1").status == 0
    assert "def im2col" in (learner.folder / "b1_im2col.py").read_text(encoding="utf-8")
    assert "done" in learner("list").out
    assert learner("reset", "b1").status == 0
    assert "not written yet" in learner("check", "b1").out


def test_a_notebook_never_writes_over_a_file_of_the_learners(learner):
    learner("start", "b1", "--notebook")
    learner.write("b1", "mine")
    assert "was not made from the notebook b1_im2col.ipynb" in learner("check", "b1").err
    assert (learner.folder / "b1_im2col.py").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}'])
def test_a_broken_notebook_is_a_message(learner, text):
    (learner.folder / "b1_im2col.ipynb").write_text(text)
    told = learner("check", "b1")
    assert told.status == 1
    assert "b1_im2col.ipynb is no notebook that can be read" in told.err

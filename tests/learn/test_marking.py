"""A class is marked whatever its students hand in: a row each, the same in two runs; nothing else is touched."""

import csv
import datetime
import os
import re
import sys
import types
from dataclasses import replace

import pytest

from minidl import cli
from minidl.teach.learn import check, get_step
from minidl.teach.learn.marking import classroom, mark_class, selection, shelter, student, term
from minidl.teach.learn.marking.journal import Journal
from minidl.teach.learn.marking.table import harmless

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups of POSIX")
RELU = "import numpy as np\n\n\ndef relu(x):\n    {body}\n\n\ndef relu_dx(dy, y):\n    return dy * (y > 0)\n"
E1 = get_step("e1")

# What a student hands in as the first of two steps, and how its cell begins.
PLACE = "error: e1_relu.py:5: "
HOSTILE = {
    "endless": ("while True: pass", "does not end"),
    "crash": ("import os; os.abort()", "error: the interpreter crashed (SIGABRT)"),
    "deletes": ("import os; os.remove({outside!r})", f"{PLACE}PermissionError: the shelter lets nothing be changed"),
    "flood": ("[print('x' * 1000) for _ in range(3000)]; return np.maximum(x, 0)", "right"),
}
MORE = {
    "endless in C": ("import itertools; sum(itertools.repeat(0))", "does not end"),
    "ctypes": ("import ctypes; ctypes.string_at(0)", f"{PLACE}PermissionError: the shelter refuses ctypes."),
    "leaves": ("import os; os._exit(3)", "error: the interpreter was left with exit status 3"),
    "exits": ("import sys; sys.exit('enough')", f"{PLACE}SystemExit: enough"),
    "wrong type": ("return 'relu'", "a str is returned, no array"),
    "writes": ("open({outside!r}, 'w')", f"{PLACE}PermissionError: the shelter lets nothing be written outside"),
    "reads others": ("return open({other!r}).read()", f"{PLACE}(PermissionError: the shelter|FileNotFound)"),
    "network": ("import socket; socket.socket()", f"{PLACE}PermissionError: the shelter refuses socket."),
    "processes": ("import os; os.system('true')", f"{PLACE}PermissionError: the shelter refuses os.system"),
    "memory": ("return np.ones((1 << 16, 1 << 16))", f"{PLACE}.*MemoryError"),
}
BROKEN = {
    "raises at import": ("1 / 0\n", "error: e1_relu.py:1: ZeroDivisionError"),
    "does not parse": ("def relu(x:\n", "error: e1_relu.py:1: SyntaxError"),
    "no function": ("x = 1\n", "missing: the file has no function relu"),
    "no text": ("\0\0", "error: e1_relu.py cannot be imported"),
}


@pytest.fixture
def hand_in(tmp_path):
    """Make a folder for a student, with the first step of unit e as it is given, and the second right."""

    def make(name, text, second=True):
        folder = tmp_path / "2학년 3반" / name
        folder.mkdir(parents=True)
        (folder / E1.file).write_bytes(text.encode())
        if second:
            (folder / get_step("e2").file).write_text(get_step("e2").answer(), encoding="utf-8")
        return folder

    return make


def rows(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    ("hostile", "broken"),
    [(HOSTILE, {}), pytest.param(MORE, BROKEN, marks=pytest.mark.slow)],
    ids=["some", "all others"],
)
def test_every_mishap_is_that_students_alone(hostile, broken, hand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(student, "GRACE", 1.0)
    outside = tmp_path / "beside.txt"
    outside.write_text("kept")
    good = hand_in("000 good", E1.answer())
    for name, (body, _) in hostile.items():
        body = body.format(outside=str(outside), other=str(good / E1.file)) if "{" in body else body
        hand_in(name, RELU.format(body=body))
    for name, (text, _) in broken.items():
        hand_in(name, text)
    (tmp_path / "2학년 3반" / "nothing").mkdir()
    expected = {name: cell for name, (_, cell) in {**hostile, **broken}.items()}
    marked = mark_class(tmp_path / "2학년 3반", tmp_path / "marks.csv", names=selection("e1,e2"), seconds=1.0, seed=7)
    assert outside.read_text() == "kept"
    cells = {one.name: list(one.cells.values()) for one in marked.students}
    assert cells.pop("000 good") == ["right", "right"]
    assert cells.pop("nothing") == ["", ""]
    assert cells.keys() == expected.keys()
    for name, (first, second) in cells.items():
        assert re.match(expected[name].replace("(SIG", r"\(SIG").replace("ABRT)", r"ABRT\)"), first), (name, first)
        assert second == "right", name  # whatever came before it
    assert shelter.HOOK in marked.walls
    assert not (tmp_path / "marks.csv.part").exists()
    table = rows(tmp_path / "marks.csv")
    assert table[0] == ["student", "right", "of", "e1_relu", "e2_linear"]
    assert [row[0] for row in table[1:]] == sorted(["000 good", "nothing", *expected])
    assert all(row[3] == cells[row[0]][0] for row in table[2:] if row[0] in cells)


def test_two_runs_and_a_run_that_was_cut_off_give_the_same_marks(hand_in, tmp_path, monkeypatch):
    for place, wrong in enumerate(list(E1.wrong)[:2]):
        hand_in(f"student {place}", E1.planted(wrong))
    class_, chosen = tmp_path / "2학년 3반", selection("e1,e2")
    mark_class(class_, tmp_path / "a.csv", names=chosen, seed=1)
    assert [row[3] for row in rows(tmp_path / "a.csv")[1:]] == list(E1.wrong)[:2]

    done, mark = [], student.mark

    def once(folder, steps, rules):
        if done:
            raise KeyboardInterrupt
        done.append(folder.name)
        return mark(folder, steps, rules)

    monkeypatch.setattr(classroom, "_side_by_side", lambda: 1)
    monkeypatch.setattr(classroom, "mark", once)
    with pytest.raises(KeyboardInterrupt):
        mark_class(class_, tmp_path / "b.csv", names=chosen, seed=1)
    assert not (tmp_path / "b.csv").exists()
    with open(tmp_path / "b.csv.part", "a") as file:
        file.write('{"fingerprint": "cut o')  # a kill in the middle of a line
    with pytest.raises(ValueError, match=r"b\.csv\.part is what another report left unfinished \(seed 1\)"):
        mark_class(class_, tmp_path / "b.csv", names=chosen, seed=2)
    again = []
    monkeypatch.setattr(classroom, "mark", lambda folder, *rest: again.append(folder.name) or mark(folder, *rest))
    mark_class(class_, tmp_path / "b.csv", names=chosen, seed=1)
    assert sorted(done + again) == ["student 0", "student 1"]
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_folder_that_has_changed_is_marked_anew(hand_in, tmp_path):
    folder = hand_in("student", E1.answer(), second=False)
    before = student.fingerprint(folder, [E1])
    (folder / "notes.txt").write_text("not looked at")
    assert student.fingerprint(folder, [E1]) == before
    (folder / E1.file).write_text(E1.handout())
    assert student.fingerprint(folder, [E1]) != before


def test_marks_that_cannot_be_written_lose_nothing(hand_in, tmp_path, monkeypatch):
    hand_in("student", E1.handout(), second=False)
    (tmp_path / "marks.csv").mkdir()  # as a file that is open elsewhere: it cannot be replaced
    with pytest.raises(OSError, match=r"marks\.csv"):
        mark_class(tmp_path / "2학년 3반", tmp_path / "marks.csv", names=[E1], seed=0)
    assert "not written yet" in (tmp_path / "marks.csv.part").read_text()
    (tmp_path / "marks.csv").rmdir()
    monkeypatch.setattr(classroom, "mark", lambda *_: pytest.fail("marked already"))
    mark_class(tmp_path / "2학년 3반", tmp_path / "marks.csv", names=[E1], seed=0)
    assert rows(tmp_path / "marks.csv")[1][:3] == ["student", "0", "1"]


def test_links_and_huge_files_are_no_work(hand_in, tmp_path):
    folder = hand_in("student", E1.answer(), second=False)
    secret = tmp_path / "secret.py"
    secret.write_text("x = 1")
    (folder / get_step("e2").file).symlink_to(secret)
    (folder / get_step("e3").file).write_bytes(b"#" * (student.MOST_BYTES + 1))
    assert [path.name for path in student._handed_in(folder)] == [E1.file]


def test_what_another_step_lacks_is_said_with_its_name(tmp_path):
    step, im2col = get_step("c2"), get_step("b1")
    path = tmp_path / step.file
    path.write_text(step.answer(), encoding="utf-8")
    assert check(step, path, 0).mistake == "it uses b1_im2col.py, which is not there"
    (tmp_path / im2col.file).write_text(im2col.handout(), encoding="utf-8")
    found = check(step, path, 0)
    assert (found.state, found.text) == ("not written yet", "b1_im2col.py: write out what every window sees")
    (tmp_path / im2col.file).write_text(im2col.answer(), encoding="utf-8")
    assert check(step, path, 0).passed


def test_a_file_is_read_as_it_is_now_whatever_a_notebook_has_imported_before(tmp_path, monkeypatch):
    step, im2col = get_step("c2"), get_step("b1")
    path = tmp_path / step.file
    path.write_text(step.answer(), encoding="utf-8")
    (tmp_path / im2col.file).write_text(im2col.answer(), encoding="utf-8")
    older = types.ModuleType(im2col.name)
    older.__file__ = str(tmp_path / "older" / im2col.file)
    older.im2col = lambda *arguments: 0
    monkeypatch.setitem(sys.modules, im2col.name, older)
    assert check(step, path, 0).passed
    assert sys.modules[im2col.name] is older


def test_no_name_is_a_formula_in_a_spreadsheet():
    assert [harmless(text) for text in ("=cmd()", "+1", "-1", "@x", "김")] == ["'=cmd()", "'+1", "'-1", "'@x", "김"]


def test_terms_have_their_seed():
    days = {(2026, 2, 28): 20252, (2026, 3, 1): 20261, (2026, 8, 31): 20261, (2026, 9, 1): 20262, (2026, 12, 31): 20262}
    assert {day: term(datetime.date(*day)) for day in days} == days


def test_a_journal_of_nonsense_is_refused(tmp_path):
    (tmp_path / "x.part").write_text("[1, 2]\n")
    with pytest.raises(ValueError, match="another report"):
        Journal(tmp_path / "x.part", {"seed": 1})


def test_the_hook_stops_at_the_home(tmp_path):
    home, hidden = tmp_path / "home", tmp_path / "class"
    guard = shelter._guard(home, [hidden])
    guard("open", (str(home / "x.txt"), "w", os.O_WRONLY))
    guard("open", ("/etc/hostname", "r", os.O_RDONLY))
    guard("os.remove", (str(home / "x.txt"), -1))
    for event, arguments in {
        "open": (str(home / ".." / "x"), "w", os.O_WRONLY | os.O_CREAT),
        "os.rename": (str(home / "x"), str(tmp_path / "x"), -1, -1),
        "os.remove": (str(tmp_path / "homework"), -1),
        "os.listdir": (str(hidden),),
        "subprocess.Popen": ("ls", ["ls"], None, None),
        "socket.__new__": (),
        "ctypes.dlopen": ("libc.so.6",),
    }.items():
        with pytest.raises(PermissionError, match="the shelter"):
            guard(event, arguments)


def test_the_command(hand_in, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hand_in("학생 <b>&1", E1.planted(next(iter(E1.wrong))), second=False)
    assert cli.run(["learn", "report", "2학년 3반", "--html", "--only", "e1", "--seed", "4"]) == 0
    said = capsys.readouterr().out
    assert "marking 1 students in 2학년 3반: 1 steps, seed 4" in said
    assert "protection that held: " in said
    assert "written: marks.csv, marks.html" in said
    page = (tmp_path / "marks.html").read_text(encoding="utf-8")
    assert "학생 &lt;b&gt;&amp;1" in page
    assert next(iter(E1.wrong)).split("&")[0] in page
    assert "http" not in page
    for typed, message in {
        "nowhere": "there is no folder nowhere; it must hold one folder for each student",
        "2학년 3반/학생 <b>&1": "holds no folder; it must hold one for each student",
    }.items():
        assert cli.run(["learn", "report", typed]) != 0
        assert message in capsys.readouterr().err


def test_a_step_of_ones_own(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["learn", "new", "h1_my_relu"]) == 0
    assert "MINIDL_STEPS=. minidl learn prove h1" in capsys.readouterr().out
    for name, message in {
        "h1_my_relu": "h1_my_relu.py is there already",
        "c2_mine": "c2 is taken by c2_conv2d; free is c8",
        "Relu": "'Relu' names no step",
    }.items():
        assert cli.run(["learn", "new", name]) != 0
        assert message in capsys.readouterr().err


def test_a_step_is_proved_in_every_way_it_knows(capsys, monkeypatch):
    assert cli.run(["learn", "prove", "a1", "--seeds", "1"]) == 0
    assert "6 wrong answers are named, with 1 seeds" in capsys.readouterr().out
    a1 = get_step("a1")
    old, new = next(iter(a1.wrong.values()))
    spoilt = replace(
        a1, skeleton=a1.solution, solution=a1.solution.replace(old, new), wrong={"wet": ("size", "kernel")}
    )
    monkeypatch.setattr(sys.modules["minidl.teach.learn.steps"], "get_step", lambda name: spoilt)
    assert cli.run(["learn", "prove", "a1", "--seeds", "1"]) == 1
    said = capsys.readouterr().out
    for part in (
        "the skeleton is right (seed 0)",
        "the solution is not right (seed 0): wrong",
        "not named: 'wet' (seed 0)",
    ):
        assert part in said


def test_steps_of_ones_own_are_found_from_a_students_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIDL_STEPS", "steps")
    assert student._environment(tmp_path / "home")["MINIDL_STEPS"] == str(tmp_path / "steps")

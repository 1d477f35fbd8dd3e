"""`-m` reads the files that can hold what it asks for, and all of these."""

from types import SimpleNamespace

import pytest

from tests import marks

PLAIN, SLOW, BOTH = "def test(): ...", "@pytest.mark.slow", "pytestmark = [pytest.mark.peers, pytest.mark.slow]"


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        ("", [PLAIN, SLOW, BOTH]),
        ("not slow and not browser", [PLAIN, SLOW, BOTH]),
        ("slow", [SLOW, BOTH]),
        ("slow and not peers", [SLOW, BOTH]),
        ("slow and peers", [BOTH]),
        ("peers or browser", [BOTH]),
        ("browser", []),
        ("gpu", [PLAIN, SLOW, BOTH]),  # a fixture gives that one
        ("slow(reason='none')", [PLAIN, SLOW, BOTH]),
        ("slow and", [PLAIN, SLOW, BOTH]),
    ],
)
def test_a_file_is_read_where_one_of_its_tests_can_be_meant(asked, held, tmp_path):
    for number, text in enumerate((PLAIN, SLOW, BOTH)):
        path = tmp_path / f"test_{number}.py"
        path.write_text(text, encoding="utf-8")
        assert marks.may_hold(path, asked) is (text in held), text


def test_every_file_names_the_marks_of_its_tests():
    """All that have been read with this one: every file, in a run of all tests."""
    assert marks.missed == []


def test_a_mark_that_comes_from_elsewhere_is_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(marks, "missed", [])
    for name, text in (("plain", PLAIN), ("slow", SLOW)):
        path = tmp_path / f"test_{name}.py"
        path.write_text(text, encoding="utf-8")
        given = [pytest.mark.skip, pytest.mark.slow]
        marks.note(SimpleNamespace(nodeid=f"of {name}", path=path, iter_markers=lambda given=given: given))
    assert marks.missed == ["of plain"]

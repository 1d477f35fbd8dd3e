"""docs/claims.yaml, statements of lecture notes with their verdicts, judged anew."""

from pathlib import Path

import pytest

import minidl
from minidl.teach.claims import check
from minidl.teach.claims.files import entries

FILE = Path(minidl.__file__).parents[1] / "docs" / "claims.yaml"
ENTRIES = entries(FILE)


def test_the_file_has_no_mistakes():
    assert [entry.problem for entry in ENTRIES if entry.problem] == []
    assert len(ENTRIES) >= 100
    assert all(entry.topic and entry.verdict for entry in ENTRIES)
    assert sum(not entry.text.isascii() for entry in ENTRIES) >= 10  # in Korean, too


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.line} {entry.topic}")
def test_a_statement_has_its_verdict(entry):
    answers = check(entry.text)
    assert {answer.verdict for answer in answers} == {entry.verdict}, answers
    if entry.right:
        assert entry.right in {answer.right for answer in answers}
    if entry.slip:
        assert all(answer.key.startswith(entry.slip) for answer in answers), answers

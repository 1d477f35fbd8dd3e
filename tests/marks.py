"""Which files can hold a test that `-m` asks for: `-m browser` need not read all the others, which takes a while.

A test has a mark because its file says so, `pytest.mark.browser`; of each test that is read, `note` looks whether
that is so.
"""

import functools
import re
from itertools import combinations
from pathlib import Path

import pytest

MARKS = ("browser", "peers", "slow")
WORD = re.compile(rf"\bmark\.({'|'.join(MARKS)})\b")
missed: list[str] = []  # tests with a mark that their files do not name; `test_marks.py` wants none


def may_hold(path: Path, asked: str) -> bool:
    """Tell whether a test in a file can have such marks as an expression asks for; in doubt it can."""
    try:
        if is_true(asked, ()):
            return True
        some = named(path)
        return any(is_true(asked, marks) for count in range(len(some)) for marks in combinations(some, count + 1))
    except Exception:  # other marks, or words that only pytest understands
        return True


@functools.cache
def named(path: Path) -> set[str]:
    """Return the marks that the text of a file names."""
    return set(WORD.findall(path.read_text(encoding="utf-8")))


def is_true(asked: str, marks) -> bool:
    """Tell whether an expression such as `slow and not peers` is true of a test that has these marks."""
    return bool(eval(asked, {"__builtins__": {}}, {mark: mark in marks for mark in MARKS}))


def note(item: pytest.Item) -> None:
    """Note a test with a mark that its file does not name, for `may_hold` would miss it."""
    if {mark.name for mark in item.iter_markers()} & {*MARKS} - named(item.path):
        missed.append(item.nodeid)

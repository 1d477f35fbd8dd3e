"""The marks as a table: a row a student, a column a step."""

from __future__ import annotations

import csv
from pathlib import Path

from minidl._files import atomic_write
from minidl.teach.learn.marking.student import Marks
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import RIGHT

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet begins a formula


def table(path: Path, marks: list[Marks], steps: list[Step]) -> None:
    """Write the table as CSV, with the mark by which spreadsheets know UTF-8."""
    with atomic_write(path) as temporary, open(temporary, "w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["student", "right", "of", *(step.name for step in steps)])
        for one in marks:
            right = sum(one.states[step.name] == RIGHT for step in steps)
            rows.writerow([harmless(one.name), right, len(steps), *(harmless(one.cells[step.name]) for step in steps)])


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    Example:
        >>> harmless("=1+1"), harmless("right")
        ("'=1+1", 'right')
    """
    text = text.encode("utf-8", "replace").decode("utf-8")  # a name on the disk may be no text
    return f"'{text}" if text.startswith(FORMULA) else text

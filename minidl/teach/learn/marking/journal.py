"""What is marked already, a line a student, written at once: a report that was killed goes on behind it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minidl._names import printable
from minidl.teach.learn.marking.student import Marks
from minidl.teach.strings.learn import words


class Journal:
    """The file beside the marks, `marks.csv.part`.

    Args:
        path: where it lies.
        head: what must be the same for its lines to count: the seed, the steps.

    Raises:
        ValueError: if it is there, and belongs to another report.
        OSError: if it cannot be written.
    """

    def __init__(self, path: Path, head: dict[str, Any]):
        self.path, self.known = path, {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if lines:
            first = _read(lines[0])
            if first != head:
                seed = first.get("seed") if isinstance(first, dict) else None
                raise ValueError(words.OTHER_REPORT.format(file=printable(path.name), seed=seed))
        else:
            path.write_text(json.dumps(head) + "\n", encoding="utf-8")
        for line in lines[1:]:
            if isinstance(entry := _read(line), dict):  # the last may be cut off
                self.known[entry["marks"]["name"], entry["fingerprint"]] = _marks(entry["marks"])
        if lines and not path.read_bytes().endswith(b"\n"):
            with open(path, "a", encoding="utf-8") as file:
                file.write("\n")

    def add(self, marks: Marks, fingerprint: str) -> None:
        """Write a student's marks."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"fingerprint": fingerprint, "marks": asdict(marks)}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def find(self, name: str, fingerprint: str) -> Marks | None:
        """Return the marks of a student whose folder is as it was."""
        return self.known.get((name, fingerprint))

    def close(self) -> None:
        """Take the file away: the marks are written."""
        self.path.unlink(missing_ok=True)


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _marks(entry: dict[str, Any]) -> Marks:
    return Marks(entry["name"], entry["cells"], entry["states"], tuple(entry["walls"]))

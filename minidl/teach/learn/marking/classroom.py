"""A whole class, several students side by side."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from minidl import _version
from minidl._looks import Brief
from minidl._names import printable
from minidl.teach.learn.marking.journal import Journal
from minidl.teach.learn.marking.overview import page
from minidl.teach.learn.marking.student import Marks, Rules, fingerprint, mark
from minidl.teach.learn.marking.table import table
from minidl.teach.learn.steps import Step, steps
from minidl.teach.strings.learn import words

SECONDS, MEMORY = 10.0, 2 * 2**30  # for a step, for a student


@dataclass(frozen=True)
class Marked(Brief):
    """A class that is marked.

    Attributes:
        students: their marks, by the names of their folders.
        seed: what everything was drawn with.
        walls: the walls of the shelter that stood for every student whose code ran.
        files: what was written.
    """

    students: list[Marks]
    seed: int
    walls: tuple[str, ...]
    files: tuple[Path, ...]

    def _words(self) -> list[str]:
        return [f"{len(self.students)} students", f"seed={self.seed}", ", ".join(map(str, self.files))]


def term(day: datetime.date | None = None) -> int:
    """Return the seed of a term: its year and its half; the second half, from September, runs into February.

    Example:
        >>> term(datetime.date(2026, 11, 28)), term(datetime.date(2027, 1, 8)), term(datetime.date(2027, 3, 2))
        (20262, 20262, 20271)
    """
    day = day or datetime.date.today()
    if day.month < 3:
        return (day.year - 1) * 10 + 2
    return day.year * 10 + (1 if day.month < 9 else 2)


def students_of(folder: Path) -> list[Path]:
    """Return the students' folders in a class.

    Raises:
        ValueError: if there is no such folder, or none in it.
    """
    if not folder.is_dir():
        raise ValueError(words.NO_CLASS.format(folder=printable(folder)))
    found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
    if not found:
        raise ValueError(words.EMPTY_CLASS.format(folder=printable(folder)))
    return sorted(found, key=lambda path: path.name)


def mark_class(
    folder: Path,
    out: Path,
    *,
    seed: int | None = None,
    names: list[Step] | None = None,
    html: bool = False,
    tell: Callable[[int, int], None] = lambda done, all_: None,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Marked:
    """Mark every student of a class, and write the table.

    Args:
        folder: a folder that holds one for each student.
        out: the CSV file of the marks; beside it lies `OUT.part` until all are marked, and a report that was killed
            goes on behind it.
        seed: the same for all students; None (default) is that of the term.
        names: the steps; None (default) means all.
        html: write the overview, too, under the same name with .html.
        tell: is called with the number of students that are marked, and of all.
        seconds: that a step may take.
        memory: bytes that a student's process may take.

    Returns:
        The marks, the same in two runs with the same seed.

    Raises:
        ValueError: if the folder has no students, or `OUT.part` belongs to another report.
        OSError: if a file cannot be written; what is marked stays in `OUT.part`.
    """
    chosen = list(steps().values()) if names is None else names
    seed = term() if seed is None else seed
    class_ = students_of(folder)
    head = {"minidl": _version.__version__, "seed": seed, "steps": [step.name for step in chosen]}
    journal = Journal(out.with_name(f"{out.name}.part"), head)
    rules = Rules(seed, seconds, memory, _hidden(folder))
    marked: dict[str, Marks] = {}
    waiting = []
    for student in class_:
        print_ = fingerprint(student, chosen)
        known = journal.find(student.name, print_)
        if known is None:
            waiting.append((student, print_))
        else:
            marked[student.name] = known
    tell(len(marked), len(class_))
    with ThreadPoolExecutor(_side_by_side()) as pool:
        jobs = {pool.submit(mark, student, chosen, rules): (student, print_) for student, print_ in waiting}
        try:
            for job in as_completed(jobs):
                student, print_ = jobs[job]
                marked[student.name] = job.result()
                journal.add(job.result(), print_)
                tell(len(marked), len(class_))
        except BaseException:  # Ctrl-C too: those that have not begun do not begin
            pool.shutdown(cancel_futures=True)
            raise
    return _write(out, [marked[student.name] for student in class_], chosen, seed, html, journal)


def _hidden(folder: Path) -> tuple[Path, ...]:
    """Return the class as a folder to hide, unless Python itself lies in it."""
    real = Path(os.path.realpath(folder))
    needed = [Path(os.path.realpath(place)) for place in (sys.prefix, sys.base_prefix, _version.__file__)]
    return () if any(place.is_relative_to(real) for place in needed) else (real,)


def _side_by_side() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def _write(out: Path, marks: list[Marks], chosen: list[Step], seed: int, html: bool, journal: Journal) -> Marked:
    """Write what was asked for; the journal goes last, so nothing is lost if a file cannot be written."""
    ran = [set(one.walls) for one in marks if any(one.states[step.name] != "missing" for step in chosen)]
    walls = tuple(sorted(set.intersection(*ran))) if ran else ()
    files = [out]
    table(out, marks, chosen)
    if html:
        files.append(out.with_suffix(".html"))
        page(files[-1], marks, chosen, seed, walls)
    journal.close()
    return Marked(marks, seed, walls, tuple(files))

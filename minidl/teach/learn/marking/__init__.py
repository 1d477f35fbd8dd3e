"""Mark a class: a folder a student, a row a student, a column a step, the doctor's word in the cell.

    classroom.py  the whole class, side by side, in a journal that survives a kill: `mark_class`
    student.py    one student's folder: copied, checked in a process of its own, begun again behind a crash
    worker.py     that process: closes itself in, checks step by step, tells each verdict at once
    shelter.py    what it shuts off before a line of the student's runs, as far as the system allows
    journal.py    what is marked already
    table.py      the marks as a table (CSV)
    overview.py   which mistakes are common, as a page

Importing a student's code is running it. The shelter keeps mistakes away from the machine – loops, floods, crashes, a
deleted file –, and makes mischief harder; it is no prison. The report says which of its walls held.
"""

from minidl.teach.learn.marking.classroom import Marked, mark_class, term
from minidl.teach.learn.steps import selection

__all__ = ["Marked", "mark_class", "selection", "term"]


def __dir__() -> list[str]:
    return [*__all__]

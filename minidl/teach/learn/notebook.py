"""The same steps as notebooks: made from a step, and read back into the Python file that is checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minidl._files import atomic_write
from minidl.teach.learn.steps import Step
from minidl.teach.strings.learn import words

# The Python of the notebook: a kernel need not have the folder of `minidl` on its PATH.
CHECK = 'import sys\n!"{{sys.executable}}" -m minidl learn check {number}'
SHELL = ("%", "!", "?")  # lines that only a notebook understands begin so


def of_step(step: Step) -> str:
    """Return the notebook of a step: its texts, its skeleton, and a cell that checks it.

    Example:
        >>> from minidl.teach.learn import get_step
        >>> [cell["cell_type"] for cell in json.loads(of_step(get_step("b1")))["cells"]]
        ['markdown', 'code', 'code']
    """
    head = words.NOTEBOOK_HEAD.format(number=step.number, title=step.title)
    drawn = [f"```text\n{part.strip(chr(10))}\n```" for part in (step.picture, step.formula) if part.strip()]
    note = words.NOTEBOOK_NOTE.format(file=step.file)
    cells = [
        _cell("markdown", "\n\n".join([head, step.task.strip(), *drawn, note])),
        _cell("code", step.skeleton.strip()),
        _cell("code", CHECK.format(number=step.number)),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"{step.number}-{number}"
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def _cell(kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def to_file(step: Step, book: Path, goal: Path) -> Path:
    """Write the code of a notebook to a Python file beside it, which is checked, and imported by later steps.

    Lines for the shell or for IPython alone are left out.

    Raises:
        ValueError: if the notebook cannot be read, or if the file is there and was not made from it.
    """
    head = words.FROM_NOTEBOOK.format(notebook=book.name)
    if goal.exists() and not goal.read_text(encoding="utf-8", errors="replace").startswith(head):
        raise ValueError(words.NOT_OURS.format(file=goal.name, notebook=book.name))
    with atomic_write(goal) as temporary:
        temporary.write_text(f"{head}\n{_code(step, book)}", encoding="utf-8")
    return goal


def _code(step: Step, book: Path) -> str:
    """Return the code of all cells, each below its number."""
    try:
        cells = json.loads(book.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ValueError(words.NO_NOTEBOOK.format(file=book.name, why=why, number=step.number)) from None
    kept = [
        "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(SHELL)) for source in sources
    ]
    ours = ("", "import sys")  # what is left of the cell that checks
    return "".join(f"# cell {number}\n{code}\n\n" for number, code in enumerate(kept, 1) if code.strip() not in ours)

"""A working folder: the learner's files, and what is remembered about them in one small file, `learn.json`.

A pass belongs to a file as it was: with the pass the file's fingerprint is kept, and a file that is another one since
shows as "done (changed)".
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from minidl._files import atomic_write
from minidl._names import printable
from minidl.teach.learn import notebook
from minidl.teach.learn.patience import check_patiently
from minidl.teach.learn.steps import Step, steps
from minidl.teach.learn.verdict import Verdict
from minidl.teach.strings.learn import words

STATE = "learn.json"
MARK, FORM = "minidl learn", 1
PATIENCE = 10.0  # seconds that a check may take


class Folder:
    """The folder in which somebody learns.

    Args:
        path: the folder; None (default) is the one in which the command runs.

    Raises:
        ValueError: if there is no such folder, or if its `learn.json` is none of minidl's.
    """

    def __init__(self, path: str | Path | None = None):
        self.path = Path("." if path is None else path)
        if not self.path.is_dir():
            raise ValueError(words.NO_FOLDER.format(folder=printable(self.path)))
        self.read()

    def read(self) -> dict[str, Any]:
        """Return what is remembered: for each step by name "passed", "file", "hints", "gave_up"."""
        file = self.path / STATE
        if not file.exists():
            return {}
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(words.FOREIGN_STATE.format(file=STATE, why=error)) from None
        form = found.get(MARK) if isinstance(found, dict) else None
        if isinstance(form, int) and form > FORM:
            raise ValueError(words.NEWER_STATE.format(file=STATE, form=form, known=FORM))
        kept = found.get("steps") if form == FORM else None
        if not isinstance(kept, dict) or not all(isinstance(entry, dict) for entry in kept.values()):
            raise ValueError(words.FOREIGN_STATE.format(file=STATE, why=f'no "{MARK}": {FORM} with "steps"'))
        return kept

    def remember(self, step: Step, drop: tuple[str, ...] = (), **what: Any) -> None:
        """Add to what is remembered about a step, and drop some of it; another process may have written meanwhile."""
        kept = self.read()
        before = {word: value for word, value in kept.get(step.name, {}).items() if word not in drop}
        kept[step.name] = {**before, **what}
        _write(self.path / STATE, json.dumps({MARK: FORM, "steps": kept}, ensure_ascii=False, indent=1) + "\n")

    def file(self, step: Step) -> Path:
        """Return the file that the learner edits: the notebook if there is one, else the Python file."""
        book = self.path / f"{step.name}.ipynb"
        return book if book.exists() else self.path / step.file

    def standing(self, step: Step) -> str:
        """Return how a step stands: "done", "done (changed)", "begun", or nothing."""
        kept, file = self.read().get(step.name, {}), self.file(step)
        if "passed" in kept:
            return words.DONE if _fingerprint(file) == kept.get("file") else words.CHANGED
        return words.BEGUN if file.exists() else ""

    def has_given_up(self, step: Step) -> bool:
        """Tell whether the solution was shown before the step was right."""
        return bool(self.read().get(step.name, {}).get("gave_up"))

    def hints_seen(self, step: Step) -> int:
        """Return how many hints have been given."""
        return int(self.read().get(step.name, {}).get("hints", 0))

    def here(self) -> Step | None:
        """Return the step that is worked at: the one saved last of those begun, else the first that is not done."""
        standing = {name: self.standing(step) for name, step in steps().items()}
        begun = [steps()[name] for name, word in standing.items() if word == words.BEGUN]
        if begun:
            return max(begun, key=lambda step: self.file(step).stat().st_mtime)
        return self.after(None)

    def after(self, step: Step | None) -> Step | None:
        """Return the next step that is not done: behind this one, else the first of all; None if all are done."""
        names, kept = list(steps()), self.read()
        begin = names.index(step.name) + 1 if step else 0
        open_ = [name for name in names[begin:] + names[:begin] if "passed" not in kept.get(name, {})]
        return steps()[open_[0]] if open_ else None

    def start(self, step: Step, as_notebook: bool = False) -> Path:
        """Write the skeleton of a step, never over a file, and return where it is."""
        goal = self.path / (f"{step.name}.ipynb" if as_notebook else step.file)
        for file in (self.path / step.file, self.path / f"{step.name}.ipynb"):
            if file.exists():
                raise ValueError(words.THERE_ALREADY.format(file=file.name, number=step.number))
        _write(goal, notebook.of_step(step) if as_notebook else step.handout())
        return goal

    def reset(self, step: Step) -> tuple[Path, Path]:
        """Write the skeleton of a step anew; the old file stays beside it. Return both."""
        file = self.file(step)
        if not file.exists():
            raise ValueError(words.NOT_BEGUN.format(file=file.name, number=step.number))
        kept = self._keep(file)
        _write(file, notebook.of_step(step) if file.suffix == ".ipynb" else step.handout())
        if "passed" in (known := self.read().get(step.name, {})):
            self.remember(step, drop=("passed", "file"), passed_before=known["passed"])
        return file, kept

    def put(self, step: Step, text: str) -> Path | None:
        """Write a Python file for a step; return the name under which the old one stays, if there was one."""
        goal = self.path / step.file
        kept = self._keep(goal) if goal.exists() else None
        _write(goal, text)
        return kept

    def _keep(self, file: Path) -> Path:
        """Give a file a name beside its own that nothing has yet."""
        number = 1
        while (kept := file.with_name(f"{file.stem}.old-{number}{file.suffix}")).exists():
            number += 1
        file.rename(kept)
        return kept

    def check(self, step: Step, seed: int | None = None) -> tuple[Verdict, list[str]]:
        """Check the file of a step, and remember a pass.

        Returns:
            The verdict, and what the file has printed: its last lines.
        """
        file = self.file(step)
        mark = _fingerprint(file)
        source = notebook.to_file(step, file, self.path / step.file) if file.suffix == ".ipynb" else file
        verdict, printed = check_patiently(step, source, seed, PATIENCE)
        if verdict.passed:
            self.remember(step, passed=_now(), file=mark)
        return verdict, printed

    def hint(self, step: Step, which: int | None = None) -> tuple[int, str]:
        """Return one of the three hints: this one, or the first that has not been given; it is remembered."""
        seen = self.hints_seen(step)
        which = min(seen + 1, len(step.hints)) if which is None else which
        if not 1 <= which <= len(step.hints):
            raise ValueError(words.WHICH_HINT.format(which=which))
        self.remember(step, hints=max(seen, which))
        return which, step.hints[which - 1]

    def solution(self, step: Step, give_up: bool = False) -> str:
        """Return the reference solution, after a pass; or before it, which is remembered."""
        known = self.read().get(step.name, {})
        if not known.keys() & {"passed", "passed_before", "gave_up"}:
            if not give_up:
                raise ValueError(words.NOT_YET.format(number=step.number))
            self.remember(step, gave_up=_now())
        return step.answer()


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M")


def _fingerprint(file: Path) -> str:
    """Return a short mark of what a file holds; empty where there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.is_file() else ""


def _write(file: Path, text: str) -> None:
    with atomic_write(file) as temporary:
        temporary.write_text(text, encoding="utf-8")

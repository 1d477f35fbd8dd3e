"""The steps of the course, found by their files."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from minidl import kernels
from minidl._looks import Brief
from minidl._names import printable
from minidl.teach.strings import learn as tables

NAME = re.compile(r"([a-z])(\d+)_(\w+)")
FIELDS = ("TITLE", "TASK", "PICTURE", "FORMULA", "SKELETON", "HINTS", "SOLUTION", "WRONG", "CHECKS")


@dataclass(frozen=True)
class Step(Brief):
    """One step: its texts, its skeleton, its solution, and how it is checked; see `minidl.teach.learn`.

    Attributes:
        name: the name of its file, "b1_im2col".
        title: of at most 45 letters.
        task: what is wanted.
        picture: drawn with letters.
        formula: in the letters of the documents.
        skeleton: the learner's file, without the texts.
        hints: a question, an idea, the line.
        solution: the skeleton with its bodies written.
        wrong: planted wrong answers by the name that each must get: what is replaced in the solution, and by what.
        checks: the functions that are checked, in this order, and which of their checks; () stands for all.
        kind: who checks.
        kernels: which functions can be taken into the engine.
        extra: what else the file defines, for checks of its kind.
    """

    name: str
    title: str
    task: str
    picture: str
    formula: str
    skeleton: str
    hints: tuple[str, ...]
    solution: str
    wrong: dict[str, tuple[str, str]]
    checks: dict[str, tuple[str, ...]]
    kind: str = "functions"
    kernels: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The letter of its unit."""
        return self.name[0]

    @property
    def number(self) -> str:
        """The short name, "b1"."""
        return self.name.partition("_")[0]

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the steps whose functions the solution imports."""
        return tuple(re.findall(r"^from ([a-z]\d+_\w+) import", self.solution, re.MULTILINE))

    @property
    def file(self) -> str:
        """The name of the learner's file."""
        return f"{self.name}.py"

    def handout(self) -> str:
        """Return the learner's file: title, task, picture and formula as its docstring, and the skeleton."""
        return self._with_texts(self.skeleton)

    def answer(self) -> str:
        """Return the learner's file with the reference solution."""
        return self._with_texts(self.solution)

    def planted(self, name: str) -> str:
        """Return the learner's file with one of the planted wrong answers."""
        old, new = self.wrong[name]
        if old not in self.solution:
            raise ValueError(f"learn: the solution of {self.name} has no {old!r} to plant {name!r} in")
        return self._with_texts(self.solution.replace(old, new, 1))

    def _with_texts(self, code: str) -> str:
        parts = [f"{self.number}: {self.title}.", self.task, self.picture, self.formula]
        text = "\n\n".join(part.strip("\n") for part in parts if part.strip())
        return f'r"""{text}\n"""\n\n{code.strip()}\n'

    def _words(self) -> list[str]:
        return [repr(self.name), repr(self.title)]


@cache
def steps() -> dict[str, Step]:
    """Return all steps by name, in the order of the course; the folder `MINIDL_STEPS` may hold more of them.

    Raises:
        ValueError: if that is no folder, or a step lacks something.

    Example:
        >>> steps()["b1_im2col"].title
        'Windows become columns'
    """
    if (own := os.environ.get("MINIDL_STEPS")) and own not in tables.__path__:
        if not os.path.isdir(own):
            raise ValueError(f"learn: MINIDL_STEPS={printable(own)} is no folder; it holds steps of your own")
        tables.__path__.append(os.path.abspath(own))
    found = [module.name for module in pkgutil.iter_modules(tables.__path__) if NAME.fullmatch(module.name)]
    return {name: _read(name) for name in sorted(found, key=_place)}


def _place(name: str) -> tuple[str, int]:
    unit, number, _ = NAME.fullmatch(name).groups()  # type: ignore[union-attr]
    return unit, int(number)


def _read(name: str) -> Step:
    table = vars(importlib.import_module(f"{tables.__name__}.{name}"))
    missing = [word for word in FIELDS if word not in table]
    if missing:
        raise ValueError(f"learn: the step {name} has no {', '.join(missing)}; see the docstring of minidl.teach.learn")
    given = {word.lower(): table[word] for word in FIELDS}
    extra = {
        word: value for word, value in table.items() if word.isupper() and word not in (*FIELDS, "KIND", "KERNELS")
    }
    ours = tuple(function for function in given["checks"] if function in kernels.NAMES)
    return Step(name, **given, kind=table.get("KIND", "functions"), kernels=table.get("KERNELS", ours), extra=extra)


def selection(text: str | None) -> list[Step]:
    """Return the steps that a text asks for, in the order of the course: names and units, with commas between them.

    Raises:
        ValueError: if it names something that there is not.

    Example:
        >>> [step.number for step in selection("b,im2col,a1")]
        ['a1', 'b1', 'b2', 'b3']
    """
    if text is None:
        return list(steps().values())
    units = {step.unit for step in steps().values()}
    wanted = [word.strip() for word in text.split(",")]
    names = {get_step(word).name for word in wanted if word not in units}
    return [step for step in steps().values() if step.unit in wanted or step.name in names]


def get_step(name: str) -> Step:
    """Return a step by its name, its number, or what it is about.

    Raises:
        ValueError: if there is no such step; the message says which ones are near.

    Example:
        >>> get_step("b1") is get_step("im2col") is get_step("b1_im2col.py")
        True
        >>> get_step("im2cool")
        Traceback (most recent call last):
        ValueError: learn: there is no step 'im2cool'; did you mean b1_im2col? (see: minidl learn list)
    """
    wanted = re.sub(r"\.(py|ipynb)$", "", name.replace("\\", "/").rpartition("/")[2]).lower()
    for step in steps().values():
        if wanted in (step.name, step.number, step.name.partition("_")[2]):
            return step
    known = {word: step for step in steps() for word in (step, step.partition("_")[2])}
    alike = [*dict.fromkeys(known[word] for word in difflib.get_close_matches(wanted, known, n=2, cutoff=0.5))]
    guess = f"did you mean {' or '.join(alike)}? (see: minidl learn list)" if alike else "see: minidl learn list"
    raise ValueError(f"learn: there is no step {printable(repr(name))}; {guess}")

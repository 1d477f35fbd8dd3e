"""The dialogue: a layer, its cells one by one, and what was wrong with an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import Any

from minidl._looks import Brief
from minidl.cost.example import input_shape
from minidl.nn import Module
from minidl.teach.learn.prediction.answers import Answer, written
from minidl.teach.learn.prediction.cells import CELLS, Cell, Row
from minidl.teach.strings.learn import prediction as words

Ask = Callable[[str], str | None]  # takes a prompt; None ends
Say = Callable[[str], object]


@dataclass
class Score(Brief):
    """How it went: the cells that were asked, those that were right, and by name those that were not."""

    asked: int = 0
    right: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    ended: bool = False

    @property
    def is_all_right(self) -> bool:
        """Whether every cell was answered, and rightly."""
        return not self.ended and self.asked == self.right

    def __str__(self) -> str:
        if not self.asked:
            return words.NOTHING
        what = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in self.wrong.most_common())
        text = (words.END_WRONG if what else words.END).format(right=self.right, asked=self.asked, what=what)
        return words.ENDED.format(rest=text) if self.ended else text


def ask(rows: Sequence[Row], answer: Ask, say: Say, cells: Sequence[str] | None = None, *, first: int = 1) -> Score:
    """Ask for the cells of layers, one by one, and say what is right.

    Args:
        rows: the layers.
        answer: returns what is answered to a prompt, or None at the end.
        say: takes lines.
        cells: the names of those that are asked; None (default) asks all.
        first: the number of the first layer.
    """
    score = Score()
    for number, row in enumerate(rows, first):
        wanted = [cell for cell in row.cells if cells is None or cell.name in cells]
        if not wanted:
            continue
        say("")
        for line in wrap(words.LAYER.format(number=number, path=row.path, what=row.what), 80, subsequent_indent="   "):
            say(line)
        for cell in wanted:
            given = answer(words.PROMPT.format(asked=cell.asked))
            if given is None:
                score.ended = True
                return score
            score.asked += 1
            judged = judge(cell, given)
            for line in judged:
                say(line)
            if judged == [words.RIGHT]:
                score.right += 1
            else:
                score.wrong[cell.name] += 1
    return score


def judge(cell: Cell, given: str) -> list[str]:
    """Return what is said to an answer: right, or the value, the formula, and the slip that leads to the answer."""
    found = Answer(given)
    if found.is_value(cell.value):
        return [words.RIGHT]
    lines = [cell.formula]
    if not given.strip():
        return _lines(words.SHOWN.format(value=cell.shown), lines)
    if not found.is_readable(cell.value):
        shape = isinstance(cell.value, tuple)
        how, example = (words.A_SHAPE, "64x112x112") if shape else (words.A_NUMBER, "9408")
        lines.append(words.UNREADABLE.format(answer=repr(found.text), how=how, example=example))
    else:
        slips = words.OR.join(cell.slips_to(found))
        form = words.SLIP if slips else words.UNKNOWN
        lines.append(form.format(value=found.text, slips=slips))
    return _lines(words.WRONG.format(value=cell.shown), lines)


def _lines(head: str, texts: list[str]) -> list[str]:
    """Break texts where a terminal of 80 columns ends."""
    begin, rest = " " * 4, " " * 6
    return [head, *(line for text in texts for line in wrap(text, 80, initial_indent=begin, subsequent_indent=rest))]


def from_file(file: Path) -> Iterator[str]:
    """Return the answers of a file, one a line; `-` shows the cell, and what follows a # is a remark.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise ValueError(words.NO_ANSWERS.format(file=file, why=why)) from None
    said = [(line.partition("#")[0].strip(), line) for line in text.splitlines()]
    return iter(["" if word == "-" else word for word, line in said if word or not line.strip()])


def chosen(cells: str | None) -> list[str] | None:
    """Return the cells that are named with commas, in any case of letters.

    Raises:
        ValueError: if there is no such cell.
    """
    if cells is None:
        return None
    known = {name.lower(): name for name in CELLS}
    asked = [part.strip().lower() for part in cells.split(",")]
    if not all(part in known for part in asked):
        raise ValueError(words.NO_CELLS.format(all=", ".join(CELLS), cells=cells))
    return [known[part] for part in asked]


def head(target: str, net: Module, size: Any, count: int, first: int, asked: int) -> list[str]:
    """Return the first lines: the network, its input, and which of its layers are asked for.

    Raises:
        ValueError: if there is none.
    """
    if not asked:
        raise ValueError(
            words.NO_LAYERS.format(name=target) if not count else words.BEYOND.format(all=count, first=first)
        )
    layers = (
        words.ALL.format(all=count)
        if asked == count
        else words.MANY.format(first=first, last=first + asked - 1, all=count)
    )
    return [words.HEAD.format(name=target, size=written(input_shape(net, size)), layers=layers), words.HOW]

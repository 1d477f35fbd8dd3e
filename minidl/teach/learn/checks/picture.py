"""Draw a failing case with letters: what the function was called with, what it returned, and what is right.

It is drawn for a plain terminal of 80 columns: grids of numbers beside each other, and wrong ones in brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minidl.proof.student.examine import Shown
from minidl.teach.strings.learn import drawing as words

WIDE = 80
PLANES = 6  # of one array, at most
GAP = "   "
Block = list[str]  # lines of one width


def draw(shown: Shown) -> str:
    """Return the picture of a failing case.

    Example:
        >>> import numpy as np
        >>> from minidl.proof.student.examine import Shown
        >>> x = np.array([[1.0, -2.0]])
        >>> print(draw(Shown({"x": x}, "y", abs(x), np.maximum(x, 0))))
        x
          1 -2
        <BLANKLINE>
        y, yours     y, right
            1  [2]     1   0
        [ ] is wrong; try it by hand
    """
    arrays = {name: value for name, value in shown.arguments.items() if isinstance(value, np.ndarray)}
    others = {name: value for name, value in shown.arguments.items() if name not in arrays}
    lines = beside(block for name, array in arrays.items() for block in planes(name, array))
    if others:
        lines += ["", *_wrapped(words.WITH, [f"{name} = {_setting(value)}" for name, value in others.items()])]
    wrong = ~np.isclose(shown.yours, shown.right, rtol=1e-6, atol=1e-9)
    yours = list(planes(words.YOURS.format(name=shown.result), shown.yours, wrong))
    right = list(planes(words.RIGHT.format(name=shown.result), shown.right))
    pairs = [block for pair in zip(yours, right, strict=True) for block in pair]
    return "\n".join([*lines, "", *beside(pairs), words.MARKED])


def planes(name: str, array: np.ndarray, marked: np.ndarray | None = None) -> Iterator[Block]:
    """Yield a grid for each picture and channel of an array, under its name."""
    rows = array.reshape(1, -1) if array.ndim < 2 else array
    marks = np.zeros(rows.shape, dtype=bool) if marked is None else marked.reshape(rows.shape)
    places = list(np.ndindex(rows.shape[:-2]))
    base, comma, rest = name.partition(",")
    for place in places[:PLANES]:
        label = f"{base}[{', '.join(map(str, place))}]" if len(places) > 1 else base
        yield grid(label + comma + rest, rows[place], marks[place])
    if len(places) > PLANES:
        yield [words.MORE.format(count=len(places) - PLANES)]


def grid(title: str, numbers: np.ndarray, marked: np.ndarray) -> Block:
    """Return a matrix under its title, as lines of one width."""
    cells = [
        [_cell(number, mark) for number, mark in zip(*pair, strict=True)] for pair in zip(numbers, marked, strict=True)
    ]
    wide = max((len(cell) for row in cells for cell in row), default=1)
    lines = [title, *(" " + "".join(f"{cell:>{wide}}" for cell in row).rstrip() for row in cells)]
    longest = max(map(len, lines))
    return [line.ljust(longest) for line in lines]


def _cell(number: Any, mark: bool) -> str:
    """Write a number with a place for the bracket on both sides."""
    text = f"{number:.4g}" if isinstance(number, float | np.floating) else str(number)
    return f" [{text}]" if mark else f"  {text} "


def beside(blocks: Iterable[Block]) -> list[str]:
    """Lay blocks beside each other, and under each other where the line is full."""
    lines: list[str] = []
    row: list[Block] = []

    def finish() -> None:
        high = max(map(len, row))
        padded = [[*block, *[" " * len(block[0])] * (high - len(block))] for block in row]
        lines.extend(GAP.join(parts).rstrip()[:WIDE] for parts in zip(*padded, strict=True))
        row.clear()

    for block in blocks:
        if row and sum(len(one[0]) + len(GAP) for one in row) + len(block[0]) > WIDE:
            finish()
        row.append(block)
    if row:
        finish()
    return lines


def _setting(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _wrapped(lead: str, parts: list[str]) -> list[str]:
    """Join settings with commas, at most so many columns a line."""
    lines = [lead.format(settings=parts[0])]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 2 > WIDE - 1:
            lines[-1] += ","
            lines.append("     " + part)
        else:
            lines[-1] += f", {part}"
    return lines

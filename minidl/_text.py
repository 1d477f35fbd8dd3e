"""Text for people: how wide a terminal is, where lines are broken, how numbers are written."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TextIO

UNITS = re.compile(r" (?!(?:%|s|ms|MiB|GB)(?!\w))")  # blanks, but for those between a number and its unit
LEAST = 20  # columns: in a narrower window lines are cut after all
# Where a word that is wider than the terminal may be broken: behind these, but neither in 1e-05 nor in 138,357,544.
SEAMS = re.compile(r"(?<=[/\\_=;|}\])])|(?<=[^0-9e]-)|(?<=,)(?!\d{3}(?!\d))")


class Steady:
    """A stream for rich, which draws in a thread of its own: what it cannot take is lost without a word."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            return self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what can be handed on."""
        with suppress(OSError):
            self.stream.flush()


def columns(err: bool = False) -> int | None:
    """Return how wide the terminal is that a stream goes to; None where it goes elsewhere."""
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        return None
    wide = shutil.get_terminal_size().columns
    if err and "COLUMNS" not in os.environ:
        with suppress(OSError, ValueError):
            wide = os.get_terminal_size(stream.fileno()).columns or wide
    return max(wide, LEAST)


def draws(err: bool = False) -> bool:
    """Tell whether a stream goes to a terminal on which bars and boxes can be drawn."""
    stream = sys.stderr if err else sys.stdout
    letters = (stream.encoding or "").lower().replace("-", "").startswith("utf")
    return stream.isatty() and letters and os.environ.get("TERM") not in ("dumb", "unknown")


def fitted(line: str, room: int | None) -> Iterator[str]:
    """Break a line into pieces of at most so many columns, at blanks; the later ones are indented a little more.

    A number stays with its unit: 97.22 % is one word.

    Example:
        >>> list(fitted("accuracy 97.22 % (349 of 359), loss 0.1023", 20))
        ['accuracy 97.22 %', '  (349 of 359), loss', '  0.1023']
        >>> list(fitted("the accuracy is 97.22 %, after 3 epochs", 22))
        ['the accuracy is', '  97.22 %, after 3', '  epochs']
        >>> list(fitted("a line", None))
        ['a line']
    """
    if room is None or wide(line) <= room:
        yield line
        return
    blanks = line[: len(line) - len(line.lstrip(" "))]
    further = " " * min(len(blanks) + 2, room // 3)
    begun, empty = blanks[: room // 3], True
    for word in UNITS.split(line[len(blanks) :]):
        for glue, piece in _pieces(word, room - len(further)):
            glue = "" if empty else glue
            if not empty and wide(begun + glue + piece) > room:
                yield begun.rstrip(" ")
                begun, empty, glue = further, True, ""
            if piece or not empty or not begun.strip(" "):
                begun, empty = begun + glue + piece, empty and not piece
    yield begun.rstrip(" ")


def _pieces(word: str, most: int) -> Iterator[tuple[str, str]]:
    """Break a word that is too wide at its seams, and what is still too wide anywhere: (what precedes it, piece)."""
    glue = " "
    for piece in [word] if wide(word) <= most else SEAMS.split(word):
        while wide(piece) > most:
            cut = next(i for i in range(len(piece), 0, -1) if i == 1 or wide(piece[:i]) <= most)
            yield glue, piece[:cut]
            glue, piece = "", piece[cut:]
        yield glue, piece
        glue = ""


def wide(text: str) -> int:
    """Return how many columns of a terminal a text takes; letters of East Asia take two."""
    from rich.cells import cell_len  # here, because rich takes a while to load and few lines need it

    return len(text) if text.isascii() else cell_len(text)


def padded(text: str, columns: int) -> str:
    """Bring a text to a width: at its end, or with a negative number at its beginning.

    Example:
        >>> padded("개", 4) + "|", padded("12", -4)
        ('개  |', '  12')
    """
    rest = " " * (abs(columns) - wide(text))
    return rest + text if columns < 0 else text + rest


def percent(share: float) -> str:
    """Write a share as a percentage.

    Example:
        >>> percent(0.98765)
        '98.77 %'
    """
    return f"{100 * share:.2f} %"


def duration(seconds: float) -> str:
    """Write a time as hours, minutes and seconds.

    Example:
        >>> duration(75), duration(7384)
        ('1:15', '2:03:04')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

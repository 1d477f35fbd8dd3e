"""The one way in which all commands write, so that no letter and no stream ends a command.

A stream may be closed, know few letters, be as narrow as 40 columns, or lose its reader. Letters that an encoding does
not have, and those that cannot be shown, become escapes. Lines that a terminal would cut are broken at blanks, because
a number in two halves reads as two numbers; a file or a pipe gets them whole. A closed stream takes everything and
keeps nothing. Of a reader that has gone, `ReaderGone` tells, which ends the command quietly.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TextIO

from minidl._names import printable

READER_GONE = 128 + 13  # the status of a process that SIGPIPE has ended
LEAST = 20  # columns: in a narrower window lines are cut after all
# Where a word that is wider than the terminal may be broken: behind these, but neither in 1e-05 nor in 138,357,544.
SEAMS = re.compile(r"(?<=[/\\_=;|}\])])|(?<=[^0-9e]-)|(?<=,)(?!\d{3}(?!\d))")

TIMES = re.compile(r"(?<=\d)×(?=\d)")


class ReaderGone(Exception):
    """Nobody reads the standard output any more, as in `minidl models | head`."""


def prepare() -> None:
    """Make the streams of this process ones that can always be written to; called before the first line."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            _occupy(number)
            nothing = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, open(nothing, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - to the very end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _occupy(number: int) -> None:
    """Take the number of a closed stream, so that no file opened later gets it and what a library prints with it."""
    try:
        os.fstat(number)
    except OSError:
        nothing = os.open(os.devnull, os.O_RDWR)
        if nothing != number:
            os.dup2(nothing, number)
            os.close(nothing)


def say(*lines: object, err: bool = False) -> None:
    """Write lines at once; what cannot be shown in them, line ends too, is escaped.

    Args:
        lines: each becomes a line, or several in a narrow terminal.
        err: write to the standard error instead; what that cannot take is lost without a word.

    Raises:
        ReaderGone: if nobody reads the standard output any more.
        OSError: if the standard output cannot be written.
    """
    room = columns(err)
    text = "".join(f"{piece}\n" for line in lines for piece in fitted(shown(line, err), room))
    _write(sys.stderr if err else sys.stdout, text)


def shown(text: object, err: bool = False) -> str:
    """Return a text as a stream will show it: what cannot be printed, or has no letter there, is an escape.

    Sizes stay readable everywhere: 32×32 becomes 32x32, because an escape between digits would hide the numbers.
    """
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    whole = printable(text)
    try:
        whole.encode(encoding)
    except UnicodeEncodeError:
        whole = TIMES.sub("x", whole).encode(encoding, "backslashreplace").decode(encoding)
    return whole


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        silence(stream)
        if isinstance(error, BrokenPipeError) and stream is sys.stdout:
            raise ReaderGone from None
        if stream is sys.stdout:
            raise OSError(error.errno, error.strerror or str(error), "standard output") from None


def say_json(value: Any, indent: int | None = 2) -> None:
    """Write a value as JSON.

    Raises:
        ReaderGone, OSError: as `say`.
    """
    put(json_text(value, indent) + "\n")


def put(text: str) -> None:
    """Write text that every stream can take as it is, such as JSON.

    Raises:
        ReaderGone, OSError: as `say`.
    """
    _write(sys.stdout, text)


def json_text(value: Any, indent: int | None = 2) -> str:
    """Return a value as JSON; in letters where the standard output has them all, else with JSON's own escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=indent)
    return text


def silence(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: it has failed once, and would again when the process ends."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


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

    Example:
        >>> list(fitted("accuracy 97.22 % (349 of 359), loss 0.1023", 20))
        ['accuracy 97.22 %', '  (349 of 359), loss', '  0.1023']
        >>> list(fitted("a line", None))
        ['a line']
    """
    if room is None or wide(line) <= room:
        yield line
        return
    blanks = line[: len(line) - len(line.lstrip(" "))]
    further = " " * min(len(blanks) + 2, room // 3)
    begun, empty = blanks[: room // 3], True
    for word in line[len(blanks) :].split(" "):
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

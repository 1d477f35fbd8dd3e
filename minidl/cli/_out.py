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
import sys
from contextlib import suppress
from typing import Any, TextIO

from minidl._names import printable
from minidl._text import columns, fitted

READER_GONE = 128 + 13  # the status of a process that SIGPIPE has ended

TIMES = re.compile(r"(?<=\d)×(?=\d)")
DOTS = "…"


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

    Sizes stay readable everywhere: 32×32 becomes 32x32, because an escape between digits would hide the numbers; and
    three dots that are one letter become three.
    """
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    whole = printable(text)
    try:
        whole.encode(encoding)
    except UnicodeEncodeError:
        whole = TIMES.sub("x", whole).replace(DOTS, "...").encode(encoding, "backslashreplace").decode(encoding)
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

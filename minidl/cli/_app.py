"""All commands in one application, and the one place where errors become a line.

Exit status: 0 done, 1 an error that the library reported, 2 a command line that cannot be read, or a network that
cannot be counted, 130 Ctrl-C, 141 the reader of the output has gone; a training that a signal has stopped, 128 and
the signal's number.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer

import minidl
from minidl._text import columns
from minidl.cli._help import Command, Group
from minidl.cli._out import READER_GONE, ReaderGone, prepare, say, silence

COMMANDS = {  # in the order of the help: what of `minidl.cli.NAME` is the command; a group of commands is an `app`
    "train": "train",
    "eval": "evaluate",
    "report": "report",
    "predict": "predict",
    "generate": "generate",
    "export": "export",
    "models": "models",
    "summary": "summary",
    "compare": "compare",
    "explore": "explore",
    "gradcheck": "gradcheck",
    "warmup": "warmup",
    "doctor": "doctor",
    "data": "app",
    "rcnn": "app",
    "learn": "app",
    "check": "check",
}
NARROW = 80  # columns that help takes if it may; in fewer it must be told

app = typer.Typer(
    name="minidl",
    cls=Group,
    help="A from-scratch deep-learning engine for convolutional networks.",
    add_completion=False,
    rich_markup_mode=None,  # plain help: readable in a pipe, and loaded in half the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, what in COMMANDS.items():
    one = getattr(importlib.import_module("." + name, __package__), what)
    if isinstance(one, typer.Typer):
        app.add_typer(one, name=name)
    else:
        app.command(name, cls=Command)(one)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"minidl {minidl.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        say(*context.get_help().splitlines())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; an error of the library is one line on stderr.

    With MINIDL_TRACEBACK=1 in the environment, errors show where they come from.

    Args:
        arguments: what stands behind `minidl`; None (default) takes those of this process.
    """
    prepare()
    if os.environ.get("MINIDL_TRACEBACK", "0") not in ("", "0"):
        return _run(arguments)
    try:
        return _run(arguments)
    except (KeyboardInterrupt, typer.Abort) as error:
        return _fail(str(error) or "interrupted", getattr(error, "status", 130))
    except (ReaderGone, BrokenPipeError):
        silence(sys.stdout)
        return READER_GONE
    except OSError as error:
        where = "" if error.filename is None else f"{_as_text(error.filename)}: "
        return _fail(where + (error.strerror or str(error)), getattr(error, "status", 1))
    except (ValueError, TypeError, RuntimeError, ModuleNotFoundError, MemoryError) as error:
        return _fail(str(error) or type(error).__name__, getattr(error, "status", 1))
    except Exception as error:
        # The command line could not be read. Typer has such errors from click, which newer versions carry inside
        # under another name; this method is what they have in common.
        if not hasattr(error, "format_message"):
            raise
        return _fail(f"{error.format_message()} (see: {_help_of(error)})", 2)


def _run(arguments: Sequence[str] | None) -> int:
    settings: dict[str, Any] = {"standalone_mode": False, "prog_name": "minidl"}
    room = columns()
    if room is not None and room < NARROW:
        settings["terminal_width"] = room
    stdout = sys.stdout
    try:
        status = _command()(None if arguments is None else list(arguments), **settings)
    except SystemExit:
        if sys.stdout is stdout:
            raise
        sys.stdout = stdout  # typer has put another one there, and ended, because nobody reads what it prints
        raise ReaderGone from None
    sys.stdout.flush()  # here, where a reader that has gone is an error like others
    return status if isinstance(status, int) else 0


@cache
def _command() -> Any:
    """Return all commands as typer makes them of their signatures, once: that takes longer than many a command."""
    return typer.main.get_command(app)


def _as_text(filename: Any) -> str:
    return os.fsdecode(filename) if isinstance(filename, (str, bytes, os.PathLike)) else str(filename)


def _help_of(error: Exception) -> str:
    """Return the command that prints the help for what went wrong."""
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'minidl'} --help"


def _fail(message: str, status: int) -> int:
    say(f"minidl: {' '.join(message.split())}", err=True)
    return status

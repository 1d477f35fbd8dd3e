"""All commands in one application, and the one place where errors become a line.

Exit status: 0 done, 1 an error that the library reported, 2 a command line that cannot be read, 130 Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import minidl
from minidl.cli.data import app as data
from minidl.cli.eval import evaluate
from minidl.cli.gradcheck import gradcheck
from minidl.cli.models import models
from minidl.cli.predict import predict
from minidl.cli.report import report
from minidl.cli.train import train
from minidl.cli.warmup import warmup

app = typer.Typer(
    name="minidl",
    help="A from-scratch deep-learning engine for convolutional networks.",
    add_completion=False,
    rich_markup_mode=None,  # plain help: readable in a pipe, and loaded in half the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(name="train")(train)
app.command(name="eval")(evaluate)
app.command(name="report")(report)
app.command(name="predict")(predict)
app.command(name="models")(models)
app.command(name="gradcheck")(gradcheck)
app.command(name="warmup")(warmup)
app.add_typer(data, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"minidl {minidl.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; an error of the library is one line on stderr.

    With MINIDL_TRACEBACK=1 in the environment, errors show where they come from.

    Args:
        arguments: what stands behind `minidl`; None (default) takes those of this process.
    """
    if os.environ.get("MINIDL_TRACEBACK", "0") not in ("", "0"):
        return _run(arguments)
    try:
        return _run(arguments)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", 130)
    except BrokenPipeError:  # the reader has gone, as in `minidl train | head`; nothing can be printed any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{os.fspath(error.filename)}: " if error.filename is not None else ""
        return _fail(where + (error.strerror or str(error)), 1)
    except (ValueError, TypeError, RuntimeError, ModuleNotFoundError, MemoryError) as error:
        return _fail(str(error) or type(error).__name__, 1)
    except Exception as error:
        # The command line could not be read. Typer has such errors from click, which newer versions carry inside
        # under another name; this method is what they have in common.
        if not hasattr(error, "format_message"):
            raise
        return _fail(f"{error.format_message()} (see: {_help_of(error)})", 2)


def _run(arguments: Sequence[str] | None) -> int:
    status = app(None if arguments is None else list(arguments), standalone_mode=False, prog_name="minidl")
    sys.stdout.flush()  # here, where a reader that has gone is an error like others
    return status if isinstance(status, int) else 0


def _help_of(error: Exception) -> str:
    """Return the command that prints the help for what went wrong."""
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'minidl'} --help"


def _fail(message: str, status: int) -> int:
    print(f"minidl: {' '.join(message.split())}", file=sys.stderr)
    return status

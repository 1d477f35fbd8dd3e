"""`minidl check`: is that number right?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minidl.cli._out import say, say_json

if TYPE_CHECKING:
    from minidl.teach.claims.report import Report


def check(
    claims: Annotated[
        list[str], typer.Argument(help="Sentences in quotes, or files.", metavar="CLAIM|FILE.yaml|FILE.md")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Without the arithmetic.")] = False,
) -> int:
    """Check the numbers of lecture notes: right or wrong, with the arithmetic, and the slip behind a wrong one.

    A claim is a sentence, in English or Korean: "VGG-16 has 138M weights". A YAML file is a list of claims. Out of a
    Markdown deck those sentences are picked that have a number; what cannot be read is listed. Nothing is guessed: a
    claim that is not understood is answered with the forms that are known.

    The exit status is 1 if a claim is wrong; 2 if none is, but one cannot be read that was given here or in YAML.

    For example:

      minidl check "VGG-16 has 138M weights"

      minidl check notes.md --brief
    """
    from minidl.teach.claims.report import report

    try:
        found = report(claims)
    except FileNotFoundError as error:
        raise typer.BadParameter(f"there is no file {Path(error.filename)}") from None
    except OSError as error:
        raise typer.BadParameter(f"{error.filename}: {error.strerror}") from None
    if as_json:
        say_json(found.to_dict())
    else:
        _tell(found, brief)
    return found.status


def _tell(found: Report, brief: bool) -> None:
    say(*found.lines(brief))

"""`minidl doctor`: is everything here as it should be?"""

from __future__ import annotations

from typing import Annotated

import typer

from minidl.cli._out import say, say_json


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """Look at this machine: Python, BLAS, compiled kernels, GPU, fonts, folders, extras; each in order, or its cure.

    A note tells what minidl goes on without. The status is 1 where something needs a cure.

    For example:

      minidl doctor
    """
    from minidl import __version__
    from minidl.cli._table import show
    from minidl.doctor import CURE, examine

    found = examine()
    status = int(any(finding.state == CURE for finding in found))
    if as_json:
        say_json([finding._asdict() for finding in found])
        return status
    say(f"minidl {__version__}", "")
    rows = [(it.thing, it.state, it.text) for it in found]
    show(("what", "state", "found"), rows)
    cures = [it for it in found if it.cure]
    if cures:
        say("")
        show(("for", "do"), [(it.thing, it.cure) for it in cures])
    return status

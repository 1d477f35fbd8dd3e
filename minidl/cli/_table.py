"""Tables: drawn by rich on a terminal, plain aligned lines everywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

COLOURS = {"ok": "green", "KINK": "yellow", "not written yet": "yellow", "FAIL": "bold red", "ERROR": "bold red"}


@contextmanager
def table(titles: Sequence[str], widths: Sequence[int]) -> Iterator[Callable[..., None]]:
    """Give a function that adds a row of words.

    Args:
        titles: of the columns.
        widths: of the columns; a negative one aligns to the right. Lines that do not go to a terminal are printed at
            once, so they need to know.
    """
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        _print_line(titles, widths)
        yield lambda *cells: _print_line(cells, widths)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, drawn = Console(), Table()
    for title, width in zip(titles, widths, strict=True):
        drawn.add_column(title, justify="right" if width < 0 else "left", no_wrap=True)
    with console.status("") as status:

        def add(*cells: str) -> None:
            status.update(f"{cells[0]} …")
            drawn.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in cells))

        yield add
    console.print(drawn)


def _print_line(cells: Sequence[str], widths: Sequence[int]) -> None:
    words = [cell.rjust(-width) if width < 0 else cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    print("  ".join(words).rstrip(), flush=True)

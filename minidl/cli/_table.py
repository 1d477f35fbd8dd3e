"""Tables: drawn by rich on a terminal, plain aligned lines everywhere else, and nowhere a number in two halves.

Where a terminal is too narrow, columns of words are broken at blanks; where that is not enough, each row becomes a
paragraph that names its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from minidl._text import columns, draws, padded, wide
from minidl.cli._out import say, shown

COLOURS = {"ok": "green", "KINK": "yellow", "not written yet": "yellow", "FAIL": "bold red", "ERROR": "bold red"}
GAP = "  "
LEAST_FOR_BARS = 60


def show(titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> None:
    """Print a table of rows that are all known; the columns of these titles are numbers, aligned to the right."""
    with table(titles, fit(titles, rows, numbers)) as add:
        for row in rows:
            add(*row)


def shares(title: object, rows: Sequence[tuple[float, str]]) -> None:
    """Print names with their shares of 1 below a title; on a terminal that can draw with bars."""
    say(title)
    drawn = draws() and (columns() or 0) >= LEAST_FOR_BARS
    for share, name in rows:
        say(f"{share:8.2%}  " + ("█" * round(20 * share)).ljust(20) * drawn + GAP * drawn + name)


def fit(titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> list[int]:
    """Return the widths that hold all cells; a negative one aligns to the right.

    Example:
        >>> fit(["name", "size"], [["vgg16", "138"]], numbers=["size"])
        [5, -4]
    """
    widths = [max(wide(shown(cell)) for cell in column) for column in zip(titles, *rows, strict=True)]
    return [-width if title in numbers else width for title, width in zip(titles, widths, strict=True)]


@contextmanager
def table(titles: Sequence[str], widths: Sequence[int]) -> Iterator[Callable[..., None]]:
    """Give a function that adds a row of words.

    Args:
        titles: of the columns.
        widths: of the columns; a negative one aligns to the right. Lines that are not drawn are printed at once, so
            they need to know.
    """
    if draws():
        with _drawn(titles, widths) as add:
            yield add
        return
    room = columns()
    if room is not None and sum(map(abs, widths)) + len(GAP) * (len(widths) - 1) > room:
        yield lambda *cells: _print_paragraph(titles, cells, room)
        return
    _print_line(titles, widths)
    yield lambda *cells: _print_line(cells, widths)


@contextmanager
def _drawn(titles: Sequence[str], widths: Sequence[int]) -> Iterator[Callable[..., None]]:
    """Collect the rows, with the name of the newest as a sign of life, and draw them at the end."""
    from rich.console import Console

    rows: list[list[str]] = []
    room = columns() or 80
    with Console(width=room).status("") as status:

        def add(*cells: str) -> None:
            rows.append([shown(cell) for cell in cells])
            status.update(f"{rows[-1][0]} …")

        yield add
    numbers = [title for title, width in zip(titles, widths, strict=True) if width < 0]
    narrowed = _narrowed(fit(titles, rows, numbers), titles, rows, room - 3 * len(titles) - 1)
    if narrowed is None:
        for row in rows:
            _print_paragraph(titles, row, room)
    else:
        _draw(titles, rows, narrowed, room)


def _draw(titles: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], room: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table()
    for title, width in zip(titles, widths, strict=True):
        drawn.add_column(title, justify="right" if width < 0 else "left", width=abs(width), no_wrap=width < 0)
    for row in rows:
        drawn.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in row))
    Console(width=room).print(drawn)


def _narrowed(
    widths: Sequence[int], titles: Sequence[str], rows: Sequence[Sequence[str]], room: int
) -> list[int] | None:
    """Return widths that fit into the room, with words broken at blanks; None if the words are too long for that."""
    narrowed = list(widths)
    least = [max(wide(word) for cell in cells for word in cell.split(" ")) for cells in zip(titles, *rows, strict=True)]
    while sum(map(abs, narrowed)) > room:
        spare = [width - most if width > 0 else 0 for width, most in zip(narrowed, least, strict=True)]
        widest = max(range(len(spare)), key=lambda column: (spare[column] > 0, narrowed[column]))
        if spare[widest] <= 0:
            return None
        narrowed[widest] -= 1
    return narrowed


def _print_line(cells: Sequence[str], widths: Sequence[int]) -> None:
    words = [padded(shown(cell), width) for cell, width in zip(cells, widths, strict=True)]
    say(GAP.join(words).rstrip())


def _print_paragraph(titles: Sequence[str], cells: Sequence[str], room: int) -> None:
    """Print a row as its first cell, and below it the others with their titles, as many in a line as fit."""
    lines = [cells[0]]
    for title, cell in zip(titles[1:], cells[1:], strict=True):
        piece = f"{title} {cell}"
        if len(lines) > 1 and wide(shown(lines[-1] + GAP + piece)) <= room:
            lines[-1] += GAP + piece
        else:
            lines.append(GAP + piece)
    say(*lines)


@contextmanager
def counting(text: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how much is done: in a terminal that can take it back, and else not at all."""
    if not draws():
        yield lambda done, total: None
        return
    from rich.console import Console

    with Console(width=columns() or 80).status("") as status:
        yield lambda done, total: status.update(text.format(done=done, all=total))

"""Walking through folders of pictures, with what may be wrong in them said by name."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from minidl._names import printable
from minidl.data._endings import ending_of, is_picture
from minidl.data._roles import is_left_out

RUN = "config.json", ("last.safetensors", "best.safetensors")  # a folder with the first and one of these is a run


def quoted(name: str, *, always: bool = False) -> str:
    """Write a name so that it can be shown, in quotes where a blank at an end would not be seen, or always.

    Example:
        >>> quoted("cat"), quoted("cat "), quoted("king penguin"), quoted("cat", always=True)
        ('cat', "'cat '", 'king penguin', "'cat'")
    """
    shown = printable(name)
    return f"'{shown}'" if always or not shown or shown != shown.strip() else shown


def some(names: Iterable[str], most: int = 3) -> str:
    """List a few of many names; those with blanks or commas stand in quotes.

    Example:
        >>> some(["a", "b", "c d", "d", "e"])
        "a, b, 'c d' and 2 more"
    """
    names = list(names)
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(quoted(name, always=" " in name or "," in name) for name in names[:most]) + rest


def normal(name: str) -> str:
    """Return the one spelling under which names are compared (NFC).

    macOS writes the letters of 고양이 apart (NFD), others together: the same name, of other characters.
    """
    return unicodedata.normalize("NFC", name)


@dataclass
class Left:
    """What was met on the way and not taken: files that are no pictures, by their ending, and runs of minidl."""

    files: Counter[str] = field(default_factory=Counter)
    runs: list[str] = field(default_factory=list)

    def notes(self) -> tuple[str, ...]:
        """Say it, in a line for each kind."""
        said = []
        if self.runs:
            said.append(f"left out: {some(sorted(self.runs))} (runs of minidl, no pictures to learn from)")
        if self.files:
            kinds = [f"{ending or 'no ending'} ({n:,})" for ending, n in self.files.most_common(5)]
            more = f" and {len(self.files) - 5} more kinds" if len(self.files) > 5 else ""
            n = self.files.total()
            what = f"{n:,} file{'s' * (n != 1)} that {'are no pictures' if n != 1 else 'is no picture'} Pillow can read"
            said.append(f"left out: {what}: {printable(', '.join(kinds))}{more}")
        return tuple(said)


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder, sorted by name, without what is nothing of the user's (see `_roles`).

    Raises:
        OSError: if it cannot be read; with the cure.
    """
    return sorted(_each(folder), key=lambda entry: entry.name)


def _each(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the same as it comes."""
    try:
        with os.scandir(folder) as found:
            yield from (entry for entry in found if not is_left_out(entry.name))
    except OSError as error:
        cure = "; make it readable: chmod -R u+rX" if isinstance(error, PermissionError) else ""
        raise OSError(error.errno, f"{error.strerror}{cure}", printable(folder)) from None


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder; a link that leads nowhere or in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted."""
    return [entry.name for entry in entries(folder) if is_folder(entry)]


def is_run(folder: Path) -> bool:
    """Tell whether a folder is what a training of minidl leaves."""
    settings, checkpoints = RUN
    return (folder / settings).is_file() and any((folder / name).is_file() for name in checkpoints)


def holds_runs(folder: Path) -> bool:
    """Tell whether a folder is a run, or holds nothing but runs and files that are no pictures."""
    if is_run(folder):
        return True
    found = False
    for entry in _each(folder):  # as far as the first that is something else
        if is_folder(entry):
            if not is_run(folder / entry.name):
                return False
            found = True
        elif is_picture(entry.path, entry.name):
            return False
    return found


def pictures_below(
    folder: Path, left: Left | None = None, *, failed: Callable[[Exception], None] | None = None
) -> list[Path]:
    """Return the picture files in a folder and in the folders in it, sorted.

    Args:
        folder: where to begin.
        left: notes what is not taken.
        failed: is told of each folder that cannot be read, and the others are read; None (default) raises.

    Raises:
        ValueError: if a link leads back to a folder above it.
        OSError: if a folder cannot be read.
    """
    return list(_walk(folder, (), Left() if left is None else left, failed))


def _walk(
    folder: Path, above: tuple[tuple[int, int], ...], left: Left, failed: Callable[[Exception], None] | None
) -> Iterator[Path]:
    try:
        yield from _inside(folder, above, left, failed)
    except (OSError, ValueError) as error:
        if failed is None:
            raise
        failed(error)


def _inside(
    folder: Path, above: tuple[tuple[int, int], ...], left: Left, failed: Callable[[Exception], None] | None
) -> Iterator[Path]:
    status = os.stat(folder)
    here = status.st_dev, status.st_ino
    if here in above:
        raise ValueError(f"{printable(folder)}: this link leads back to a folder that it lies in; remove the link")
    for entry in entries(folder):
        if is_folder(entry):
            if is_run(folder / entry.name):
                left.runs.append(f"{folder.name}/{entry.name}/")
            else:
                yield from _walk(folder / entry.name, (*above, here), left, failed)
        elif is_picture(entry.path, entry.name):
            yield folder / entry.name
        else:
            left.files[ending_of(entry.name)] += 1


def read_lines(path: Path, op: str = "") -> list[str]:
    """Return the lines of a text file, without their ends; `op` is what wants them, in messages.

    Raises:
        ValueError: if it is no UTF-8 text; the message names the line.
        OSError: if it cannot be read.
    """
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(f"{op and f'{op}: '}{printable(path)}, line {line}: not UTF-8 text: {error.reason}") from None

"""Walking through folders of pictures, with what may be wrong in them said by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))


def printable(text: object) -> str:
    r"""Write a name so that it can be shown: what cannot be printed appears as an escape.

    Example:
        >>> printable("chat\nnoir"), printable("Übergröße")
        ('chat\\nnoir', 'Übergröße')
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def some(names: list[str], most: int = 3) -> str:
    """List a few of many names.

    Example:
        >>> some(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return printable(", ".join(names[:most])) + rest


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder, sorted by name, without what begins with a dot.

    Raises:
        OSError: if it cannot be read; with the cure.
    """
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
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


def pictures_below(folder: Path) -> list[Path]:
    """Return the picture files in a folder and in the folders in it, sorted; a picture is known by its suffix.

    Raises:
        ValueError: if a link leads back to a folder above it.
        OSError: if a folder cannot be read.
    """
    return list(_walk(folder, ()))


def _walk(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    status = os.stat(folder)
    here = status.st_dev, status.st_ino
    if here in above:
        raise ValueError(f"{printable(folder)}: this link leads back to a folder that it lies in; remove the link")
    for entry in entries(folder):
        if is_folder(entry):
            yield from _walk(folder / entry.name, (*above, here))
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
            yield folder / entry.name


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file, without their ends.

    Raises:
        ValueError: if it is no UTF-8 text; the message names the line.
        OSError: if it cannot be read.
    """
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(f"{printable(path)}, line {line}: not UTF-8 text: {error.reason}") from None

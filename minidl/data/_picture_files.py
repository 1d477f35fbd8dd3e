"""Picture files, found by their names and by how they begin, in folders and in the folders in those.

A file is a picture if Pillow knows its ending, or if it has none and begins as a picture does. What systems, file
servers and minidl itself leave behind is not looked into.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from minidl._names import printable, some

# Pillow recognises these formats, but shows none of their pictures by itself: it hands them to other programs.
UNREADABLE = frozenset(("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"))
BUILT_IN = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}  # formats that Pillow may have been built without
USUAL = (".jpg", ".png", ".webp")  # for messages

BEGINNINGS = (
    re.compile(rb"\xff\xd8\xff"),  # JPEG
    re.compile(rb"\x89PNG\r\n\x1a\n"),
    re.compile(rb"GIF8[79]a"),
    re.compile(rb"RIFF....WEBP", re.DOTALL),
    re.compile(rb"II\*\0|MM\0\*"),  # TIFF
    re.compile(rb"BM....\0\0\0\0", re.DOTALL),  # BMP: after the size, four bytes that must be 0
    re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),  # JPEG 2000
    re.compile(rb"....ftypavi[fs]", re.DOTALL),
)
LEFT_OUT = frozenset(  # besides whatever begins with a point, such as .thumbnails and .ipynb_checkpoints
    (
        *("@eadir", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot"),  # file servers
        *("__macosx", "$recycle.bin", "system volume information", "lost+found", "recycler"),  # systems
        "__pycache__",
    )
)
RUN = "config.json", ("last.safetensors", "best.safetensors")  # a folder with the first and one of these is a run


@lru_cache(maxsize=1)
def endings() -> frozenset[str]:
    """Return the endings of the files that the installed Pillow can read, in small letters.

    Example:
        >>> {".jpg", ".jfif", ".jpe", ".png", ".tif"} <= endings(), ".mpg" in endings()
        (True, False)
    """
    from PIL import Image, features

    known = Image.registered_extensions()  # loads all formats
    missing = {form for form, codec in BUILT_IN.items() if not features.check(codec)}
    readable = set(Image.OPEN) - UNREADABLE - missing
    return frozenset(ending for ending, form in known.items() if form in readable)


def ending_of(name: str) -> str:
    """Return the ending of a file name in small letters; a number is none, as in img.0001.

    Example:
        >>> ending_of("a.JPG"), ending_of("img.0001"), ending_of("cat")
        ('.jpg', '', '')
    """
    ending = os.path.splitext(name)[1].lower()
    return "" if ending[1:].isdigit() or ending == "." else ending


def is_picture(path: str, name: str) -> bool:
    """Tell whether a file is a picture: by its ending, or by its first bytes where it has none."""
    ending = ending_of(name)
    if ending:
        return ending in endings()
    try:
        with open(path, "rb") as stream:
            head = stream.read(16)
    except OSError:
        return False
    return any(beginning.match(head) for beginning in BEGINNINGS)


def is_left_out(name: str) -> bool:
    """Tell whether a file or folder of that name is nothing of the user's.

    Example:
        >>> [is_left_out(name) for name in (".thumbnails", "@eaDir", "__MACOSX", "cat")]
        [True, True, True, False]
    """
    return name.startswith(".") or name.casefold() in LEFT_OUT


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

"""What a user names: picture files, folders of them, and patterns for shells that leave those to the program."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from minidl._checks import check_path, shown
from minidl._names import printable
from minidl.data._picture_files import is_run, pictures_below


@dataclass(frozen=True)
class Missing:
    """A name behind which there is no picture, and why."""

    name: str
    error: str


def find(names: Iterable[str | os.PathLike[str]]) -> Iterator[str | Missing]:
    """Yield the picture files behind names, in the order of the names, and what is wrong with a name in its place.

    A folder stands for all pictures in it and in the folders in it, sorted; a pattern with *, ? or [ that is not itself
    the name of a file stands for all that fit, sorted, where ** goes into folders. Other files are taken as they are.

    Args:
        names: of files, folders and patterns.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.jpg", "a.png", "notes.txt"):
        ...     (folder / name).touch()
        >>> [os.path.basename(file) for file in find([folder])]
        ['a.png', 'b.jpg']
        >>> [os.path.basename(file) for file in find([folder / "*.jpg"])]
        ['b.jpg']
        >>> next(find(["*.none"]))
        Missing(name='*.none', error='*.none: no file fits this pattern')
    """
    single = isinstance(names, (str, bytes, os.PathLike)) or getattr(names, "ndim", 1) == 0
    if single or not isinstance(names, Iterable):
        raise TypeError(f"predict: the files must be a list of paths; received {shown(names)}; one file? [file]")
    for one in names:
        check_path("predict", one, "a file")
        name = os.fspath(one)
        if os.path.isdir(name):
            yield from _in_folder(name)
        elif glob.has_magic(name) and not os.path.lexists(name):
            yield from _fitting(name)
        else:
            yield name


def _in_folder(name: str) -> Iterator[str | Missing]:
    if is_run(Path(name)):
        yield Missing(name, f"{printable(name)}: this is a run, which stands first: minidl predict RUN IMAGE")
        return
    failed: list[str] = []
    files = pictures_below(Path(name), failed=lambda error: failed.append(_told(name, error)))
    yield from map(str, files)
    yield from (Missing(name, error) for error in failed)
    if not files and not failed:
        yield Missing(name, f"{printable(name)}: there are no pictures in this folder")


def _fitting(pattern: str) -> Iterator[str | Missing]:
    found = sorted(glob.glob(pattern, recursive=True))
    files = [name for name in found if not os.path.isdir(name)]
    yield from files
    if not found:
        yield Missing(pattern, f"{printable(pattern)}: no file fits this pattern")
    elif not files:
        yield Missing(pattern, f"{printable(pattern)}: only folders fit this pattern; name one of them, or {pattern}/*")


def _told(name: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{printable(error.filename or name)}: {error.strerror or error}"
    return str(error)

"""Open a data set: a folder, which is recognised by what lies in it, or a name."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from minidl._checks import check_fraction, check_path, to_int
from minidl._names import printable, some
from minidl.data._class_selection import ClassesLike
from minidl.data._picture_files import entries, folders_in, is_picture
from minidl.data.boxes._open import kind_of
from minidl.data.formats import FORMATS, NAMED, class_folders
from minidl.data.formats._layout import TRAIN, role_of
from minidl.data.split import Dataset

EXPECTED = "train/CLASS/*.jpg and val/CLASS/*.jpg, CLASS/*.jpg, or the files of Tiny-ImageNet, CIFAR or MNIST"


def open_dataset(
    where: str | os.PathLike[str], classes: ClassesLike = None, *, seed: int = 0, val_share: float | None = 0.2
) -> Dataset:
    """Open a data set; pictures in files of their own are not read yet.

    Args:
        where: a folder, or a name of `list_data()`.
        classes: which classes: None (default) for all; a number, also as text, for the first so many; ids or names, as
            a list or as one text with commas. They are numbered from 0 in the order of the data set.
        seed: decides which pictures are for validation where the data set does not say it.
        val_share: the part of every class that is drawn for validation then; None draws nothing, for a folder that a
            network is only evaluated with: all of its pictures are in `val` then.

    Returns:
        The data set, see `Dataset`.

    Raises:
        ValueError: if there is none, it is not what it seems, or fewer than two classes are left; the message names
            the file and the line.
        OSError: if something cannot be read.
        ModuleNotFoundError: if a package that holds the data is missing; the message says how to install it.

    Example:
        >>> pictures = open_dataset("digits", classes="3,5,8")
        >>> pictures.kind, pictures.classes, len(pictures.train), len(pictures.val)
        ('digits', ('3', '5', '8'), 431, 108)
        >>> train, val = open_dataset("digits")  # the two parts
        >>> train.read(0).shape
        (1, 32, 32)
    """
    seed = to_int("data", "seed", seed, least=0)
    if val_share is not None:
        check_fraction("data", "val_share", val_share)
    check_path("data", where)
    folder = Path(where)
    if str(where) in NAMED:
        return NAMED[str(where)].read(folder, classes, seed, val_share)
    if not folder.is_dir():
        raise ValueError(_no_folder(folder))
    if (boxes := kind_of(folder)) is not None:
        raise ValueError(
            f"{printable(folder)}: these are pictures with boxes ({boxes}), and a network for classes wants one class "
            f"for each picture; train one that finds things: minidl train yolo_tiny --data {printable(folder)}"
        )
    known = next((one for one in FORMATS if one.recognise(folder)), None)
    if known is not None and not (known is class_folders and _hidden(folder)):
        return known.read(folder, classes, seed, val_share)
    raise ValueError(_no_layout(folder))


def list_data() -> list[str]:
    """Return the names of all data sets that come by one.

    Example:
        >>> "digits" in list_data()
        True
    """
    return sorted(NAMED)


def _hidden(folder: Path) -> list[str]:
    """Return the folders in a folder that are data sets of a layout of their own."""
    names = [name for name in folders_in(folder) if role_of(name) != TRAIN]
    return [name for name in names if any(one.recognise(folder / name) for one in FORMATS if one is not class_folders)]


def _no_folder(folder: Path) -> str:
    names = ", ".join(list_data())
    if folder.is_file():
        archive = folder.suffix in (".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2")
        cure = "unpack it and name the folder" if archive else f"expected a folder or one of the names: {names}"
        return f"{printable(folder)}: this is a file, not the folder of a data set; {cure}"
    near = " or ".join(difflib.get_close_matches(str(folder), NAMED, n=3))
    hint = f"did you mean {near}?" if near else f"expected a folder or one of the names: {names}"
    return f"{printable(folder)}: there is no such folder; {hint}"


def _no_layout(folder: Path) -> str:
    """Say why a folder is no data set, and what might be meant."""
    here = printable(folder)
    inside = _hidden(folder)
    if inside:
        return (
            f"{here}: data sets lie in this folder; name one of them: {some([str(folder / name) for name in inside])}"
        )
    names = [entry.name for entry in entries(folder)]
    if not names:
        return f"{here}: the folder is empty; expected {EXPECTED}"
    if any(is_picture(entry.path, entry.name) for entry in entries(folder)):
        return (
            f"{here}: pictures lie directly in this folder, so their classes are not known; "
            f"sort them: {here}/CLASS/*.jpg"
        )
    return f"{here}: there are no pictures, only {some(names)}; expected {EXPECTED}"

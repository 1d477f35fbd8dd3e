"""Open a data set: a folder, which is recognised by what lies in it, or a name."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from minidl._checks import check_fraction, check_path, to_int
from minidl.data import _registry
from minidl.data._class_selection import Choice, choose
from minidl.data._picture_files import entries, folders_in, is_picture, printable, some
from minidl.data._roles import TRAIN, role_of
from minidl.data.formats import cifar, class_folders, idx, tiny_imagenet
from minidl.data.split import Dataset, Split

LAYOUTS: tuple[ModuleType, ...] = (tiny_imagenet, cifar, idx, class_folders)  # in the order in which they are tried
EXPECTED = "train/CLASS/*.jpg and val/CLASS/*.jpg, CLASS/*.jpg, or the files of Tiny-ImageNet, CIFAR or MNIST"


def open_dataset(
    where: str | os.PathLike[str], classes: Choice = None, *, seed: int = 0, val_share: float | None = 0.2
) -> Dataset:
    """Open a data set; pictures in files of their own are not read yet.

    Args:
        where: a folder, or a name of `list_data()`.
        classes: which classes: None (default) for all; a number, also as text, for the first so many; ids or names, as
            a list or as one text with commas. They are numbered from 0 in the order of the data set.
        seed: decides which pictures are for validation where the data set does not say it.
        val_share: the part of every class that is drawn for validation then; None draws nothing, for a folder that a
            network is only examined with: all of its pictures are in `val` then.

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
    if str(where) in _registry.LOADERS:
        return _named(str(where), classes)
    folder = Path(where)
    if not folder.is_dir():
        raise ValueError(_no_folder(folder))
    for layout in LAYOUTS:
        if layout.recognise(folder):
            inside = _hidden(folder) if layout is class_folders else []
            if inside:
                break
            found: Dataset = layout.read(folder, classes, seed, val_share)
            return found
    raise ValueError(_no_layout(folder))


def _named(name: str, classes: Choice) -> Dataset:
    train, val = (
        Split.of(part, f"{name}, {what} picture") for part, what in zip(_registry.LOADERS[name](), ("training", "test"))
    )
    notes: tuple[str, ...] = ()
    if Path(name).is_dir():
        notes = (f"{name}: the data set of this name that comes with minidl, not the folder here: that is ./{name}",)
    found = Dataset(name, name, train, val, train.classes, notes)
    return found.keep(choose(name, train.classes, train.classes, classes))


def _hidden(folder: Path) -> list[str]:
    """Return the folders in a folder that are data sets of a layout of their own."""
    names = [name for name in folders_in(folder) if role_of(name) != TRAIN]
    return [name for name in names if any(layout.recognise(folder / name) for layout in LAYOUTS[:-1])]


def _no_folder(folder: Path) -> str:
    names = ", ".join(_registry.list_data())
    if folder.is_file():
        archive = folder.suffix in (".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2")
        cure = "unpack it and name the folder" if archive else f"expected a folder or one of the names: {names}"
        return f"{printable(folder)}: this is a file, not the folder of a data set; {cure}"
    near = _registry.near(str(folder))
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

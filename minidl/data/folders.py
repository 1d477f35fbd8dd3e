"""Folders of pictures, one for each class: the layout that everybody uses.

    DIR/train/CLASS/*.jpg                  DIR/CLASS/*.jpg
    DIR/val/CLASS/*.jpg

With `train` there may be `val`, `valid`, `validation` or `test` (the first that exists), as in Imagenette and many
others; without it, or without `train`, one fifth of every class is drawn for validation. Pictures may lie deeper, as in
CLASS/images/*.jpg. A file words.txt (lines of an id, a tab and names), if there is one, gives the classes their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minidl.data._choice import Choice, choose
from minidl.data._scan import SUFFIXES, entries, folders_in, pictures_below, printable, read_lines, some
from minidl.data.split import Dataset, Files, Split, draw_share

KIND = "picture folders"
TRAIN = ("train", "training")
VALIDATION = ("val", "valid", "validation", "test")


def recognise(folder: Path) -> bool:
    """Tell whether there are folders that hold pictures or folders: the last guess, when nothing else fits."""
    return bool(folders_in(folder))


def read(folder: Path, classes: Choice, seed: int, share: float) -> Dataset:
    """Find the pictures of every class.

    Args:
        folder: the data set.
        classes: which classes, see `open_dataset`.
        seed: for the split, where there is none.
        share: the part of every class that is drawn for validation, where there is no such folder.

    Raises:
        ValueError: if there is no picture in a class, the classes of validation are not those of training, or there
            are fewer than two.
        OSError: if a folder cannot be read.
    """
    train, val = find_splits(folder)
    root = train or folder
    ids = folders_in(root)
    if not ids:
        raise ValueError(
            f"{printable(root)}: there are no folders in it, one for each class; expected {printable(root)}/CLASS/*.jpg"
        )
    names = class_names(folder, ids)
    chosen = choose(root, ids, names, classes)
    ids, names = [ids[number] for number in chosen], [names[number] for number in chosen]
    found = split_of([(root / name, _pictures_of(root / name)) for name in ids], names)
    if val is None:
        return divided(KIND, folder, found, ids, seed, share)
    check_same_classes(val, folders_in(val), root, folders_in(root))
    examined = split_of([(val / name, _pictures_of(val / name)) for name in ids], names)
    return Dataset(KIND, str(folder), found, examined, tuple(ids), (f"validation: {val.name}/",))


def find_splits(folder: Path) -> tuple[Path | None, Path | None]:
    """Return the folders of training and validation, as far as there are such.

    A folder named train that holds pictures and no folders, beside others that are not named as splits, is a class:
    trains beside cars and planes.
    """
    present = {name.lower(): folder / name for name in reversed(folders_in(folder))}
    train = next((present[name] for name in TRAIN if name in present), None)
    val = next((present[name] for name in VALIDATION if name in present), None)
    if train is None or (val is None and len(present) > 1 and not folders_in(train)):
        return None, None
    return train, val


def split_of(groups: Sequence[tuple[Path, Sequence[Path]]], names: Sequence[str]) -> Split:
    """Make a split of (folder of a class, its pictures) for each class in turn."""
    labels = np.repeat(np.arange(len(groups)), [len(pictures) for _, pictures in groups])
    return Split(Files([picture for _, pictures in groups for picture in pictures]), labels, tuple(names))


def divided(kind: str, folder: Path, found: Split, ids: Sequence[str], seed: int, share: float) -> Dataset:
    """Draw the validation pictures from those of every class.

    Raises:
        ValueError: if a class has only one picture.
    """
    lonely = [name for name, count in zip(ids, found.counts()) if count < 2]
    if lonely:
        raise ValueError(
            f"{printable(folder)}: {some(lonely)}: only one picture; a class needs two, one to learn from "
            f"and one to be examined with"
        )
    chosen = draw_share(found.labels, share, seed)
    note = f"validation: {share:.0%} of every class, drawn with seed {seed}"
    return Dataset(kind, str(folder), found.take(~chosen), found.take(chosen), tuple(ids), (note,))


def check_same_classes(val: Path, in_val: Sequence[str], train: Path, in_train: Sequence[str]) -> None:
    """Refuse a validation set of other classes.

    It is the commonest way to spoil an experiment on ImageNet and its like: the validation pictures come in one folder,
    which is then taken for a class; everything runs, and the accuracy is that of guessing.

    Raises:
        ValueError: if the two sets of classes differ.
    """
    extra, missing = sorted(set(in_val) - set(in_train)), sorted(set(in_train) - set(in_val))
    if not extra and not missing:
        return
    difference = "; ".join(
        f"{some(names)} only in {printable(place.name)}/" for names, place in ((extra, val), (missing, train)) if names
    )
    raise ValueError(
        f"{printable(val)}: its classes are not those of {printable(train.name)}/: {difference}; an examination would "
        f"mean nothing (guessing gives 1 / {len(in_train)} = {1 / len(in_train):.1%}); sort the pictures into folders "
        f"named as in {printable(train.name)}/, or rename this folder to have a part of the training pictures "
        f"drawn instead"
    )


def class_names(folder: Path, ids: Sequence[str]) -> list[str]:
    """Return the names of the classes: from words.txt, the first of each line, or else the ids themselves.

    Raises:
        ValueError: if words.txt is no text.
    """
    words = folder / "words.txt"
    known = {}
    if words.is_file():
        for line in read_lines(words):
            name, _, rest = line.partition("\t")
            known[name.strip()] = rest.split(",")[0].strip()
    return [known.get(name) or name for name in ids]


def _pictures_of(folder: Path) -> list[Path]:
    pictures = pictures_below(folder)
    if not pictures:
        there = [entry.name for entry in entries(folder)]
        raise ValueError(
            f"{printable(folder)}: this class has no pictures; "
            + (f"there is {some(there)}, but no {some(sorted(SUFFIXES), 20)}" if there else "the folder is empty")
            + "; put some there or remove the folder"
        )
    return pictures

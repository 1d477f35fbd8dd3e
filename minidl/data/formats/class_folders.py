"""Folders of pictures, one for each class: the layout that everybody uses.

    DIR/train/CLASS/*.jpg                  DIR/CLASS/*.jpg
    DIR/val/CLASS/*.jpg

The parts may have other names that say the same, such as training_set and test_set (see `_roles`), and lie twice in
each other, as in seg_train/seg_train. Where there is none for validation, or none at all, one fifth of every class is
drawn. Pictures may lie deeper, as in CLASS/images/*.jpg. A file words.txt (lines of an id, a tab and names), if there
is one, gives the classes their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minidl._names import normal, printable, some
from minidl.data._class_selection import ClassesLike, distinct, named, select_classes
from minidl.data._picture_files import USUAL, Left, entries, folders_in, pictures_below, read_lines
from minidl.data.formats._layout import Layout, check_classes, find_layout, spellings
from minidl.data.split import Dataset, Files, Split, draw_share

KIND = "picture folders"


def recognise(folder: Path) -> bool:
    """Tell whether there are folders that hold pictures or folders: the last guess, when nothing else fits."""
    return bool(folders_in(folder))


def read(folder: Path, classes: ClassesLike, seed: int, share: float | None) -> Dataset:
    """Find the pictures of every class.

    Args:
        folder: the data set.
        classes: which classes, see `open_dataset`.
        seed: for the split, where there is none.
        share: the part of every class that is drawn for validation, where there is no such folder; None takes all.

    Raises:
        ValueError: if there is no picture in a class, the classes of validation are not those of training, there are
            fewer than two, or it is not clear which folders are the classes.
        OSError: if a folder cannot be read.
    """
    layout = find_layout(folder, named(classes), to_learn=share is not None)
    there = _classes_in(layout, folder)
    ids = list(there)
    names = class_names(folder, ids)
    chosen = select_classes(layout.train, ids, names, classes)
    unique, said = distinct(ids, names)
    ids, names = [ids[number] for number in chosen], [unique[number] for number in chosen]
    check_classes(layout.train, [there[name] for name in ids])
    left = Left(runs=[f"{name}/" for name in layout.runs])
    found = split_of([_pictures_of(layout.train / there[name], left) for name in ids], names)
    note = layout.note(folder, None if share is None else how_drawn(seed, share))
    if layout.val is None:
        return divided(KIND, folder, found, ids, seed, share, (note, *left.notes(), *said))
    in_val = spellings(layout.val, folders_in(layout.val))
    check_same_classes(layout.val, list(in_val), layout.train, list(there), ids)
    val_split = split_of([_pictures_of(layout.val / in_val[name], left) for name in ids], names)
    return Dataset(KIND, str(folder), found, val_split, tuple(ids), (note, *left.notes(), *said))


def _classes_in(layout: Layout, folder: Path) -> dict[str, str]:
    """Return the folder of each class, by the id of the class."""
    runs = layout.runs if layout.train == folder else ()
    there = spellings(layout.train, [name for name in folders_in(layout.train) if name not in runs])
    if not there:
        root = printable(layout.train)
        only = f"; {some(f'{name}/' for name in runs)}: runs of minidl" if runs else ""
        raise ValueError(f"{root}: there are no folders in it, one for each class; expected {root}/CLASS/*.jpg{only}")
    return there


def split_of(groups: Sequence[Sequence[Path]], names: Sequence[str]) -> Split:
    """Make a split of the pictures of each class in turn."""
    labels = np.repeat(np.arange(len(groups)), [len(pictures) for pictures in groups])
    return Split(Files([picture for pictures in groups for picture in pictures]), labels, tuple(names))


def how_drawn(seed: int, share: float) -> str:
    """Say how `divided` draws."""
    return f"{share:.0%} of every class, drawn with seed {seed}"


def divided(
    kind: str, folder: Path, found: Split, ids: Sequence[str], seed: int, share: float | None, notes: tuple[str, ...]
) -> Dataset:
    """Draw the validation pictures from those of every class; a share of None takes all.

    Raises:
        ValueError: if a class has only one picture.
    """
    if share is None:
        return Dataset(kind, str(folder), found.take([]), found, tuple(ids), notes, drawn=True)
    lonely = [name for name, count in zip(ids, found.counts()) if count < 2]
    if lonely:
        raise ValueError(
            f"{printable(folder)}: {some(lonely)}: only one picture; a class needs two, one to learn from "
            f"and one to be examined with"
        )
    chosen = draw_share(found.labels, share, seed)
    return Dataset(kind, str(folder), found.take(~chosen), found.take(chosen), tuple(ids), notes, drawn=True)


def check_same_classes(
    val: Path, in_val: Sequence[str], train: Path, in_train: Sequence[str], wanted: Sequence[str]
) -> None:
    """Refuse a validation set that has other classes, or lacks one of those that are wanted.

    It is the commonest way to spoil an experiment on ImageNet and its like: the validation pictures come in one folder,
    which is then taken for a class; everything runs, and the accuracy is that of guessing.

    Raises:
        ValueError: if the two sets of classes differ.
    """
    extra, missing = sorted(set(in_val) - set(in_train)), sorted(set(wanted) - set(in_val))
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
            known[normal(name.strip())] = normal(rest.split(",")[0].strip())
    return [known.get(name) or name for name in ids]


def _pictures_of(folder: Path, left: Left) -> list[Path]:
    pictures = pictures_below(folder, left)
    if not pictures:
        there = some([entry.name for entry in entries(folder)])
        found = f"there is {there}, but no {', '.join(USUAL)} or other picture" if there else "the folder is empty"
        raise ValueError(
            f"{printable(folder)}: this class has no pictures; {found}; put some there or remove the folder"
        )
    return pictures

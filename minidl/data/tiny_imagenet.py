"""Tiny-ImageNet's own layout: 200 classes of 500 pictures of 64×64, sorted in two different ways.

    wnids.txt                          the ids of the classes, one a line
    words.txt                          id, tab, names
    train/ID/images/ID_0.JPEG          the training pictures, in a folder for each class
    val/images/val_0.JPEG              the validation pictures, all in one folder ...
    val/val_annotations.txt            ... and their classes here: file, id, box (four numbers), with tabs

Who takes val/images for a class gets 1 / 200 = 0.5 % right; here the labels are read. Classes are numbered in the order
of their sorted ids, as in ImageNet. A validation set that was sorted into folders (val/ID/*.JPEG) is read as well.

Source: Stanford CS231n, "Tiny ImageNet visual recognition challenge" (2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minidl.data._choice import Choice, choose
from minidl.data._scan import SUFFIXES, entries, folders_in, pictures_below, printable, read_lines, some
from minidl.data.folders import check_same_classes, class_names, divided, split_of
from minidl.data.split import Dataset

KIND = "Tiny-ImageNet"


def recognise(folder: Path) -> bool:
    """Tell whether this is Tiny-ImageNet's layout."""
    own = folder / "wnids.txt", folder / "val" / "val_annotations.txt"
    return (folder / "train").is_dir() and any(file.is_file() for file in own)


def read(folder: Path, classes: Choice, seed: int, share: float) -> Dataset:
    """Find the pictures of every class.

    Args:
        folder: the data set.
        classes: which classes, see `open_dataset`.
        seed: for the split, where there is no validation set.
        share: the part of every class that is drawn for validation, where there is none.

    Raises:
        ValueError: if files and lists do not agree; the message names the file and the line.
        OSError: if something cannot be read.
    """
    train, val = folder / "train", folder / "val"
    ids = _ids(folder)
    names = class_names(folder, ids)
    chosen = choose(folder, ids, names, classes)
    names, some_ids = [names[number] for number in chosen], [ids[number] for number in chosen]
    found = split_of([(train / name, _pictures_of(folder, name)) for name in some_ids], names)
    if not val.is_dir():
        return divided(KIND, folder, found, some_ids, seed, share)
    if (val / "val_annotations.txt").is_file():
        sorted_out = _annotated(val, ids)
    else:
        check_same_classes(val, folders_in(val), train, folders_in(train))
        sorted_out = {name: pictures_below(val / name) for name in some_ids}
    empty = [name for name in some_ids if not sorted_out.get(name)]
    if empty:
        raise ValueError(
            f"{printable(val)}: there is no picture of {len(empty)} of the {len(some_ids)} classes ({some(empty)}); "
            f"choose other classes, or add pictures"
        )
    examined = split_of([(val, sorted_out[name]) for name in some_ids], names)
    return Dataset(KIND, str(folder), found, examined, tuple(some_ids), ("validation: val/",))


def _ids(folder: Path) -> list[str]:
    """Return the ids of all classes, sorted: those of wnids.txt, or of the folders where it is missing."""
    file = folder / "wnids.txt"
    if not file.is_file():
        return folders_in(folder / "train")
    lines = [line.strip() for line in read_lines(file)]
    for number, line in enumerate(lines, 1):
        if line in lines[: number - 1] and line:
            raise ValueError(f"{printable(file)}, line {number}: the class {line!r} stands there twice")
    return sorted(line for line in lines if line)


def _pictures_of(folder: Path, name: str) -> list[Path]:
    """Return the training pictures of a class."""
    place = folder / "train" / name
    pictures = pictures_below(place) if place.is_dir() else []
    if not pictures:
        what = "it has no pictures" if place.is_dir() else "there is no such folder"
        raise ValueError(
            f"{printable(place)}: {what}, but wnids.txt has the class; unpack the archive again, remove the line, or "
            f"choose classes"
        )
    return pictures


def _annotated(val: Path, ids: Sequence[str]) -> dict[str, list[Path]]:
    """Return the validation pictures of every class, as val_annotations.txt sorts them."""
    file, place = val / "val_annotations.txt", val / "images"
    there = {entry.name for entry in entries(place if place.is_dir() else val)}
    place = place if place.is_dir() else val
    pictures = sorted(name for name in there if Path(name).suffix.lower() in SUFFIXES)
    known = set(ids)
    line_of: dict[str, int] = {}
    result: dict[str, list[Path]] = {name: [] for name in ids}
    for number, line in enumerate(read_lines(file), 1):
        if not line.strip():
            continue
        where = f"{printable(file)}, line {number}"
        picture, *rest = line.split("\t")
        if not rest or not rest[0].strip():
            raise ValueError(
                f"{where}: expected a file, a tab and a class; received {line!r}; take the file from the archive again"
            )
        name = rest[0].strip()
        if name not in known:
            raise ValueError(f"{where}: the class {name!r} is not one of the {len(ids)} in wnids.txt and train/")
        if picture in line_of:
            raise ValueError(
                f"{where}: {picture!r} has a class already, in line {line_of[picture]}; remove one of them"
            )
        if picture not in there:
            raise ValueError(f"{where}: there is no picture {printable(place / picture)}; unpack the archive again")
        line_of[picture] = number
        result[name].append(place / picture)
    unlabelled = [picture for picture in pictures if picture not in line_of]
    if unlabelled:
        raise ValueError(
            f"{printable(file)}: no line for {some(unlabelled)}, so their classes are not known "
            f"({len(pictures)} pictures, {len(line_of)} lines); take the file from the archive again, or remove the "
            f"pictures"
        )
    return {name: sorted(paths) for name, paths in result.items()}

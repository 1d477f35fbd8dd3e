"""Tiny-ImageNet's own layout: 200 classes of 500 pictures of 64×64, sorted in two different ways.

    wnids.txt                          the ids of the classes, one a line
    words.txt                          id, tab, names
    train/ID/images/ID_0.JPEG          the training pictures, in a folder for each class
    val/images/val_0.JPEG              the validation pictures, all in one folder ...
    val/val_annotations.txt            ... and their classes here: file, id, box (four numbers), with tabs

Who takes val/images for a class gets 1 / 200 = 0.5 % right; here the labels are read. Classes are numbered in the order
of their sorted ids, as in ImageNet. A validation set that was sorted into folders (val/ID/*.JPEG or val/ID/images/) is
read as well; where val_annotations.txt is still there, it must agree.

Source: Stanford CS231n, "Tiny ImageNet visual recognition challenge" (2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minidl._names import printable, some
from minidl.data._class_selection import ClassesLike, distinct, select_classes
from minidl.data._picture_files import Left, entries, folders_in, is_folder, is_picture, pictures_below, read_lines
from minidl.data.formats.class_folders import check_same_classes, class_names, divided, how_drawn, split_of
from minidl.data.split import Dataset

KIND = "Tiny-ImageNet"
LABELS = "val_annotations.txt"


def recognise(folder: Path) -> bool:
    """Tell whether this is Tiny-ImageNet's layout."""
    own = folder / "wnids.txt", folder / "val" / LABELS
    return (folder / "train").is_dir() and any(file.is_file() for file in own)


def read(folder: Path, classes: ClassesLike, seed: int, share: float | None) -> Dataset:
    """Find the pictures of every class.

    Args:
        folder: the data set.
        classes: which classes, see `open_dataset`.
        seed: for the split, where there is no validation set.
        share: the part of every class that is drawn for validation, where there is none; None takes all.

    Raises:
        ValueError: if files and lists do not agree; the message names the file and the line.
        OSError: if something cannot be read.
    """
    train, val = folder / "train", folder / "val"
    ids = _ids(folder)
    names = class_names(folder, ids)
    chosen = select_classes(folder, ids, names, classes)
    unique, said = distinct(ids, names)
    names, some_ids = [unique[number] for number in chosen], [ids[number] for number in chosen]
    left = Left()
    found = split_of([_pictures_of(train / name, left) for name in some_ids], names)
    if not val.is_dir():
        how = "all pictures" if share is None else how_drawn(seed, share)
        note = f"training: train/, validation: {how}"
        return divided(KIND, folder, found, some_ids, seed, share, (note, *_notes(left), *said))
    if _is_sorted(val):
        sorted_out, how = _sorted(val, train, ids, some_ids, left), "val/, sorted into folders"
    elif (val / LABELS).is_file():
        sorted_out, how = _annotated(val, ids), "val/"
    else:
        raise ValueError(
            f"{printable(val)}: the pictures lie in one folder, and {LABELS} is missing, so their classes are not "
            f"known; take it from the archive again"
        )
    empty = [name for name in some_ids if not sorted_out.get(name)]
    if empty:
        raise ValueError(
            f"{printable(val)}: there is no picture of {len(empty)} of the {len(some_ids)} classes ({some(empty)}); "
            f"choose other classes, or add pictures"
        )
    val_split = split_of([sorted_out[name] for name in some_ids], names)
    notes = (f"training: train/, validation: {how}", *_notes(left), *said)
    return Dataset(KIND, str(folder), found, val_split, tuple(some_ids), notes)


def _notes(left: Left) -> tuple[str, ...]:
    del left.files[".txt"]  # the boxes of every class, which belong to the layout
    return left.notes()


def _is_sorted(val: Path) -> bool:
    """Tell whether the validation pictures lie in a folder for each class.

    Raises:
        ValueError: if some do and some do not.
    """
    classes = [name for name in folders_in(val) if name != "images" and pictures_below(val / name)]
    loose = [entry.name for entry in entries(_place(val)) if not is_folder(entry)]
    loose = [name for name in loose if is_picture(str(_place(val) / name), name)]
    if classes and loose:
        raise ValueError(
            f"{printable(val)}: sorted in part: {len(loose):,} pictures lie in {printable(_place(val))} "
            f"({some(loose)}), others in folders of classes ({some(classes)}); sort the rest, or unpack the archive "
            f"again"
        )
    return bool(classes)


def _place(val: Path) -> Path:
    """Return where the validation pictures lie if they are not sorted."""
    return val / "images" if (val / "images").is_dir() else val


def _sorted(val: Path, train: Path, ids: Sequence[str], wanted: Sequence[str], left: Left) -> dict[str, list[Path]]:
    """Return the validation pictures of every class, as the folders sort them.

    Raises:
        ValueError: if the classes are not those of training, or the labels that are still there say something else.
    """
    there = [name for name in folders_in(val) if name != "images" or pictures_below(val / name)]
    check_same_classes(val, there, train, ids, wanted)
    found = {name: pictures_below(val / name, left) for name in wanted}
    if (val / LABELS).is_file():
        labels = dict(line.split("\t")[:2] for line in read_lines(val / LABELS) if "\t" in line)
        for name, pictures in found.items():
            for picture in pictures:
                if labels.get(picture.name, name) != name:
                    raise ValueError(
                        f"{printable(picture)}: {LABELS} says that its class is {labels[picture.name]!r}; move it "
                        f"there, or remove {LABELS} if the folders are right"
                    )
    return found


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


def _pictures_of(place: Path, left: Left) -> list[Path]:
    """Return the training pictures of a class."""
    pictures = pictures_below(place, left) if place.is_dir() else []
    if not pictures:
        what = "it has no pictures" if place.is_dir() else "there is no such folder"
        raise ValueError(
            f"{printable(place)}: {what}, but wnids.txt has the class; unpack the archive again, remove the line, or "
            f"choose classes"
        )
    return pictures


def _annotated(val: Path, ids: Sequence[str]) -> dict[str, list[Path]]:
    """Return the validation pictures of every class, as val_annotations.txt sorts them."""
    file, place = val / LABELS, _place(val)
    inside = [entry for entry in entries(place) if not is_folder(entry)]
    there = {entry.name for entry in inside}
    pictures = [entry.name for entry in inside if is_picture(entry.path, entry.name)]
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

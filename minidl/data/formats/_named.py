"""Data sets that come by a name and lie in memory: two parts become a data set."""

from __future__ import annotations

from pathlib import Path

from minidl.data._class_selection import ClassesLike, select_classes
from minidl.data.pictures import Pictures
from minidl.data.split import Dataset, Split


def named(name: str, train: Pictures, test: Pictures, classes: ClassesLike) -> Dataset:
    """Return the data set of a name.

    Args:
        name: what it is opened by, which begins the name of each picture, too.
        train: the pictures to learn from.
        test: the pictures to evaluate with.
        classes: which classes, see `open_dataset`.

    Raises:
        ValueError: if there are no such classes.
    """
    parts = Split.of(train, f"{name}, training picture"), Split.of(test, f"{name}, test picture")
    notes: tuple[str, ...] = ()
    if Path(name).is_dir():
        notes = (f"{name}: the data set of this name that comes with minidl, not the folder here: that is ./{name}",)
    found = Dataset(name, name, *parts, train.classes, notes)
    return found.keep(select_classes(name, train.classes, train.classes, classes))

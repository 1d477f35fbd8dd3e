"""How data sets come: a file for each format, which says how it is recognised and reads it.

digits            1,797 handwritten digits, by their name
tiny_imagenet     Tiny-ImageNet's folders and lists
cifar             CIFAR-10 and CIFAR-100, in binary files and in pickles
idx               MNIST and Fashion-MNIST, and whatever else comes in their format
class_folders     a folder of pictures for each class: the last guess

A new one is a file here with the two functions of `Format`, and its name in the line below. One that comes by a name
and not in a folder has that name as NAME, and recognises nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from minidl.data._class_selection import ClassesLike
from minidl.data.formats import cifar, class_folders, digits, idx, tiny_imagenet
from minidl.data.split import Dataset


class Format(Protocol):
    """What each file here offers."""

    def recognise(self, folder: Path) -> bool:
        """Tell whether a folder is a data set of this format."""

    def read(self, where: Path, classes: ClassesLike, seed: int, share: float | None) -> Dataset:
        """Return the data set, of which these classes were asked for; see `open_dataset`."""


# In the order in which they are tried.
FORMATS: tuple[Format, ...] = (digits, tiny_imagenet, cifar, idx, class_folders)
NAMED: dict[str, Format] = {name: one for one in FORMATS if (name := getattr(one, "NAME", ""))}

__all__: list[str] = []


def __dir__() -> list[str]:
    return []

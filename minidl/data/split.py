"""What a data set is to the rest of the code: two splits, and pictures that are read when they are wanted.

A `Split` knows the label of every picture and where its pixels are: in one array, or each in a file of its own. A
`Dataset` is a split to learn from, a split to evaluate with, and the names of the classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from minidl._looks import Brief, listed, sides
from minidl._random import addressed
from minidl.data._reduced import Wanted
from minidl.data.images import Pixels, picture_size, read_pixels, read_reduced
from minidl.data.pictures import Pictures


class Source(Protocol):
    """Where pixels come from."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> np.ndarray:
        """Return picture number `index`, (C, H, W)."""

    def size(self, index: int) -> tuple[int, int]:
        """Return height and width of picture number `index`, without reading more of it than that takes."""

    def name(self, index: int) -> str:
        """Say which picture that is, for messages."""

    def take(self, indices: np.ndarray) -> Source:
        """Return some of the pictures."""


class Arrays(Brief):
    """Pictures that lie in one array (N, C, H, W), and the name of each."""

    def __init__(self, x: np.ndarray, name: Callable[[int], str], indices: np.ndarray | None = None):
        self.x = x
        self._name = name
        self._indices = np.arange(len(x)) if indices is None else indices  # what `name` knows them by

    def _words(self) -> list[str]:
        return [f"{len(self.x):,} of {sides(self.x.shape[1:])}", str(self.x.dtype)]

    def __len__(self) -> int:
        return len(self.x)

    def read(self, index: int) -> np.ndarray:
        """Return picture number `index`, (C, H, W)."""
        return self.x[index]

    def size(self, index: int) -> tuple[int, int]:
        """Return height and width of every picture."""
        return self.x.shape[2], self.x.shape[3]

    def name(self, index: int) -> str:
        """Say which picture that is, for messages."""
        return self._name(int(self._indices[index]))

    def take(self, indices: np.ndarray) -> Arrays:
        """Return some of the pictures."""
        return Arrays(self.x[indices], self._name, self._indices[indices])


class Files(Brief):
    """Pictures that lie each in a file of its own."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = tuple(paths)

    def _words(self) -> list[str]:
        return [f"{len(self.paths):,}", listed(self.paths, 2)]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> np.ndarray:
        """Return picture number `index`, RGB from 0 to 255, uint8 (3, H, W).

        Raises:
            ValueError: if it cannot be read; one line that begins with the file.
        """
        return read_pixels(self.paths[index])

    def read_reduced(self, index: int, wanted: Wanted) -> Pixels:
        """Return picture number `index` for a smaller one, see `images.open_reduced`.

        Raises:
            ValueError: if it cannot be read; one line that begins with the file.
        """
        return read_reduced(self.paths[index], wanted)

    def size(self, index: int) -> tuple[int, int]:
        """Return height and width of picture number `index`, from the head of its file.

        Raises:
            ValueError: if it cannot be read; one line that begins with the file.
        """
        return picture_size(self.paths[index])

    def name(self, index: int) -> str:
        """Say which picture that is, for messages."""
        return str(self.paths[index])

    def take(self, indices: np.ndarray) -> Files:
        """Return some of the pictures."""
        return Files([self.paths[index] for index in indices])


@dataclass(frozen=True)
class Split(Brief):
    """Pictures with labels, of which each is read when it is wanted.

    Args:
        source: where the pixels are.
        labels: the class of each picture, integers (N,) from 0.
        classes: the names of the classes.

    Raises:
        ValueError: if labels are not one for each picture, or a label has no class.

    Example:
        >>> from minidl import data
        >>> test = data.open_dataset("digits").val
        >>> len(test), test.read(0).shape, test.name(0)
        (359, (1, 32, 32), 'digits, test picture 0')
    """

    source: Source
    labels: np.ndarray
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.labels.shape != (len(self.source),):
            raise ValueError(
                f"Split: labels must have one class for each of the {len(self.source)} pictures, "
                f"shape ({len(self.source)},); labels.shape={self.labels.shape}"
            )
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(
                f"Split: labels must be from 0 to {len(self.classes) - 1} (there are {len(self.classes)} classes); "
                f"received labels from {self.labels.min()} to {self.labels.max()}"
            )

    def _words(self) -> list[str]:
        size = f" of {sides(self.x.shape[1:])}" if self.x is not None else " in files"
        classes = [f"{len(self.classes)} classes: {listed(self.classes)}"] if self.classes else []
        return [f"{len(self):,} pictures{size}", *classes]

    @classmethod
    def of(cls, pictures: Pictures, what: str = "picture") -> Split:
        """Make a split of pictures that are in memory; `what` begins the name of each."""
        return cls(Arrays(pictures.x, lambda index: f"{what} {index}"), pictures.labels, pictures.classes)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def x(self) -> np.ndarray | None:
        """All pictures in one array (N, C, H, W), if they lie in one; else None."""
        return self.source.x if isinstance(self.source, Arrays) else None

    def read(self, index: int) -> np.ndarray:
        """Return picture number `index`, (C, H, W).

        Raises:
            ValueError: if it cannot be read; one line that begins with the file.
        """
        return self.source.read(index)

    def read_reduced(self, index: int, wanted: Wanted) -> Pixels:
        """Return picture number `index` for a smaller one: of a JPEG as many pixels as that needs.

        Args:
            index: of the picture.
            wanted: from its size (H, W) to that it is brought to; None if it is needed as it is.

        Raises:
            ValueError: if it cannot be read; one line that begins with the file.
        """
        if isinstance(self.source, Files):
            return self.source.read_reduced(index, wanted)
        x = self.read(index)
        return Pixels(x, (x.shape[1], x.shape[2]))

    def size(self, index: int) -> tuple[int, int]:
        """Return height and width of picture number `index`, of a file from its head.

        Raises:
            ValueError: if it cannot be read; one line that begins with the file.
        """
        return self.source.size(index)

    def name(self, index: int) -> str:
        """Say which picture that is: its file, or the file and its number there."""
        return self.source.name(index)

    def counts(self) -> np.ndarray:
        """Count the pictures of each class: (number of classes,)."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def names_below(self, root: Path) -> list[str] | None:
        """Return how each picture file is called from a folder on, with / between; None if there are no such files."""
        if not isinstance(self.source, Files):
            return None
        return [path.relative_to(root).as_posix() for path in self.source.paths]

    def join(self, other: Split) -> Split:
        """Return the pictures of this split and then those of another, which has the same classes.

        Raises:
            ValueError: if the pictures lie elsewhere than in files.
        """
        if not isinstance(self.source, Files) or not isinstance(other.source, Files):
            raise ValueError("Split.join: only pictures in files of their own can be joined")
        paths = (*self.source.paths, *other.source.paths)
        return Split(Files(paths), np.concatenate([self.labels, other.labels]), self.classes)

    def take(self, indices: Any) -> Split:
        """Return some of the pictures: those with these indices (a list, an array or a slice), in that order."""
        chosen = np.arange(len(self))[indices]
        return Split(self.source.take(chosen), self.labels[chosen], self.classes)

    def keep(self, classes: Sequence[int], names: Sequence[str]) -> Split:
        """Return the pictures of some classes, which are then numbered in the order given and named so."""
        number = np.full(len(self.classes), -1)
        number[list(classes)] = np.arange(len(classes))
        chosen = np.flatnonzero(number[self.labels] >= 0)
        return Split(self.source.take(chosen), number[self.labels[chosen]], tuple(names))


@dataclass(frozen=True)
class Dataset(Brief):
    """A data set: pictures to learn from, pictures to evaluate with, and what they show.

    It unpacks into its two parts: `train, val = open_dataset(…)`.

    Args:
        kind: what it was recognised as, such as "Tiny-ImageNet".
        where: the folder, or the name.
        train: the pictures to learn from.
        val: the pictures to evaluate with.
        ids: how the files call the classes, such as "n01443537".
        notes: what a user should know: how the split was made, what was left out.
        drawn: whether the pictures for validation were drawn, because the data set does not say which they are.
    """

    kind: str
    where: str
    train: Split
    val: Split
    ids: tuple[str, ...]
    notes: tuple[str, ...] = ()
    drawn: bool = False

    def __init_subclass__(cls) -> None:
        raise TypeError(
            "Dataset: it is what open_dataset returns, and no base for your own; give arrays: data.Loader(x, y, 64), "
            "or write a class with epoch(number, start_step=0), which yields (x, y), and __len__"
        )

    def __iter__(self) -> Iterator[Split]:
        """Give the two parts: `train, val = open_dataset(…)`."""
        return iter((self.train, self.val))

    def _words(self) -> list[str]:
        n = f"{len(self.train):,} training and {len(self.val):,} validation pictures"
        where = [] if self.where == self.kind else [f"where={self.where}"]
        return [self.kind, n, f"{len(self.classes)} classes: {listed(self.classes)}", *where]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, for people, such as "goldfish"."""
        return self.train.classes

    def keep(self, chosen: Sequence[int]) -> Dataset:
        """Return the same with some of the classes, which are then numbered in the order given."""
        if list(chosen) == list(range(len(self.ids))):
            return self
        names = [self.classes[number] for number in chosen]
        ids = tuple(self.ids[number] for number in chosen)
        return replace(self, train=self.train.keep(chosen, names), val=self.val.keep(chosen, names), ids=ids)


def draw_share(labels: np.ndarray, share: float, seed: int, purpose: str = "split") -> np.ndarray:
    """Draw a share of every class, at least one picture of each and never all: a mask (N,).

    Args:
        labels: the class of each picture, integers (N,).
        share: which part of a class, 0 to 1.
        seed: another seed draws others.
        purpose: keeps these draws apart from others with the same seed.

    Example:
        >>> labels = np.repeat([0, 1], 10)
        >>> chosen = draw_share(labels, 0.2, seed=0)
        >>> np.bincount(labels[chosen])
        array([2, 2])
    """
    rng = addressed(seed, purpose)
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        chosen[members[: min(max(round(len(members) * share), 1), len(members) - 1)]] = True
    return chosen

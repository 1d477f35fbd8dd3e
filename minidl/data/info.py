"""What is in a data set: every picture is read once, and counted, measured, or named as broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from minidl import _threads
from minidl._checks import to_int
from minidl._looks import Brief, listed, sides
from minidl.data._parallel import in_order
from minidl.data.split import Dataset, Split
from minidl.data.statistics import Moments, Statistics


@dataclass(frozen=True)
class Part(Brief):
    """What was found in a split.

    Args:
        counts: pictures of each class, broken ones as well.
        sizes: pictures of each size (channels, height, width).
        broken: what is wrong with each picture that cannot be read, by its name.
    """

    counts: tuple[int, ...]
    sizes: Counter[tuple[int, ...]] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)

    def _words(self) -> list[str]:
        sizes = listed([f"{n:,} of {sides(size)}" for size, n in self.sizes.most_common()], 3)
        return [f"{self.n:,} pictures", sizes, *([f"{len(self.broken):,} broken"] if self.broken else [])]

    @property
    def n(self) -> int:
        """The number of pictures, broken ones as well."""
        return sum(self.counts)


@dataclass(frozen=True)
class Info(Brief):
    """What was found in a data set; `statistics` are of the training pictures, None if all are broken."""

    kind: str
    where: str
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    train: Part
    val: Part
    statistics: Statistics | None

    def _words(self) -> list[str]:
        classes = f"{len(self.classes)} classes: {listed(self.classes)}"
        parts = [f"train={self.train}", f"val={self.val}", f"statistics={self.statistics}"]
        return [self.kind, f"where={self.where}", classes, *parts]

    @property
    def broken(self) -> dict[str, str]:
        """What is wrong with each picture that cannot be read, by its name."""
        return self.train.broken | self.val.broken

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        found = self.statistics
        per_class = zip(self.ids, self.classes, self.train.counts, self.val.counts)
        return {
            "kind": self.kind,
            "path": self.where,
            "notes": list(self.notes),
            "n": {"train": self.train.n, "val": self.val.n},
            "sizes": {
                name: [{"channels": c, "height": h, "width": w, "n": n} for (c, h, w), n in part.sizes.most_common()]
                for name, part in (("train", self.train), ("val", self.val))
            },
            "classes": [{"id": i, "name": name, "train": a, "val": b} for i, name, a, b in per_class],
            "mean": list(found.mean) if found else None,
            "std": list(found.std) if found else None,
            "eigenvalues": list(found.eigenvalues) if found else None,
            "eigenvectors": [list(row) for row in found.eigenvectors] if found else None,
            "broken": [{"file": name, "error": message} for name, message in self.broken.items()],
        }


def describe(
    dataset: Dataset, *, workers: int | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> Info:
    """Read every picture of a data set and say what is there.

    Args:
        dataset: what `open_dataset` returned.
        workers: threads that read; None (default) takes one for each core.
        progress: is called with the number of pictures that were read and their total.

    Example:
        >>> from minidl import data
        >>> found = describe(data.open_dataset("digits"))
        >>> found.kind, found.train.n, found.train.sizes, len(found.broken)
        ('digits', 1438, Counter({(1, 32, 32): 1438}), 0)
    """
    if not isinstance(dataset, Dataset):
        raise TypeError(f"describe: expects a Dataset, as open_dataset gives it; received a {type(dataset).__name__}")
    workers = _threads.available() if workers is None else to_int("describe", "workers", workers, least=0)
    total = len(dataset.train) + len(dataset.val)
    moments = Moments()
    train = _read(dataset.train, workers, moments, lambda done: progress(done, total))
    val = _read(dataset.val, workers, None, lambda done: progress(train.n + done, total))
    statistics = moments.statistics() if moments.pixels else None
    return Info(dataset.kind, dataset.where, dataset.ids, dataset.classes, dataset.notes, train, val, statistics)


def _read(split: Split, workers: int, moments: Moments | None, progress: Callable[[int], None]) -> Part:
    def look(index: int) -> Any:
        try:
            x = split.read(index)
        except ValueError as error:
            return error
        return x.shape, Moments.of(x) if moments is not None else None

    part = Part(tuple(split.counts().tolist()))
    for index, found in enumerate(in_order(look, range(len(split)), workers, 64 * max(workers, 1))):
        if isinstance(found, ValueError):
            part.broken[split.name(index)] = str(found)
        else:
            shape, sums = found
            part.sizes[shape] += 1
            if moments is not None:
                moments.add(sums)
        progress(index + 1)
    return part

"""What is in a data set of pictures with boxes: every picture is read once, and its boxes are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import _threads
from minidl._checks import to_int
from minidl._looks import Brief
from minidl.data._parallel import in_order
from minidl.data.boxes._boxes import sizes
from minidl.data.boxes.records import BoxDataset, Split

BOUNDS = (32**2, 96**2)  # in pixels: what COCO calls small is below the first, and large above the second


@dataclass(frozen=True)
class BoxPart(Brief):
    """What was found in one part.

    Attributes:
        counts: boxes of each class.
        sides: for each class the middle width and height of its boxes, NaN where there are none.
        sizes: how many boxes are small, medium and large.
        marks: how many are difficult, crowds, and reach over the edge of their picture.
        empty: how many pictures have no boxes.
        pictures: how many there are of each size (height, width).
        broken: what is wrong with each picture that cannot be read, by its name.
    """

    counts: tuple[int, ...]
    sides: tuple[tuple[float, float], ...]
    sizes: tuple[int, int, int]
    marks: dict[str, int]
    empty: int
    pictures: Counter[tuple[int, int]]
    broken: dict[str, str]

    def _words(self) -> list[str]:
        return [f"{self.pictures.total():,} pictures", f"{sum(self.counts):,} boxes"]


@dataclass(frozen=True)
class BoxInfo(Brief):
    """What was found in a data set, part by part."""

    kind: str
    where: str
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    parts: dict[str, BoxPart]

    def _words(self) -> list[str]:
        return [self.kind, f"{len(self.classes)} classes", *(f"{name}={part}" for name, part in self.parts.items())]

    @property
    def broken(self) -> dict[str, str]:
        """What is wrong with each picture that cannot be read, by its name."""
        return {name: text for part in self.parts.values() for name, text in part.broken.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return {
            "kind": self.kind,
            "path": self.where,
            "notes": list(self.notes),
            "n": {name: part.pictures.total() for name, part in self.parts.items()},
            "boxes": {name: sum(part.counts) for name, part in self.parts.items()},
            "without_boxes": {name: part.empty for name, part in self.parts.items()},
            "sizes": {
                name: [{"height": h, "width": w, "n": n} for (h, w), n in part.pictures.most_common()]
                for name, part in self.parts.items()
            },
            "small_medium_large": {name: list(part.sizes) for name, part in self.parts.items()},
            "marks": {name: part.marks for name, part in self.parts.items()},
            "classes": [
                {"name": name, **{part: found.counts[at] for part, found in self.parts.items()}}
                for at, name in enumerate(self.classes)
            ],
            "broken": [{"file": name, "error": message} for name, message in self.broken.items()],
        }


def describe_boxes(
    dataset: BoxDataset, *, workers: int | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> BoxInfo:
    """Read every picture of a data set of boxes and say what is there.

    Args:
        dataset: what `open_boxes` returned.
        workers: threads that read; None (default) takes one for each core.
        progress: is called with the number of pictures that were read and their total.
    """
    workers = _threads.available() if workers is None else to_int("describe_boxes", "workers", workers, least=0)
    total, parts, done = sum(map(len, dataset.parts.values())), {}, 0
    for name, split in dataset.parts.items():
        before = done
        parts[name] = _part(split, workers, lambda n, before=before: progress(before + n, total))  # type: ignore[misc]
        done += len(split)
    return BoxInfo(dataset.kind, dataset.where, dataset.classes, dataset.notes, parts)


def _part(split: Split, workers: int, progress: Callable[[int], None]) -> BoxPart:
    def look(index: int) -> str:
        try:
            split.read(index)
        except ValueError as error:
            return str(error)
        return ""

    broken = {}
    for index, said in enumerate(in_order(look, range(len(split)), workers, 64 * max(workers, 1))):
        if said:
            broken[split.name(index)] = said
        progress(index + 1)
    records = split.records
    boxes = np.concatenate([np.zeros((0, 4)), *(one.boxes.boxes for one in records)])
    labels = np.concatenate([np.zeros(0, np.int64), *(one.boxes.labels for one in records)])
    limits = np.concatenate([np.zeros((0, 2)), *(np.tile(one.size[::-1], (len(one.boxes), 1)) for one in records)])
    over = (boxes[:, :2] < 0).any(axis=1) | (boxes[:, 2:] > limits).any(axis=1)
    sides = boxes[:, 2:] - boxes[:, :2]
    middles = [np.median(sides[labels == at], axis=0) if (labels == at).any() else (np.nan, np.nan)
               for at in range(len(split.classes))]  # fmt: skip
    areas = np.digitize(sizes(boxes), BOUNDS)
    return BoxPart(
        tuple(split.counts().tolist()),
        tuple((float(a), float(b)) for a, b in middles),
        (int((areas == 0).sum()), int((areas == 1).sum()), int((areas == 2).sum())),
        {
            "difficult": sum(int(one.boxes.difficult.sum()) for one in records),
            "crowds": sum(int(one.boxes.crowd.sum()) for one in records),
            "over the edge": int(over.sum()),
        },
        sum(not len(one.boxes) for one in records),
        Counter(one.size for one in records),
        broken,
    )

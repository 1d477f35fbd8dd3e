"""What every reader makes of its files: a record for each picture, whose boxes are judged in one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minidl._checks import check_choice, to_int
from minidl._looks import Brief
from minidl._names import printable, some
from minidl._random import addressed
from minidl.data.boxes._boxes import Boxes, sizes
from minidl.data.images import picture_size, read_pixels

NEAR = 0.01  # of a pixel: what rounding in a file may move a corner over the edge


class Drawn(NamedTuple):
    """One box as it stands in a file.

    Attributes:
        corners: x1, y1, x2, y2 in pixels.
        name: of the class; "" for a region that is not asked for, as KITTI's DontCare.
        where: which line or field it stands in, for messages.
        area: of the thing itself, where the file tells.
    """

    corners: tuple[float, float, float, float]
    name: str
    where: str
    difficult: bool = False
    crowd: bool = False
    truncated: bool = False
    occluded: bool = False
    area: float | None = None


@dataclass(frozen=True, eq=False)
class Record(Brief):
    """A picture and its boxes.

    Attributes:
        path: of the picture.
        name: by which the data set knows it.
        size: height and width in pixels.
        boxes: what there is to be found.
        ignored: regions (M, 4) in which nothing is asked for, whatever class.
        truncated: which boxes show a part of their thing only (N,).
        occluded: which things are partly hidden (N,).
    """

    path: Path
    name: str
    size: tuple[int, int]
    boxes: Boxes
    ignored: np.ndarray
    truncated: np.ndarray
    occluded: np.ndarray

    def _words(self) -> list[str]:
        return [self.name, f"{self.size[0]}×{self.size[1]}", f"{len(self.boxes):,} boxes"]


@dataclass
class Judge:
    """Judges what readers find: what is left out is counted and named, what is wrong is an error, or named too.

    Args:
        on_error: "raise", or "skip", which leaves out what is wrong.
    """

    on_error: str = "raise"
    empty: list[str] = field(default_factory=list)  # boxes of no size, by the picture that they are in
    outside: list[str] = field(default_factory=list)  # boxes that lie outside of their picture
    over: int = 0  # boxes that reach over the edge of their picture
    skipped: list[str] = field(default_factory=list)  # what was wrong, with on_error="skip"

    def __post_init__(self) -> None:
        check_choice("data", "on_error", self.on_error, ("raise", "skip"))

    def wrong(self, where: Any, what: str, cure: str) -> None:
        """Say what is wrong with a file: raise it, or note it."""
        said = f"{printable(where) if isinstance(where, Path) else where}: {what}"
        if self.on_error == "raise":
            raise ValueError(f"{said}; {cure}, or leave it out: --on-error skip")
        self.skipped.append(said)

    def notes(self) -> tuple[str, ...]:
        """Say in a line each what was left out."""
        said = []
        for found, what in ((self.empty, "of no size"), (self.outside, "outside of their picture")):
            if found:
                boxes = f"{len(found):,} box{'es' * (len(found) != 1)}"
                said.append(f"left out: {boxes} {what}: {some(sorted(set(found)))}")
        if self.over:
            said.append(f"{self.over:,} box{'es reach' if self.over != 1 else ' reaches'} over the edge of a picture")
        if self.skipped:
            said.append(f"left out, because wrong: {len(self.skipped):,}: {some(self.skipped)}")
        return tuple(said)

    def record(
        self, path: Path, name: str, size: tuple[int, int] | None, drawn: Iterable[Drawn], numbers: Mapping[str, int]
    ) -> Record | None:
        """Return the record of a picture, or None if it cannot be read (with on_error="skip").

        Args:
            path: of the picture.
            name: of the picture.
            size: height and width, None if its file has to say it.
            drawn: its boxes.
            numbers: of the classes.
        """
        if size is None or min(size) < 1:
            try:
                size = picture_size(path)
            except ValueError as error:
                self.wrong(error, "it has boxes", "replace the file")
                return None
        kept = [one for one in drawn if self._is_right(one, name, size, numbers)]
        things = [one for one in kept if one.name]
        area = [np.nan if one.area is None else one.area for one in things]
        corners = np.array([one.corners for one in things], dtype=np.float64).reshape(-1, 4)
        boxes = Boxes(
            corners,
            np.array([numbers[one.name] for one in things], dtype=np.int64),
            [one.difficult for one in things],
            [one.crowd for one in things],
            np.where(np.isnan(area), sizes(corners), area),
        )
        ignored = np.array([one.corners for one in kept if not one.name], dtype=np.float64).reshape(-1, 4)
        truncated, occluded = ([getattr(one, what) for one in things] for what in ("truncated", "occluded"))
        return Record(path, name, size, boxes, ignored, np.array(truncated, bool), np.array(occluded, bool))

    def _is_right(self, one: Drawn, name: str, size: tuple[int, int], numbers: Mapping[str, int]) -> bool:
        x1, y1, x2, y2 = one.corners
        shown = f"({', '.join(f'{side:g}' for side in one.corners)})"
        if not np.isfinite(one.corners).all():
            self.wrong(one.where, f"a box is not of numbers: {shown}", "correct it")
        elif x2 < x1 or y2 < y1:
            self.wrong(one.where, f"a box has its least and largest corner swapped: {shown}", "correct it")
        elif one.name and one.name not in numbers:
            known = some(list(numbers)) if numbers else "none"
            self.wrong(one.where, f"there is no class {printable(one.name)!r}; classes: {known}", "name the class")
        elif x2 == x1 or y2 == y1:
            self.empty.append(name)
        elif x1 >= size[1] or y1 >= size[0] or x2 <= 0 or y2 <= 0:
            self.outside.append(name)
        else:
            self.over += bool(min(x1, y1) < -NEAR or x2 > size[1] + NEAR or y2 > size[0] + NEAR)
            return True
        return False


@dataclass(frozen=True, eq=False)
class Split(Brief):
    """The pictures of one part of a data set, with their boxes.

    Attributes:
        records: one for each picture.
        classes: the names of all classes of the data set.
    """

    records: tuple[Record, ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.records)

    def _words(self) -> list[str]:
        return [f"{len(self):,} pictures", f"{sum(len(one.boxes) for one in self.records):,} boxes"]

    def name(self, index: int) -> str:
        """Return the name of a picture."""
        return self.records[index].name

    def read(self, index: int) -> np.ndarray:
        """Return the pixels of a picture, uint8 (3, H, W).

        Raises:
            ValueError: if it cannot be read, or is of another size than its boxes were drawn in.
        """
        record = self.records[index]
        x = read_pixels(record.path)
        check_size(record, x.shape[1:])
        return x

    def truth(self, index: int) -> Boxes:
        """Return what there is in a picture for an evaluation: regions that are ignored are crowds of every class."""
        record, found = self.records[index], self.records[index].boxes
        count, k = len(record.ignored), len(self.classes)
        if not count:
            return found
        more = np.repeat(record.ignored, k, axis=0)
        return Boxes(
            np.concatenate([found.boxes, more]),
            np.concatenate([found.labels, np.tile(np.arange(k), count)]),
            np.concatenate([found.difficult, np.zeros(count * k, bool)]),
            np.concatenate([found.crowd, np.ones(count * k, bool)]),
            np.concatenate([found.area, sizes(more)]),
        )

    def counts(self) -> np.ndarray:
        """Return how many boxes of each class there are."""
        labels = np.concatenate([np.zeros(0, np.int64), *(one.boxes.labels for one in self.records)])
        return np.bincount(labels, minlength=len(self.classes))


def check_size(record: Record, size: tuple[int, ...]) -> None:
    """Refuse a picture whose boxes were drawn in one of another size."""
    if tuple(size) != record.size:
        raise ValueError(
            f"{printable(record.path)}: the picture is {size[0]}×{size[1]} (H×W), but its boxes were drawn in one of "
            f"{record.size[0]}×{record.size[1]}; correct the size in the annotation"
        )


@dataclass(frozen=True, eq=False)
class BoxDataset(Brief):
    """Pictures with boxes, divided into parts.

    Attributes:
        kind: "voc", "coco", "kitti", "open-images" or "yolo".
        where: the folder.
        classes: the names of the classes, in the order of their numbers.
        parts: by their names: "train", "val", and "test" where there is one.
        notes: a line for each thing worth knowing.
        skipped: what was left out because it is wrong.
    """

    kind: str
    where: str
    classes: tuple[str, ...]
    parts: dict[str, Split]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    def _words(self) -> list[str]:
        return [self.kind, f"{len(self.classes)} classes", *(f"{name}={part}" for name, part in self.parts.items())]

    @property
    def train(self) -> Split:
        """The pictures to learn from."""
        return self.parts["train"]

    @property
    def val(self) -> Split:
        """The pictures to be measured with in training."""
        return self.parts["val"]


def divided(
    records: Mapping[str, list[Record]], classes: list[str], seed: int, share: float
) -> tuple[dict[str, Split], str]:
    """Make the parts of a data set, and say how: where nobody has set pictures aside, some are drawn.

    Args:
        records: by the name of their part; "" are those of none.
        classes: the names of all classes.
        seed: of the draw.
        share: of the pictures that is drawn.
    """
    found = {name: list(some) for name, some in records.items() if some}
    pool = found.pop("", [])
    if "train" not in found and "trainval" not in found and pool:
        found["train"] = pool
    note = ", ".join(f"{name}: {len(some):,}" for name, some in found.items())
    train = found.get("train") or found.get("trainval") or found.get("val") or found.get("test") or []
    found.pop("trainval", None)
    if "val" not in found:
        order = addressed(to_int("data", "seed", seed, least=0), "boxes", 0).permutation(len(train))
        chosen = set(order[: max(1, round(share * len(train)))].tolist()) if len(train) > 1 else set()
        found["val"] = [one for i, one in enumerate(train) if i in chosen] or train
        train = [one for i, one in enumerate(train) if i not in chosen] or train
        note = f"{note}; validation: {len(found['val']):,} pictures drawn with seed {seed}"
    found["train"] = train
    order_of_parts = ["train", "val", "test"]
    return {name: Split(tuple(found[name]), tuple(classes)) for name in order_of_parts if name in found}, note


def files_by_stem(folder: Path) -> dict[str, Path]:
    """Return the picture files in a folder and below by their names without ending."""
    from minidl.data._picture_files import pictures_below

    return {path.stem: path for path in pictures_below(folder)} if folder.is_dir() else {}


def check_classes(judge: Judge, where: Path, names: Mapping[str, Counter[str]]) -> None:
    """Refuse parts whose classes differ: what is only in one can not be learnt, or not be measured."""
    train, val = (set(names.get(part, ())) for part in ("train", "val"))
    if train and val and (strangers := sorted(val - train)):
        judge.wrong(where, f"classes that are in val, but not in train: {some(strangers)}", "correct the names")

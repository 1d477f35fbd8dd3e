"""The first stage: where a thing might be, in every picture."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import check_choice, check_fraction, to_int
from minidl._looks import Brief
from minidl._names import printable
from minidl.data._parallel import in_order, usual_workers
from minidl.data.boxes import BoxDataset, Boxes, Split, open_boxes
from minidl.detection import grid_windows, proposal_recall, selective_search
from minidl.detection.proposals import DISTINCT, METHODS, MISSING, can_search
from minidl.rcnn._files import About, Folder

AUTO = "auto"
FILE = "proposals"
Tell = Callable[[str], Any]
Progress = Callable[[int, int], Any]


def quiet(line: str) -> None:
    """Take a line and say nothing."""


class Notes:
    """Tells what should be known, and keeps it for the file: whoever finds that made already is told, too."""

    def __init__(self, tell: Tell):
        self.tell, self.lines = tell, list[str]()

    def __call__(self, line: str) -> None:
        """Tell a line."""
        self.lines.append(line)
        self.tell(f"note: {line}")


def repeat(about: About, tell: Tell) -> None:
    """Tell again what should be known of a file."""
    for line in about.more.get("notes", ()):
        tell(f"note: {line}")


def no_progress(done: int, total: int) -> None:
    """Take how far it is, and show nothing."""


@dataclass(frozen=True)
class Proposed(Brief):
    """The proposals of all pictures that take part.

    Attributes:
        about: what the file says of itself.
        dataset: the pictures and their boxes.
        boxes: by part, of each picture (N, 4).
    """

    about: About
    dataset: BoxDataset
    boxes: dict[str, list[np.ndarray]]

    def _words(self) -> list[str]:
        return [f"{name}={sum(map(len, some)):,}" for name, some in self.boxes.items()]

    @property
    def tested(self) -> str:
        """The part that is evaluated: "test", or "val" where there is no such part."""
        return next(name for name in self.boxes if name != "train")

    def recall(self, part: str) -> list[tuple[str, int, float, float]]:
        """Return for all, and for every class, how many things there are, and the part met at IoU 0.5 and 0.7."""
        split = self.dataset.parts[part]
        truths = [asked(split, number) for number in range(len(split))]
        rows = []
        for name, label in [("all", None), *((name, label) for label, name in enumerate(self.dataset.classes))]:
            count = sum(len(truth) if label is None else int((truth.labels == label).sum()) for truth in truths)
            half, more = (proposal_recall(self.boxes[part], truths, at, label=label) for at in (0.5, 0.7))
            rows.append((name, count, half, more))
        return rows


def asked(split: Split, number: int) -> Boxes:
    """Return what is there in a picture and is asked for: nothing difficult, and no crowds."""
    boxes = split.records[number].boxes
    return boxes.take(~boxes.difficult & ~boxes.crowd)


def propose(
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    method: str = AUTO,
    most: int = 200,
    width: int = 250,
    distinct: float = DISTINCT,
    seed: int = 0,
    workers: int | None = None,
    tell: Tell = quiet,
    progress: Progress = no_progress,
) -> Proposed:
    """Write the proposals of the pictures to learn from, and of those to test with (or, without these, to validate).

    What is there already, made by the same settings of the same pictures, stays.

    Args:
        data: a folder of pictures with boxes.
        out: the folder of this R-CNN.
        method: "fast" or "quality" (selective search), "grid", or "auto" (default): fast, and a grid where OpenCV is
            not installed, which is told.
        most: how many boxes of a picture are kept at most.
        width: of the picture that is searched.
        distinct: the IoU with an earlier box from which on a box repeats it.
        seed: of their order.
        workers: threads; None takes one for each core, at most 4.
        tell: is given a line for what should be known.
        progress: is called with the number of pictures that are done, and of all.

    Raises:
        ValueError: if there are no pictures with boxes, or a setting is refused.
        ModuleNotFoundError: if a search is asked for that is not installed.
    """
    check_choice("rcnn propose", "method", method, (AUTO, *METHODS))
    check_fraction("rcnn propose", "distinct", distinct)
    most, width = (to_int("rcnn propose", *pair, least=1) for pair in (("most", most), ("width", width)))
    seed = to_int("rcnn propose", "seed", seed, least=0)
    if method == AUTO and not can_search():
        tell(f"note: a grid of windows is taken: {MISSING}")
    elif method not in (AUTO, "grid") and not can_search():
        raise ModuleNotFoundError(f"rcnn propose: {MISSING}, or take a grid of windows: --method grid", name="cv2")
    method = method if method != AUTO else "fast" if can_search() else "grid"
    dataset, folder = open_boxes(data, seed=seed), Folder(out)
    for note in dataset.notes:
        tell(note)
    settings: dict[str, Any] = {"method": method, "most": most, "seed": seed}
    if method != "grid":
        settings |= {"width": width, "distinct": distinct}
    made_from = {"data": data_digest(dataset)}
    with folder.held():
        if folder.is_made(FILE, settings, made_from):
            tell("the proposals are there already")
            return load(folder, "propose")
        names = parts_of(dataset)
        splits = [dataset.parts[name] for name in names]

        def work(job: tuple[Split, int]) -> np.ndarray:
            split, number = job
            pixels = split.read(number)
            if method == "grid":
                return grid_windows(pixels.shape[1:], most)
            return selective_search(pixels, mode=method, width=width, most=most, distinct=distinct, seed=seed)

        jobs = [(split, number) for split in splits for number in range(len(split))]
        threads = usual_workers() if workers is None else to_int("rcnn propose", "workers", workers, least=0)
        found = []
        for boxes in in_order(work, jobs, threads, 4 * max(threads, 1)):
            found.append(boxes.astype(np.float32))
            progress(len(found), len(jobs))
        arrays, rest = {}, iter(found)
        for name, split in zip(names, splits):
            some = [next(rest) for _ in split.records]
            arrays[f"{name}/boxes"] = np.concatenate([np.zeros((0, 4), np.float32), *some])
            arrays[f"{name}/counts"] = np.array([len(one) for one in some])
        more = {"data": os.path.abspath(data), "classes": list(dataset.classes), "parts": names}
        folder.write(FILE, arrays, settings, made_from, more)
        return load(folder, "propose", dataset)


def parts_of(dataset: BoxDataset) -> list[str]:
    """Return the parts that take part: to learn from, and to test with."""
    return ["train", "test" if "test" in dataset.parts else "val"]


def load(folder: Folder, op: str, dataset: BoxDataset | None = None, data: Any = None) -> Proposed:
    """Return the proposals of a folder, with the pictures that they were made for.

    Args:
        folder: of the R-CNN.
        op: the stage that asks.
        dataset: the pictures, if they are open.
        data: where they are now, if they have moved.

    Raises:
        ValueError: if they are missing or damaged, or the pictures have changed.
    """
    about = folder.need(op, FILE)
    where = about.more["data"] if data is None else data
    dataset = dataset or open_boxes(where, seed=about.settings["seed"])
    if data_digest(dataset) != about.made_from["data"]:
        raise ValueError(
            f"rcnn {op}: the pictures or the boxes in {printable(where)} have changed since their proposals were made; "
            f"make these again: minidl rcnn propose {printable(where)} --out {folder}"
        )
    arrays, boxes = folder.arrays(FILE), {}
    for name in about.more["parts"]:
        boxes[name] = by_picture(arrays[f"{name}/boxes"].astype(np.float64), arrays[f"{name}/counts"])
    return Proposed(about, dataset, boxes)


def by_picture(rows: np.ndarray, counts: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    """Cut rows into those of each picture.

    Example:
        >>> [len(some) for some in by_picture(np.zeros((5, 4)), [2, 0, 3])]
        [2, 0, 3]
    """
    return np.split(rows, np.cumsum(np.asarray(counts, int))[:-1]) if len(counts) else []


def data_digest(dataset: BoxDataset) -> str:
    """Return a digest of the names, sizes and boxes of all pictures that take part, and of how long their files are."""
    digest = hashlib.sha256(repr(dataset.classes).encode())
    for name in parts_of(dataset):
        digest.update(name.encode())
        for one in dataset.parts[name].records:
            size = one.path.stat().st_size if one.path.is_file() else -1
            digest.update(repr((one.name, tuple(one.size), size)).encode())
            for array in (one.boxes.boxes, one.boxes.labels, one.boxes.difficult, one.boxes.crowd):
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]

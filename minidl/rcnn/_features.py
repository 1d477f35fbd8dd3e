"""The second stage: what the network makes of every proposal, and of every box that somebody has drawn.

The features of some pictures at a time are written to a piece of the file; when all pieces are there, they become one.
So a stage that was stopped goes on with the next piece, and no half-written file is ever read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl._checks import to_int
from minidl._looks import Brief
from minidl.data._parallel import in_order, usual_workers
from minidl.data.boxes import Split
from minidl.rcnn._eye import USUAL, Eye, Look
from minidl.rcnn._files import About, Folder
from minidl.rcnn._propose import FILE as PROPOSALS
from minidl.rcnn._propose import Progress, Proposed, Tell, asked, by_picture, load, no_progress, quiet

PIECE = 8  # pictures
NORM = 20.0  # what the mean norm of features is brought to, as in the paper's published code: so that C and λ fit all


@dataclass(frozen=True)
class Features(Brief):
    """What a network has made of the boxes of a part.

    Attributes:
        about: what the file says of itself.
        x: (R, D), their mean norm is 20.
        boxes: (R, 4).
        labels: (R,): the class of a box that somebody has drawn, -1 for a proposal.
        counts: how many boxes each picture has.
    """

    about: About
    x: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    counts: np.ndarray

    def _words(self) -> list[str]:
        return [f"{len(self.x):,} boxes", f"{self.x.shape[1]:,} features"]

    @property
    def pictures(self) -> np.ndarray:
        """The number of the picture that each box is in (R,)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def name_of(part: str) -> str:
    """Return the name of the file of a part."""
    return f"features-{part}"


def make_features(
    path: str | os.PathLike[str],
    look: Look = USUAL,
    *,
    batch_size: int = 32,
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    tell: Tell = quiet,
    progress: Progress = no_progress,
) -> list[About]:
    """Write the features of every part.

    What is there already, made of the same by the same settings, stays, also pieces of a file that was not finished.

    Args:
        path: the folder of this R-CNN.
        look: which network looks, and its windows; default: the fine-tuned one, if there is one, else that of the extra
            ``demo``.
        batch_size: windows at a time.
        data: where the pictures are now, if they have moved.
        workers: threads that cut windows out; None takes one for each core, at most 4.
        tell: is given a line for what should be known.
        progress: is called with the number of windows that are done, and of all.

    Raises:
        ValueError: if there are no proposals, or a setting is refused.
        ModuleNotFoundError: if weights are not installed.
    """
    folder = Folder.open(path)
    proposed = load(folder, "features", data=data)
    batch_size = to_int("rcnn features", "batch_size", batch_size, least=1)
    eye, made_from = choose(folder, "features", look)
    for note in eye.notes:
        tell(note)
    made_from |= {PROPOSALS: proposed.about.digest}
    threads = usual_workers() if workers is None else to_int("rcnn features", "workers", workers, least=0)
    every = {part: rows_of(proposed, part) for part in proposed.boxes}
    total = sum(len(boxes) for rows in every.values() for boxes, _ in rows)
    found, done = [], 0
    with folder.held():
        for part, rows in every.items():
            name, before = name_of(part), done
            if folder.is_made(name, eye.settings, made_from):
                tell(f"{folder.file(name).name} is there already")
            else:

                def count(n: int, before: int = before) -> None:
                    progress(before + n, total)

                _write(folder, name, eye, proposed.dataset.parts[part], rows, made_from, batch_size, threads, count)
            done += sum(len(boxes) for boxes, _ in rows)
            found.append(folder.need("features", name))
    return found


def choose(folder: Folder, op: str, look: Look) -> tuple[Eye, dict[str, str]]:
    """Return the network that looks, and the digest of the folder's own, which is taken if nothing else is said."""
    own = folder.about("network") if look.weights is None else None
    if own is None or look.model not in (None, own.more["model"]):
        return Eye(look), {}
    about = folder.need(op, "network")
    return Eye(replace(look, model=about.more["model"], weights=folder.file("network"))), {"network": about.digest}


def rows_of(proposed: Proposed, part: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return boxes and labels of each picture: of those to learn from what was drawn, then the proposals (label -1)."""
    found, split = [], proposed.dataset.parts[part]
    for number, boxes in enumerate(proposed.boxes[part]):
        labels = np.full(len(boxes), -1)
        if part == "train":
            truth = asked(split, number)
            boxes, labels = np.concatenate([truth.boxes, boxes]), np.concatenate([truth.labels, labels])
        found.append((boxes, labels))
    return found


def _write(
    folder: Folder,
    name: str,
    eye: Eye,
    split: Split,
    rows: list[tuple[np.ndarray, np.ndarray]],
    made_from: dict[str, str],
    batch_size: int,
    workers: int,
    progress: Any,
) -> None:
    """Write the pieces that are not there yet, and then one file of them."""
    starts = range(0, len(rows), PIECE)
    names = [f"{name}.piece{start // PIECE:05}" for start in starts]
    for start, piece in zip(starts, names):
        done = sum(len(boxes) for boxes, _ in rows[:start])
        if folder.is_made(piece, eye.settings, made_from):
            continue
        numbers = range(start, min(start + PIECE, len(rows)))

        def cut(number: int) -> np.ndarray:
            boxes = rows[number][0]
            return eye.windows(split.read(number), boxes) if len(boxes) else np.zeros((0, 3, eye.size, eye.size), "u1")

        made = [np.zeros((0, eye.width), np.float32)]
        for windows in in_order(cut, numbers, workers, workers + 1):
            for begin in range(0, len(windows), batch_size):
                made.append(eye.look(windows[begin : begin + batch_size]))
                done += len(made[-1])
                progress(done)
        folder.write(piece, {"x": np.concatenate(made)}, eye.settings, made_from, {})
    x = np.concatenate([np.zeros((0, eye.width), np.float32), *(folder.arrays(piece)["x"] for piece in names)])
    arrays = {
        "x": x,
        "boxes": np.concatenate([np.zeros((0, 4)), *(boxes for boxes, _ in rows)]),
        "labels": np.concatenate([np.zeros(0, int), *(labels for _, labels in rows)]),
        "counts": np.array([len(boxes) for boxes, _ in rows]),
    }
    norm = float(np.linalg.norm(x, axis=1).mean()) if len(x) else 1.0
    folder.write(name, arrays, eye.settings, made_from, {"norm": norm or 1.0})
    for rest in folder.path.glob(f"{name}.piece*.safetensors"):
        rest.unlink()


def read(folder: Folder, op: str, part: str) -> Features:
    """Return the features of a part, scaled so that those to learn from have a mean norm of 20.

    Raises:
        ValueError: if they are missing, damaged or stale.
    """
    about, scale = folder.need(op, name_of(part)), scale_of(folder, op)
    arrays = folder.arrays(name_of(part))
    x = arrays["x"]
    x *= np.float32(scale)
    return Features(about, x, arrays["boxes"], arrays["labels"], arrays["counts"])


def scale_of(folder: Folder, op: str) -> float:
    """Return by what features are multiplied."""
    return NORM / float(folder.need(op, name_of("train")).more["norm"])


def of_each_picture(features: Features) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return features and boxes of each picture."""
    return list(zip(by_picture(features.x, features.counts), by_picture(features.boxes, features.counts)))

"""A stage that may be left out: the network learns to tell the classes, and background, in windows of the data set.

It has seen whole photographs so far, and warped windows look otherwise. Its head becomes one of N + 1 classes; a window
that overlaps a box by IoU 0.5 or more shows its class, every other one the background. Those are many more, so a batch
has 32 of the first and 96 of the second, drawn anew each time, and mirrored half of the time. What a step keeps for
its way back grows with the windows, so a batch is learnt in pieces, whose gradients are averaged into one step.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from minidl._checks import check_divides, check_positive, to_int
from minidl._random import addressed
from minidl.detection import iou
from minidl.rcnn._eye import USUAL, Eye, Look, file_of
from minidl.rcnn._features import rows_of
from minidl.rcnn._files import About, Folder
from minidl.rcnn._propose import FILE as PROPOSALS
from minidl.rcnn._propose import Proposed, Tell, load, quiet
from minidl.training.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.loop import fit
from minidl.training.settings.config import Config
from minidl.training.state import State, build
from minidl.weights import read_metadata

FILE = "network"
BACKGROUND = "background"
POSITIVE, NEGATIVE = 32, 96  # windows of a batch
PIECES = 4  # that it is learnt in
OVERLAP = 0.5
VALIDATED = 2  # batches after an epoch


class Windows:
    """Batches of windows, addressed by epoch and step: some that show a class, and some of background.

    Args:
        eye: how windows are made.
        proposed: the pictures, and where to look.
        part: "train", or that which is tested.
        steps: of an epoch.
        seed: of the draws.
        share: how many of each kind a batch has.

    Raises:
        ValueError: if there is no window of a kind.
    """

    def __init__(
        self,
        eye: Eye,
        proposed: Proposed,
        part: str,
        steps: int,
        seed: int,
        share: tuple[int, int] = (POSITIVE, NEGATIVE),
    ):
        self.eye, self.steps_, self.seed, self.share = eye, steps, seed, share
        self.split, self.part = proposed.dataset.parts[part], part
        self.rows = [boxes for boxes, _ in rows_of(proposed, part)]
        labels = [np.zeros(0, int), *map(self._labels, range(len(self.rows)))]
        self.labels = np.concatenate(labels)
        self.pictures = np.repeat(np.arange(len(self.rows)), [len(one) for one in self.rows])
        self.starts = np.cumsum([0, *(len(one) for one in self.rows)])
        background = len(self.split.classes)
        self.kinds = [np.flatnonzero(self.labels != background), np.flatnonzero(self.labels == background)]
        for what, rows in zip((f"that overlaps a box by {OVERLAP}", "of background"), self.kinds):
            if not len(rows):
                raise ValueError(f"rcnn finetune: there is not one window {what} in {part}; take more proposals")

    def _labels(self, number: int) -> np.ndarray:
        """Return the class of each window of a picture, or the number behind the last for background."""
        truth = self.split.records[number].boxes
        truth, boxes = truth.take(~truth.crowd), self.rows[number]
        found = np.full(len(boxes), len(self.split.classes))
        if len(truth) and len(boxes):
            every = iou(boxes, truth.boxes)
            found = np.where(every.max(axis=1) >= OVERLAP, truth.labels[every.argmax(axis=1)], found)
        return found

    def __len__(self) -> int:
        return self.steps_

    def epoch(self, number: int, start_step: int = 0) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
        """Yield the batches of an epoch from a step on."""
        for step in range(start_step, self.steps_):
            rng = addressed(self.seed, f"finetune {self.part}", number, step)
            drawn = [rng.choice(rows, n, replace=len(rows) < n) for rows, n in zip(self.kinds, self.share)]
            rows = np.concatenate(drawn)
            mirrored = rng.random(len(rows)) < 0.5
            x = np.empty((len(rows), 3, self.eye.size, self.eye.size), np.uint8)
            for picture in np.unique(self.pictures[rows]).tolist():
                here = self.pictures[rows] == picture
                boxes = self.rows[picture][rows[here] - self.starts[picture]]
                x[here] = self.eye.windows(self.split.read(picture), boxes)
            x[mirrored] = x[mirrored][:, :, :, ::-1]
            yield self.eye.prepare(x), self.labels[rows]


def finetune(
    path: str | os.PathLike[str],
    look: Look = USUAL,
    *,
    epochs: int = 5,
    steps: int = 20,
    lr: float = 0.001,
    share: tuple[int, int] = (POSITIVE, NEGATIVE),
    pieces: int = PIECES,
    seed: int = 0,
    data: str | os.PathLike[str] | None = None,
    tell: Tell = quiet,
) -> About:
    """Write the network after it has learnt from windows; a stage that was stopped goes on behind its last epoch.

    Args:
        path: the folder of this R-CNN.
        look: which network learns, and its windows; default: that of the extra ``demo``.
        epochs: how many.
        steps: batches of an epoch.
        lr: the learning rate of SGD with a momentum of 0.9; default 0.001, a tenth of what the network began with.
        share: windows of a batch that show a class, and that show background; default 32 and 96.
        pieces: in how many parts a batch is learnt, whose gradients make one step; default 4. More take less memory,
            and batch norm sees fewer windows at a time.
        seed: of the draws, and of the new head.
        data: where the pictures are now, if they have moved.
        tell: is given a line after every epoch.

    Raises:
        ValueError: if there are no proposals, or a setting is refused.
        ModuleNotFoundError: if weights are not installed.
        NonFiniteError: if a loss is NaN or infinite.
    """
    how = _judged(epochs, steps, lr, share, pieces, seed)
    folder = Folder.open(path)
    proposed = load(folder, "finetune", data=data)
    eye = Eye(look)
    settings = {**eye.settings, **how}
    made_from = {PROPOSALS: proposed.about.digest}
    with folder.held():
        if folder.is_made(FILE, settings, made_from):
            tell("network.safetensors is there already")
            return folder.need("finetune", FILE)
        piece = share[0] // pieces, share[1] // pieces
        train = Windows(eye, proposed, "train", steps * pieces, seed, piece)
        val = Windows(eye, proposed, proposed.tested, VALIDATED * pieces, seed, piece)
        part, source = folder.path / f"network.part-{_name(settings, made_from)}.safetensors", file_of(eye.model, look)
        state = load_checkpoint(part) if part.is_file() else _begin(eye.model, source, proposed, how)

        def keep(state: State) -> None:
            save_checkpoint(part, state)
            row = state.history[-1]
            tell(
                f"epoch {row['epoch']} of {epochs}: loss {row['train_loss']:.4f}, of windows of "
                f"{proposed.tested} {row['val_loss']:.4f}, {100 * row['val_top1']:.1f} % named right"
            )

        fit(state, train, val, callbacks=[keep], progress=False)
        more = {"model": eye.model, "arguments": state.arguments, "history": state.history, "classes": state.classes}
        about = folder.write(FILE, state.net.state_dict(), settings, made_from, more)
        for file in folder.path.glob("network.part-*.safetensors"):
            file.unlink()
        return about


def _name(settings: dict[str, Any], made_from: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps([settings, made_from], sort_keys=True).encode()).hexdigest()[:8]


def _judged(epochs: Any, steps: Any, lr: Any, share: Any, pieces: Any, seed: Any) -> dict[str, Any]:
    """Return the settings of the learning, each of them right."""
    given = {"epochs": epochs, "steps": steps, "positive": share[0], "negative": share[1], "pieces": pieces}
    how = {name: to_int("rcnn finetune", name, value, least=1) for name, value in given.items()}
    for name in ("positive", "negative"):
        check_divides("rcnn finetune", "pieces", how["pieces"], name, how[name])
    check_positive("rcnn finetune", "lr", lr)
    return how | {"lr": lr, "seed": to_int("rcnn finetune", "seed", seed, least=0)}


def _begin(model: str, file: Path, proposed: Proposed, how: dict[str, Any]) -> State:
    """Return the network with a new head, before its first step."""
    classes = [*proposed.dataset.classes, BACKGROUND]
    arguments = {**read_metadata(file)["arguments"], "num_classes": len(classes)}
    config = Config(
        model=model,
        data=proposed.dataset.where,
        epochs=how["epochs"],
        batch_size=(how["positive"] + how["negative"]) // how["pieces"],
        accumulate=how["pieces"],
        lr=how["lr"],
        nesterov=False,
        weight_decay=0.0005,
        schedule={"name": "constant"},
        seed=how["seed"],
        threads=None,
    )
    state = build(config, arguments, weights=os.fspath(file))
    state.classes = classes
    return state

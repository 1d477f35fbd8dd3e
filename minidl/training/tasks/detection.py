"""Detection: boxes for the cells of a picture are made right, and average precision is what counts."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from minidl._backend import to_device
from minidl._checks import shown
from minidl._files import atomic_write
from minidl._names import printable, some
from minidl._threads import get_num_threads
from minidl.data.boxes import BoxBatch, BoxDataset, Boxes, BoxLoader, Frame, Split, open_boxes
from minidl.data.boxes import build as build_steps
from minidl.detection import Detections, Precision, evaluate, yolo_decode, yolo_loss
from minidl.models._learners import LEARNERS
from minidl.tensor import Tensor, no_grad
from minidl.training import non_finite
from minidl.training.callback import Callback, note
from minidl.training.evaluation import quickest
from minidl.training.run_folder.folder import RunFolder
from minidl.training.settings.config import Config
from minidl.training.state import State, build
from minidl.training.tasks._refusals import refuse_settings, sizes_of_network
from minidl.training.tasks.descent import descend
from minidl.training.tasks.task import Pair, Say, Task
from minidl.training.transfer import begin_with

# Settings that speak of classes of whole pictures; here they would change nothing.
OF_CLASSES = ("classes", "mixup", "label_smoothing", "picture_size", "freeze")


@dataclass(frozen=True)
class Score:
    """How good the answers are: average precision in the three conventions, and the loss."""

    precision: Precision
    loss: float

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, the means first."""
        found = self.precision.to_dict()
        return {**{f"map_{name}": value for name, value in found["mean"].items()}, "loss": self.loss} | {
            "classes": found["classes"]
        }


class DetectionTask(Task):
    """Things found in pictures."""

    name = "detection"

    def open(self, config: Config, parts: Any) -> BoxDataset:
        """Open the pictures with boxes of the settings, or take parts of such a data set."""
        refuse_settings(
            config,
            OF_CLASSES,
            lambda name, value: (
                f"train: {config.model} finds things, for which there is no {name}; received {name}={shown(value)}"
            ),
        )
        if parts is not None:
            train, val = parts
            if not isinstance(train, Split) or not isinstance(val, Split):
                raise TypeError(f"train: {config.model} learns from parts of a data set of boxes, see data.boxes")
            return BoxDataset("parts", config.data, train.classes, {"train": train, "val": val})
        if not os.path.isdir(config.data):
            raise ValueError(
                f"train: {config.model} learns from a folder of pictures with boxes: --data DIR; received "
                f"data={shown(config.data)}"
            )
        return open_boxes(config.data, seed=config.seed, val_share=config.val_share, on_error=config.on_error)

    def resolve(self, config: Config, found: BoxDataset, say: Say) -> Config:
        """Fill in how pictures are brought to the size of the network, and the cores."""
        resize: list[dict[str, Any]] = [{"name": "resize", "size": _image_size(config)}]
        train: list[dict[str, Any]] = [{"name": "jitter"}, *resize, {"name": "flip"}, {"name": "hsv"}]
        steps = train if config.transforms is None else config.transforms
        test = resize if config.test_transforms is None else config.test_transforms
        for name, some_steps in (("transforms", steps), ("test_transforms", test)):
            size = build_steps(some_steps).size(1, 1)
            if size != (_image_size(config),) * 2:
                raise ValueError(
                    f"train: {name} must end in a resize or letterbox to {_image_size(config)}×{_image_size(config)}, "
                    f"which {config.model} sees; they end in {size}"
                )
        return replace(
            config,
            data=os.path.abspath(config.data),
            transforms=build_steps(steps).to_list(),
            test_transforms=build_steps(test).to_list(),
            threads=get_num_threads() if config.threads is None else config.threads,
        )

    def batches(self, config: Config, train: Split, val: Split) -> Pair:
        """Return both parts, transformed as the settings say."""
        more: dict[str, Any] = {"seed": config.seed, "workers": config.workers, "on_error": config.on_error}
        steps, test = config.transforms or (), config.test_transforms or ()
        made: Any = (
            BoxLoader(train, config.batch_size, transforms=steps, shuffle=True, drop_last=config.drop_last, **more),
            BoxLoader(val, config.batch_size, transforms=test, **more),
        )
        return made  # batches of another kind, which only this task looks into

    def begin(self, config: Config, found: BoxDataset, batches: Pair, say: Say) -> State:
        """Build the network for so many classes, and try it with a picture."""
        arguments = {"num_classes": len(found.classes), **sizes_of_network(config)}
        state = build(config, arguments)
        if config.weights is not None:
            say(begin_with(state.net, config.model, config.weights))
        state.classes, state.pictures = list(found.classes), [len(found.train), len(found.val)]
        lost, total = _lost(found.train, state)
        if lost:
            share = f"{lost:,} of {total:,} boxes ({100 * lost / total:.1f} %)"
            say(f"{state.net.cells}×{state.net.cells} cells: {share} share one with an earlier box, and are not learnt")
        return state

    def record(self, run: RunFolder, found: BoxDataset, state: State) -> None:
        """Write pictures.json: the names of the pictures of each part."""
        names = {part: [one.name for one in found.parts[part].records] for part in ("train", "val")}
        with atomic_write(run.pictures) as unfinished:
            unfinished.write_text(json.dumps({"classes": list(found.classes), **names}), encoding="utf-8")

    def reopen(self, run: RunFolder, state: State, parts: Any, *, moved: bool) -> tuple[Split, Split, list[str]]:
        """Return the pictures that pictures.json names."""
        found = self.open(state.config, parts)
        wanted = json.loads(run.pictures.read_text(encoding="utf-8"))
        if list(found.classes) != wanted["classes"]:
            raise ValueError(
                f"{run}: its data set had the classes {some(wanted['classes'])}; {printable(state.config.data)} has "
                f"{some(list(found.classes))}; name the data set that it was: --data DIR"
            )
        whole = {one.name: one for part in found.parts.values() for one in part.records}
        made = []
        for part in ("train", "val"):
            if missing := [name for name in wanted[part] if name not in whole]:
                raise ValueError(
                    f"{run}: {len(missing):,} pictures of its {part} part are not in {printable(state.config.data)}: "
                    f"{some(missing)}; put them back, or name where they are: --data DIR"
                )
            made.append(Split(tuple(whole[name] for name in wanted[part]), found.classes))
        return made[0], made[1], list(found.notes)

    def validation(self, run: RunFolder, state: State, callbacks: Sequence[Callback], *, moved: bool) -> Split:
        """Return the pictures for validation; of another data set, those for testing, if it has some."""
        if not moved:
            return self.reopen(run, state, None, moved=False)[1]
        found = self.open(state.config, None)
        if list(found.classes) != state.classes:
            raise ValueError(
                f"eval: the network knows the classes {some(state.classes)}, {printable(state.config.data)} has "
                f"{some(list(found.classes))}"
            )
        part = "test" if "test" in found.parts else "val"
        note(callbacks, [*found.notes, f"evaluated with its part {part}: {len(found.parts[part]):,} pictures"])
        return found.parts[part]

    def step(self, state: State, group: Sequence[Any]) -> float:
        """Learn from the pictures of a step."""

        def cause(batch: BoxBatch) -> str:
            return non_finite.cause(state.net, {"": lambda: _loss(state, batch)})

        return descend(state, group, count=len, loss_of=lambda batch: _loss(state, batch), cause=cause)

    def evaluate(self, state: State, val: Any) -> dict[str, float]:
        """Return the mean loss as it passed, and the figures of the pictures for validation."""
        found = judge(state, val)
        if not math.isfinite(found.loss):
            where = f"after epoch {state.epoch + 1} the loss in validation is {found.loss}"
            raise non_finite.error(where, "", state.optimizer.lr)
        means = found.precision.means()
        return {
            "train_loss": state.loss_sum / state.seen,
            "val_loss": found.loss,
            "val_map50": 0.0 if math.isnan(means["voc2010"]) else means["voc2010"],
            "val_coco": 0.0 if math.isnan(means["coco"]) else means["coco"],
        }

    def score(self, state: State, val: Split) -> Score:
        """Return average precision in the three conventions, and of every class."""
        return judge(state, self.batches(state.config, val, val)[1], fold=True)

    def draw(self, run: RunFolder, state: State, val: Split) -> Path:
        """Write report.html and its plots."""
        from minidl.training.run_folder.detection_report import (
            write_detection_report,  # here: matplotlib is slow to load
        )

        loader: Any = self.batches(state.config, val, val)[1]
        found, truths, numbers, loss = answers(state, loader)
        score = evaluate(found, truths, state.classes)
        return write_detection_report(run, state, score, loss, val, found, truths, numbers)


def judge(state: State, loader: Any, *, fold: bool = False) -> Score:
    """Return how good the answers to all pictures of a loader are."""
    found, truths, _, loss = answers(state, loader, fold=fold)
    return Score(evaluate(found, truths, state.classes), loss)


def answers(
    state: State, loader: BoxLoader, *, fold: bool = False
) -> tuple[list[Detections], list[Boxes], list[int], float]:
    """Return what the network finds, and what there is, in pixels of the files; which pictures; and the mean loss.

    Args:
        state: the training.
        loader: the pictures.
        fold: go through a folded copy of the network where that pays, as `evaluate` of classes does.
    """
    found: list[Detections] = []
    truths: list[Boxes] = []
    numbers: list[int] = []
    total = 0.0
    with no_grad(), state.net.modes_kept(), closing(loader.epoch(0)) as batches:
        state.net.eval()
        looking = state.net
        for batch in batches:
            if fold and not found:
                looking = quickest(state.net, len(loader.split), batch.x.shape[1:])
            y = _answer(looking, state, batch)
            size = batch.x.shape[2:]
            total += yolo_loss(y, batch.boxes, size, state.net.boxes).item() * len(batch)
            said = yolo_decode(y, size, state.net.boxes)
            found += [in_file(one, frame) for one, frame in zip(said, batch.frames)]
            numbers += batch.numbers.tolist()
            truths += [loader.split.truth(number) for number in batch.numbers.tolist()]
    return found, truths, numbers, total / max(1, len(found))


def in_file(found: Detections, frame: Frame) -> Detections:
    """Return boxes in pixels of the file, cut at its edges."""
    limits = np.array([frame.left[0], frame.left[1]] * 2), np.array([frame.left[2], frame.left[3]] * 2)
    return Detections(frame.back(found.boxes).clip(*limits), found.labels, found.scores)


def _answer(net: Any, state: State, batch: BoxBatch) -> Tensor:
    return net(Tensor(to_device(batch.x, state.config.device)))


def _loss(state: State, batch: BoxBatch) -> Tensor:
    return yolo_loss(_answer(state.net, state, batch), batch.boxes, batch.x.shape[2:], state.net.boxes)


def _image_size(config: Config) -> int:
    given = config.options["image_size"]
    usual = signature(LEARNERS[config.model].builder).parameters["image_size"].default
    return int(usual if given is None else given)


def _lost(train: Split, state: State) -> tuple[int, int]:
    """Count the boxes whose centre lies in a cell that answers for an earlier one, and all boxes."""
    cells, lost, total = state.net.cells, 0, 0
    for record in train.records:
        boxes = record.boxes.boxes
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.array(record.size[::-1])
        at = (centre * cells).astype(int).clip(0, cells - 1)
        total += len(at)
        lost += len(at) - len({tuple(one) for one in at.tolist()})
    return lost, total

"""Diffusion: a network learns which noise is in a picture, and so to make pictures of noise.

The loss is that of `generation.Diffuser`: steps, noise and hidden classes come from the default generator. What is
evaluated and shown is the moving average of the weights, with draws that belong to the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl import _random
from minidl._backend import to_numpy
from minidl.data import Dataset, Split
from minidl.generation import SCHEDULES
from minidl.tensor import Tensor, no_grad
from minidl.training import non_finite
from minidl.training.batches import Batch, Batches, on_device, pixel_range, size_of, validation_batches
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.samples import is_kept, keep_samples, sample_sections
from minidl.training.run_folder.task_report import write_task_report
from minidl.training.settings.config import Config
from minidl.training.state import State
from minidl.training.tasks._refusals import refuse_settings, side_of_squares
from minidl.training.tasks.descent import descend
from minidl.training.tasks.pictures import PictureTask
from minidl.training.tasks.task import Say

WITHOUT_MEANING = ("mixup", "label_smoothing", "freeze")  # settings that say nothing here
ROWS, COLUMNS, STEPS = 10, 6, 20  # of a sheet: classes, pictures of each, and steps of the sampler
SCANNED = 2048  # pictures that are looked at for the range of their pixels


class Denoising(PictureTask):
    """A network learns to tell noise from pictures."""

    name = "diffusion"

    def resolve(self, config: Config, found: Dataset, say: Say) -> Config:
        """Fill in sizes; pictures are neither normalised nor shifted, unless that is asked for."""
        refuse_settings(
            config,
            WITHOUT_MEANING,
            lambda name, value: f"train: {name} says nothing to diffusion; received {name}={value}; leave it out",
        )
        schedule = config.options["schedule"]
        if schedule not in SCHEDULES:
            raise ValueError(f"train: options.schedule must be {' or '.join(SCHEDULES)}; received {schedule!r}")
        plain: dict[str, Any] = {one: [] for one in ("transforms", "test_transforms") if getattr(config, one) is None}
        return super().resolve(replace(config, **plain), found, say)

    def arguments(self, config: Config, found: Dataset, shape: Sequence[int]) -> dict[str, Any]:
        """Return side, channels and classes of the pictures, and the settings of the process and of the network."""
        given = {name: value for name, value in config.options.items() if value is not None}
        side = side_of_squares(config, *shape[1:])
        return {"input_size": side, "in_channels": shape[0], "num_classes": len(found.classes), **given}

    def begin(self, config: Config, found: Dataset, batches: Any, say: Say) -> State:
        """Build the network and its average, and find out between which numbers the pixels lie."""
        state = super().begin(config, found, batches, say)
        n = len(found.train)
        some = found.train if n <= SCANNED else found.train.take(np.linspace(0, n - 1, SCANNED).astype(int))
        state.net.fit_range(np.array(pixel_range(validation_batches(some, config))))
        return state

    def step(self, state: State, group: Sequence[Batch]) -> float:
        """Learn from the pictures of a step, and let the average follow."""
        net: Any = state.net

        def loss_of(batch: Batch) -> Tensor:
            x, labels = on_device(batch, state.config.device)
            return net.loss(x, to_numpy(labels))

        def cause(batch: Batch) -> str:
            found = non_finite.cause(net, {"net.": lambda: loss_of(batch)})
            return found if non_finite.is_finite(batch[0]) else non_finite.PICTURES

        mean = descend(state, group, count=size_of, loss_of=loss_of, cause=cause)
        net.update()
        return mean

    def evaluate(self, state: State, val: Batches) -> dict[str, float]:
        """Return the mean loss of the epoch, and that of the average on the pictures for validation."""
        return {"train_loss": state.loss_sum / state.seen, "val_loss": _loss_of_average(state, val)}

    def keep(self, run: RunFolder, state: State) -> None:
        """Write a sheet of what the average makes of the same noise, a class a row, after a dozen epochs of a run."""
        if is_kept(state.epoch, state.config.epochs):
            classes = np.repeat(np.arange(min(ROWS, len(state.classes))), COLUMNS)
            net: Any = state.net
            rng, steps = _random.addressed(state.config.seed, "samples"), min(STEPS, len(net.process))
            pictures = to_numpy(net.sample(len(classes), rng=rng, classes=classes, steps=steps))
            keep_samples(run, state.epoch, pictures, columns=COLUMNS)

    def draw(self, run: RunFolder, state: State, val: Split) -> Path:
        """Write report.html and its plots."""
        net: Any = state.net
        rows = ", ".join(state.classes[:ROWS])
        words = (
            f"{COLUMNS} pictures of each class, none chosen, from draws that belong to the seed; from top to bottom: "
            f"{rows}. The average of the weights has made them, in {min(STEPS, len(net.process))} steps of DDIM."
        )
        about = {
            "training": f"{state.pictures[0]:,} pictures",
            "validation": f"{len(val):,} pictures, which only the loss in validation looks at",
            "settings of the network": ", ".join(f"{name} {value}" for name, value in state.arguments.items()),
        }
        sections = sample_sections(run, words, state.epoch)
        return write_task_report(run, state, cards=(), sections=sections, about=about)

    def score(self, state: State, val: Split) -> dict[str, float]:
        """Return the loss of the average on the pictures for validation."""
        return {"val_loss": _loss_of_average(state, validation_batches(val, state.config))}


def _loss_of_average(state: State, val: Batches) -> float:
    """Return the mean loss of the average of the weights, at steps and with noise that belong to the seed."""
    net: Any = state.net
    net.eval()
    total, seen = 0.0, 0
    with closing(val.epoch(0)) as batches, no_grad():
        for number, batch in enumerate(batches):
            x, labels = on_device(batch, state.config.device)
            rng = _random.addressed(state.config.seed, "denoising", number)
            loss = net.loss_of_average(x, to_numpy(labels), rng).item()
            if not math.isfinite(loss):
                where = f"after epoch {state.epoch + 1} the loss in validation is {loss}"
                raise non_finite.error(where, non_finite.bad_state(net.average) or "", state.optimizer.lr)
            total, seen = total + loss * len(labels), seen + len(labels)
    return total / seen

"""Adversaries: a generator learns to make pictures that a discriminator takes for real.

What happens in a step is `generation.adversarial_step`. Noise comes from the default generator; what is shown after the
epochs comes from draws that belong to the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minidl import _random
from minidl.data import Dataset, Loader, Split
from minidl.generation import adversarial_step
from minidl.generation.adversaries import LOSSES, pictures_of
from minidl.optim import Optimizer
from minidl.tensor import Tensor
from minidl.training import non_finite
from minidl.training.batches import Batch, Batches, in_one_piece, on_device, pixel_range, validation_batches
from minidl.training.callback import Callback
from minidl.training.dry_run import compile_for, rehearse_update
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.samples import COUNT, is_kept, keep_samples, sample_sections
from minidl.training.run_folder.task_report import write_task_report
from minidl.training.settings.config import Config
from minidl.training.state import State
from minidl.training.tasks._judge import Judge
from minidl.training.tasks._refusals import refuse_settings, side_of_squares, sizes_of_network
from minidl.training.tasks.pictures import PictureTask
from minidl.training.tasks.task import Say

# Settings that say nothing here.
WITHOUT_MEANING = ("accumulate", "clip_norm", "mixup", "label_smoothing", "freeze")
NOTHING = 5e-5  # a loss below this is 0.0000 in the line of an epoch


class DiscriminatorWon(RuntimeError):
    """A training of adversaries in which the discriminator was right about every picture, for an epoch."""


class Adversarial(PictureTask):
    """A generator and a discriminator that learn from each other."""

    name = "gan"

    def __init__(self) -> None:
        self._judge: Judge | None = None

    def resolve(self, config: Config, found: Dataset, say: Say) -> Config:
        """Fill in sizes; pictures are neither normalised nor shifted, unless that is asked for."""
        refuse_settings(
            config,
            WITHOUT_MEANING,
            lambda name, value: f"train: {name} says nothing to adversaries; received {name}={value}; leave it out",
        )
        if config.options["loss"] not in LOSSES:
            known = " or ".join(LOSSES)
            raise ValueError(f"train: options.loss must be {known}; received {config.options['loss']!r}")
        plain: dict[str, Any] = {one: [] for one in ("transforms", "test_transforms") if getattr(config, one) is None}
        return super().resolve(replace(config, **plain), found, say)

    def arguments(self, config: Config, found: Dataset, shape: Sequence[int]) -> dict[str, Any]:
        """Return the side and the channels of the pictures, and the widths that were asked for."""
        side = side_of_squares(config, *shape[1:])
        return {"image_size": side, "channels": shape[0], **sizes_of_network(config, but=("loss",))}

    def begin(self, config: Config, found: Dataset, batches: Any, say: Say) -> State:
        """Build both networks, and find out between which numbers the pixels lie."""
        try:
            state = super().begin(config, found, batches, say)
        except ValueError as error:
            if "image_size" not in str(error):
                raise
            raise ValueError(f"{error}: --set picture_size=N") from None
        state.net.span = _span(batches[0], state)
        return state

    def compile(self, state: State, batches: Any, callbacks: Sequence[Callback]) -> None:
        """Compile the fast kernels of a step, and of the pictures that are shown."""
        size, shape = state.config.batch_size, self.first(batches).train.shape[1:]

        def rehearse() -> None:
            state.train()
            net: Any = state.net
            x = net.scaled(Tensor(np.zeros((size, *shape), dtype=np.float32)))
            resting: Any = Resting(state.optimizer)
            adversarial_step(net, resting, x, net.noise(size), kind=state.config.options["loss"])
            pictures_of(net, net.noise(COUNT))

        compile_for(state, rehearse, callbacks)

    def step(self, state: State, group: Sequence[Batch]) -> float:
        """Let both learn from one batch; return the discriminator's loss."""
        net, config = state.net, state.config
        x, labels = on_device(group[0], config.device)
        real, z = net.scaled(Tensor(x)), net.noise(len(labels)).to(config.device)
        judge = partial(_check_loss, state, real, z, _random.get_state())
        found = adversarial_step(net, state.optimizer, real, z, kind=config.options["loss"], judge=judge)
        state.seen += len(labels)
        for name, value in found.items():
            state.sums[name] = state.sums.get(name, 0.0) + value * len(labels)
        return found["d_loss"]

    def evaluate(self, state: State, val: Batches) -> dict[str, float]:
        """Return means over the epoch, and how far pictures are from those in validation."""
        means = {name: total / state.seen for name, total in state.sums.items()}
        if means["d_loss"] < NOTHING:
            raise DiscriminatorWon(
                f"train: the discriminator has won: its loss was {means['d_loss']:.4f} in epoch {state.epoch + 1}, "
                f"D(x) {means['D(x)']:.3f}, D(G(z)) {means['D(G(z))']:.3f}, and the generator learns nothing from one "
                f"that is always right; try a smaller learning rate (lr={state.optimizer.lr:g} now), a narrower "
                "discriminator or more dropout in it, larger batches, the non_saturating loss, or more pictures"
            )
        return means | {"frechet": self._distance(state, val)}

    def _distance(self, state: State, val: Batches) -> float:
        if self._judge is None:
            x, labels = in_one_piece(val)
            self._judge = Judge(state.net.unit(x), labels, state.config.seed)
        return self._judge.distance(_made(state, "distance", self._judge.n))

    def keep(self, run: RunFolder, state: State) -> None:
        """Write a sheet of what the generator makes of the same noise, after a dozen epochs of a run."""
        if is_kept(state.epoch, state.config.epochs):
            keep_samples(run, state.epoch, _made(state, "samples", COUNT))

    def draw(self, run: RunFolder, state: State, val: Split) -> Path:
        """Write report.html and its plots."""
        real = f"{state.history[-1]['frechet']:.4g}" if state.history else "not known yet"
        words = (
            f"{COUNT} pictures, none chosen, from draws that belong to the seed. Their distance from the pictures in "
            f"validation is {real}: the Fréchet distance in the last features of a LeNet-5 that learnt the classes of "
            "these, to be compared within this data set only."
        )
        about = {
            "training": f"{state.pictures[0]:,} pictures",
            "validation": f"{len(val):,} pictures, which only the distance looks at",
            "sizes": ", ".join(f"{name} {value}" for name, value in state.arguments.items()),
            "loss of the generator": state.config.options["loss"].replace("_", "-"),
        }
        sections = sample_sections(run, words, state.epoch)
        return write_task_report(run, state, cards=_cards(state), sections=sections, about=about)

    def score(self, state: State, val: Split) -> dict[str, float]:
        """Return how far new pictures are from those in validation."""
        return {"frechet": self._distance(state, validation_batches(val, state.config))}


class Resting:
    """An optimiser that moves nothing."""

    def __init__(self, optimizer: Optimizer):
        self.zero_grad, self.step = optimizer.zero_grad, partial(rehearse_update, optimizer)


def _made(state: State, purpose: str, n: int) -> np.ndarray:
    """Return n pictures of the noise that belongs to the seed and a purpose, from 0 to 1."""
    z = state.net.noise(n, _random.addressed(state.config.seed, purpose))
    return pictures_of(state.net, z.to(state.config.device))


def _check_loss(state: State, x: Tensor, z: Tensor, before: dict[str, Any], part: str, loss: Tensor) -> None:
    """Refuse a loss that is not finite, and say in which network and which layer it began."""
    value = loss.item()
    if math.isfinite(value):
        return
    net: Any = state.net
    _random.set_state(before)  # dropout shall drop the same again
    made = net.generator(z)
    cause = non_finite.cause(
        net,
        {
            "generator.": lambda: net.generator(z),
            "discriminator.": lambda: (net.discriminator(x), net.discriminator(made)),
        },
    )
    where = f"in epoch {state.epoch + 1}, step {state.step + 1}, the loss of the {part} is {value}"
    if not non_finite.is_finite(x._data):
        cause = non_finite.PICTURES
    raise non_finite.error(where, cause, state.optimizer.lr)


def _span(train: Loader, state: State) -> np.ndarray:
    """Return the least and the greatest number of a pixel, as the networks are given it."""
    names = [step["name"] for step in state.config.transforms or ()]
    if state.shown == (state.shown or {}) | {"dtype": "uint8"} and "normalize" not in names:
        return np.array([0, 1], dtype=np.float32)
    low, high = pixel_range(train)
    if not low < high:
        raise ValueError(f"train: there is nothing to learn from pictures of one colour: all pixels are {low:g}")
    return np.array([low, high], dtype=np.float32)


def _cards(state: State) -> list[tuple[str, str, str]]:
    if not state.history:
        return []
    last = state.history[-1]
    return [
        ("D(x)", f"{last['D(x)']:.3f}", "how sure it was of real pictures"),
        ("D(G(z))", f"{last['D(G(z))']:.3f}", "and of made ones"),
    ]

"""The one door for pictures: whatever a caller gives becomes batches that are addressed by epoch and step.

    Pictures, a Split, (x, y)    batches that a `data.Loader` makes of them, as the settings say
    a `data.Loader`              itself
    batches of one's own         `OwnBatches`: the same, with what a Loader has besides

Behind this door everything is `Batches`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, Protocol

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import shown
from minidl.data import Loader, Split
from minidl.data._as_split import PicturesLike, as_split
from minidl.data._parallel import usual_workers
from minidl.training.settings.config import Config

Batch = tuple[np.ndarray, np.ndarray]


class Epochs(Protocol):
    """Batches of pictures and labels. `data.Loader` is one; anything else with these two methods will do."""

    def __len__(self) -> int:
        """Return how many an epoch has."""

    def epoch(self, number: int, start_step: int = 0) -> Generator[Batch, None, None]:
        """Yield those of an epoch from a step on: x float32 (N, C, H, W); labels (N,), or probabilities (N, M)."""


class Batches(Epochs, Protocol):
    """What training and evaluation work with: batches that keep their numbers, whatever cannot be read."""

    @property
    def left_out(self) -> list[str]:
        """The names of the pictures that could not be read so far."""

    def steps(self, number: int, start_step: int = 0) -> Generator[Batch | None, None, None]:
        """Yield the batches of `epoch` each in its place; None where there is no picture that can be read."""


class OwnBatches:
    """Batches of somebody's own, with what a Loader has besides."""

    def __init__(self, batches: Epochs):
        self.batches = batches
        self.left_out: list[str] = []

    def __len__(self) -> int:
        if not hasattr(self.batches, "__len__"):
            expected = "must tell how many an epoch has, by __len__"
            raise TypeError(f"fit: batches of one's own {expected}; received {shown(self.batches)}")
        return len(self.batches)

    def epoch(self, number: int, start_step: int = 0) -> Generator[Batch, None, None]:
        """Yield those of an epoch from a step on."""
        return self.batches.epoch(number, start_step) if start_step else self.batches.epoch(number)

    def steps(self, number: int, start_step: int = 0) -> Generator[Batch | None, None, None]:
        """Yield them each in its place; None for an empty one."""
        yield from (batch if len(batch[1]) else None for batch in self.batches.epoch(number, start_step))


def as_batches(op: str, name: str, given: PicturesLike | Epochs, load: Callable[[Split], Loader]) -> Batches:
    """Return whatever holds pictures and labels as batches.

    Args:
        op: what asks, for messages.
        name: of the argument.
        given: pictures, or batches of them.
        load: makes batches of pictures.

    Raises:
        TypeError: if it is neither.
        ValueError: if there are no pictures, or labels that are no classes.

    Example:
        >>> pair = np.zeros((5, 1, 8, 8), "float32"), np.array([0, 1, 1, 0, 1])
        >>> batches = as_batches("fit", "train", pair, lambda split: Loader(split, 2))
        >>> len(batches), batches is as_batches("fit", "train", batches, lambda split: Loader(split, 2))
        (3, True)
    """
    if isinstance(given, (Loader, OwnBatches)):
        return given
    if not isinstance(given, tuple) and callable(getattr(given, "epoch", None)):
        own: Any = given
        if hasattr(own, "__len__") and not len(own):
            raise ValueError(f"{op}: there are no pictures; received len({name})=0")
        return OwnBatches(own)
    split = as_split(op, name, given, classes_only=True)
    if not len(split):
        raise ValueError(f"{op}: there are no pictures; received len({name})=0")
    return load(split)


def training_batches(split: Split, config: Config) -> Loader:
    """Return the batches to learn from: another order and other changes in every epoch.

    Raises:
        ValueError: if there is not one batch, or a transform is refused.
    """
    steps = [*(config.transforms or ())]
    if config.mixup:
        steps.append({"name": "mixup", "alpha": config.mixup})
    return _loader(split, config, steps, shuffle=True, drop_last=config.drop_last)


def validation_batches(split: Split, config: Config) -> Loader:
    """Return the batches to evaluate with: always the same, as large as those of training, which memory can hold.

    Raises:
        ValueError: if there is not one picture, or a transform is refused.
    """
    return _loader(split, config, config.test_transforms or [])


def workers_for(split: Split, workers: int | None) -> int:
    """Return how many threads prepare the pictures: as many as asked for, or none for those in memory, or the usual."""
    if workers is not None:
        return workers
    return 0 if split.x is not None else usual_workers()


def _loader(split: Split, config: Config, steps: list[dict[str, Any]], **more: Any) -> Loader:
    return Loader(
        split,
        config.batch_size,
        transforms=steps,
        seed=config.seed,
        workers=workers_for(split, config.workers),
        cache_bytes=config.cache_bytes,
        on_error=config.on_error,
        **more,
    )


def on_device(batch: Batch, device: str) -> tuple[Array, Array]:
    """Return pictures and labels of a batch as arrays of a device."""
    x, labels = batch
    return _backend.to_device(x, device), _backend.to_device(labels, device)


def size_of(batch: Batch) -> int:
    """Return how many pictures a batch has."""
    return len(batch[1])


def in_one_piece(batches: Epochs) -> Batch:
    """Return the pictures and the labels of an epoch, all at once."""
    with closing(batches.epoch(0)) as epoch:
        x, labels = zip(*epoch)
    return np.concatenate(x), np.concatenate(labels)


def pixel_range(batches: Epochs) -> tuple[float, float]:
    """Return the least and the greatest number in the pictures of an epoch."""
    with closing(batches.epoch(0)) as epoch:
        lows, highs = zip(*((float(x.min()), float(x.max())) for x, _ in epoch))
    return min(lows), max(highs)

"""What a training is fed with: batches that are addressed by epoch and step, made of pictures as the settings say."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl.data import Loader, Pictures, Split
from minidl.data._parallel import available_cores
from minidl.data.loader import MOST_WORKERS
from minidl.training.settings.config import Config

Batch = tuple[np.ndarray, np.ndarray]


class Batches(Protocol):
    """Batches of pictures and labels. `data.Loader` is one; anything else with these two methods will do."""

    def __len__(self) -> int:
        """Return how many an epoch has."""

    def epoch(self, number: int, start_step: int = 0) -> Generator[Batch, None, None]:
        """Yield those of an epoch from a step on: x float32 (N, C, H, W); labels (N,), or probabilities (N, M)."""


def training_batches(split: Split | Pictures, config: Config) -> Loader:
    """Return the batches to learn from: another order and other changes in every epoch.

    Raises:
        ValueError: if there is not one batch, or a transform is refused.
    """
    steps = [*(config.transforms or ())]
    if config.mixup:
        steps.append({"name": "mixup", "alpha": config.mixup})
    return _loader(split, config, steps, shuffle=True, drop_last=config.drop_last)


def validation_batches(split: Split | Pictures, config: Config) -> Loader:
    """Return the batches to examine with: always the same, as large as those of training, which memory can hold.

    Raises:
        ValueError: if there is not one picture, or a transform is refused.
    """
    return _loader(split, config, config.test_transforms or [])


def workers_for(split: Split | Pictures, workers: int | None) -> int:
    """Return how many threads prepare the pictures: as many as asked for, or none for those in memory, or the usual."""
    if workers is not None:
        return workers
    return 0 if split.x is not None else min(available_cores(), MOST_WORKERS)


def _loader(split: Split | Pictures, config: Config, steps: list[dict[str, Any]], **more: Any) -> Loader:
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


def numbered(batches: Batches, epoch: int, start_step: int) -> Generator[Batch | None, None, None]:
    """Yield the batches of an epoch each in its place; None where there is no picture that can be read."""
    if isinstance(batches, Loader):
        yield from batches.steps(epoch, start_step)
    else:
        yield from (batch if len(batch[1]) else None for batch in batches.epoch(epoch, start_step))


def on_device(batch: Batch, device: str) -> tuple[Array, Array]:
    """Return pictures and labels of a batch as arrays of a device."""
    x, labels = batch
    return _backend.to_device(x, device), _backend.to_device(labels, device)

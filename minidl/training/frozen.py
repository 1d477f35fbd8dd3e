"""What frozen layers make of the pictures, computed once.

Frozen layers make the same of a picture in every epoch. Where pictures are not changed at random either, each goes
through them once, before the first epoch, and an epoch takes as long as the head alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from minidl._backend import to_numpy
from minidl.data import Loader
from minidl.models._registry import ENTRIES
from minidl.nn import Module
from minidl.tensor import Tensor, no_grad
from minidl.training.batches import on_device
from minidl.training.state import State

Loaders = tuple[Loader, Loader]


def shortened(state: State, loaders: Loaders, tell: Callable[[str], None]) -> tuple[Module | None, Loaders]:
    """Return the head, and batches of what it gets from the frozen layers, if that is the same in every epoch.

    Otherwise None and the pictures: where nothing is frozen or pictures change from epoch to epoch,
    behind a head that is not the last layer, for pictures that cannot be read, and for more than `cache_bytes`.

    Args:
        state: the training, before its next step.
        loaders: of training and validation.
        tell: is given a line before it takes long.
    """
    config, usual = state.config, (None, loaders)
    if not config.freeze or not all(map(_is_fixed, loaders)):
        return usual
    with closing(loaders[1].epoch(0)) as batches:
        x, _ = on_device(next(batches), config.device)
    head = last_layer(state.net, config.model, x[:1])
    if head is None:
        return usual
    with no_grad(), bare(head):
        numbers = state.net.eval()(Tensor(x[:1])).data.size
    n = sum(len(loader.split) for loader in loaders)
    if 4 * numbers * n > config.cache_bytes:
        return usual
    tell(f"freeze: what the frozen layers make of {n:,} pictures is computed once; then an epoch takes seconds")
    found = []
    for loader in loaders:
        made = features(state, head, loader)
        if made is None:
            return usual
        found.append(_like(loader, made))
    return head, (found[0], found[1])


def _is_fixed(loader: Loader) -> bool:
    """Tell whether pictures are the same in every epoch."""
    drawn = loader.transforms.draw(loader.seed, 0, 1)
    return loader.transforms.mixup is None and all(row is None for row in drawn)


def _like(loader: Loader, x: np.ndarray) -> Loader:
    """Return batches of these rows, in the order in which a loader goes through its pictures."""
    settings: dict[str, Any] = {"seed": loader.seed, "shuffle": loader.shuffle, "drop_last": loader.drop_last}
    return Loader((x, loader.split.labels), loader.batch_size, workers=0, **settings)


def _in_order(loader: Loader) -> Loader:
    settings: dict[str, Any] = {"transforms": loader.transforms, "seed": loader.seed, "workers": loader.workers}
    return Loader(loader.split, loader.batch_size, on_error=loader.on_error, cache_bytes=0, **settings)


@contextmanager
def bare(head: Module, note: Callable[[Tensor], None] = lambda x: None) -> Iterator[None]:
    """Let a head pass on what it gets, which is noted."""

    def forward(x: Tensor) -> Tensor:
        note(x)
        return x

    object.__setattr__(head, "forward", forward)  # past the module's own, which keeps layers and arrays
    try:
        yield
    finally:
        object.__delattr__(head, "forward")


def last_layer(net: Module, model: str, x: np.ndarray) -> Module | None:
    """Return the head of a network if it is one layer, with nothing behind it and nothing beside; else None.

    Args:
        net: the network.
        model: its name.
        x: pictures (N, C, H, W) to try it with, on the network's device.

    Example:
        >>> from minidl import models
        >>> net = models.get_model("lenet5_modern")
        >>> last_layer(net, "lenet5_modern", np.zeros((1, 1, 32, 32), np.float32))
        Linear(84, 10)
    """
    modules = dict(net.named_modules())
    heads = [modules[path] for path in ENTRIES[model].variant.head if path in modules]
    if len(heads) != 1:
        return None
    (layer,) = heads
    seen: list[Tensor] = []
    with net.modes_kept(), no_grad(), bare(layer, seen.append):
        y = net.eval()(Tensor(x))
    return layer if len(seen) == 1 and y is seen[0] else None


def features(state: State, head: Module, loader: Loader) -> np.ndarray | None:
    """Return what the frozen layers make of every picture, (N, …); None where a picture could not be read.

    Args:
        state: the training.
        head: see `last_layer`.
        loader: of the pictures, none of them changed at random; here they come in order.
    """
    made: list[np.ndarray] = []
    loader = _in_order(loader)
    state.net.eval()
    with no_grad(), bare(head), closing(loader.epoch(0)) as batches:
        for batch in batches:
            x, _ = on_device(batch, state.config.device)
            made.append(to_numpy(state.net(Tensor(x)).data))
    return None if loader.left_out else np.concatenate(made)

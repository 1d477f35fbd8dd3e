"""What is tried before the first step: that the pictures fit the network, and what has to be compiled for it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
from numpy.random import Generator

from minidl import _random, ops
from minidl.data import Loader, Pictures
from minidl.kernels._rooms import CannotRun
from minidl.kernels._warmup import rehearsal
from minidl.models._family import Network
from minidl.tensor import Tensor, no_grad
from minidl.training.batches import on_device
from minidl.training.callback import Watcher
from minidl.training.evaluation import evaluate
from minidl.training.loss import main_logits, objective
from minidl.training.settings.config import Config
from minidl.training.state import State
from minidl.training.threads import hold_threads


def first_picture(loader: Loader) -> Pictures:
    """Return one picture as the network will see it."""
    with closing(loader.epoch(0)) as batches:
        batch = next(batches, None)
    if batch is None:
        first = loader.broken[min(loader.broken)]
        raise ValueError(f"train: not one of {len(loader.split):,} pictures can be read, the first: {first}")
    return Pictures(batch[0][:1], np.zeros(1, dtype=np.int64), loader.split.classes)


def first_read(loader: Loader) -> dict[str, Any]:
    """Return what the first picture is that can be read, before the transforms."""
    x = loader.split.read(next(number for number in range(len(loader.split)) if number not in loader.broken))
    return {"shape": list(x.shape), "dtype": x.dtype.name}


def network_arguments(config: Config, train: Pictures) -> dict[str, Any]:
    """Return what the network is built with."""
    return {"in_channels": train.x.shape[1], "num_classes": len(train.classes), "aux_logits": config.aux_weight > 0}


def try_pictures(state: State, train: Pictures, val: Pictures) -> None:
    """Show the network a picture of either kind.

    Raises:
        ValueError: if they do not fit.
    """
    state.train()
    if isinstance(state.net, Network):
        state.net.check_pictures(Tensor(train.x))  # auxiliary heads, which only training has, may be more particular
    with rehearsal(), np.errstate(all="ignore"):  # nobody waits for the compiler to see whether shapes fit
        evaluate(state.net, val, state.config.device)


def try_one(state: State, train: Pictures, n: int) -> None:
    """Show the network one picture as in training, if a batch of an epoch of n pictures has but one.

    Raises:
        ValueError: if it cannot learn from one: batch norm needs two values of each channel.
    """
    size = state.config.batch_size
    if size > 1 and (n % size != 1 or state.config.drop_last):
        return
    state.train()
    net, generator = copy.deepcopy(state.net), _random.get_state()  # as they were, whatever the picture leaves behind
    try:
        with rehearsal(), np.errstate(all="ignore"):
            net(Tensor(on_device((train.x, train.labels), state.config.device)[0]))
    except ValueError as error:
        batches = f"{n:,} pictures in batches of {size} leave a batch of one"
        raise ValueError(f"{error}; {batches}: --set drop_last=true, or another --batch-size") from None
    finally:
        _random.set_state(generator)


def compile_ahead(state: State, train: Pictures, val: Pictures, n: int, watchers: Sequence[Watcher]) -> None:
    """Compile the fast kernels that the steps will need, before the first of them, and tell how many.

    A step and an examination are rehearsed, in which such kernels are noted and not run; nothing of the state changes.

    Args:
        state: the training.
        train: one picture as the network sees it in training.
        val: one picture as it sees it in validation.
        n: how many pictures an epoch has.
        watchers: whom to tell.
    """
    if state.config.device != "cpu" or any(not p.data.flags.writeable for p in state.net.parameters()):
        return  # what is made of weights that cannot change is kept
    size = min(state.config.batch_size, n)
    sizes = {size} if state.config.drop_last else {size, n % size or size}
    with _as_it_was(state), hold_threads(state.config.threads), rehearsal() as needed, np.errstate(all="ignore"):
        try:
            for batch in sorted(sizes):
                _rehearse_step(state, train, batch)
            state.net.eval()
            with no_grad():
                logits = state.net(Tensor(_blank(val, size)))
                ops.cross_entropy(logits, np.zeros(size, np.int64))
        except Exception:  # what is wrong is told by the first step, with its place
            return
    missing = sum(not kernel.is_kept() for kernel in needed.values())
    if missing:
        for watcher in watchers:
            watcher.on_compile(missing)
    try:
        for kernel in needed.values():
            kernel.compile()
    except CannotRun:  # the room closes at the first step, and says why
        return


def _blank(picture: Pictures, size: int) -> np.ndarray:
    """Return a batch of the shape that such pictures have, all 0."""
    return np.zeros((size, *picture.x.shape[1:]), np.float32)


def _rehearse_step(state: State, train: Pictures, size: int) -> None:
    """Compute a step, but for the parameters, which stay."""
    config = state.config
    state.train()
    state.optimizer.zero_grad()
    output = state.net(Tensor(_blank(train, size)))
    classes = main_logits(output).shape[1]
    labels = np.full((size, classes), 1 / classes, np.float32) if config.mixup else np.zeros(size, np.int64)
    objective(output, labels, label_smoothing=config.label_smoothing, aux_weight=config.aux_weight).backward()
    for group in state.optimizer.param_groups:
        learning = [p for p in group["params"] if p.grad is not None]
        if learning:
            p = max(learning, key=lambda p: p.numel())  # a rule has one kernel, for parameters that are large enough
            state.optimizer.update(p.data, p.grad, {}, group)


@contextmanager
def _as_it_was(state: State) -> Iterator[None]:
    """Put back what a step changes in a network and around it: buffers, modes, gradients, generators."""
    modules = list(state.net.modules())
    buffers = [(one, name, array, array.copy()) for one in modules for name, array in one._own("_buffers")]
    own = [value.bit_generator for one in modules for value in vars(one).values() if isinstance(value, Generator)]
    draws, generator = [(one, one.state) for one in own], _random.get_state()
    try:
        with state.net.modes_kept():
            yield
    finally:
        for module, name, array, before in buffers:
            array[...] = before  # a norm writes into it
            module._buffers[name] = array
        for bits, drawn in draws:
            bits.state = drawn
        _random.set_state(generator)
        state.optimizer.zero_grad()

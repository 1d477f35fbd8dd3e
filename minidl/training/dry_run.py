"""The dry run before the first step: do the pictures fit the network, and what has to be compiled for it?"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from minidl import _backend, _random, ops
from minidl.data import Loader
from minidl.kernels._ahead import compiled
from minidl.kernels._sets import CannotRun
from minidl.kernels._warmup import rehearsal
from minidl.models._family import Network
from minidl.optim import Optimizer
from minidl.tensor import Tensor, no_grad
from minidl.training.callback import Callback, notify
from minidl.training.evaluation import evaluate
from minidl.training.loss import main_logits, objective
from minidl.training.state import State
from minidl.training.threads import hold_threads


@dataclass(frozen=True)
class Samples:
    """A picture of either part, as the network will see it: x (1, C, H, W)."""

    train: np.ndarray
    val: np.ndarray


def samples(loaders: tuple[Loader, Loader]) -> Samples:
    """Return the first picture of either part that can be read.

    Raises:
        ValueError: if none can be read.
    """
    return Samples(*map(_first, loaders))


def _first(loader: Loader) -> np.ndarray:
    with closing(loader.epoch(0)) as batches:
        batch = next(batches, None)
    if batch is None:
        first = loader.broken[min(loader.broken)]
        raise ValueError(f"train: not one of {len(loader.split):,} pictures can be read, the first: {first}")
    return batch[0][:1]


def first_read(loader: Loader) -> dict[str, Any]:
    """Return what the first picture is that can be read, before the transforms."""
    x = loader.split.read(next(number for number in range(len(loader.split)) if number not in loader.broken))
    return {"shape": list(x.shape), "dtype": x.dtype.name}


def dry_run(state: State, one: Samples, n: int) -> None:
    """Show the network a picture of either part; one alone as in training, if an epoch of n has a batch of but one.

    Raises:
        ValueError: if they do not fit, or it cannot learn from one: batch norm needs two values of each channel.
    """
    _try_pictures(state, one)
    _try_one(state, one.train, n)


def _try_pictures(state: State, one: Samples) -> None:
    state.train()
    if isinstance(state.net, Network):
        state.net.check_pictures(Tensor(one.train))  # auxiliary heads, which only training has, may be more particular
    with rehearsal(), np.errstate(all="ignore"):  # nobody waits for the compiler to see whether shapes fit
        evaluate(state.net, (one.val, np.zeros(1, np.int64)), state.config.device)


def _try_one(state: State, x: np.ndarray, n: int) -> None:
    size = state.config.batch_size
    if size > 1 and (n % size != 1 or state.config.drop_last):
        return
    state.train()
    net, generator = copy.deepcopy(state.net), _random.get_state()  # as they were, whatever the picture leaves behind
    try:
        with rehearsal(), np.errstate(all="ignore"):
            net(Tensor(_backend.to_device(x, state.config.device)))
    except ValueError as error:
        batches = f"{n:,} pictures in batches of {size} leave a batch of one"
        raise ValueError(f"{error}; {batches}: --set drop_last=true, or another --batch-size") from None
    finally:
        _random.set_state(generator)


def compile_ahead(state: State, one: Samples, n: int, callbacks: Sequence[Callback]) -> None:
    """Compile the fast kernels that the steps will need, before the first of them, and tell how many.

    A step and an evaluation are rehearsed, in which such kernels are noted and not run; nothing of the state changes.

    Args:
        state: the training.
        one: a picture of either part.
        n: how many pictures an epoch has.
        callbacks: whom to tell.
    """
    size = min(state.config.batch_size, n)
    sizes = {size} if state.config.drop_last else {size, n % size or size}

    def rehearse() -> None:
        for batch in sorted(sizes):
            _rehearse_step(state, one.train, batch)
        state.net.eval()
        with no_grad():
            logits = state.net(Tensor(_blank(one.val, size)))
            ops.cross_entropy(logits, np.zeros(size, np.int64))

    compile_for(state, rehearse, callbacks)


def compile_for(state: State, rehearse: Callable[[], Any], callbacks: Sequence[Callback]) -> None:
    """Compile the fast kernels that a function would call, and tell how many.

    Args:
        state: the training; all that a step changes in it, but for the parameters, is put back.
        rehearse: does what a step and an evaluation do, and changes no parameter; kernels are noted and not run.
        callbacks: whom to tell.
    """
    if state.config.device != "cpu" or any(not p.data.flags.writeable for p in state.net.parameters()):
        return  # what is made of weights that cannot change is kept
    with _as_it_was(state), hold_threads(state.config.threads), rehearsal() as needed, np.errstate(all="ignore"):
        try:
            rehearse()
        except Exception:  # what is wrong is told by the first step, with its place
            return
    missing = sum(not kernel.is_kept() for kernel in needed.values())
    if missing:
        notify(callbacks, "on_compile", missing)
    try:
        for _ in compiled(needed):
            pass
    except CannotRun:  # the kernel set is closed at the first step, and says why
        return


def _blank(one: np.ndarray, size: int) -> np.ndarray:
    """Return a batch of the shape that such a picture has, all 0."""
    return np.zeros((size, *one.shape[1:]), np.float32)


def _rehearse_step(state: State, one: np.ndarray, size: int) -> None:
    """Compute a step, but for the parameters, which stay."""
    config = state.config
    state.train()
    state.optimizer.zero_grad()
    output = state.net(Tensor(_blank(one, size)))
    classes = main_logits(output).shape[1]
    labels = np.full((size, classes), 1 / classes, np.float32) if config.mixup else np.zeros(size, np.int64)
    objective(output, labels, label_smoothing=config.label_smoothing, aux_weight=config.aux_weight).backward()
    rehearse_update(state.optimizer)


def rehearse_update(optimizer: Optimizer) -> None:
    """Compute what a step of an optimiser would make of the gradients, and move nothing."""
    for group in optimizer.param_groups:
        learning = [p for p in group["params"] if p.grad is not None]
        if learning:
            p = max(learning, key=lambda p: p.numel())  # a rule has one kernel, for parameters that are large enough
            optimizer.update(p.data, p.grad, {}, group)


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

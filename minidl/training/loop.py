"""The loop: all epochs, all steps, and the examination after each epoch.

The order of the pictures in epoch e is drawn from a generator addressed by (seed, "shuffle", e), and the shift of
picture i from (seed, "shift", e), row i. So the batch of a step follows from its number alone, and a training that was
stopped between any two steps goes on as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import _backend, _random, ops
from minidl._backend import Array
from minidl.data import Pictures, shift
from minidl.nn import Module
from minidl.optim import make_schedule
from minidl.tensor import Tensor, no_grad
from minidl.training import finite
from minidl.training.config import Config
from minidl.training.state import State
from minidl.training.watcher import Watcher

EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Score:
    """The result of an examination: mean loss, and how many of n pictures were recognised."""

    loss: float
    correct: int
    n: int

    @property
    def top1(self) -> float:
        """The share of pictures whose most likely class is the right one."""
        return self.correct / self.n


def fit(
    state: State,
    train: Pictures,
    test: Pictures,
    watchers: Sequence[Watcher] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Train until `state.config.epochs` epochs are done, or until asked to stop; changes the state.

    Args:
        state: where to begin: a new training, or one from a checkpoint.
        train: pictures to learn from.
        test: pictures to examine the network with after every epoch.
        watchers: whom to tell.
        should_stop: is asked between steps.

    Returns:
        True at the end, False when it was stopped before.

    Raises:
        NonFiniteError: if a loss, a parameter or a buffer is NaN or infinite; the watchers have seen nothing of it.
        ValueError: if the pictures do not fit the network, or there are none.

    Example:
        >>> from minidl import data, models, optim
        >>> train, test = (part.take(slice(0, 64)) for part in data.digits())
        >>> net = models.lenet5_modern()
        >>> state = State(net, optim.SGD(net.parameters(), lr=0.1), Config(epochs=1))
        >>> fit(state, train, test)
        True
        >>> [row["epoch"] for row in state.history]
        [1]
    """
    if not len(train) or not len(test):
        raise ValueError(f"fit: expects pictures to train and to test with; received {len(train)} and {len(test)}")
    config, steps = state.config, math.ceil(len(train) / state.config.batch_size)
    table = {"name": "step", "step_size": config.step_size, "gamma": config.gamma}
    schedule = make_schedule(table, lr=config.lr, epochs=config.epochs, steps=steps)
    # Overflow on the way is found in the loss and reported once, with its place; NumPy's warnings have neither.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"), blas_threads(config.threads):
        while state.epoch < config.epochs:
            state.train()
            state.optimizer.lr = schedule.lr(state.epoch)
            _tell(watchers, "on_epoch_begin", state, steps)
            if should_stop():
                return _stop(state, watchers)
            for x, labels in _batches(train, config, state.epoch, state.step):
                loss = _step(state, x, labels)
                _tell(watchers, "on_step", state, loss)
                if should_stop():
                    return _stop(state, watchers)
            _finish_epoch(state, train, test)
            _tell(watchers, "on_epoch_end", state)
    return True


def evaluate(net: Module, pictures: Pictures, device: str = "cpu") -> Score:
    """Examine a network, in eval mode and without a graph; its mode is put back afterwards.

    Args:
        net: the network.
        pictures: what it shall recognise.
        device: where the network is.

    Raises:
        ValueError: if the pictures do not fit the network, or there are none.

    Example:
        >>> from minidl import data, models
        >>> score = evaluate(models.lenet5_modern(), data.digits()[1])
        >>> score.n, 0 <= score.top1 <= 1
        (359, True)
    """
    if not len(pictures):
        raise ValueError("evaluate: there are no pictures to examine the network with")
    loss_sum, correct = 0.0, 0
    modes = [(module, module.training) for module in net.modules()]  # what is frozen may be in eval mode already
    net.eval()
    try:
        with no_grad():
            for x, labels in _in_order(pictures, device):
                logits = net(Tensor(x))
                loss_sum += ops.cross_entropy(logits, labels).item() * len(labels)
                correct += _count_correct(logits, labels)
    finally:
        for module, training in modes:
            module.training = training
    return Score(loss_sum / len(pictures), correct, len(pictures))


def blas_threads(number: int) -> AbstractContextManager[Any]:
    """Hold the BLAS to a number of threads inside the block."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=number, user_api="blas")


def _batches(train: Pictures, config: Config, epoch: int, first: int) -> Iterator[tuple[Array, Array]]:
    """Yield the batches (x, labels) of an epoch from step `first` on."""
    order = _random.addressed(config.seed, "shuffle", epoch).permutation(len(train))
    moves = _random.addressed(config.seed, "shift", epoch).integers(-config.shift, config.shift + 1, (len(train), 2))
    for start in range(first * config.batch_size, len(train), config.batch_size):
        chosen = order[start : start + config.batch_size]
        yield _on_device(shift(train.x[chosen], moves[chosen]), train.labels[chosen], config.device)


def _in_order(pictures: Pictures, device: str) -> Iterator[tuple[Array, Array]]:
    """Yield all pictures in batches (x, labels)."""
    for start in range(0, len(pictures), EVALUATION_BATCH):
        part = slice(start, start + EVALUATION_BATCH)
        yield _on_device(pictures.x[part], pictures.labels[part], device)


def _step(state: State, x: Array, labels: Array) -> float:
    """Forward, backward, and one step of the optimiser; returns the loss."""
    generator = _random.get_state()
    logits = state.net(Tensor(x))
    loss = ops.cross_entropy(logits, labels)
    value = loss.item()
    if not math.isfinite(value):
        _random.set_state(generator)  # dropout shall drop the same again
        where = f"in epoch {state.epoch + 1}, step {state.step + 1}, the loss is {value}"
        raise finite.error(where, finite.explain(state.net, x, labels), state.optimizer.lr)
    state.optimizer.zero_grad()
    loss.backward()
    state.optimizer.step()
    state.loss_sum += value * len(labels)
    state.correct += _count_correct(logits, labels)
    state.step += 1
    return value


def _finish_epoch(state: State, train: Pictures, test: Pictures) -> None:
    """Examine the network, write the epoch's row, and set the counters for the next epoch."""
    _check_state(state, f"after epoch {state.epoch + 1}")
    score = evaluate(state.net, test, state.config.device)
    if not math.isfinite(score.loss):
        where = f"after epoch {state.epoch + 1} the loss on the test pictures is {score.loss}"
        state.net.eval()
        causes = (finite.explain(state.net, x, labels) for x, labels in _in_order(test, state.config.device))
        raise finite.error(where, next(filter(None, causes), ""), state.optimizer.lr)
    row: dict[str, Any] = {
        "epoch": state.epoch + 1,
        "step": state.step + (state.history[-1]["step"] if state.history else 0),
        "lr": state.optimizer.lr,
        "train_loss": state.loss_sum / len(train),
        "train_top1": state.correct / len(train),
        "val_loss": score.loss,
        "val_top1": score.top1,
    }
    state.history.append(row)
    state.epoch, state.step, state.loss_sum, state.correct = state.epoch + 1, 0, 0.0, 0


def _stop(state: State, watchers: Sequence[Watcher]) -> bool:
    _check_state(state, f"in epoch {state.epoch + 1}, after step {state.step}")
    _tell(watchers, "on_stop", state)
    return False


def _check_state(state: State, where: str) -> None:
    """Refuse to go on with a parameter that is not finite: a loss can stay finite behind a dead relu."""
    if found := finite.bad_state(state.net):
        raise finite.error(where, f"{found} is not finite", state.optimizer.lr)


def _tell(watchers: Sequence[Watcher], event: str, *details: Any) -> None:
    for watcher in watchers:
        getattr(watcher, event)(*details)


def _on_device(x: np.ndarray, labels: np.ndarray, device: str) -> tuple[Array, Array]:
    return _backend.to_device(x, device), _backend.to_device(labels, device)


def _count_correct(logits: Tensor, labels: Array) -> int:
    return int((logits.data.argmax(axis=1) == labels).sum())

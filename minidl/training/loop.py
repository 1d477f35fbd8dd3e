"""The loop: all epochs, all steps, and the examination after each epoch.

Where the batches come from is not its business: `Batches` hands out those of an epoch from any step on, and what a
batch holds follows from epoch and step alone. So a training that was stopped between any two steps goes on as if it had
not been. `data.Loader` is such a thing, for pictures in memory and in files alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np

from minidl import _random
from minidl._backend import Array
from minidl._log import log
from minidl.optim import clip_grad_norm, make_schedule
from minidl.tensor import Tensor
from minidl.training import non_finite
from minidl.training.batches import Batch, Batches, numbered, on_device
from minidl.training.callback import Watcher
from minidl.training.evaluation import evaluate
from minidl.training.loss import main_logits, objective
from minidl.training.state import State
from minidl.training.threads import hold_threads


def run_epochs(
    state: State,
    train: Batches,
    val: Batches,
    watchers: Sequence[Watcher] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Train until all epochs are done, or until asked to stop; changes the state.

    Args:
        state: where to begin: a new training, or one from a checkpoint.
        train: batches to learn from.
        val: batches to examine the network with after every epoch; of epoch 0 always.
        watchers: whom to tell.
        should_stop: is asked between steps.

    Returns:
        True at the end, False when it was stopped before.

    Raises:
        NonFiniteError: if a loss, a parameter or a buffer is NaN or infinite; the watchers have seen nothing of it.
        ValueError: if the pictures do not fit the network.
    """
    config, together = state.config, state.config.accumulate
    steps = math.ceil(len(train) / together)
    schedule = make_schedule(config.schedule, lr=config.lr, epochs=config.epochs, steps=steps)
    # Overflow on the way is found in the loss and reported once, with its place; NumPy's warnings have neither.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"), hold_threads(config.threads):
        while not state.finished:
            state.train()
            _tell(watchers, "on_epoch_begin", state, steps)
            if should_stop():
                return _stop(state, watchers)
            done = min(state.step * together, len(train))
            with closing(numbered(train, state.epoch, done)) as batches:
                while group := list(islice(batches, together)):
                    state.follow(schedule)
                    loss = _step(state, [batch for batch in group if batch is not None])
                    _tell(watchers, "on_step", state, loss)
                    if should_stop():
                        return _stop(state, watchers)
            _finish_epoch(state, val)
            _tell(watchers, "on_epoch_end", state)
    return True


def _step(state: State, group: Sequence[Batch]) -> float:
    """Forward and backward of each batch, and one step of the optimiser; returns the mean loss.

    The gradient of several batches is that of all their pictures together: each counts as many as it has of them. A
    step whose pictures cannot be read, none of them, keeps its number and changes nothing; its loss is NaN.
    """
    if not group:
        state.step += 1
        return math.nan
    config, device = state.config, state.config.device
    total, mean = sum(len(labels) for _, labels in group), 0.0
    state.optimizer.zero_grad()
    for x, labels in (on_device(batch, device) for batch in group):
        generator = _random.default_generator().bit_generator.state
        output = state.learner(Tensor(x))
        loss = objective(output, labels, label_smoothing=config.label_smoothing, aux_weight=config.aux_weight)
        value, n = loss.item(), len(labels)
        if not math.isfinite(value):
            _random.default_generator().bit_generator.state = generator  # dropout shall drop the same again
            where = f"in epoch {state.epoch + 1}, step {state.step + 1}, the loss is {value}"
            raise non_finite.error(where, non_finite.explain(state.learner, x, labels), state.optimizer.lr)
        if n == total:
            loss.backward()
        else:
            (loss * (n / total)).backward()
        state.loss_sum += value * n
        state.correct += _count_correct(main_logits(output), labels)
        state.seen += n
        mean += value * n / total
    if config.clip_norm is not None:
        clip_grad_norm(state.optimizer.parameters, config.clip_norm)
    state.optimizer.step()
    state.step += 1
    return mean


def _finish_epoch(state: State, val: Batches) -> None:
    """Examine the network, write the epoch's row, and set the counters for the next epoch."""
    _check_state(state, f"after epoch {state.epoch + 1}")
    if not state.seen:
        raise ValueError(f"train: in epoch {state.epoch + 1} not one picture could be read; are the files still there?")
    score = evaluate(state.learner, val, state.config.device)
    if not math.isfinite(score.loss):
        where = f"after epoch {state.epoch + 1} the loss in validation is {score.loss}"
        state.learner.eval()
        with closing(val.epoch(0)) as batches:
            causes = (non_finite.explain(state.learner, *on_device(batch, state.config.device)) for batch in batches)
            raise non_finite.error(where, next(filter(None, causes), ""), state.optimizer.lr)
    row: dict[str, Any] = {
        "epoch": state.epoch + 1,
        "step": state.step + (state.history[-1]["step"] if state.history else 0),
        "lr": state.optimizer.lr,
        "train_loss": state.loss_sum / state.seen,
        "train_top1": state.correct / state.seen,
        "val_loss": score.loss,
        "val_top1": score.top1,
        "val_top5": score.top5,
    }
    state.history.append(row)
    log("training: epoch %d: %s", row["epoch"], row)
    state.epoch, state.step, state.seen, state.loss_sum, state.correct = state.epoch + 1, 0, 0, 0.0, 0


def _stop(state: State, watchers: Sequence[Watcher]) -> bool:
    _check_state(state, f"in epoch {state.epoch + 1}, after step {state.step}")
    _tell(watchers, "on_stop", state)
    return False


def _check_state(state: State, where: str) -> None:
    """Refuse to go on with a parameter that is not finite: a loss can stay finite behind a dead relu."""
    if found := non_finite.bad_state(state.net):
        raise non_finite.error(where, f"{found} is not finite", state.optimizer.lr)


def _tell(watchers: Sequence[Watcher], event: str, *details: Any) -> None:
    for watcher in watchers:
        getattr(watcher, event)(*details)


def _count_correct(logits: Tensor, labels: Array) -> int:
    """Count the pictures whose most likely class is the right one; of mixed pictures the one with the larger share."""
    right = labels if labels.ndim == 1 else labels.argmax(axis=1)
    return int((logits._data.argmax(axis=1) == right).sum())

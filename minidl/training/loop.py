"""The loop: all epochs, all steps, and the evaluation after each epoch; and `fit`, its door for any network.

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

from minidl._checks import shown
from minidl._deprecated import renamed
from minidl._log import log
from minidl.data._as_split import PicturesLike
from minidl.nn import Module
from minidl.optim import Optimizer, make_schedule
from minidl.training import non_finite
from minidl.training.batches import Batches, Epochs, as_batches, training_batches, validation_batches
from minidl.training.callback import Callback, as_callbacks, notify
from minidl.training.optimizer import make_optimizer
from minidl.training.progress import check_progress, progress_callbacks
from minidl.training.settings.config import Config, check_settings
from minidl.training.state import State
from minidl.training.tasks import Task, make_task
from minidl.training.threads import hold_threads

OTHER_WORDS = {"verbose": "progress", "validation_data": "val", "device_name": "device"}


@renamed(watchers="callbacks")
def fit(
    model: Module | State,
    train: PicturesLike | Epochs,
    val: PicturesLike | Epochs,
    *,
    optimizer: str | Optimizer | None = None,
    callbacks: Sequence[Callback | Callable[[State], Any]] = (),
    should_stop: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
    **settings: Any,
) -> State:
    """Train a network; evaluate it after every epoch.

    Args:
        model: the network, which changes; or a `State`, to go on from there with its own settings.
        train: pictures to learn from (float32 or uint8): a pair of arrays (x, y) with the class of each picture in y,
            `Pictures`, or a split; or batches that are addressed by epoch and step, such as those of a `data.Loader`,
            which has a batch size, transforms and a seed of its own.
        val: pictures to evaluate the network with, or batches of them.
        optimizer: "sgd", "rmsprop", "adam" or "adamw"; or one that was made before.
        callbacks: whom to tell how it goes, see `Callback`; a plain function is called with the state after every
            epoch.
        should_stop: is asked between steps; the training ends where it says yes.
        progress: None (default) shows a bar and a line an epoch at a terminal and in a notebook; True prints the lines
            elsewhere, too; False shows nothing.
        settings: those of a `Config`, such as epochs, batch_size, lr, schedule, label_smoothing, transforms or seed;
            the schedule is constant unless given.

    Returns:
        The state at the end: `history` has a row for each epoch, `finished` is False if it was stopped before.

    Raises:
        NonFiniteError: if a loss, a parameter or a buffer is NaN or infinite; the message names the layer.
        ValueError: if a setting is unknown or refused, the pictures do not fit the network, or there are none.

    Example:
        >>> from minidl import data, models
        >>> train, val = (part.take(slice(0, 64)) for part in data.open_dataset("digits"))
        >>> state = fit(models.lenet5_modern(), train, val, epochs=2, optimizer="adam", lr=0.001)
        >>> [row["epoch"] for row in state.history], state.finished
        ([1, 2], True)
        >>> arrays = [(part.x, part.labels) for part in (train, val)]  # the same pictures as plain arrays
        >>> fit(models.lenet5_modern(), *arrays, epochs=1, optimizer="adam", lr=0.001).finished
        True
    """
    told = as_callbacks("fit", callbacks)
    check_progress(progress)
    for word, ours in OTHER_WORDS.items():
        if word in settings:
            raise ValueError(f"fit: there is no setting {word!r}; it is called {ours}")
    if not callable(should_stop):
        raise TypeError(f"fit: should_stop must be a function without arguments; received {shown(should_stop)}")
    state = _state_of(model, optimizer, settings)
    batches = as_batches("fit", "train", train, lambda split: training_batches(split, state.config))
    evaluated = as_batches("fit", "val", val, lambda split: validation_batches(split, state.config))
    with progress_callbacks(progress) as showing:
        run_epochs(state, batches, evaluated, (*showing, *told), should_stop)
    return state


def _state_of(model: Module | State, optimizer: str | Optimizer | None, settings: dict[str, Any]) -> State:
    """Return the state before the first step, or the one to go on from."""
    if isinstance(model, State):
        if settings or optimizer is not None:
            named = ", ".join([*settings, *["optimizer"] * (optimizer is not None)])
            raise ValueError(f"fit: a State goes on with its own settings; received {named} as well")
        return model
    if not isinstance(model, Module):
        raise TypeError(f"fit: expects a module or a State; received a {type(model).__name__}")
    check_settings(settings)
    own = optimizer if isinstance(optimizer, Optimizer) else None
    defaults: dict[str, Any] = {"model": getattr(model, "name", "") or type(model).__name__, "data": "pictures"}
    defaults |= {"device": next((p.device for p in model.parameters()), "cpu")}
    defaults |= {"schedule": {"name": "constant"}} | ({} if own is None else {"lr": own.lr})
    config = Config(**defaults | settings | ({"optimizer": optimizer} if isinstance(optimizer, str) else {}))
    model.to(config.device)
    return State(model, own or make_optimizer(model, config), config)


def run_epochs(
    state: State,
    train: Batches,
    val: Batches,
    callbacks: Sequence[Callback] = (),
    should_stop: Callable[[], bool] = lambda: False,
    task: Task | None = None,
) -> bool:
    """Train until all epochs are done, or until asked to stop; changes the state.

    Args:
        state: where to begin: a new training, or one from a checkpoint.
        train: batches to learn from.
        val: batches to evaluate the network with after every epoch; of epoch 0 always.
        callbacks: whom to tell.
        should_stop: is asked between steps.
        task: what is learnt; None (default) makes that of the settings.

    Returns:
        True at the end, False when it was stopped before.

    Raises:
        NonFiniteError: if a loss, a parameter or a buffer is NaN or infinite; the callbacks have seen nothing of it.
        ValueError: if the pictures do not fit the network.
    """
    config, together = state.config, state.config.accumulate
    task = task or make_task(config.task)
    steps = math.ceil(len(train) / together)
    schedule = make_schedule(config.schedule, lr=config.lr, epochs=config.epochs, steps=steps)
    # Overflow on the way is found in the loss and reported once, with its place; NumPy's warnings have neither.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"), hold_threads(config.threads):
        while not state.finished:
            state.train()
            notify(callbacks, "on_epoch_begin", state, steps)
            if should_stop():
                return _stop(state, callbacks)
            done = min(state.step * together, len(train))
            with closing(train.steps(state.epoch, done)) as batches:
                while group := list(islice(batches, together)):
                    state.follow(schedule)
                    read = [batch for batch in group if batch is not None]
                    # A step whose pictures cannot be read, none of them, keeps its number and changes nothing.
                    loss = task.step(state, read) if read else math.nan
                    state.step += 1
                    notify(callbacks, "on_step", state, loss)
                    if should_stop():
                        return _stop(state, callbacks)
            _finish_epoch(task, state, val)
            notify(callbacks, "on_epoch_end", state)
    return True


def _finish_epoch(task: Task, state: State, val: Batches) -> None:
    """Evaluate the network, write the epoch's row, and set the counters for the next epoch."""
    _check_state(state, f"after epoch {state.epoch + 1}")
    if not state.seen:
        raise ValueError(f"train: in epoch {state.epoch + 1} not one picture could be read; are the files still there?")
    before: dict[str, Any] = {
        "epoch": state.epoch + 1,
        "step": state.step + (state.history[-1]["step"] if state.history else 0),
        "lr": state.optimizer.lr,
    }
    row = before | task.evaluate(state, val)
    state.history.append(row)
    log("training: epoch %d: %s", row["epoch"], row)
    state.epoch, state.step, state.seen, state.loss_sum, state.correct = state.epoch + 1, 0, 0, 0.0, 0
    state.sums = {}


def _stop(state: State, callbacks: Sequence[Callback]) -> bool:
    _check_state(state, f"in epoch {state.epoch + 1}, after step {state.step}")
    notify(callbacks, "on_stop", state)
    return False


def _check_state(state: State, where: str) -> None:
    """Refuse to go on with a parameter that is not finite: a loss can stay finite behind a dead relu."""
    if found := non_finite.bad_state(state.net):
        raise non_finite.error(where, f"{found} is not finite", state.optimizer.lr)

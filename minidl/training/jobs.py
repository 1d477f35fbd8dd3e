"""Whole runs, from settings to a folder full of results: what the commands `train` and `eval` do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl import data as data_sets
from minidl.data import Pictures
from minidl.training.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.config import Config
from minidl.training.finite import NonFiniteError
from minidl.training.interrupt import interruptible
from minidl.training.loop import Score, blas_threads, evaluate, fit
from minidl.training.run import Keeper, RunFolder, existing
from minidl.training.state import State, build
from minidl.training.watcher import Watcher

Parts = tuple[Pictures, Pictures]


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `finished` is False when it was stopped early; `new_epochs` were done this time."""

    run: RunFolder
    state: State
    finished: bool
    new_epochs: int


def train(
    config: Config | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    parts: Parts | None = None,
    watchers: Sequence[Watcher] = (),
) -> Outcome:
    """Train a network and leave a run folder. Ctrl-C stops between two steps and leaves a checkpoint to go on from.

    Args:
        config: the settings; None (default) takes all defaults.
        out: the folder, which must not exist; None (default) makes runs/MODEL-DATA-1, -2, …
        parts: (training pictures, test pictures); None (default) loads those of `config.data`.
        watchers: whom to tell how it goes.

    Raises:
        ValueError: if a setting is wrong or the pictures do not fit the network.
        NonFiniteError: if NaN or an infinity turns up; the message names the place, the last good checkpoint stays.
        OSError: if `out` exists or something cannot be written.

    Example:
        >>> import tempfile
        >>> from minidl import data
        >>> parts = tuple(part.take(slice(0, 64)) for part in data.digits())
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> outcome = train(Config(epochs=1), out=folder, parts=parts)
        >>> outcome.finished, outcome.run.last.name
        (True, 'last.safetensors')
    """
    config = config or Config()
    if out is not None and os.path.lexists(out):
        raise existing(out)
    train_part, test_part = parts or data_sets.load(config.data)
    state = build(config, _arguments(train_part), weights=config.weights)
    evaluate(state.net, test_part.take(slice(0, 1)), config.device)  # what does not fit shall not leave a folder
    run = RunFolder.create(f"{config.model}-{config.data}", out)
    try:
        run.write_config(state)
        save_checkpoint(run.last, state)
    except BaseException:
        shutil.rmtree(run.path, ignore_errors=True)  # made a moment ago, and of no use to anybody
        raise
    return _go_on(run, state, (train_part, test_part), watchers)


def resume(
    path: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    device: str | None = None,
    parts: Parts | None = None,
    watchers: Sequence[Watcher] = (),
) -> Outcome:
    """Go on with a run from its last checkpoint, to the bit as if it had never stopped.

    Args:
        path: the run folder.
        epochs: how many epochs there shall be in all; None (default) leaves that as it was.
        device: where to go on; None (default) stays where it was.
        parts: as for `train`.
        watchers: whom to tell how it goes.

    Returns:
        The outcome; at once, when all epochs are done already.

    Raises:
        ValueError: if there is no run, it cannot be read, or it has more epochs already.
        NonFiniteError: as for `train`.
        OSError: if something cannot be written.
    """
    run = RunFolder.open(path)
    changes = {"epochs": epochs, "device": device}
    state = load_checkpoint(run.last, **{name: value for name, value in changes.items() if value is not None})
    begun = state.epoch + (state.step > 0)
    if state.config.epochs < begun:
        raise ValueError(f"resume: {run} has begun {begun} epochs; epochs must be >= {begun}; received epochs={epochs}")
    if state.epoch == state.config.epochs:
        if not run.curves.is_file():  # killed while drawing
            run.write_history(state)
            _draw_curves(run, state)
        return Outcome(run, state, finished=True, new_epochs=0)
    run.sweep()
    run.write_config(state)
    return _go_on(run, state, parts or data_sets.load(state.config.data), watchers)


def evaluate_run(
    path: str | os.PathLike[str],
    *,
    checkpoint: str = "last",
    device: str | None = None,
    test: Pictures | None = None,
) -> tuple[Score, State, Path]:
    """Build the network of a run again and examine it.

    Args:
        path: the run folder.
        checkpoint: "last" or "best".
        device: where; None (default) takes that of the training.
        test: the pictures; None (default) takes the test pictures of the run's data set.

    Returns:
        The score, the training it belongs to, and the file it was read from.

    Raises:
        ValueError: if there is no run or no such checkpoint, or it cannot be read.
    """
    file = RunFolder.open(path).checkpoint(checkpoint)
    state = load_checkpoint(file, **({"device": device} if device else {}))
    test = data_sets.load(state.config.data)[1] if test is None else test
    with blas_threads(state.config.threads):
        return evaluate(state.net, test, state.config.device), state, file


def _arguments(train: Pictures) -> dict[str, Any]:
    """Return what the network is built with; one output, because the loop has one loss."""
    return {"in_channels": train.x.shape[1], "num_classes": len(train.classes), "aux_logits": False}


def _go_on(run: RunFolder, state: State, parts: Parts, watchers: Sequence[Watcher]) -> Outcome:
    """Train from a state on, with the folder kept up to date, and draw the curves at the end."""
    before = state.epoch
    for watcher in watchers:
        watcher.on_run(run, state, *parts)
    try:
        with interruptible() as pressed:
            finished = fit(state, *parts, watchers=(Keeper(run), *watchers), should_stop=pressed)
    except NonFiniteError as error:
        raise NonFiniteError(f"{error}; the last good checkpoint is {run.last}") from error
    if finished:
        _draw_curves(run, state)
    return Outcome(run, state, finished, state.epoch - before)


def _draw_curves(run: RunFolder, state: State) -> None:
    from minidl import viz  # here, because matplotlib takes a second to load

    viz.draw_curves(run.curves, state.history, title=f"{state.config.model} on {state.config.data}")

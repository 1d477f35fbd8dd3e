"""Whole runs, from settings to a folder full of results: what the commands `train`, `eval` and `report` do.

train           settings → data set → batches → network, tried once → run folder → epochs → report
resume          run folder → checkpoint → the same data set → batches → epochs → report
evaluate_run    run folder → checkpoint → its pictures for validation → figures
report_run      the same → plots and report.html
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from minidl._deprecated import renamed
from minidl._looks import Brief
from minidl.data import Dataset, Loader, Split
from minidl.data._as_split import PicturesLike, as_split
from minidl.training.batches import training_batches, validation_batches
from minidl.training.callback import Callback, as_callbacks, note, notify
from minidl.training.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.dry_run import Samples, compile_ahead, dry_run, first_read, samples
from minidl.training.evaluation import evaluate
from minidl.training.interrupt import Interrupted, interruptible, number_of, terminable
from minidl.training.loop import run_epochs
from minidl.training.metrics import Metrics
from minidl.training.non_finite import NonFiniteError
from minidl.training.run_folder.checkpointer import Checkpointer
from minidl.training.run_folder.dataset import (
    Parts,
    absolute_or_none,
    check_classes,
    new_dataset,
    same_dataset,
    validation_pictures,
)
from minidl.training.run_folder.folder import RunFolder, existing, folder_name
from minidl.training.run_folder.lock import hold
from minidl.training.run_folder.split_record import record_split, write_record
from minidl.training.settings.config import Config
from minidl.training.settings.picture_sizes import plain_size, seen_sizes
from minidl.training.settings.resolve import resolve
from minidl.training.state import State, build
from minidl.training.threads import hold_threads
from minidl.training.transfer import cached_features

Loaders = tuple[Loader, Loader]


@dataclass(frozen=True)
class Outcome(Brief):
    """How a run ended.

    Attributes:
        run: its folder.
        state: the training.
        finished: False when it was stopped early.
        new_epochs: how many were done this time.
        signal: the number of the signal that stopped it; None if it was not stopped.
        left_out: the names of pictures that could not be read, with `on_error` "skip".
    """

    run: RunFolder
    state: State
    finished: bool
    new_epochs: int
    signal: int | None = None
    left_out: tuple[str, ...] = ()


@renamed(watchers="callbacks")
def train(
    config: Config | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    parts: Parts | None = None,
    callbacks: Sequence[Callback] = (),
) -> Outcome:
    """Train a network and leave a run folder.

    Ctrl-C, SIGTERM and SIGHUP stop between two steps and leave a checkpoint to go on from.

    Args:
        config: the settings, see `make_config`; None (default) takes all defaults.
        out: the folder, which must not exist; None (default) makes runs/MODEL-DATA-1, -2, …
        parts: (training pictures, validation pictures); None (default) opens the data set `config.data`.
        callbacks: whom to tell how it goes.

    Raises:
        ValueError: if a setting is wrong or the pictures do not fit the network.
        NonFiniteError: if NaN or an infinity turns up; the message names the place, the last good checkpoint stays.
        Interrupted: if a second signal comes, or one while nothing can be stopped; a KeyboardInterrupt that says what
            is kept.
        OSError: if `out` exists or something cannot be written.

    Example:
        >>> import tempfile
        >>> from minidl import data
        >>> parts = tuple(part.take(slice(0, 64)) for part in data.open_dataset("digits"))
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> outcome = train(Config(epochs=1), out=folder, parts=parts)
        >>> outcome.finished, outcome.run.last.name
        (True, 'last.safetensors')
    """
    config, callbacks = config or Config(), as_callbacks("train", callbacks)
    if out is not None and os.path.lexists(out):
        raise existing(out)
    with terminable("interrupted before the first step; no run folder was made"):
        found = new_dataset(config, parts)
        note(callbacks, found.notes)
        config = resolve(config, found.train, found.val, lambda line: note(callbacks, [line]))
        loaders = _loaders(found.train, found.val, config)
        one = samples(loaders)
        state = _new_state(config, found, loaders, one)  # what does not fit shall not leave a folder
        note(callbacks, seen_sizes(one.train.shape[2:], one.val.shape[2:]))
        run = RunFolder.create(folder_name(config.model, Path(config.data).resolve().name), out)
        with hold(run.path):
            try:
                run.write_config(state)
                write_record(run.pictures, record_split(found, plain_size(config, one.val.shape[2:])))
                save_checkpoint(run.last, state)
            except BaseException:
                shutil.rmtree(run.path, ignore_errors=True)  # made a moment ago, and of no use to anybody
                raise
            return _go_on(run, state, loaders, one, callbacks)


@renamed(watchers="callbacks")
def resume(
    path: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    data: str | os.PathLike[str] | None = None,
    device: str | None = None,
    workers: int | None = None,
    parts: Parts | None = None,
    callbacks: Sequence[Callback] = (),
) -> Outcome:
    """Go on with a run from its last checkpoint, to the bit as if it had never stopped.

    Args:
        path: the run folder.
        epochs: how many epochs there shall be in all; None (default) leaves that as it was. A schedule that goes down
            to the end is then stretched.
        data: where the data set is now; None (default) looks where it was.
        device: where to go on; None (default) stays where it was.
        workers: threads that prepare pictures; None (default) leaves that as it was. No bit depends on it.
        parts: as for `train`.
        callbacks: whom to tell how it goes.

    Returns:
        The outcome; at once, when all epochs are done already.

    Raises:
        ValueError: if there is no run, it cannot be read, it has more epochs already, or the data set has changed.
        RuntimeError: if another process is writing to the run.
        NonFiniteError, Interrupted: as for `train`.
        OSError: if something cannot be written.
    """
    callbacks, run = as_callbacks("resume", callbacks), RunFolder.open(path)
    changes = {"epochs": epochs, "data": absolute_or_none(data), "device": device, "workers": workers}
    with terminable("interrupted before the first step; the run is as it was"), hold(run.path) as alone:
        state = load_checkpoint(run.last, **{name: value for name, value in changes.items() if value is not None})
        begun = state.epoch + (state.step > 0)
        if state.config.epochs < begun:
            raise ValueError(
                f"resume: {run} has begun {begun} epochs; epochs must be >= {begun}; received epochs={epochs}"
            )
        if state.finished and run.report.is_file():  # without, it was killed while drawing
            return Outcome(run, state, finished=True, new_epochs=0)
        pictures, evaluated, notes = same_dataset(run, state, parts, moved=data is not None)
        note(callbacks, notes)
        if alone:  # what is unfinished is then nobody's
            run.sweep()
        run.write_config(state)
        run.write_history(state, run.read_times())
        loaders = _loaders(pictures, evaluated, state.config)
        return _go_on(run, state, loaders, samples(loaders), callbacks)


@renamed(watchers="callbacks")
def evaluate_run(
    path: str | os.PathLike[str],
    *,
    checkpoint: str = "last",
    data: str | os.PathLike[str] | None = None,
    device: str | None = None,
    val: PicturesLike | None = None,
    callbacks: Sequence[Callback] = (),
) -> tuple[Metrics, State, Path]:
    """Build the network of a run again and evaluate it.

    Args:
        path: the run folder.
        checkpoint: "last" or "best".
        data: where the data set is now, or another one, of which those for validation are taken, or all if it has no
            parts; None (default) takes the run's.
        device: where; None (default) takes that of the training.
        val: the pictures; None (default) takes those that the run keeps for validation, see pictures.json.
        callbacks: whom to tell about the pictures.

    Returns:
        The figures, the training they belong to, and the file it was read from.

    Raises:
        ValueError: if there is no run or no such checkpoint, it cannot be read, or the data set has other classes.
    """
    callbacks, run = as_callbacks("evaluate_run", callbacks), RunFolder.open(path)
    file = run.checkpoint(checkpoint)
    changes = {"data": absolute_or_none(data), "device": device}
    state = load_checkpoint(file, **{name: value for name, value in changes.items() if value is not None})
    if val is None:
        pictures = validation_pictures(run, state, callbacks, moved=data is not None)
    else:
        pictures = as_split("evaluate_run", "val", val, classes_only=True)
        check_classes(state, pictures)
    with hold_threads(state.config.threads):
        return evaluate(state.net, validation_batches(pictures, state.config), state.config.device), state, file


@renamed(watchers="callbacks")
def report_run(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Path:
    """Evaluate the network of a run, finished or not, and write its plots and its report.html.

    Args:
        path: the run folder.
        data: where the data set is now; None (default) looks where it was.
        callbacks: whom to tell about the pictures.

    Returns:
        The page.

    Raises:
        ValueError: if there is no run, it cannot be read, or the data set has other classes.
        RuntimeError: if another process is writing to the run.
        OSError: if something cannot be written.
    """
    callbacks, run = as_callbacks("report_run", callbacks), RunFolder.open(path)
    with hold(run.path):
        state = load_checkpoint(run.last, **({} if data is None else {"data": absolute_or_none(data)}))
        pictures = validation_pictures(run, state, callbacks, moved=data is not None)
        notify(callbacks, "on_draw", run)
        return _draw(run, state, pictures)


def _loaders(train: Split, val: Split, config: Config) -> Loaders:
    return training_batches(train, config), validation_batches(val, config)


def _new_state(config: Config, found: Dataset, loaders: Loaders, one: Samples) -> State:
    """Build the network for such pictures, and try it with one of each part."""
    arguments = {
        "in_channels": one.train.shape[1],
        "num_classes": len(found.classes),
        "aux_logits": config.aux_weight > 0,
    }
    state = build(config, arguments, weights=config.weights)
    state.classes, state.pictures = list(found.classes), [len(found.train), len(found.val)]
    state.shown = first_read(loaders[1])
    dry_run(state, one, len(found.train))
    return state


def _go_on(run: RunFolder, state: State, loaders: Loaders, one: Samples, callbacks: Sequence[Callback]) -> Outcome:
    """Train from a state on, with the folder kept up to date, and draw at the end."""
    before, checkpointer = state.epoch, Checkpointer(run, state)
    try:
        notify(callbacks, "on_run", run, state, *(loader.split for loader in loaders))
        if not state.finished:
            compile_ahead(state, one, len(loaders[0].split), callbacks)
        with interruptible() as stop:
            progress = partial(notify, callbacks, "on_features")
            cached = cached_features(
                state.net, state.config, loaders, note=lambda line: note(callbacks, [line]), progress=progress
            )
            state.head, batches = cached or (None, loaders)
            finished = run_epochs(state, *batches, callbacks=(checkpointer, *callbacks), should_stop=stop)
        if finished:
            notify(callbacks, "on_draw", run)
            _draw(run, state, loaders[1].split)
    except NonFiniteError as error:
        raise NonFiniteError(f"{error}; the last good checkpoint is {run.last}") from error
    except KeyboardInterrupt as error:
        raise Interrupted(_what_is_kept(run, checkpointer), number_of(error)) from error
    left_out = tuple(name for loader in loaders for name in loader.left_out)
    return Outcome(run, state, finished, state.epoch - before, None if finished else stop.signal, left_out)


def _what_is_kept(run: RunFolder, checkpointer: Checkpointer) -> str:
    """Say what a training that was ended at once has left."""
    epoch, step, epochs = checkpointer.saved
    again = shlex.quote(str(run))
    if epoch == epochs:
        return f"interrupted while drawing; all {epochs} epochs are kept; draw again: minidl report {again}"
    reached = f"what was reached after epoch {epoch}" if epoch else "the beginning"
    if step:
        reached = f"what was reached in epoch {epoch + 1} after step {step}"
    return f"interrupted; {run} keeps {reached}; go on from there: minidl train --resume {again}"


def _draw(run: RunFolder, state: State, val: Split) -> Path:
    from minidl.training.run_folder.report import write_report  # here, because matplotlib takes a second to load

    with hold_threads(state.config.threads):
        return write_report(run, state, val)

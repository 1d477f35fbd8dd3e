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
from typing import Any

from minidl._deprecated import renamed
from minidl._looks import Brief
from minidl.data._as_split import PicturesLike, as_split
from minidl.training.callback import Callback, as_callbacks, note, notify
from minidl.training.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.interrupt import Interrupted, interruptible, number_of, terminable
from minidl.training.loop import run_epochs
from minidl.training.non_finite import NonFiniteError
from minidl.training.run_folder.checkpointer import Checkpointer
from minidl.training.run_folder.dataset import Parts, absolute_or_none, check_classes
from minidl.training.run_folder.folder import RunFolder, existing, folder_name
from minidl.training.run_folder.lock import hold
from minidl.training.settings.config import Config
from minidl.training.state import State
from minidl.training.tasks import PictureTask, Task, make_task
from minidl.training.tasks.task import Pair
from minidl.training.threads import hold_threads


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
        task = make_task(config.task)
        found = task.open(config, parts)
        note(callbacks, found.notes)
        config = task.resolve(config, found, partial(_say, callbacks))
        batches = task.batches(config, found.train, found.val)
        state = task.begin(config, found, batches, partial(_say, callbacks))  # what does not fit shall leave no folder
        run = RunFolder.create(folder_name(config.model, Path(config.data).resolve().name), out)
        with hold(run.path):
            try:
                run.write_config(state)
                task.record(run, found, state)
                save_checkpoint(run.last, state)
            except BaseException:
                shutil.rmtree(run.path, ignore_errors=True)  # made a moment ago, and of no use to anybody
                raise
            return _go_on(run, state, task, (found.train, found.val), batches, callbacks)


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
        task = make_task(state.config.task)
        train, val, notes = task.reopen(run, state, parts, moved=data is not None)
        note(callbacks, notes)
        if alone:  # what is unfinished is then nobody's
            run.sweep()
        run.write_config(state)
        run.write_history(state, run.read_times())
        batches = task.batches(state.config, train, val)
        return _go_on(run, state, task, (train, val), batches, callbacks)


@renamed(watchers="callbacks")
def evaluate_run(
    path: str | os.PathLike[str],
    *,
    checkpoint: str = "last",
    data: str | os.PathLike[str] | None = None,
    device: str | None = None,
    val: PicturesLike | None = None,
    callbacks: Sequence[Callback] = (),
) -> tuple[Any, State, Path]:
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
        The figures (`Metrics`; of other tasks than classification what their `score` returns), the training they
        belong to, and the file it was read from.

    Raises:
        ValueError: if there is no run or no such checkpoint, it cannot be read, or the data set has other classes.
    """
    callbacks, run = as_callbacks("evaluate_run", callbacks), RunFolder.open(path)
    file = run.checkpoint(checkpoint)
    changes = {"data": absolute_or_none(data), "device": device}
    state = load_checkpoint(file, **{name: value for name, value in changes.items() if value is not None})
    task, found = make_task(state.config.task), val
    if found is None:
        found = task.validation(run, state, callbacks, moved=data is not None)
    elif isinstance(task, PictureTask):
        found = as_split("evaluate_run", "val", val, classes_only=True)
        check_classes(state, found)
    with hold_threads(state.config.threads):
        return task.score(state, found), state, file


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
        task = make_task(state.config.task)
        val = task.validation(run, state, callbacks, moved=data is not None)
        notify(callbacks, "on_draw", run)
        return _draw(task, run, state, val)


def _go_on(
    run: RunFolder, state: State, task: Task, parts: tuple[Any, Any], batches: Pair, callbacks: Sequence[Callback]
) -> Outcome:
    """Train from a state on, with the folder kept up to date, and draw at the end."""
    before, checkpointer = state.epoch, Checkpointer(run, state, task)
    try:
        notify(callbacks, "on_run", run, state, *parts)
        if not state.finished:
            task.compile(state, batches, callbacks)
        with interruptible() as stop:
            prepared = task.prepare(state, batches, callbacks)
            finished = run_epochs(state, *prepared, callbacks=(checkpointer, *callbacks), should_stop=stop, task=task)
        if finished:
            notify(callbacks, "on_draw", run)
            _draw(task, run, state, parts[1])
    except NonFiniteError as error:
        raise NonFiniteError(f"{error}; the last good checkpoint is {run.last}") from error
    except KeyboardInterrupt as error:
        raise Interrupted(_what_is_kept(run, checkpointer), number_of(error)) from error
    left_out = tuple(name for part in batches for name in part.left_out)
    return Outcome(run, state, finished, state.epoch - before, None if finished else stop.signal, left_out)


def _say(callbacks: Sequence[Callback], line: str) -> None:
    note(callbacks, [line])


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


def _draw(task: Task, run: RunFolder, state: State, val: Any) -> Path:
    with hold_threads(state.config.threads):
        return task.draw(run, state, val)

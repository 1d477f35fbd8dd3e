"""Whole runs, from settings to a folder full of results: what the command `train` does."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minidl._looks import Brief
from minidl.data import Loader, Pictures, Split
from minidl.training.batches import training_batches, validation_batches
from minidl.training.callback import Watcher
from minidl.training.dry_run import compile_ahead, first_picture, first_read, network_arguments, try_one, try_pictures
from minidl.training.frozen import shortened
from minidl.training.interrupt import Interrupted, interruptible, number_of, terminable
from minidl.training.loop import run_epochs
from minidl.training.non_finite import NonFiniteError
from minidl.training.run_folder.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.run_folder.dataset import (
    Parts,
    absolute_or_none,
    check_classes,
    given,
    opened,
    reopened,
    tell,
    with_classes,
)
from minidl.training.run_folder.folder import Keeper, RunFolder, existing, folder_name
from minidl.training.run_folder.lock import hold
from minidl.training.run_folder.split_record import keep, read_kept, same_pictures, write_kept
from minidl.training.settings.config import Config
from minidl.training.settings.picture_sizes import plain_size, seen_sizes
from minidl.training.settings.resolve import resolve
from minidl.training.state import State, build
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


@terminable("interrupted before the first step; no run folder was made")
def train(
    config: Config | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    parts: Parts | None = None,
    watchers: Sequence[Watcher] = (),
) -> Outcome:
    """Train a network and leave a run folder.

    Ctrl-C, SIGTERM and SIGHUP stop between two steps and leave a checkpoint to go on from.

    Args:
        config: the settings, see `make_config`; None (default) takes all defaults.
        out: the folder, which must not exist; None (default) makes runs/MODEL-DATA-1, -2, …
        parts: (training pictures, validation pictures); None (default) opens the data set `config.data`.
        watchers: whom to tell how it goes.

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
    config = config or Config()
    if out is not None and os.path.lexists(out):
        raise existing(out)
    found = given(parts) or opened(config)
    tell(watchers, found.notes)
    pictures, examined = found.train, found.val
    config = resolve(config, pictures, examined, lambda note: tell(watchers, [note]))
    batches = training_batches(pictures, config), validation_batches(examined, config)
    first = first_picture(batches[0]), first_picture(batches[1])
    state = build(config, network_arguments(config, first[0]), weights=config.weights)
    state.classes, state.pictures = list(pictures.classes), [len(pictures), len(examined)]
    state.shown = first_read(batches[1])
    try_pictures(state, *first)  # what does not fit shall not leave a folder
    try_one(state, first[0], len(pictures))
    tell(watchers, seen_sizes(*(part.x.shape[2:] for part in first)))
    run = RunFolder.create(folder_name(config.model, Path(config.data).resolve().name), out)
    with hold(run.path):
        try:
            run.write_config(state)
            write_kept(run.pictures, keep(found, plain_size(config, first[1].x.shape[2:])))
            save_checkpoint(run.last, state)
        except BaseException:
            shutil.rmtree(run.path, ignore_errors=True)  # made a moment ago, and of no use to anybody
            raise
        return _go_on(run, state, batches, first, watchers)


@terminable("interrupted before the first step; the run is as it was")
def resume(
    path: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    data: str | os.PathLike[str] | None = None,
    device: str | None = None,
    workers: int | None = None,
    parts: Parts | None = None,
    watchers: Sequence[Watcher] = (),
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
        watchers: whom to tell how it goes.

    Returns:
        The outcome; at once, when all epochs are done already.

    Raises:
        ValueError: if there is no run, it cannot be read, it has more epochs already, or the data set has changed.
        RuntimeError: if another process is writing to the run.
        NonFiniteError, Interrupted: as for `train`.
        OSError: if something cannot be written.
    """
    run = RunFolder.open(path)
    changes = {"epochs": epochs, "data": absolute_or_none(data), "device": device, "workers": workers}
    with hold(run.path) as alone:
        state = load_checkpoint(run.last, **{name: value for name, value in changes.items() if value is not None})
        begun = state.epoch + (state.step > 0)
        if state.config.epochs < begun:
            raise ValueError(
                f"resume: {run} has begun {begun} epochs; epochs must be >= {begun}; received epochs={epochs}"
            )
        if state.finished and run.report.is_file():  # without, it was killed while drawing
            return Outcome(run, state, finished=True, new_epochs=0)
        kept = read_kept(run.pictures)
        found = given(parts) or reopened(state.config, kept, moved=data is not None)
        pictures, examined, notes = same_pictures(kept, found)
        examined = with_classes(state, examined, kept, found)
        _check_same(state, pictures, examined)
        tell(watchers, notes)
        if alone:  # what is unfinished is then nobody's
            run.sweep()
        run.write_config(state)
        run.write_history(state, run.read_times())
        batches = training_batches(pictures, state.config), validation_batches(examined, state.config)
        first = first_picture(batches[0]), first_picture(batches[1])
        return _go_on(run, state, batches, first, watchers)


def _go_on(
    run: RunFolder,
    state: State,
    batches: tuple[Loader, Loader],
    first: tuple[Pictures, Pictures],
    watchers: Sequence[Watcher],
) -> Outcome:
    """Train from a state on, with the folder kept up to date, and draw at the end; `first` is one picture of each."""
    before, keeper = state.epoch, Keeper(run, state)
    try:
        for watcher in watchers:
            watcher.on_run(run, state, *(loader.split for loader in batches))
        if not state.finished:
            compile_ahead(state, *first, len(batches[0].split), watchers)
        with interruptible() as stop:
            state.head, fed = shortened(state, batches, lambda line: tell(watchers, [line]))
            finished = run_epochs(state, *fed, watchers=(keeper, *watchers), should_stop=stop)
        if finished:
            for watcher in watchers:
                watcher.on_draw(run)
            _draw(run, state, batches[1].split)
    except NonFiniteError as error:
        raise NonFiniteError(f"{error}; the last good checkpoint is {run.last}") from error
    except KeyboardInterrupt as error:
        raise Interrupted(_kept(run, keeper), number_of(error)) from error
    left_out = tuple(name for loader in batches for name in loader.left_out)
    return Outcome(run, state, finished, state.epoch - before, None if finished else stop.signal, left_out)


def _kept(run: RunFolder, keeper: Keeper) -> str:
    """Say what a training that was ended at once has left."""
    epoch, step, epochs = keeper.kept
    again = shlex.quote(str(run))
    if epoch == epochs:
        return f"interrupted while drawing; all {epochs} epochs are kept; draw again: minidl report {again}"
    reached = f"what was reached after epoch {epoch}" if epoch else "the beginning"
    if step:
        reached = f"what was reached in epoch {epoch + 1} after step {step}"
    return f"interrupted; {run} keeps {reached}; go on from there: minidl train --resume {again}"


def _check_same(state: State, train: Split, val: Split) -> None:
    """Refuse to go on with other pictures than the run began with."""
    check_classes(state, val)
    if state.pictures != [len(train), len(val)]:
        raise ValueError(
            f"resume: the run began with {state.pictures[0]:,} training and {state.pictures[1]:,} validation pictures, "
            f"{state.config.data} has {len(train):,} and {len(val):,} now; begin anew: --config RUN/config.json"
        )


def _draw(run: RunFolder, state: State, val: Split) -> None:
    from minidl.training.run_folder.report import write_report  # here, because matplotlib takes a second to load

    with hold_threads(state.config.threads):
        write_report(run, state, val)

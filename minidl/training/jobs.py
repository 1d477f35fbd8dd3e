"""Whole runs, from settings to a folder full of results: what the commands `train` and `eval` do."""

from __future__ import annotations

import copy
import os
import shlex
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minidl import _random
from minidl import data as data_sets
from minidl._looks import Brief
from minidl.data import Dataset, Loader, Pictures, Split
from minidl.data._scan import normal, some
from minidl.models._family import Network
from minidl.tensor import Tensor
from minidl.training.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.config import Config
from minidl.training.evaluation import evaluate
from minidl.training.feed import on_device, training_batches, validation_batches
from minidl.training.finite import NonFiniteError
from minidl.training.frozen import shortened
from minidl.training.interrupt import Interrupted, interruptible, number_of, terminable
from minidl.training.kept import Kept, keep, pictures_to_examine, read_kept, same_pictures, write_kept
from minidl.training.lock import hold
from minidl.training.loop import run_epochs
from minidl.training.metrics import Metrics
from minidl.training.resolve import absolute, resolve
from minidl.training.run import Keeper, RunFolder, existing, folder_name
from minidl.training.sizes import brought_to_size, plain_size, seen_sizes
from minidl.training.state import State, build
from minidl.training.threads import hold_threads
from minidl.training.watcher import Watcher

Parts = tuple[Split | Pictures, Split | Pictures]


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
    found = _given(parts) or _opened(config)
    _tell(watchers, found.notes)
    pictures, examined = found.train, found.val
    config = resolve(config, pictures, examined, lambda note: _tell(watchers, [note]))
    batches = training_batches(pictures, config), validation_batches(examined, config)
    first = [_first(loader) for loader in batches]
    state = build(config, _arguments(config, first[0]), weights=config.weights)
    state.classes, state.pictures = list(pictures.classes), [len(pictures), len(examined)]
    state.shown = _shown(batches[1])
    _try(state, *first)  # what does not fit shall not leave a folder
    _try_one(state, first[0], len(pictures))
    _tell(watchers, seen_sizes(*(part.x.shape[2:] for part in first)))
    run = RunFolder.create(folder_name(config.model, Path(config.data).resolve().name), out)
    with hold(run.path):
        try:
            run.write_config(state)
            write_kept(run.pictures, keep(found, plain_size(config, first[1].x.shape[2:])))
            save_checkpoint(run.last, state)
        except BaseException:
            shutil.rmtree(run.path, ignore_errors=True)  # made a moment ago, and of no use to anybody
            raise
        return _go_on(run, state, batches, watchers)


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
    changes = {"epochs": epochs, "data": _absolute(data), "device": device, "workers": workers}
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
        found = _given(parts) or _reopened(state.config, kept, moved=data is not None)
        pictures, examined, notes = same_pictures(kept, found)
        examined = _with_classes(state, examined, kept, found)
        _check_same(state, pictures, examined)
        _tell(watchers, notes)
        if alone:  # what is unfinished is then nobody's
            run.sweep()
        run.write_config(state)
        run.write_history(state, run.read_times())
        batches = training_batches(pictures, state.config), validation_batches(examined, state.config)
        return _go_on(run, state, batches, watchers)


def evaluate_run(
    path: str | os.PathLike[str],
    *,
    checkpoint: str = "last",
    data: str | os.PathLike[str] | None = None,
    device: str | None = None,
    val: Split | Pictures | None = None,
    watchers: Sequence[Watcher] = (),
) -> tuple[Metrics, State, Path]:
    """Build the network of a run again and examine it.

    Args:
        path: the run folder.
        checkpoint: "last" or "best".
        data: where the data set is now, or another one, of which those for validation are taken, or all if it has no
            parts; None (default) takes the run's.
        device: where; None (default) takes that of the training.
        val: the pictures; None (default) takes those that the run keeps for validation, see `training.kept`.
        watchers: whom to tell about the pictures.

    Returns:
        The figures, the training they belong to, and the file it was read from.

    Raises:
        ValueError: if there is no run or no such checkpoint, it cannot be read, or the data set has other classes.
    """
    run = RunFolder.open(path)
    file = run.checkpoint(checkpoint)
    changes = {"data": _absolute(data), "device": device}
    state = load_checkpoint(file, **{name: value for name, value in changes.items() if value is not None})
    if val is None:
        val = _examined(run, state, watchers, moved=data is not None)
    _check_classes(state, val)
    with hold_threads(state.config.threads):
        return evaluate(state.net, validation_batches(val, state.config), state.config.device), state, file


def report_run(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    watchers: Sequence[Watcher] = (),
) -> Path:
    """Examine the network of a run, finished or not, and write its pictures and its report.html.

    Args:
        path: the run folder.
        data: where the data set is now; None (default) looks where it was.
        watchers: whom to tell about the pictures.

    Returns:
        The page.

    Raises:
        ValueError: if there is no run, it cannot be read, or the data set has other classes.
        RuntimeError: if another process is writing to the run.
        OSError: if something cannot be written.
    """
    from minidl.training.report import write_report  # here, because only this one draws

    run = RunFolder.open(path)
    with hold(run.path):
        state = load_checkpoint(run.last, **({} if data is None else {"data": _absolute(data)}))
        val = _examined(run, state, watchers, moved=data is not None)
        with hold_threads(state.config.threads):
            return write_report(run, state, val)


def _absolute(data: str | os.PathLike[str] | None) -> str | None:
    return None if data is None else absolute(os.fspath(data))


def _opened(config: Config) -> Dataset:
    """Open the data set. Its own seed is fixed: all trainings are examined on the same pictures."""
    return data_sets.open_dataset(config.data, config.classes, val_share=config.val_share)


def _reopened(config: Config, kept: Kept | None, *, moved: bool) -> Dataset:
    """Open the data set of a run again, where it was or was `moved` to; a run that keeps names needs no draw."""
    share = config.val_share if kept is None else None
    try:
        return data_sets.open_dataset(config.data, config.classes, val_share=share)
    except ValueError as error:
        if moved or config.data in data_sets.list_data():
            raise
        raise ValueError(f"{error}; the run's data set was there; if it is elsewhere now: --data DIR") from None


def _examined(run: RunFolder, state: State, watchers: Sequence[Watcher], *, moved: bool) -> Split:
    """Return the pictures to examine the network of a run with, and tell about them."""
    kept = read_kept(run.pictures)
    found = _reopened(state.config, kept, moved=moved)
    val, notes = pictures_to_examine(kept, found)
    val = _with_classes(state, val, kept, found)
    _check_classes(state, val)
    state.config, more = brought_to_size(state.config, kept.size if kept else None, val)
    _tell(watchers, [*notes, *more])
    return val


def _with_classes(state: State, val: Split, kept: Kept | None, found: Dataset) -> Split:
    """Return the pictures under the names of the run's classes, if the ids of the classes are the run's."""
    if kept is not None and [*map(normal, kept.ids)] == [*map(normal, found.ids)]:
        return val.keep(range(len(state.classes)), state.classes)
    return val


def _given(parts: Parts | None) -> Dataset | None:
    """Return parts that were made elsewhere as a data set."""
    if parts is None:
        return None
    train, val = (part if isinstance(part, Split) else Split.of(part) for part in parts)
    files = [Path(part.name(index)).parent for part in (train, val) if part.x is None for index in range(len(part))]
    root = os.path.commonpath(files) if files else ""
    return Dataset("pictures", root, train, val, train.classes)


def _tell(watchers: Sequence[Watcher], notes: Sequence[str]) -> None:
    for watcher in watchers:
        for note in notes:
            watcher.on_note(note)


def _first(loader: Loader) -> Pictures:
    """Return one picture as the network will see it."""
    with closing(loader.epoch(0)) as batches:
        batch = next(batches, None)
    if batch is None:
        first = loader.broken[min(loader.broken)]
        raise ValueError(f"train: not one of {len(loader.split):,} pictures can be read, the first: {first}")
    return Pictures(batch[0][:1], np.zeros(1, dtype=np.int64), loader.split.classes)


def _shown(loader: Loader) -> dict[str, Any]:
    """Return what the first picture is that can be read, before the transforms."""
    x = loader.split.read(next(number for number in range(len(loader.split)) if number not in loader.broken))
    return {"shape": list(x.shape), "dtype": x.dtype.name}


def _arguments(config: Config, train: Pictures) -> dict[str, Any]:
    """Return what the network is built with."""
    return {"in_channels": train.x.shape[1], "num_classes": len(train.classes), "aux_logits": config.aux_weight > 0}


def _try(state: State, train: Pictures, val: Pictures) -> None:
    """Show the network a picture of either kind.

    Raises:
        ValueError: if they do not fit.
    """
    state.train()
    if isinstance(state.net, Network):
        state.net.check_pictures(Tensor(train.x))  # auxiliary heads, which only training has, may be more particular
    evaluate(state.net, val, state.config.device)


def _try_one(state: State, train: Pictures, n: int) -> None:
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
        net(Tensor(on_device((train.x, train.labels), state.config.device)[0]))
    except ValueError as error:
        batches = f"{n:,} pictures in batches of {size} leave a batch of one"
        raise ValueError(f"{error}; {batches}: --set drop_last=true, or another --batch-size") from None
    finally:
        _random.set_state(generator)


def _check_same(state: State, train: Split, val: Split) -> None:
    """Refuse to go on with other pictures than the run began with."""
    _check_classes(state, val)
    if state.pictures != [len(train), len(val)]:
        raise ValueError(
            f"resume: the run began with {state.pictures[0]:,} training and {state.pictures[1]:,} validation pictures, "
            f"{state.config.data} has {len(train):,} and {len(val):,} now; begin anew: --config RUN/config.json"
        )


def _check_classes(state: State, val: Split | Pictures) -> None:
    """Refuse pictures of other classes than the network has learnt: their numbers would mean something else."""
    if [*map(normal, val.classes)] == [*map(normal, state.classes)]:
        return
    unknown = [name for name in val.classes if name not in state.classes]
    missing = [name for name in state.classes if name not in val.classes]
    details = [f"{what}: {some(names)}" for what, names in (("unknown", unknown), ("missing", missing)) if names]
    raise ValueError(
        f"{state.config.data}: the classes must be those of the training, in their order; "
        f"{'; '.join(details) or 'they stand in another order'}"
    )


def _go_on(run: RunFolder, state: State, batches: tuple[Loader, Loader], watchers: Sequence[Watcher]) -> Outcome:
    """Train from a state on, with the folder kept up to date, and draw at the end."""
    before, keeper = state.epoch, Keeper(run, state)
    try:
        for watcher in watchers:
            watcher.on_run(run, state, *(loader.split for loader in batches))
        with interruptible() as stop:
            state.head, fed = shortened(state, batches, lambda line: _tell(watchers, [line]))
            finished = run_epochs(state, *fed, watchers=(keeper, *watchers), should_stop=stop)
        if finished:
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


def _draw(run: RunFolder, state: State, val: Split) -> None:
    from minidl.training.report import write_report  # here, because matplotlib takes a second to load

    with hold_threads(state.config.threads):
        write_report(run, state, val)

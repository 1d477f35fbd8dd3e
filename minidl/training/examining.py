"""Runs that are examined again: what the commands `eval` and `report` do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from minidl.data import Pictures, Split
from minidl.training.batches import validation_batches
from minidl.training.callback import Watcher
from minidl.training.evaluation import evaluate
from minidl.training.metrics import Metrics
from minidl.training.run_folder.checkpoint import load_checkpoint
from minidl.training.run_folder.dataset import absolute_or_none, check_classes, examined_pictures
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.lock import hold
from minidl.training.state import State
from minidl.training.threads import hold_threads


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
    changes = {"data": absolute_or_none(data), "device": device}
    state = load_checkpoint(file, **{name: value for name, value in changes.items() if value is not None})
    if val is None:
        val = examined_pictures(run, state, watchers, moved=data is not None)
    check_classes(state, val)
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
    from minidl.training.run_folder.report import write_report  # here, because only this one draws

    run = RunFolder.open(path)
    with hold(run.path):
        state = load_checkpoint(run.last, **({} if data is None else {"data": absolute_or_none(data)}))
        val = examined_pictures(run, state, watchers, moved=data is not None)
        for watcher in watchers:
            watcher.on_draw(run)
        with hold_threads(state.config.threads):
            return write_report(run, state, val)

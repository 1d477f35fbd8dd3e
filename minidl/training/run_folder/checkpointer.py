"""The callback that keeps the folder of a run up to date."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from minidl.training.callback import Callback
from minidl.training.checkpoint import save_checkpoint
from minidl.training.run_folder.folder import RunFolder
from minidl.training.state import State
from minidl.training.tasks import Task


class Checkpointer(Callback):
    """Writes what a training has reached into its run folder, the newest state last.

    The order matters to a process that is killed in between: with a new best.safetensors or history.csv and an old
    last.safetensors the epoch is simply done again, with the same result. The other way round they would be lost.
    """

    def __init__(self, run: RunFolder, state: State, task: Task):
        self.run, self.task = run, task
        self._remember(state)
        self.times = run.read_times()
        self.began = time.perf_counter()

    def on_epoch_begin(self, state: State, steps: int) -> None:
        """Start the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, state: State) -> None:
        """Save the best, if it is this epoch, then the table, then the last."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.times[state.epoch] = round(time.perf_counter() - self.began, 3), now
        if state.best is state.history[-1]:
            save_checkpoint(self.run.best, state)
        self.run.write_history(state, self.times)
        self.task.keep(self.run, state)
        self._save(state)

    def on_stop(self, state: State) -> None:
        """Save the middle of the epoch."""
        self._save(state)

    def _save(self, state: State) -> None:
        save_checkpoint(self.run.last, state)
        self._remember(state)

    def _remember(self, state: State) -> None:
        self.saved = state.epoch, state.step, state.config.epochs  # what last.safetensors holds

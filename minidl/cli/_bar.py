"""The bar of a training on a terminal."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from minidl.cli._progress import Lines
from minidl.cli._text import duration, percent
from minidl.training import State


class Bar(Lines):
    """A bar for the epoch under way, below the lines of those that are done; it vanishes at the end.

    It shows the loss and the accuracy of the epoch so far, the pictures a second, and how long the rest of the training
    will take. Both are measured since this process began to train, so they are right after --resume, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.console = Console()
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]} accuracy {task.fields[accuracy]}"),
            TextColumn("{task.fields[rate]} pictures/s"),
            TextColumn("{task.fields[left]} left"),
            console=self.console,
            transient=True,
        )
        self.task: TaskID | None = None
        self.steps = 0  # of an epoch
        self.done = 0  # steps by this process
        self.spent = 0.0  # seconds of finished epochs, their validation with them

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.progress.stop()

    def show(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def on_epoch_begin(self, state: State, steps: int) -> None:
        """Set the bar to where the epoch is."""
        super().on_epoch_begin(state, steps)
        self.steps, self.seen = steps, state.seen
        if self.task is None:
            self.task = self.progress.add_task("", loss="-", accuracy="-", rate="-", left="-")
        self.progress.reset(
            self.task,
            total=steps,
            completed=state.step,
            description=f"epoch {state.epoch + 1}/{state.config.epochs}",
        )

    def on_step(self, state: State, loss: float) -> None:
        """Move the bar."""
        self.done += 1
        if self.task is None or not state.seen:
            return
        seconds = time.perf_counter() - self.began
        left = (state.config.epochs - state.epoch) * self.steps - state.step
        self.progress.update(
            self.task,
            completed=state.step,
            loss=f"{state.loss_sum / state.seen:.4f}",
            accuracy=percent(state.correct / state.seen),
            rate=f"{(state.seen - self.seen) / seconds:,.0f}",
            left=duration((self.spent + seconds) / self.done * left),
        )

    def on_epoch_end(self, state: State) -> None:
        """Print the epoch's line, and add up its time."""
        self.spent += time.perf_counter() - self.began
        super().on_epoch_end(state)

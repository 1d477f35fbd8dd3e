"""The bar of a training on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from minidl.cli._out import Steady
from minidl.cli._progress import Lines
from minidl.cli._text import duration, percent
from minidl.training import State

GAP = " "
LEAST = 60  # columns: narrower terminals have no room for a bar


class Words(ProgressColumn):
    """What is known of the epoch, the most important first; what finds no room in the terminal is left out whole."""

    max_refresh = None

    def __init__(self, console: Console):
        super().__init__(Column(no_wrap=True))  # the bar takes what the words leave
        self.console = console

    def render(self, task: Task) -> Text:
        """Return the words that fit."""
        room = self.console.width - 1
        room -= room // 4 if room >= LEAST else 0
        pieces = [task.description, f"{task.completed:.0f}/{task.total or 0:.0f}", *task.fields.get("words", ())]
        shown = ""
        for piece in pieces:
            if len(shown + GAP + piece) <= room:
                shown += GAP * bool(shown) + piece
        return Text(shown, no_wrap=True)


class Bar(Lines):
    """A bar for the epoch under way, below the lines of those that are done; it vanishes at the end.

    It shows the loss and the accuracy of the epoch so far, the pictures a second, and how long the rest of the training
    will take. Both are measured since this process began to train, so they are right after --resume, too.
    """

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self.console = console or Console(file=cast("TextIO", Steady(sys.stdout)))
        bar = [BarColumn(bar_width=None)] if self.console.width >= LEAST else []
        self.progress = Progress(Words(self.console), *bar, console=self.console, transient=True)
        self.task: TaskID | None = None
        self.steps = 0  # of an epoch
        self.done = 0  # steps by this process
        self.spent = 0.0  # seconds of finished epochs, their validation with them

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.progress.stop()

    def on_epoch_begin(self, state: State, steps: int) -> None:
        """Set the bar to where the epoch is."""
        super().on_epoch_begin(state, steps)
        self.steps, self.seen = steps, state.seen
        if self.task is None:
            self.task = self.progress.add_task("")
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
            words=(
                f"loss {state.loss_sum / state.seen:.4f}",
                f"accuracy {percent(state.correct / state.seen)}",
                f"{(state.seen - self.seen) / seconds:,.0f} pictures/s",
                f"{duration((self.spent + seconds) / self.done * left)} left",
            ),
        )

    def on_epoch_end(self, state: State) -> None:
        """Print the epoch's line, and add up its time."""
        self.spent += time.perf_counter() - self.began
        super().on_epoch_end(state)

"""The bar of a training on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from minidl.cli._progress import Lines
from minidl.training import State


class Bar(Lines):
    """A bar for the epoch under way, below the lines of those that are done; it vanishes at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.console = Console()
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self.task: TaskID | None = None

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
        if self.task is None:
            self.task = self.progress.add_task("", loss="-")
        self.progress.reset(
            self.task,
            total=steps,
            completed=state.step,
            description=f"epoch {state.epoch + 1}/{state.config.epochs}",
        )

    def on_step(self, state: State, loss: float) -> None:
        """Move the bar."""
        if self.task is not None:
            seen = min(state.step * state.config.batch_size, self.pictures)
            self.progress.update(self.task, completed=state.step, loss=f"{state.loss_sum / seen:.4f}")

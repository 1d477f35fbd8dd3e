"""The bar of a training on a terminal, drawn by rich below the lines of the epochs that are done."""

from __future__ import annotations

import sys
from typing import Any, TextIO, cast

from minidl._text import Steady
from minidl.training.progress.pace import Pace, now
from minidl.training.state import State

GAP = " "
LEAST = 60  # columns: narrower terminals have no room for a bar


class Bar(Pace):
    """A bar for the epoch under way, or for what goes on before and after; it vanishes at the end.

    It shows the loss and the accuracy of the epoch so far, the pictures a second, and how long the rest of the training
    will take. What finds no room in the terminal is left out, the least important first, each whole.

    Args:
        console: of rich; None (default) writes to the standard output.
    """

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        super().__init__()
        self.console = console or Console(file=cast("TextIO", Steady(sys.stdout)))
        bar = [BarColumn(bar_width=None)] if self.console.width >= LEAST else []
        words = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
        self.progress = Progress(words, *bar, console=self.console, transient=True)
        self.task: Any = None

    def close(self) -> None:
        """Take the bar away."""
        if self.task is not None:
            self.progress.stop()

    def show(self, text: str) -> None:
        """Show what is being done that has no steps."""
        total = self.kernels if self.compiled and self.kernels else None
        self._update([text], self.compiled - 1 if total else 0, total)

    def count(self, text: str, done: int, total: int) -> None:
        """Show how much is done of something that has steps and is no epoch."""
        self._update([text, f"{done}/{total}"], done, total)

    def on_draw(self, run: Any) -> None:
        """Say that the report is being drawn."""
        self.compiled = 0
        self.show("drawing the report …")

    def draw(self, state: State) -> None:
        """Show where the epoch is."""
        self.compiled = 0
        self._update([now(state), f"{state.step}/{self.steps}", *self.words(state)], state.step, self.steps)

    def _update(self, pieces: list[str], completed: int, total: int | None) -> None:
        begins = self.task is None
        if begins:
            self.task = self.progress.add_task("", total=None)
        room = self.console.width - 1
        room -= room // 4 if room >= LEAST else 0
        text = ""
        for piece in pieces:
            if len(text + GAP + piece) <= room:
                text += GAP * bool(text) + piece
        (task,) = self.progress.tasks
        task.total, task.completed = total, completed  # `update` could not set a total to None: a bar that only moves
        self.progress.update(self.task, description=text)
        if begins:
            self.progress.start()

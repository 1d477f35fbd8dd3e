"""The bar of a training in a notebook: one output of the cell, which is written anew in its place."""

from __future__ import annotations

import importlib
import sys
import time
from html import escape
from typing import Any

from minidl.training.progress.pace import Pace, now
from minidl.training.state import State

PAUSE = 0.2  # seconds between two pictures of it: a notebook shows no more, and keeps every message
ROWS = 10  # epochs in the table; the others are in state.history


def in_notebook() -> bool:
    """Tell whether this is a notebook: IPython with a kernel, which shows HTML, and not its terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class Page(Pace):
    """A bar for the epoch under way and a table of the last epochs that are done."""

    def __init__(self) -> None:
        super().__init__()
        self.handle: Any = None
        self.bar, self.text, self.epochs = "", "", 0
        self.rows: list[tuple[str, ...]] = []
        self.titles: tuple[str, ...] = ()
        self.last = 0.0

    def __repr__(self) -> str:
        return self.text or f"{self.epochs} epochs"

    def _repr_html_(self) -> str:
        """Return the bar and the table."""
        text = f"<div>{self.bar} {escape(self.text)}</div>" if self.text else ""
        if not self.rows:
            return text
        cells = "".join(f"<th>{title}</th>" for title in self.titles)
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in self.rows[-ROWS:])
        before = len(self.rows) - ROWS
        more = f"<caption>the last {ROWS} epochs; {before} before: state.history</caption>" if before > 0 else ""
        return f"<table>{more}<tr>{cells}</tr>{body}</table>{text}"

    def close(self) -> None:
        """Leave the table alone in the notebook."""
        self.text = ""
        self._refresh(at_once=True)

    def show(self, text: str) -> None:
        """Show what is being done that has no steps."""
        self.bar, self.text = "<progress></progress>", text
        self._refresh(at_once=True)

    def count(self, text: str, done: int, total: int) -> None:
        """Show how much is done of something that has steps and is no epoch."""
        self.bar, self.text = f'<progress value="{done}" max="{total}"></progress>', f"{text} {done}/{total}"
        self._refresh()

    def draw(self, state: State) -> None:
        """Show where the epoch is."""
        self.epochs = state.config.epochs
        self.bar = f'<progress value="{state.step}" max="{self.steps}"></progress>'
        self.text = " · ".join((now(state), f"{state.step}/{self.steps}", *self.words(state)))
        self._refresh()

    def on_epoch_end(self, state: State) -> None:
        """Add a row to the table."""
        seconds, row = self.seconds(), state.history[-1]
        super().on_epoch_end(state)
        titles = state.kind.titles
        self.titles = ("epoch", *titles.values(), "lr", "seconds")
        numbers = (state.kind.show(name, row[name]) for name in titles)
        self.rows.append((f"{row['epoch']}/{state.config.epochs}", *numbers, f"{row['lr']:.2g}", f"{seconds:.1f}"))
        self._refresh(at_once=True)

    def _refresh(self, *, at_once: bool = False) -> None:
        if not at_once and time.perf_counter() - self.last < PAUSE:
            return
        self.last = time.perf_counter()
        if self.handle is None:
            self.handle = importlib.import_module("IPython.display").display(self, display_id=True)
        else:
            self.handle.update(self)

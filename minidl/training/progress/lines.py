"""A plain line for every epoch."""

from __future__ import annotations

import time
from typing import Any

from minidl._text import columns, fitted
from minidl.training.callback import Callback
from minidl.training.state import State


class Lines(Callback):
    """Prints a line for every epoch."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    def show(self, line: str) -> None:
        """Print a line, which a terminal does not cut."""
        print(*fitted(line, columns()), sep="\n", flush=True)

    def on_epoch_begin(self, state: State, steps: int) -> None:
        """Start the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, state: State) -> None:
        """Print the epoch's line."""
        row: dict[str, Any] = state.history[-1]
        width = len(str(state.config.epochs))
        self.show(
            f"epoch {row['epoch']:{width}}/{state.config.epochs}"
            f"  {state.kind.words(row)}"
            f"  lr {row['lr']:.2g}  {time.perf_counter() - self.began:.1f} s"
        )

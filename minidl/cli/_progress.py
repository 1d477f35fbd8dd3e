"""How a training shows its progress: a bar on a terminal, a plain line an epoch everywhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minidl.cli._text import percent
from minidl.data import Pictures
from minidl.training import RunFolder, State, Watcher


@contextmanager
def progress() -> Iterator[Lines]:
    """Give the watcher that fits where the output goes."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines()
        return
    from minidl.cli._bar import Bar

    with Bar() as bar:
        yield bar


class Lines(Watcher):
    """Prints a line when the run begins and one for every epoch."""

    def __init__(self) -> None:
        self.began, self.pictures = time.perf_counter(), 0

    def show(self, line: str) -> None:
        """Print a line at once, also into a pipe."""
        print(line, flush=True)

    def on_run(self, run: RunFolder, state: State, train: Pictures, test: Pictures) -> None:
        """Say what is trained on what, and where it goes."""
        self.pictures = len(train)
        config, parameters = state.config, sum(p.size for p in state.net.parameters())
        self.show(
            f"{config.model}, {parameters:,} parameters, on {config.data}: "
            f"{len(train):,} pictures to learn from, {len(test):,} to test with"
        )
        if state.net.load_report is not None:
            self.show(str(state.net.load_report))
        if state.frozen:
            learning = sum(p.size for p in state.net.parameters() if p.requires_grad)
            self.show(f"frozen but for {learning:,} parameters of the head")
        self.show(f"run folder {run} (seed {config.seed}, {config.device})")

    def on_epoch_begin(self, state: State, steps: int) -> None:
        """Start the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, state: State) -> None:
        """Print the epoch's line."""
        row: dict[str, Any] = state.history[-1]
        width = len(str(state.config.epochs))
        self.show(
            f"epoch {row['epoch']:{width}}/{state.config.epochs}"
            f"  train loss {row['train_loss']:.4f} accuracy {percent(row['train_top1']):>8}"
            f"  test loss {row['val_loss']:.4f} accuracy {percent(row['val_top1']):>8}"
            f"  lr {row['lr']:.2g}  {time.perf_counter() - self.began:.1f} s"
        )

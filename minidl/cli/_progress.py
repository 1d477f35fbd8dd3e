"""How a training shows its progress: a bar on a terminal, a plain line an epoch everywhere."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minidl.cli._out import draws, say
from minidl.cli._text import percent
from minidl.data import Split
from minidl.training import Config, RunFolder, State, Watcher


@contextmanager
def progress() -> Iterator[Lines]:
    """Give the watcher that fits where the output goes."""
    if not draws():
        yield Lines()
        return
    from minidl.cli._bar import Bar

    with Bar() as bar:
        yield bar


class Notes(Watcher):
    """Keeps what should be known about the pictures, for output that is no text."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def on_note(self, note: str) -> None:
        """Keep it."""
        self.notes.append(note)


class Lines(Watcher):
    """Prints lines when the run begins and one for every epoch.

    A training does not end because its lines cannot be written, as on a disk that is full: that is said once, on the
    standard error. Only a reader that has gone ends it, after an epoch, with everything kept.
    """

    def __init__(self) -> None:
        self.began, self.pictures, self.deaf = time.perf_counter(), 0, False

    def show(self, line: str) -> None:
        """Print a line at once, also into a pipe."""
        try:
            say(line)
        except OSError as error:
            if not self.deaf:
                say(f"minidl: {error.filename}: {error.strerror}; the training goes on without a word", err=True)
            self.deaf = True

    def on_note(self, note: str) -> None:
        """Print what should be known about the pictures."""
        self.show(note)

    def on_run(self, run: RunFolder, state: State, train: Split, val: Split) -> None:
        """Say what is trained on what, with which settings, and where it goes."""
        self.pictures = len(train)
        config, parameters = state.config, sum(p.numel() for p in state.net.parameters())
        self.show(
            f"{config.model}, {parameters:,} parameters, on {config.data}: {len(train.classes)} classes, "
            f"{len(train):,} pictures to learn from, {len(val):,} to validate with"
        )
        report = getattr(state.net, "load_report", None)
        if report is not None:
            self.show(str(report))
        if state.frozen:
            learning = sum(p.numel() for p in state.net.parameters() if p.requires_grad)
            self.show(f"frozen but for {learning:,} parameters of the head")
        for line in settings(config):
            self.show(line)
        self.show(f"run folder {run}")

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
            f"  val loss {row['val_loss']:.4f} accuracy {percent(row['val_top1']):>8}"
            f"  lr {row['lr']:.2g}  {time.perf_counter() - self.began:.1f} s"
        )


def settings(config: Config) -> list[str]:
    """Write all settings in lines of at most 120 letters, each as it may follow --set."""
    words = " ".join(f"{name}={_written(value)}" for name, value in config.to_dict().items())
    return textwrap.wrap(words, 120, initial_indent="settings  ", subsequent_indent=" " * 10, break_long_words=False)


def _written(value: Any) -> str:
    """Write a value as in TOML, without blanks."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}={_written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_written, value)) + "]"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.5g}" if isinstance(value, float) else str(value)

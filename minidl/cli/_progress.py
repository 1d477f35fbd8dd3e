"""How the commands show what a training does: a bar on a terminal, plain lines everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minidl._text import draws
from minidl.cli._out import say
from minidl.cli._table import show
from minidl.data import Split
from minidl.training import Callback, Config, RunFolder, State
from minidl.training.progress import lines
from minidl.training.settings.resolve import differences

TITLES = ("setting", "value", "default")


@contextmanager
def showing(*, verbose: bool = False) -> Iterator[tuple[Lines, Sequence[Callback]]]:
    """Give the lines, to print more of them, and all callbacks: a bar, too, where one can be drawn."""
    if not draws():
        lines = Lines(verbose=verbose)
        yield lines, (lines,)
        return
    from minidl.training.progress.bar import Bar

    with Bar() as bar:
        lines = Lines(verbose=verbose, barred=True)
        yield lines, (lines, bar)


class Notes(Callback):
    """Keeps what should be known about the pictures, for output that is no text."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def on_note(self, note: str) -> None:
        """Keep it."""
        self.notes.append(note)


class Lines(lines.Lines):
    """Prints lines when the run begins and one for every epoch.

    A training does not end because its lines cannot be written, as on a disk that is full: that is said once, on the
    standard error. Only a reader that has gone ends it, after an epoch, with everything kept.

    Args:
        verbose: print all settings and not only those that differ from the defaults.
        barred: whether a bar says what is compiled and drawn.
    """

    def __init__(self, *, verbose: bool = False, barred: bool = False) -> None:
        super().__init__()
        self.verbose, self.barred, self.deaf = verbose, barred, False

    def show(self, line: str) -> None:
        """Print a line at once, also into a pipe."""
        self._try(say, line)

    def _try(self, write: Any, *arguments: Any) -> None:
        try:
            write(*arguments)
        except OSError as error:
            if not self.deaf:
                say(f"minidl: {error.filename}: {error.strerror}; the training goes on without a word", err=True)
            self.deaf = True

    def on_note(self, note: str) -> None:
        """Print what should be known about the pictures."""
        self.show(note)

    def on_run(self, run: RunFolder, state: State, train: Split, val: Split) -> None:
        """Say what is trained on what, with which settings, and where it goes."""
        config, parameters = state.config, sum(p.numel() for p in state.net.parameters())
        self.show(
            f"{config.model}, {parameters:,} parameters, on {config.data}: "
            + state.kind.data.format(classes=len(train.classes), train=len(train), val=len(val))
        )
        report = getattr(state.net, "load_report", None)
        if report is not None:
            self.show(str(report))
        if state.frozen:
            learning = sum(p.numel() for p in state.net.parameters() if p.requires_grad)
            self.show(f"frozen but for {learning:,} parameters of the head")
        rows = settings(config, everything=self.verbose)
        if rows:
            self._try(show, TITLES, rows)
        if not self.verbose:
            self.show(f"{'all other' if rows else 'all'} settings have their defaults (--verbose shows them)")
        self.show(f"run folder {run}")

    def on_compile(self, total: int) -> None:
        """Say that there is something to wait for, where no bar does."""
        if not self.barred:
            self.show(f"compiling {total} fast kernels, once on this machine")

    def on_draw(self, run: RunFolder) -> None:
        """Say that the report is being drawn, where no bar does."""
        if not self.barred:
            self.show("drawing the report …")


def settings(config: Config, *, everything: bool = False) -> list[list[str]]:
    """Return a row for each setting that differs from its default, or for every one: name, value, default.

    Example:
        >>> settings(Config(epochs=3, schedule={"name": "cosine", "warmup": 1}))
        [['epochs', '3', '16'], ['schedule', 'cosine, warmup=1', 'step, step_size=3, gamma=0.5']]
    """
    usual = Config()
    if everything:
        return [[name, written(value), written(getattr(usual, name))] for name, value in config.to_dict().items()]
    return [[name, short(value), short(default)] for name, (value, default) in differences(config).items()]


def short(value: Any) -> str:
    """Write a value as people read it: of transforms the names, of a table its name and its numbers."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, dict) for one in value):
        return ", ".join(str(one.get("name")) for one in value)
    if isinstance(value, dict):
        return ", ".join(str(one) if name == "name" else f"{name}={written(one)}" for name, one in value.items())
    return "-" if value is None or value == [] else written(value)


def written(value: Any, *, inside: bool = False) -> str:
    """Write a value as in TOML, as it may follow --set; a text has quotes inside of a table or a list alone."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {written(one, inside=True)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(written(one, inside=True) for one in value) + "]"
    if isinstance(value, str) and inside:
        return f"'{value}'"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.5g}" if isinstance(value, float) else str(value)

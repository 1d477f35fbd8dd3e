"""How a training gets on: what every bar has to know."""

from __future__ import annotations

import time
from typing import Any

from minidl._text import duration, percent
from minidl.kernels import _compiling
from minidl.training.callback import Callback
from minidl.training.state import State


class Pace(Callback):
    """Measures how a training gets on: what a bar shows.

    All is measured since this process began to train, so it is right after --resume, too, and without the time that
    the compiler takes, which no later step takes again.
    """

    def __init__(self) -> None:
        self.steps = 0  # of an epoch
        self.done = 0  # steps by this process
        self.spent = 0.0  # seconds of finished epochs, their validation with them
        self.seen = 0  # pictures of this epoch that another process has seen
        self.kernels = self.compiled = 0  # that have to be compiled, if that is known, and that are or have been
        self.began = self.waited = 0.0

    def __enter__(self) -> Any:
        _compiling.telling.append(self._told)
        return self

    def __exit__(self, *error: Any) -> None:
        _compiling.telling.remove(self._told)
        self.close()

    def _told(self, name: str | None) -> None:
        """Show what the compiler does; None says that it is done."""
        if name is None:
            return
        self.compiled += 1
        number = f"{self.compiled} of {max(self.kernels, self.compiled)}" if self.kernels else name.replace("_", " ")
        self.show(f"compiling {number}, once on this machine")

    def show(self, text: str) -> None:
        """Show what is being done that has no steps."""
        raise NotImplementedError(f"{type(self).__name__}: show is not written")

    def count(self, text: str, done: int, total: int) -> None:
        """Show how much is done of something that has steps and is no epoch."""
        self.show(f"{text} {done}/{total}")

    def draw(self, state: State) -> None:
        """Show where the epoch is."""
        raise NotImplementedError(f"{type(self).__name__}: draw is not written")

    def close(self) -> None:
        """Show nothing any more."""

    def on_compile(self, total: int) -> None:
        """Note how many kernels have to be compiled."""
        self.kernels, self.compiled = total, 0

    def on_features(self, done: int, total: int) -> None:
        """Show how far the frozen layers are."""
        self.compiled = 0
        self.count("frozen layers", done, total)

    def on_epoch_begin(self, state: State, steps: int) -> None:
        """Start the clock."""
        self.steps, self.seen = steps, state.seen
        self.began, self.waited = time.perf_counter(), _compiling.seconds[0]
        self.draw(state)

    def on_step(self, state: State, loss: float) -> None:
        """Move on by a step."""
        self.done += 1
        self.draw(state)

    def on_epoch_end(self, state: State) -> None:
        """Add up its time."""
        self.spent += self.seconds()

    def seconds(self) -> float:
        """Return how long this epoch takes so far, without the compiler."""
        return time.perf_counter() - self.began - (_compiling.seconds[0] - self.waited)

    def words(self, state: State) -> tuple[str, ...]:
        """Return what is known of the epoch so far, the most important first."""
        if not self.done or not state.seen:
            return ()
        seconds = self.seconds()
        left = (state.config.epochs - state.epoch) * self.steps - state.step
        columns, found = state.kind.columns, []
        if "train_loss" in columns:
            found.append(f"loss {state.loss_sum / state.seen:.4f}")
        if "train_top1" in columns:
            found.append(f"accuracy {percent(state.correct / state.seen)}")
        return (
            *found,
            f"{(state.seen - self.seen) / seconds:,.0f} pictures/s",
            f"{duration((self.spent + seconds) / self.done * left)} left",
        )


def now(state: State) -> str:
    """Say which epoch is under way."""
    return f"epoch {state.epoch + 1}/{state.config.epochs}"

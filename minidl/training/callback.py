"""Who wants to know how a training goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minidl._checks import shown
from minidl._looks import Brief
from minidl.data import Split
from minidl.training.state import State

if TYPE_CHECKING:
    from minidl.training.run_folder.folder import RunFolder


class Callback(Brief):
    """Is told how a training goes. Subclass it and write the methods you need; they must not change the state.

    Example:
        >>> class Accuracy(Callback):
        ...     def on_epoch_end(self, state):
        ...         print(state.epoch, state.history[-1]["val_top1"])
    """

    def on_note(self, note: str) -> None:
        """Something about the pictures should be known, in one line: what was taken as what, what is new or gone."""

    def on_run(self, run: RunFolder, state: State, train: Split, val: Split) -> None:
        """A run with a folder is ready; its first step comes next."""

    def on_compile(self, total: int) -> None:
        """So many fast kernels have to be compiled for this training, which is done next, once on this machine."""

    def on_features(self, done: int, total: int) -> None:
        """The frozen layers have made features of so many batches of the pictures, which are kept for every epoch."""

    def on_epoch_begin(self, state: State, steps: int) -> None:
        """An epoch of so many steps begins (or goes on: `state.step` are done)."""

    def on_step(self, state: State, loss: float) -> None:
        """A step is done; `loss` is the mean over its pictures, NaN if none could be read (`on_error` "skip")."""

    def on_epoch_end(self, state: State) -> None:
        """An epoch is done; `state.history[-1]` is its row."""

    def on_stop(self, state: State) -> None:
        """The training stops early, between two steps, because it was asked to."""

    def on_draw(self, run: RunFolder) -> None:
        """All epochs of a run are done; its plots and its report are drawn next."""


class AfterEpoch(Callback):
    """A plain function as a callback: it is called with the state after every epoch."""

    def __init__(self, function: Callable[[State], Any]):
        self.function = function

    def on_epoch_end(self, state: State) -> None:
        """Call it."""
        self.function(state)


def as_callbacks(op: str, given: Sequence[Callback | Callable[[State], Any]]) -> list[Callback]:
    """Return callbacks as they are, and plain functions as callbacks.

    Raises:
        TypeError: if there is something else among them.
    """
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, Callback) or callable(one) for one in given):
        raise TypeError(f"{op}: callbacks must be a list of Callbacks or functions; received {shown(given)}")
    return [one if isinstance(one, Callback) else AfterEpoch(one) for one in given]


def notify(callbacks: Sequence[Callback], event: str, *details: Any) -> None:
    """Tell all callbacks of an event, by the name of their method for it."""
    for callback in callbacks:
        getattr(callback, event)(*details)


def note(callbacks: Sequence[Callback], lines: Sequence[str]) -> None:
    """Tell what should be known about the pictures, line by line to everybody."""
    for callback in callbacks:
        for line in lines:
            callback.on_note(line)

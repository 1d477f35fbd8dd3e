"""Ctrl-C, and the signals by which systems end processes, as requests instead of explosions.

SIGTERM comes from schedulers, containers and `kill`, SIGHUP when a terminal is closed; both stop a training as Ctrl-C
does. A signal that is ignored from the start stays ignored: `nohup` does that with SIGHUP, and shells do it with
Ctrl-C for what they start in the background (`minidl train &` in a script). SIGTERM still stops such a training.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from minidl._looks import Brief

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(Brief, KeyboardInterrupt):
    """A training was ended at once; the message says what is kept.

    Attributes:
        signal: the number of the signal that ended it.
        status: what a process should return then, as shells write it.
    """

    def __init__(self, message: str = "", number: int = signal.SIGINT):
        super().__init__(message)
        self.signal, self.status = int(number), 128 + int(number)


class Request:
    """Whether a signal has asked for the end: calling it tells."""

    signal: int | None = None  # its number

    def __call__(self) -> bool:
        """Tell whether a signal has come."""
        return self.signal is not None


@contextmanager
def interruptible() -> Iterator[Request]:
    """Note the first signal inside the block instead of ending in the middle of a step.

    A second one ends at once, by `Interrupted`. In a thread other than the main one, which gets no signals, and where
    somebody ignores or handles a signal, nothing changes.

    Yields:
        A function that tells whether a signal has come; its `signal` says which.
    """
    request = Request()

    def note(number: int, frame: Any) -> None:
        if request():
            raise Interrupted(number=number)
        request.signal = number

    with _handled(note, (signal.SIGINT, *ENDING)):
        yield request


@contextmanager
def terminable(nothing: str) -> Iterator[None]:
    """Let the signals that end a process raise `Interrupted` in the block, so that it tidies up and says what is kept.

    Args:
        nothing: what an interrupt says that has nothing to say of its own.
    """
    with _handled(_end, ENDING):
        try:
            yield
        except KeyboardInterrupt as error:
            if str(error):
                raise
            raise Interrupted(nothing, number_of(error)) from error


def number_of(error: KeyboardInterrupt) -> int:
    """Return the signal behind an interrupt."""
    return error.signal if isinstance(error, Interrupted) else int(signal.SIGINT)


def _end(number: int, frame: Any) -> None:
    raise Interrupted(number=number)


@contextmanager
def _handled(handler: Callable[[int, Any], None], numbers: tuple[int, ...]) -> Iterator[None]:
    """Handle those of the signals that nobody else ignores or handles; what was before comes back."""
    usual = (signal.default_int_handler, signal.SIG_DFL, _end)
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) in usual}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)

"""Run a check for as long as one is willing to wait, and keep what the learner's code prints to a few lines.

A loop without an end is interrupted as Ctrl-C would do it, and its line is told. Output is held back, because a check
calls a function hundreds of times: the last lines of it are shown with the verdict.
"""

from __future__ import annotations

import _thread
import io
import secrets
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from minidl.proof.student.watch import where
from minidl.teach.learn.checks import check
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import ERROR, Verdict
from minidl.teach.strings.learn import words

LINES, LETTERS = 10, 200  # of what is printed, at most


class Tail(io.TextIOBase):
    """A stream that keeps the last lines written to it, and counts those before them.

    Example:
        >>> tail = Tail()
        >>> for i in range(100):
        ...     print("line", i, file=tail)
        >>> tail.lines()[0], tail.lines()[-1]
        ('… and 90 lines before these', 'line 99')
    """

    def __init__(self) -> None:
        self.kept: deque[str] = deque(maxlen=LINES)
        self.count, self.begun = 0, ""

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Take text."""
        *whole, rest = text.split("\n")
        for line in whole:
            self.kept.append((self.begun + line)[:LETTERS])
            self.count, self.begun = self.count + 1, ""
        self.begun = (self.begun + rest)[:LETTERS]
        return len(text)

    def lines(self) -> list[str]:
        """Return the last lines, under the number of those that are gone."""
        shown = [*self.kept, *([self.begun] if self.begun else [])]
        gone = self.count - len(self.kept)
        return [words.MORE_LINES.format(count=gone)] * (gone > 0) + shown


class _Interrupted(Exception):
    """The time is over; the cause is the KeyboardInterrupt that it came as."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt what the main thread does if it takes longer; in other threads nothing can be interrupted.

    Raises:
        _Interrupted: if the time is over.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    done, fired = threading.Event(), threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # a shell's background, nohup: nobody's Ctrl-C comes, nor would this one
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):  # again and again: an `except:` in the loop may catch it
            fired.set()
            _thread.interrupt_main()
            wait = 0.05

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except KeyboardInterrupt as error:
        if not fired.is_set():
            raise
        raise _Interrupted from error
    finally:
        done.set()
        watcher.join()
        if before is signal.SIG_IGN:
            signal.signal(signal.SIGINT, before)


def check_patiently(step: Step, file: Path, seed: int | None, seconds: float) -> tuple[Verdict, list[str]]:
    """Check a file as `check` does, but not for ever.

    Returns:
        The verdict, and the last lines of what the file has printed.
    """
    tail, start = Tail(), time.perf_counter()
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    try:
        with redirect_stdout(tail), at_most(seconds):
            verdict = check(step, file, seed)
    except _Interrupted as error:
        endless = words.ENDLESS.format(seconds=seconds)
        text = where(error.__cause__ or error, file).replace("KeyboardInterrupt", endless)
        took = time.perf_counter() - start
        verdict = Verdict(step.name, ERROR, mistake=endless.partition(":")[0], text=text, seed=seed, seconds=took)
    return verdict, tail.lines()

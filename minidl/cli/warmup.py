"""`minidl warmup`: compile the fast kernels now, so that nobody waits for them later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from minidl._text import draws
from minidl.cli._out import say

COMPILED = 0.1  # seconds; what is read from the cache takes less


def warmup() -> None:
    """Compile all fast kernels for this machine, once; they are kept on disk for every later start.

    For example:

      minidl warmup
    """
    from minidl import kernels
    from minidl.kernels import _warmup

    n, total, missing = 0, 0.0, _warmup.count()
    with _bar(missing):
        for name, seconds in kernels.warmup():
            n, total = n + 1, total + seconds
            if seconds >= COMPILED:
                say(f"{name:30} {seconds:5.1f} s")
    folder = kernels.kept_in()
    kept = f"; kept in {folder}" if folder else ""
    say(f"{n} kernels ready after {total:.1f} s, {missing} of them compiled just now{kept}")


@contextmanager
def _bar(missing: int) -> Iterator[None]:
    """Show on a terminal how many kernels have been compiled; the command names each when it is done."""
    from minidl.kernels import _compiling

    if not draws():
        _compiling.telling.append(lambda name: None)  # the kernels' own announcement would name each of them again
        try:
            yield
        finally:
            _compiling.telling.pop()
        return
    from minidl.training.progress.bar import Bar

    with Bar() as bar:
        bar.on_compile(missing)
        yield

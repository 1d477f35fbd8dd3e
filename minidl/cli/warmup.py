"""`minidl warmup`: compile the fast kernels now, so that nobody waits for them later."""

from __future__ import annotations

from minidl.cli._out import say

COMPILED = 0.1  # seconds; what is read from the cache takes less


def warmup() -> None:
    """Compile all fast kernels for this machine, once; they are kept on disk for every later start.

    For example:

      minidl warmup
    """
    from minidl import kernels

    n, total, waited = 0, 0.0, 0
    for name, seconds in kernels.warmup():
        n, total = n + 1, total + seconds
        if seconds >= COMPILED:
            waited += 1
            say(f"{name:40} {seconds:5.1f} s")
    say(f"{n} kernels ready after {total:.1f} s, {waited} of them compiled just now")

"""Shut a process off before it runs a student's code, as far as the system allows, and say what held.

Three kinds of walls, each on its own: limits of the process (Linux), namespaces without a network and with an empty
folder in the place of the class (Linux, where they are allowed), and a hook of Python that is asked before files are
written, processes are started and libraries are called.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

LIMITS, NAMESPACES, HOOK = "resource limits", "namespaces", "audit hook"
TASKS = 256  # processes and threads that may come on top of those of the user
FILE_BYTES = 16 * 2**20  # that a file of the student's may have
NEW_USER, NEW_NETWORK, NEW_MOUNTS = 0x10000000, 0x40000000, 0x00020000  # <sched.h>
PRIVATE, RECURSIVE = 1 << 18, 1 << 14  # <sys/mount.h>

# What a function over arrays has no use for. An event is refused if it begins with one of these.
REFUSED = (
    "ctypes.", "ftplib.", "glob.", "http.", "imaplib.", "os.exec", "os.fork", "os.kill", "os.posix_spawn", "os.spawn",
    "os.startfile", "os.system", "poplib.", "pty.", "shutil.", "signal.", "smtplib.", "socket.", "subprocess.",
    "syslog.", "urllib.", "webbrowser.", "winreg.",
)  # fmt: skip
# What changes the place that its first arguments name.
CHANGES = (
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate",
    "os.utime", "os.setxattr", "os.removexattr", "os.chflags", "tempfile.",
)  # fmt: skip
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def close(home: Path, hidden: list[Path], memory: int, seconds: float) -> list[str]:
    """Shut this process off from everything but reading, and writing in its home.

    Args:
        home: the folder in which the student's copy lies.
        hidden: folders of which nothing can be read: the class, the marks.
        memory: bytes that the process may take on top of what it has.
        seconds: of processor time for all of it.

    Returns:
        Which walls stand: some of "resource limits", "namespaces", "audit hook".
    """
    held = []
    for name, wall in (
        (NAMESPACES, lambda: _namespaces(hidden)),
        (LIMITS, lambda: _limits(memory, seconds)),
        (HOOK, lambda: sys.addaudithook(_guard(home, hidden))),
    ):
        with suppress(Exception):  # a system that has not got it, or does not allow it
            wall()
            held.append(name)
    return held


def _limits(memory: int, seconds: float) -> None:
    import resource

    def most(kind: int, wanted: int, soft: bool = False) -> None:
        _, hard = resource.getrlimit(kind)
        least = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (least, hard if soft else least))

    pages = int(Path("/proc/self/statm").read_text().split()[0])  # what is mapped already
    most(resource.RLIMIT_AS, pages * resource.getpagesize() + memory)
    most(resource.RLIMIT_CPU, int(seconds) + 1)
    most(resource.RLIMIT_FSIZE, FILE_BYTES)
    most(resource.RLIMIT_CORE, 0)
    most(resource.RLIMIT_NPROC, _tasks() + TASKS, soft=True)
    thread = threading.Thread(target=int)  # a check needs one; on a system that hides tasks, the limit may be too low
    try:
        thread.start()
        thread.join()
    except RuntimeError:
        most(resource.RLIMIT_NPROC, resource.getrlimit(resource.RLIMIT_NPROC)[1])


def _tasks() -> int:
    """Return how many processes and threads this user has: the system counts them all together."""
    count = 0
    for place in Path("/proc").iterdir():
        with suppress(OSError):  # gone meanwhile
            if place.name.isdigit() and place.stat().st_uid == os.getuid():
                count += len(os.listdir(place / "task"))
    return count


def _namespaces(hidden: list[Path]) -> None:
    """Leave the network behind, and put an empty folder over each hidden one; both are this process's view alone."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def call(answer: int) -> None:
        if answer:
            raise OSError(ctypes.get_errno(), "not allowed")

    call(libc.unshare(NEW_NETWORK | NEW_MOUNTS | (NEW_USER if os.geteuid() else 0)))
    call(libc.mount(b"none", b"/", None, PRIVATE | RECURSIVE, None))
    for folder in hidden:
        call(libc.mount(b"none", os.fsencode(folder), b"tmpfs", 0, b"size=4k,mode=555"))


def _guard(home: Path, hidden: list[Path]) -> Callable[[str, tuple[Any, ...]], None]:
    """Return the hook; it is never taken off again, so all that it needs is bound to it."""
    home_text, hidden_texts, real = f"{home}{os.sep}", tuple(f"{one}{os.sep}" for one in hidden), os.path.realpath
    fsdecode, refused, changes, writes = os.fsdecode, REFUSED, CHANGES, WRITES
    null = os.devnull

    def place(path: Any) -> str:
        return f"{real(fsdecode(path))}{os.sep}"

    def is_path(value: Any) -> bool:
        return isinstance(value, (str, bytes, os.PathLike))

    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if not is_path(path):
                return
            there = place(path)
            is_write = bool(flags & writes) if isinstance(flags, int) else bool(set(mode or "") & set("wax+"))
            if is_write and not there.startswith(home_text) and there != f"{null}{os.sep}":
                raise PermissionError(f"the shelter lets nothing be written outside its folder: {path!r}")
            if there.startswith(hidden_texts):
                raise PermissionError(f"the shelter lets nothing be read here: {path!r}")
        elif event.startswith(changes):
            for path in arguments:
                if is_path(path) and not place(path).startswith(home_text):
                    raise PermissionError(f"the shelter lets nothing be changed outside its folder: {event} {path!r}")
        elif event in ("os.listdir", "os.scandir"):
            if arguments and is_path(arguments[0]) and place(arguments[0]).startswith(hidden_texts):
                raise PermissionError(f"the shelter lets nothing be read here: {arguments[0]!r}")
        elif event.startswith(refused):
            raise PermissionError(f"the shelter refuses {event}")

    return guard

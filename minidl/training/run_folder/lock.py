"""One process at a time: the lock of a run folder, which dies with the process that holds it.

The system keeps the lock for as long as the process lives, so a run that was killed needs no cleaning up. What stands
in the file is only for those who find it locked: who holds it.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from minidl._names import printable

NAME = ".lock"
FAR = 1 << 20  # the byte that is locked on Windows, where nobody could read a locked beginning

# Kinds of file systems that lock, if at all, only among the processes of one computer: with which options of the
# mount, or always ("").
LOCAL = {
    "nfs": ("nolock", "local_lock=flock", "local_lock=all"),
    "nfs4": ("local_lock=flock", "local_lock=all"),
    "cifs": ("nobrl",),
    "smb3": ("nobrl",),
    "lustre": ("localflock", "noflock"),
    "9p": ("",),
    "vboxsf": ("",),
    "fuse.sshfs": ("",),
    "fuse.rclone": ("",),
    "fuse.s3fs": ("",),
    "fuse.gcsfuse": ("",),
}


@contextmanager
def hold(folder: Path) -> Iterator[bool]:
    """Keep all other processes from writing to a run while the body runs.

    Yields:
        Whether that can be relied on; a warning says so where it cannot.

    Raises:
        RuntimeError: if another process, or another thread of this one, holds the run; the message says who.
        OSError: if nothing can be written to the folder.

    Example:
        >>> import tempfile
        >>> with hold(Path(tempfile.mkdtemp())) as reliable:
        ...     reliable
        True
    """
    path = folder / NAME
    descriptor = _take(path)
    try:
        trouble = _trouble(path)
        if trouble:
            warnings.warn(
                f"run: {printable(folder)} lies on a file system {trouble}; let nobody else write to it meanwhile",
                RuntimeWarning,
                stacklevel=3,
            )
        os.truncate(path, 0)
        os.pwrite(descriptor, _myself(), 0) if hasattr(os, "pwrite") else os.write(descriptor, _myself())
        yield not trouble
    finally:
        with suppress(OSError):  # while it is held: nobody can hold a lock on a file that has gone, see `_take`
            path.unlink()
        os.close(descriptor)
        with suppress(OSError):  # Windows keeps a file that is open
            path.unlink() if sys.platform == "win32" else None


def _take(path: Path) -> int:
    """Return the locked file, open; one that its last holder removes in between is opened again."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _lock(descriptor) is False:
                raise RuntimeError(
                    f"run: {printable(path.parent)} is in use by {_read(path)}; two processes would overwrite each "
                    "other's files; wait until that one is done, or stop it"
                )
            if _is_there(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Lock an open file, if nobody has; None where the file system has no locks."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_there(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is still the one at the path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _trouble(path: Path) -> str:
    """Say why a lock that was just taken cannot be relied on; "" if it can."""
    other = os.open(path, os.O_RDWR)
    try:
        if _lock(other) is not False:  # it should have been refused
            return "that cannot lock"
    finally:
        os.close(other)
    kind, options = _mount(path)
    if any(option in ("", *options) for option in LOCAL.get(kind, ())):
        return f"({kind}) that locks only among the processes of one computer"
    return ""


def _mount(path: Path, table: Path = Path("/proc/self/mountinfo")) -> tuple[str, list[str]]:
    """Return the kind of the file system of a path and the options of its mount; ("", []) where nobody tells."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return "", []
    where, best, found = os.path.realpath(path), -1, ("", [""])
    for line in lines:
        mount, _, system = line.partition(" - ")
        point = mount.split(" ")[4].encode("latin-1", "surrogateescape").decode("unicode_escape", "replace")
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            kind, _, options = system.split(" ")[:3]
            best, found = len(point), (kind, options.split(","))
    return found


def _myself() -> bytes:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {platform.node() or 'this computer'} since {since}".encode("utf-8", "replace")


def _read(path: Path) -> str:
    """Return who holds a lock; who has taken it a moment ago may be about to write that down."""
    for _ in range(20):
        with suppress(OSError):
            if holder := path.read_bytes()[:200].decode("utf-8", "replace"):
                return printable(holder)
        time.sleep(0.01)
    return "another process"

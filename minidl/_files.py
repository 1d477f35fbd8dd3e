"""Files that are either complete or not there: write beside the goal, then rename.

A rename within one folder is atomic, so a reader, or a run that was killed, never meets half a file.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)  # a write reports these without a name


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file by way of a temporary name in the same folder, which is renamed when the body ends well.

    The temporary name keeps the suffix, which many writers look at. Its bytes are on the disk before the rename. When
    the body raises, the temporary file goes and what was there before stays. A link is followed; a device or pipe, such
    as ``/dev/stdout``, which cannot be renamed over, is written straight.

    Args:
        path: the file to create or to replace; its folder must exist.

    Yields:
        The path to write to.

    Raises:
        OSError: the subclass that the system reported (no such folder, no permission, no space), naming `path`.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_write(folder / "config.json") as temporary:
        ...     _ = temporary.write_text("{}")
        >>> [file.name for file in folder.iterdir()]
        ['config.json']
    """
    goal = Path(os.path.realpath(path))
    if goal.exists() and not goal.is_file() and not goal.is_dir():
        yield goal
        return
    temporary = goal.with_name(f".{goal.stem[:32]}.{secrets.token_hex(4)}{goal.suffix}")
    try:
        if goal.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(temporary))
        temporary.touch(exist_ok=False)  # a folder that cannot be written is reported before the work, not after
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, goal)
        _sync_folder(goal.parent)
    except OSError as error:
        ours = str(error.filename) == str(temporary) or (error.filename is None and error.errno in _DISK_ERRORS)
        if not ours:  # the body's own trouble with another file
            raise
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
    finally:
        with suppress(OSError):  # renamed, or never made
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Bring the rename itself to the disk, where the system lets a folder be opened."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

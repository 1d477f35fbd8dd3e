"""A file that is read with suspicion: no size is believed before it is held against the bytes that are there."""

import io
import os
import stat
import zipfile
from typing import Any, Literal

import numpy as np

_CHUNK = 1 << 20
_SMALL_ARCHIVE = 1 << 28  # bytes that an archive of any size may unpack to
_UNPACK_FACTOR = 100  # beyond that, how many times its own size (float weights compress by less than 2)

# element types by PyTorch's names; bfloat16 is the upper half of a float32, and NumPy does not know it
ITEMSIZE = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "bool": 1,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1,
}  # fmt: skip


class Reader(io.BufferedReader):
    """A binary file opened for reading, with its size.

    Args:
        path: a regular file.

    Raises:
        ValueError: when `path` is a device or a pipe.
        OSError: when it cannot be opened; FileNotFoundError, IsADirectoryError and PermissionError name it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise ValueError("this is a device or a pipe, expected a file")
        super().__init__(io.FileIO(path))
        self.size = os.fstat(self.fileno()).st_size

    def read(self, count: int | None = -1, /) -> bytes:
        """Read at most `count` bytes; a count out of a damaged header must not decide what is allocated."""
        if count is not None and count > _CHUNK:
            count = min(count, self.size - self.tell())
        return super().read(count)

    def take(self, count: int, itemsize: int, what: str) -> np.ndarray:
        """Read ``count * itemsize`` bytes, or say how many are missing."""
        left = self.size - self.tell()
        check_size(what, count, itemsize, left, "are left in the file")
        return fill(self, count * itemsize)


def check_size(what: str, count: int, itemsize: int, found: int, where: str) -> None:
    """Refuse `what` when its ``count * itemsize`` bytes are more than were `found`."""
    needed = count * itemsize
    if needed > found:
        raise ValueError(
            f"{what} needs {count:,} * {itemsize} = {needed:,} bytes, but {found:,} {where}: "
            f"{needed - found:,} bytes are missing"
        )


def fill(stream: Any, count: int) -> np.ndarray:
    """Read `count` bytes, whose presence has been checked, into an array (count,) of uint8."""
    raw = np.empty(count, np.uint8)
    view = raw.data
    done = 0
    while done < count:
        got = stream.readinto(view[done : done + _CHUNK])  # in pieces: a zip member makes a copy of each
        if not got:
            raise ValueError(f"the data ends {count - done:,} bytes too early")
        done += got
    return raw


def decode(raw: np.ndarray, kind: str, *, big_endian: bool = False) -> np.ndarray:
    """Elements from their bytes, in the machine's byte order; bfloat16 becomes float32.

    Args:
        raw: bytes (n * itemsize,) of uint8.
        kind: element type, a key of `ITEMSIZE`.
        big_endian: how the bytes are ordered.

    Returns:
        Array (n,), sharing memory with `raw` where nothing had to be converted.

    Example:
        >>> decode(np.array([0x80, 0x3F], np.uint8), "bfloat16")
        array([1.], dtype=float32)
    """
    if kind == "bool":
        return raw != 0  # PyTorch counts any bit as true, NumPy would keep the byte
    order: Literal["<", ">"] = ">" if big_endian else "<"
    if kind == "bfloat16":
        upper = raw.view(np.dtype(np.uint16).newbyteorder(order))
        return (upper.astype(np.uint32) << 16).view(np.float32)
    elements = raw.view(np.dtype(kind).newbyteorder(order))
    return elements.astype(np.dtype(kind), copy=False)


def open_archive(file: Reader) -> zipfile.ZipFile:
    """Open a zip archive, whose members' sizes are then those that it declares, and plausible.

    Raises:
        ValueError: when its directory is missing, or when it unpacks to an absurd size.
    """
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"this starts as a zip archive, but the directory at its end is missing or damaged ({error}); "
            f"was the file cut off at its {file.size:,} bytes?"
        ) from error
    declared = sum(member.file_size for member in archive.infolist())
    limit = max(_SMALL_ARCHIVE, _UNPACK_FACTOR * file.size)
    if declared > limit:
        raise ValueError(
            f"this archive of {file.size:,} bytes would unpack to {declared:,}, "
            f"more than {limit:,}, the largest plausible size"
        )
    for member in archive.infolist():
        start, length = member.header_offset, member.compress_size
        if start < 0 or start + length > file.size:
            raise ValueError(
                f"the archive's member {member.filename[:60]!a} should lie at byte {start:,} + {length:,} "
                f"of a file of {file.size:,}"
            )
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(
                f"the archive's member {member.filename[:60]!a} is compressed by method {member.compress_type}, "
                "expected 0 (stored) or 8 (deflated)"
            )
    return archive

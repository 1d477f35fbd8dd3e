"""MNIST, Fashion-MNIST and whatever else comes in MNIST's format, idx.

    0, 0, type (8: unsigned bytes), number of axes; each axis as four bytes, the high one first; then the bytes

There are four files, which may be packed with gzip: train-images-idx3-ubyte (N, 28, 28), train-labels-idx1-ubyte (N,)
and the same with t10k for the test; each may lie in a folder of its name, into which 7-Zip unpacks it. Fashion-MNIST
has the same names and sizes; only the name of its folder tells it.

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998); Xiao, Rasul and Vollgraf,
"Fashion-MNIST" (2017), table 2.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from minidl._names import printable
from minidl.data._class_selection import ClassesLike, select_classes
from minidl.data.split import Arrays, Dataset, Split

FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
FILES = tuple((part, what, axes) for part in ("train", "t10k") for what, axes in (("images", 3), ("labels", 1)))


def recognise(folder: Path) -> bool:
    """Tell whether one of the four files is here."""
    return any(_find(folder, *file) is not None for file in FILES)


def read(folder: Path, classes: ClassesLike, seed: int, share: float | None) -> Dataset:
    """Read all pictures.

    Args:
        folder: the data set.
        classes: which classes, see `open_dataset`.
        seed: not used, the test pictures are given.
        share: not used either.

    Raises:
        ValueError: if a file is missing, cut short or holds something else.
        OSError: if a file cannot be read.
    """
    missing = [f"{part}-{what}-idx{axes}-ubyte" for part, what, axes in FILES if not _find(folder, part, what, axes)]
    if missing:
        raise ValueError(
            f"{printable(folder)}: four files are expected, {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing (each may also end in .gz)"
        )
    fashion = any("fashion" in part.lower() for part in folder.absolute().parts[-2:])
    train, test = (_pair(folder, part) for part in ("train", "t10k"))
    count = 1 + max(int(labels.max()) for _, _, labels in (train, test))
    names = list(FASHION) if fashion and count <= 10 else [str(number) for number in range(max(count, 10))]
    chosen = select_classes(folder, names, names, classes)
    found = _split(*train, names), _split(*test, names)
    kind = "Fashion-MNIST" if fashion else "MNIST"
    everything = Dataset(kind, str(folder), *found, tuple(names), ("validation: the test pictures (t10k)",))
    return everything.keep(chosen)


def _find(folder: Path, part: str, what: str, axes: int) -> Path | None:
    """Return one of the four files: here, or in a folder of its name, into which 7-Zip unpacks it."""
    names = [f"{part}-{what}{dash}idx{axes}-ubyte{end}" for dash in "-." for end in ("", ".gz")]  # both are in use
    candidates = [folder / name for name in names]
    candidates += [folder / outer / name for outer in names if (folder / outer).is_dir() for name in names]
    return next((path for path in candidates if path.is_file()), None)


def _pair(folder: Path, part: str) -> tuple[Path, np.ndarray, np.ndarray]:
    """Return the file, the pictures and the labels of a part."""
    images, labels = (_find(folder, part, what, axes) or folder for what, axes in (("images", 3), ("labels", 1)))
    x, numbers = read_idx(images), read_idx(labels)
    if x.ndim != 3 or numbers.ndim != 1:
        raise ValueError(
            f"{printable(images)}: expected pictures with 3 axes and labels with 1; received shapes {x.shape} and, in "
            f"{printable(labels.name)}, {numbers.shape}; the files are mixed up"
        )
    if len(x) != len(numbers) or not len(x):
        raise ValueError(
            f"{printable(images)}: there are {len(x):,} pictures, but {len(numbers):,} labels in "
            f"{printable(labels.name)}; the files do not belong together"
        )
    return images, x, numbers.astype(np.int64)


def _split(images: Path, x: np.ndarray, labels: np.ndarray, names: list[str]) -> Split:
    return Split(Arrays(x[:, None], lambda index: f"{images}, picture {index}"), labels, tuple(names))


def read_idx(path: Path) -> np.ndarray:
    """Read an idx file of bytes, unpacking it if its name ends in .gz.

    Args:
        path: the file.

    Returns:
        A uint8 array of the shape in the file.

    Raises:
        ValueError: if it is no idx file, no gzip, or too short or too long for its shape.
        OSError: if it cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "labels-idx1-ubyte")
        >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
        >>> read_idx(path)
        array([7, 8, 9], dtype=uint8)
    """
    packed = path.suffix == ".gz"
    with open(path, "rb") as raw:
        if packed and (begin := raw.peek(2)[:2]) != b"\x1f\x8b":
            held = f"begins with {begin.hex(' ')}" if begin else "is empty"
            raise ValueError(
                f"{printable(path)}: not gzip, which begins with 1f 8b; this file {held}: get it again, or take off "
                f"the .gz if it is unpacked already"
            )
        try:
            return _parse(path, gzip.open(raw) if packed else raw)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{printable(path)}: the gzip file is damaged ({error}); get it again") from None


def _parse(path: Path, stream: IO[bytes] | gzip.GzipFile) -> np.ndarray:
    head = stream.read(4)
    if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 3:
        raise ValueError(
            f"{printable(path)}: an idx file of bytes begins with 00 00 08 and 01, 02 or 03; this one with "
            f"{head.hex(' ') or 'nothing'}; get it again"
        )
    sizes = stream.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise ValueError(f"{printable(path)}: the file ends within its head; get it again")
    shape = struct.unpack(f">{head[3]}I", sizes)
    expected = math.prod(shape)
    content = _read_all(stream, expected)
    if len(content) != expected:
        held = f"more than {expected:,}" if len(content) > expected else f"{len(content):,}"
        raise ValueError(
            f"{printable(path)}: its head says {' · '.join(f'{size:,}' for size in shape)} = {expected:,} bytes; "
            f"there are {held}; get it again"
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_all(stream: IO[bytes] | gzip.GzipFile, expected: int) -> bytes:
    """Read up to one byte more than expected, in pieces: a head that lies about its size shall not take the memory."""
    pieces, size = [], 0
    while size <= expected and (piece := stream.read(min(1 << 24, expected + 1 - size))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)

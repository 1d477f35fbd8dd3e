"""NumPy's .npz: a zip archive with one .npy member an array, of plain numbers only.

Beside arrays of numbers, those of text or objects are companions: they are left out, and of objects nothing is read.
Format: ``numpy/lib/format.py``. Each header is held against its member's size before NumPy allocates what it asks for.
"""

import math
import warnings
import zipfile
from typing import IO

import numpy as np

from minidl._unpickle import is_shape, shorten
from minidl.weights._reader import check_size, fill


def read_npz(archive: zipfile.ZipFile) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read all arrays of numbers of an archive whose members end in ``.npy``, and note which others there are."""
    state, others = {}, []
    for member in archive.infolist():
        name = shorten(member.filename)
        with archive.open(member) as stream:
            shape, fortran, dtype = _read_header(stream, name)
            if dtype.kind not in "biuf":
                others.append((name, dtype))
                continue
            count, found = math.prod(shape), member.file_size - stream.tell()
            check_size(f"the member {name} of shape {shape}", count, dtype.itemsize, found, "follow its header")
            if found != count * dtype.itemsize:
                raise ValueError(f"the member {name} has {found:,} bytes, expected {count:,} * {dtype.itemsize}")
            raw = fill(stream, found)
        array = raw.view(dtype).reshape(shape, order="F" if fortran else "C")
        state[member.filename.removesuffix(".npy")] = array.astype(dtype.newbyteorder("="), copy=False)
    if others and not state:
        name, dtype = others[0]
        raise ValueError(f"the member {name} has the dtype {dtype}, expected plain numbers; objects are not read")
    return state, [f"left out {', '.join(name for name, _ in others[:6])}"] * bool(others)


def _read_header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and dtype."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"the member {name} has version {version} of NumPy's format, expected (1, 0) or (2, 0)")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that Python 2 wrote the header
            shape, fortran, dtype = read(stream)
    except MemoryError as error:  # how Python's parser reports a literal that is nested too deeply
        raise ValueError(f"the header of the member {name} is nested too deeply") from error
    if not is_shape(shape):
        raise ValueError(f"the member {name} has the shape {shorten(shape)}, expected at most 32 sizes")
    return shape, fortran, dtype

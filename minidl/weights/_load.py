"""Which format a file has, by its content, and one line for everything that is not weights."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl._unpickle import shorten
from minidl.weights import _safetensors, _torch
from minidl.weights._npz import read_npz
from minidl.weights._reader import Reader, open_archive

_LARGEST_HEADER = 1 << 40  # a safetensors header's length; eight letters of a text would be far above

# what people have instead of weights: how it starts, what it is
_STRANGERS = (
    (b"version https://git-lfs", "a git-lfs pointer, expected the weights it stands for: run git lfs pull"),
    (b"\x89HDF", "an HDF5 file (Keras, MATLAB), expected .safetensors, .npz or .pth"),
    (b"\x93NUMPY", "a single array without a name (.npy), expected .npz: numpy.savez(path, **state)"),
    (b"\x1f\x8b", "compressed by gzip, expected the file inside: unpack it first"),
    (b"BZh", "compressed by bzip2, expected the file inside: unpack it first"),
    (b"\xfd7zXZ", "compressed by xz, expected the file inside: unpack it first"),
    (b"GGUF", "a GGUF file, expected .safetensors, .npz or .pth"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
)


def load(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a file of weights: safetensors, NumPy's .npz, or PyTorch's .pth in either of its formats.

    The content decides, not the suffix. Types are kept, except bfloat16, which becomes float32. From PyTorch's files
    comes the state_dict: the object itself or its entry ``state_dict``, ``model_state_dict`` or ``model``; a number in
    it becomes an array of shape (); the prefix ``module.`` goes when all names have it. Tensors that share memory in
    the file share it in the result, and those that are not contiguous stay so. Nothing in the file is executed, and no
    more is allocated than the file can hold.

    Args:
        path: the file.

    Returns:
        Name → array, in the order of the file.

    Raises:
        ValueError: when the file is not weights, is damaged, or asks for anything but data; one line that says what.
        TypeError: when `path` is no path.
        OSError: when it cannot be opened (FileNotFoundError, PermissionError, …).

    Example:
        >>> import tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "net.npz")
        >>> np.savez(path, **{"fc.weight": np.ones((2, 3), np.float32)})
        >>> load(path)["fc.weight"].shape
        (2, 3)
    """
    with _opened("weights.load", path) as file:
        return _format_of(file)(file)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read which network the weights belong to, as `weights.save` wrote it.

    Args:
        path: a file that `weights.load` reads; only safetensors can carry a note.

    Returns:
        ``{"model": name, "arguments": {…}}``; None and {} where the file does not say.

    Raises:
        ValueError: when the file is not weights, or its header is damaged.
        TypeError: when `path` is no path.
        OSError: when it cannot be opened.

    Example:
        >>> from minidl import weights
        >>> import tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> weights.save(path, {}, model="resnet18", arguments={"num_classes": 10})
        >>> read_metadata(path)
        {'model': 'resnet18', 'arguments': {'num_classes': 10}}
    """
    with _opened("weights.read_metadata", path) as file:
        is_safetensors = _format_of(file) is _safetensors.read
        model, arguments = _safetensors.read_network(file) if is_safetensors else (None, {})
    return {"model": model, "arguments": arguments}


@contextmanager
def _opened(operation: str, path: str | os.PathLike[str]) -> Iterator[Reader]:
    """Open `path`; whatever a damaged file makes a parser raise becomes one ValueError that names the file.

    The net is wide on purpose: what zipfile, zlib, json and NumPy's header reader raise on garbage has no end.
    """
    if not isinstance(path, (str, os.PathLike)):  # True, or another number, would be an open file: 1 is stdout
        raise TypeError(f"{operation}: path must be a str or a Path; received path={path!r}")
    try:
        with Reader(path) as file:
            yield file
    except (OSError, MemoryError):
        raise
    except ValueError as error:
        raise ValueError(f"{operation}: {os.fspath(path)}: {_one_line(error)}") from error
    except Exception as error:
        found = f"the file is damaged ({type(error).__name__}: {_one_line(error)})"
        raise ValueError(f"{operation}: {os.fspath(path)}: {found}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:600]


def _format_of(file: Reader) -> Callable[[Reader], dict[str, np.ndarray]]:
    """The function that reads this file, by its first bytes."""
    head = file.read(512)
    file.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_archive
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LARGEST_HEADER:
        return _safetensors.read  # asked first: the length of a header may well begin with the \x80 of a pickle
    if head.startswith(b"\x80"):
        return _torch.read_old
    raise ValueError(_describe(head, file.size))


def _read_archive(file: Reader) -> dict[str, np.ndarray]:
    with open_archive(file) as archive:
        names = archive.namelist()
        if any(name.endswith("/data.pkl") for name in names):
            return _torch.read_zip(archive, file.size)
        if all(name.endswith(".npy") for name in names):
            return read_npz(archive)
        stranger = next(name for name in names if not name.endswith(".npy"))
        raise ValueError(
            f"this is a zip archive with {shorten(stranger)} in it, expected members NAME/data.pkl (PyTorch) or only "
            "members .npy (NumPy)"
        )


def _describe(head: bytes, size: int) -> str:
    """What a file is that is not weights."""
    if not head:
        return "the file is empty (0 bytes)"
    for start, what in _STRANGERS:
        if head.startswith(start):
            return f"this is {what}"
    text = head.decode("utf-8", "ignore")
    if text.lstrip("\ufeff \t\r\n").lower().startswith(("<!doctype", "<html", "<?xml", "<head")):
        return (
            f"this is an HTML page ({shorten(text.strip(), 40)}), expected weights: the download brought an error page"
        )
    if head[257:262] == b"ustar":
        return "this is a tar archive, expected the file inside: unpack it first"
    if len(text.encode()) >= len(head) - 3 and all(letter.isprintable() or letter.isspace() for letter in text):
        return f"this is text of {size:,} bytes ({shorten(text.strip(), 40)}), expected weights"
    return f"the file of {size:,} bytes starts with {head[:8].hex(' ')}, expected safetensors, .npz or .pth"

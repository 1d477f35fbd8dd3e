"""Which format a file has, by its content, and one line for everything that is not weights."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl._checks import check_path
from minidl._log import log
from minidl._looks import Brief, listed
from minidl._unpickle import shorten
from minidl.weights import _safetensors, _torch
from minidl.weights._npz import read_npz
from minidl.weights._reader import Reader, open_archive
from minidl.weights.names import unwrap

Found = tuple[dict[str, np.ndarray], list[str]]  # what a format's reader returns: the arrays, and notes
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


class Loaded(Brief, dict[str, np.ndarray]):
    """Name → array, as `load` found them; `notes` tell what it did to find them, a line each."""

    def __init__(self, state: Mapping[str, np.ndarray], notes: Iterable[str] = ()):
        super().__init__(state)
        self.notes = list(notes)

    def _words(self) -> list[str]:
        arrays = listed([f"{name} {array.shape}" for name, array in self.items()], 4)
        total = sum(array.size for array in self.values())
        return [f"{len(self)} arrays, {total:,} numbers", arrays, *self.notes]


def load(path: str | os.PathLike[str], *, entry: str | None = None, prefix: str | None = None) -> Loaded:
    """Read a file of weights: safetensors, NumPy's .npz, or PyTorch's .pth in either of its formats.

    The content decides, not the suffix. Types are kept, except bfloat16, which becomes float32. Tensors that share
    memory in the file share it in the result, and those that are not contiguous stay so. Nothing in the file is
    executed, and no more is allocated than the file can hold.

    Of a checkpoint comes the state_dict, wherever it lies under a usual name (``state_dict``, ``model``, ``net``, …);
    of the weights and a moving average of them (``model_ema``, …) the weights; a number in it becomes an array of
    shape (). What PyTorch's wrappers put before names goes (``module.``, ``_orig_mod.``), but for files of
    `weights.save`. Epochs, optimisers, options and other companions are left out. `notes` of the result, and the report
    of ``load_state_dict``, say what was done.

    Args:
        path: the file.
        entry: the entry of PyTorch's checkpoint to take, such as "model_ema", or "a/b" for one in another; None
            (default) takes the one without doubt.
        prefix: what to take off the names, such as "model."; names without it are left out. "" leaves the names as they
            are in the file; None (default) takes off what PyTorch's wrappers put there.

    Returns:
        Name → array, in the order of the file.

    Raises:
        ValueError: when the file is not weights, is damaged, or asks for anything but data; when there are several
            state_dicts in it, or none of that name; one line that says what.
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
        read = _format_of(file)
        state, notes = read(file, entry)
        if prefix is None and read is _read_safetensors and _safetensors.is_ours(file):
            prefix = ""  # its names are those of a network of minidl
        state, more = unwrap(state, prefix)
    log("weights: %d arrays of %s%s", len(state), path, "".join(f"; {note}" for note in (*notes, *more)))
    return Loaded(state, notes + more)


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
        is_safetensors = _format_of(file) is _read_safetensors
        model, arguments = _safetensors.read_network(file) if is_safetensors else (None, {})
    return {"model": model, "arguments": arguments}


@contextmanager
def _opened(operation: str, path: str | os.PathLike[str]) -> Iterator[Reader]:
    """Open `path`; whatever a damaged file makes a parser raise becomes one ValueError that names the file.

    The net is wide on purpose: what zipfile, zlib, json and NumPy's header reader raise on garbage has no end.
    """
    check_path(operation, path)
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


def _format_of(file: Reader) -> Callable[[Reader, str | None], Found]:
    """The function that reads this file, or an entry of it, by its first bytes."""
    head = file.read(512)
    file.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_archive
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LARGEST_HEADER:
        return _read_safetensors  # asked first: the length of a header may well begin with the \x80 of a pickle
    if head.startswith(b"\x80"):
        return _torch.read_old
    raise ValueError(_describe(head, file.size))


def _read_safetensors(file: Reader, entry: str | None) -> Found:
    _expect_no_entry("safetensors", entry)
    return _safetensors.read(file), []


def _expect_no_entry(what: str, entry: str | None) -> None:
    if entry is not None:
        raise ValueError(f"{what} has no entries but arrays; received entry={entry!r}; leave it out")


def _read_archive(file: Reader, entry: str | None) -> Found:
    with open_archive(file) as archive:
        names = archive.namelist()
        if any(name.endswith("/data.pkl") for name in names):
            return _torch.read_zip(archive, file.size, entry)
        if all(name.endswith(".npy") for name in names):
            _expect_no_entry(".npz", entry)
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

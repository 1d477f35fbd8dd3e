"""CIFAR-10 and CIFAR-100: 60,000 colour pictures of 32×32, in files of many pictures each.

Binary files are records without a head, one a picture: the label (in CIFAR-100 the coarse and the fine one), then 1,024
bytes each of red, green and blue, row by row:

    CIFAR-10    1 + 3·32·32 = 3,073 bytes     data_batch_1.bin … data_batch_5.bin, test_batch.bin, batches.meta.txt
    CIFAR-100   2 + 3·32·32 = 3,074 bytes     train.bin, test.bin, fine_label_names.txt

The Python files (data_batch_1 …, test_batch, batches.meta; train, test, meta) are pickles of a dict with an array
(N, 3072) and a list of labels. A pickle can run anything; these are read by an interpreter that only builds data.
How many pictures there are is told by the files: a part of the data set, in the same format, is one as well.

Source: Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minidl._names import printable
from minidl._unpickle import ArrayUnpickler
from minidl.data._class_selection import ClassesLike, select_classes
from minidl.data._picture_files import read_lines
from minidl.data.split import Arrays, Dataset, Split

SIDE = 32
PIXELS = 3 * SIDE * SIDE


@dataclass(frozen=True)
class Form:
    """One of the four forms: which files there are, and where the labels and names lie in them."""

    kind: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    names: str
    key: str  # in Python files, of the names
    labels: str  # in Python files, of the labels
    heads: int  # in binary files, bytes before the pixels; the last of them is the label
    count: int

    @property
    def binary(self) -> bool:
        """Whether these are records, not pickles."""
        return self.test[0].endswith(".bin")


_TEN = tuple(f"data_batch_{number}" for number in range(1, 6))
FORMS = (
    Form("CIFAR-10", tuple(f"{name}.bin" for name in _TEN), ("test_batch.bin",), "batches.meta.txt", "", "", 1, 10),
    Form("CIFAR-10", _TEN, ("test_batch",), "batches.meta", "label_names", "labels", 0, 10),
    Form("CIFAR-100", ("train.bin",), ("test.bin",), "fine_label_names.txt", "", "", 2, 100),
    Form("CIFAR-100", ("train",), ("test",), "meta", "fine_label_names", "fine_labels", 0, 100),
)


def recognise(folder: Path) -> bool:
    """Tell whether the files of CIFAR-10 or CIFAR-100 are here, or some of them."""
    return _form_of(folder) is not None


def _form_of(folder: Path) -> Form | None:
    for form in FORMS:
        files = [folder / name for name in (*form.train, *form.test)]
        if any(file.is_file() for file in files) and not any(file.is_dir() for file in files):
            return form
    return None


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
    form = _form_of(folder)
    if form is None:
        raise ValueError(f"{printable(folder)}: there are no files of CIFAR-10 or CIFAR-100")
    missing = [name for name in (*form.train, *form.test) if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f"{printable(folder)}: {form.kind} has {len(form.train) + len(form.test)} files of pictures here, "
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; unpack the archive again"
        )
    names = _names(folder / form.names, form)
    chosen = select_classes(folder, names, names, classes)
    train, test = (_split(folder, files, form, names) for files in (form.train, form.test))
    everything = Dataset(form.kind, str(folder), train, test, tuple(names), ("validation: the test pictures",))
    return everything.keep(chosen)


def _split(folder: Path, files: tuple[str, ...], form: Form, names: list[str]) -> Split:
    read_file = _read_binary if form.binary else _read_pickle
    parts = [read_file(folder / file, form) for file in files]
    for file, (_, labels) in zip(files, parts):
        wrong = np.flatnonzero((labels < 0) | (labels >= len(names)))
        if len(wrong):
            raise ValueError(
                f"{printable(folder / file)}: picture {wrong[0]:,} has the label {labels[wrong[0]]}, expected 0 to "
                f"{len(names) - 1}; the file is damaged, or it is not {form.kind}"
            )
    ends = np.cumsum([len(labels) for _, labels in parts])

    def name(index: int) -> str:
        part = int(np.searchsorted(ends, index, side="right"))
        return f"{folder / files[part]}, picture {index - (ends[part - 1] if part else 0)}"

    x = np.concatenate([pixels for pixels, _ in parts])
    return Split(Arrays(x, name), np.concatenate([labels for _, labels in parts]), tuple(names))


def _read_binary(path: Path, form: Form) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (N, 3, 32, 32) and labels (N,) of a binary file."""
    raw = np.fromfile(path, dtype=np.uint8)
    size = form.heads + PIXELS
    whole, rest = divmod(len(raw), size)
    if rest or not whole:
        raise ValueError(
            f"{printable(path)}: expected records of {form.heads} + 3·32·32 = {size:,} bytes; received {len(raw):,} "
            f"bytes = {whole:,} · {size:,} + {rest:,}; the file is cut short or no {form.kind} file: get it again"
        )
    records = raw.reshape(whole, size)
    x = records[:, form.heads :].reshape(whole, 3, SIDE, SIDE)
    return x, records[:, form.heads - 1].astype(np.int64)


def _read_pickle(path: Path, form: Form) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (N, 3, 32, 32) and labels (N,) of a Python file."""
    found = _unpickle(path)
    data, labels = found.get("data"), found.get(form.labels)
    x: np.ndarray = data if isinstance(data, np.ndarray) else np.empty(0)
    fits = x.dtype == np.uint8 and x.ndim == 2 and x.shape[1] == PIXELS
    if not fits or not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise ValueError(
            f"{printable(path)}: expected a dict with 'data', an uint8 array (N, 3·32·32 = {PIXELS:,}), and "
            f"{form.labels!r}, a list of integers; it is no Python file of {form.kind}"
        )
    if len(x) != len(labels) or not len(x):
        raise ValueError(f"{printable(path)}: there are {len(x):,} pictures, but {len(labels):,} labels")
    try:
        numbers = np.array(labels, dtype=np.int64)
    except OverflowError:
        raise ValueError(f"{printable(path)}: a label has more than 63 bits; the file is damaged") from None
    return x.reshape(-1, 3, SIDE, SIDE), numbers


def _unpickle(path: Path) -> dict[str, Any]:
    """Return the dict in a pickle, its keys as text (Python 2 wrote bytes)."""
    with open(path, "rb") as stream:
        try:
            found = ArrayUnpickler(stream, budget=4 * path.stat().st_size).load()
        except ValueError as error:
            raise ValueError(f"{printable(path)}: {error}; get the file again") from None
    if not isinstance(found, dict):
        raise ValueError(f"{printable(path)}: expected a pickle of a dict, it holds a {type(found).__name__}")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in found.items()}


def _names(path: Path, form: Form) -> list[str]:
    """Return the names of the classes; numbers, if their file is missing."""
    if not path.is_file():
        return [str(number) for number in range(form.count)]
    found: Any = [line.strip() for line in read_lines(path)] if form.binary else _unpickle(path).get(form.key)
    if isinstance(found, list):
        found = [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in found]
        found = [name for name in found if isinstance(name, str) and name]
    if not isinstance(found, list) or len(found) != form.count:
        count = len(found) if isinstance(found, list) else "no"
        raise ValueError(
            f"{printable(path)}: expected the names of the {form.count} classes of {form.kind}, received {count}"
        )
    return found

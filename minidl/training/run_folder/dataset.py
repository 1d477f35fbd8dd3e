"""The pictures of a run: its data set opened, found again, and compared with what the run has recorded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minidl import data as data_sets
from minidl._checks import shown
from minidl._names import normal, some
from minidl.data import Dataset, Split
from minidl.data._as_split import PicturesLike, as_split
from minidl.training.callback import Callback, note
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.split_record import (
    SplitRecord,
    read_record,
    recorded_split,
    recorded_validation,
)
from minidl.training.settings.config import Config
from minidl.training.settings.picture_sizes import brought_to_size
from minidl.training.settings.resolve import absolute
from minidl.training.state import State

Parts = tuple[PicturesLike, PicturesLike]


def absolute_or_none(data: str | os.PathLike[str] | None) -> str | None:
    """Return where a data set is, from the root, if it is named."""
    return None if data is None else absolute(os.fspath(data))


def new_dataset(config: Config, parts: Parts | None) -> Dataset:
    """Return the data set of a new run: the one of the settings, or parts that were made elsewhere.

    Its own seed is fixed: all trainings are evaluated on the same pictures.
    """
    return _given(parts) or data_sets.open_dataset(config.data, config.classes, val_share=config.val_share)


def same_dataset(run: RunFolder, state: State, parts: Parts | None, *, moved: bool) -> tuple[Split, Split, list[str]]:
    """Return the training and the validation pictures of a run, as they were, and what to say about them.

    Raises:
        ValueError: if some of them are not there any more.
    """
    record = read_record(run.pictures)
    found = _given(parts) or _reopened(state.config, record, moved=moved)
    train, val, notes = recorded_split(record, found)
    val = _with_classes(state, val, record, found)
    check_classes(state, val)
    if state.pictures != [len(train), len(val)]:
        raise ValueError(
            f"resume: the run began with {state.pictures[0]:,} training and {state.pictures[1]:,} validation pictures, "
            f"{state.config.data} has {len(train):,} and {len(val):,} now; begin anew: --config RUN/config.json"
        )
    return train, val, notes


def validation_pictures(run: RunFolder, state: State, callbacks: Sequence[Callback], *, moved: bool) -> Split:
    """Return the pictures to evaluate the network of a run with, and tell about them, in the size that it wants."""
    record = read_record(run.pictures)
    found = _reopened(state.config, record, moved=moved)
    val, notes = recorded_validation(record, found)
    val = _with_classes(state, val, record, found)
    check_classes(state, val)
    state.config, more = brought_to_size(state.config, record.size if record else None, val)
    note(callbacks, [*notes, *more])
    return val


def check_classes(state: State, val: Split) -> None:
    """Refuse pictures of other classes than the network has learnt: their numbers would mean something else."""
    if [*map(normal, val.classes)] == [*map(normal, state.classes)]:
        return
    unknown = [name for name in val.classes if name not in state.classes]
    missing = [name for name in state.classes if name not in val.classes]
    details = [f"{what}: {some(names)}" for what, names in (("unknown", unknown), ("missing", missing)) if names]
    raise ValueError(
        f"{state.config.data}: the classes must be those of the training, in their order; "
        f"{'; '.join(details) or 'they stand in another order'}"
    )


def _given(parts: Any) -> Dataset | None:
    """Return parts that were made elsewhere as a data set."""
    if parts is None:
        return None
    if not isinstance(parts, (tuple, list)) or len(parts) != 2:
        raise TypeError(f"train: parts must be (training pictures, validation pictures); received {shown(parts)}")
    train, val = (as_split("train", name, part, classes_only=True) for name, part in zip(("train", "val"), parts))
    files = [Path(part.name(index)).parent for part in (train, val) if part.x is None for index in range(len(part))]
    root = os.path.commonpath(files) if files else ""
    return Dataset("pictures", root, train, val, train.classes)


def _reopened(config: Config, record: SplitRecord | None, *, moved: bool) -> Dataset:
    """Open the data set of a run again, where it was or was `moved` to; a run that has a record needs no draw."""
    share = config.val_share if record is None else None
    try:
        return data_sets.open_dataset(config.data, config.classes, val_share=share)
    except ValueError as error:
        if moved or config.data in data_sets.list_data():
            raise
        raise ValueError(f"{error}; the run's data set was there; if it is elsewhere now: --data DIR") from None


def _with_classes(state: State, val: Split, record: SplitRecord | None, found: Dataset) -> Split:
    """Return the pictures under the names of the run's classes, if the ids of the classes are the run's."""
    if record is not None and [*map(normal, record.ids)] == [*map(normal, found.ids)]:
        return val.keep(range(len(state.classes)), state.classes)
    return val

"""The pictures of a run: opened, found again, and compared with what the run has kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from minidl import data as data_sets
from minidl.data import Dataset, Pictures, Split
from minidl.data._picture_files import normal, some
from minidl.training.callback import Watcher
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.split_record import Kept, pictures_to_examine, read_kept
from minidl.training.settings.config import Config
from minidl.training.settings.picture_sizes import brought_to_size
from minidl.training.settings.resolve import absolute
from minidl.training.state import State

Parts = tuple[Split | Pictures, Split | Pictures]


def absolute_or_none(data: str | os.PathLike[str] | None) -> str | None:
    """Return where a data set is, from the root, if it is named."""
    return None if data is None else absolute(os.fspath(data))


def opened(config: Config) -> Dataset:
    """Open the data set. Its own seed is fixed: all trainings are examined on the same pictures."""
    return data_sets.open_dataset(config.data, config.classes, val_share=config.val_share)


def reopened(config: Config, kept: Kept | None, *, moved: bool) -> Dataset:
    """Open the data set of a run again, where it was or was `moved` to; a run that keeps names needs no draw."""
    share = config.val_share if kept is None else None
    try:
        return data_sets.open_dataset(config.data, config.classes, val_share=share)
    except ValueError as error:
        if moved or config.data in data_sets.list_data():
            raise
        raise ValueError(f"{error}; the run's data set was there; if it is elsewhere now: --data DIR") from None


def examined_pictures(run: RunFolder, state: State, watchers: Sequence[Watcher], *, moved: bool) -> Split:
    """Return the pictures to examine the network of a run with, and tell about them."""
    kept = read_kept(run.pictures)
    found = reopened(state.config, kept, moved=moved)
    val, notes = pictures_to_examine(kept, found)
    val = with_classes(state, val, kept, found)
    check_classes(state, val)
    state.config, more = brought_to_size(state.config, kept.size if kept else None, val)
    tell(watchers, [*notes, *more])
    return val


def with_classes(state: State, val: Split, kept: Kept | None, found: Dataset) -> Split:
    """Return the pictures under the names of the run's classes, if the ids of the classes are the run's."""
    if kept is not None and [*map(normal, kept.ids)] == [*map(normal, found.ids)]:
        return val.keep(range(len(state.classes)), state.classes)
    return val


def given(parts: Parts | None) -> Dataset | None:
    """Return parts that were made elsewhere as a data set."""
    if parts is None:
        return None
    train, val = (part if isinstance(part, Split) else Split.of(part) for part in parts)
    files = [Path(part.name(index)).parent for part in (train, val) if part.x is None for index in range(len(part))]
    root = os.path.commonpath(files) if files else ""
    return Dataset("pictures", root, train, val, train.classes)


def check_classes(state: State, val: Split | Pictures) -> None:
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


def tell(watchers: Sequence[Watcher], notes: Sequence[str]) -> None:
    """Tell what should be known about the pictures."""
    for watcher in watchers:
        for note in notes:
            watcher.on_note(note)

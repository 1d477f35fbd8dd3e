"""What those kinds of training have in common that learn from pictures: how a data set is opened and found again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.data import Dataset, Loader, Split
from minidl.training.batches import training_batches, validation_batches
from minidl.training.callback import Callback
from minidl.training.dry_run import Samples, first_read, samples
from minidl.training.run_folder.dataset import Parts, new_dataset, same_dataset, validation_pictures
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.split_record import record_split, write_record
from minidl.training.settings.config import Config
from minidl.training.settings.picture_sizes import plain_size
from minidl.training.settings.resolve import resolve
from minidl.training.state import State, build
from minidl.training.tasks.task import Say, Task


class PictureTask(Task):
    """A kind of training that learns from pictures of classes. What a network is built with, subclasses say.

    Example:
        >>> task, config = PictureTask(), Config()
        >>> found = task.open(config, None)
        >>> train, val = task.batches(task.resolve(config, found, print), found.train, found.val)
        >>> len(train), len(val)
        (90, 23)
    """

    one: Any = None  # a picture of each part (`Samples`), see `first`

    def open(self, config: Config, parts: Parts | None) -> Dataset:
        """Open the data set of the settings, or take parts that were made elsewhere."""
        return new_dataset(config, parts)

    def resolve(self, config: Config, found: Dataset, say: Say) -> Config:
        """Fill in colours, sizes, cores."""
        return resolve(config, found.train, found.val, say)

    def batches(self, config: Config, train: Split, val: Split) -> tuple[Loader, Loader]:
        """Return those of the data set, transformed as the settings say."""
        return training_batches(train, config), validation_batches(val, config)

    def arguments(self, config: Config, found: Dataset, shape: Sequence[int]) -> dict[str, Any]:
        """Return what the network is built with for pictures of a shape (C, H, W), as it will see them."""
        raise NotImplementedError

    def first(self, batches: Any) -> Samples:
        """Return a picture of each part, which is read once."""
        if self.one is None:
            self.one = samples(batches)
        found: Samples = self.one
        return found

    def begin(self, config: Config, found: Dataset, batches: Any, say: Say) -> State:
        """Build the network for such pictures."""
        one = self.first(batches)
        state = build(config, self.arguments(config, found, one.train.shape[1:]), weights=config.weights)
        state.classes, state.pictures = list(found.classes), [len(found.train), len(found.val)]
        state.shown = first_read(batches[1])
        return state

    def record(self, run: RunFolder, found: Dataset, state: State) -> None:
        """Write pictures.json."""
        write_record(run.pictures, record_split(found, plain_size(state.config, self.one.val.shape[2:])))

    def reopen(self, run: RunFolder, state: State, parts: Any, *, moved: bool) -> tuple[Split, Split, list[str]]:
        """Return the pictures that pictures.json names."""
        return same_dataset(run, state, parts, moved=moved)

    def validation(self, run: RunFolder, state: State, callbacks: Sequence[Callback], *, moved: bool) -> Split:
        """Return those for validation."""
        return validation_pictures(run, state, callbacks, moved=moved)

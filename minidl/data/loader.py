"""From a split to batches: decode, change, and normalise ahead of time, in threads; see `_by_step`."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, ClassVar

import numpy as np

from minidl._checks import to_int
from minidl.data._as_split import PicturesLike, as_split
from minidl.data._by_step import ByStep, Rows, Settings
from minidl.data._cache import Cache
from minidl.data.statistics import Statistics
from minidl.data.transforms import Pipeline, build
from minidl.data.transforms._base import as_input, stack
from minidl.tensor import Tensor

Batch = tuple[np.ndarray, np.ndarray]


class Loader(ByStep[Batch]):
    """Batches of pictures, epoch by epoch: `for x, y in loader`, or `loader.epoch(number)`.

    Each `for` is an epoch: it takes the number `next_epoch`, from 0 on, and raises that by one when it begins. Nothing
    else depends on the loops before, so a training goes on to the bit where `next_epoch` is set to its epoch.

    Args:
        pictures: a split of `open_dataset`, or `Pictures`; or x, an array (N, …), with y as the next argument.
        y: of plain arrays: the class of each picture (N,), or other targets (N, …); where the pictures have labels, the
            batch size may stand here.
        batch_size: pictures in a batch; the last one of an epoch may have fewer.
        transforms: a `Pipeline`, or the names and numbers of one; what it leaves as uint8 is divided by 255.
        statistics: for `normalize` without numbers, see `transforms.build`.
        shuffle: draw another order for every epoch; otherwise (default) the order of the split.
        seed: where all draws start.
        workers: threads; 0 works when a batch is asked for; None (default) takes one for each core, at most 4.
        prefetch: batches for each thread that may be begun or waiting.
        drop_last: leave the last batch out if it is not full.
        on_error: what happens to a picture that cannot be read: "raise" (default) ends with its name; "skip" makes the
            batch smaller, or leaves it out, and notes in `broken` what is wrong with the picture of that number.
        cache_bytes: pictures from files are kept as decoded (and resized, where resizing comes first) as long as their
            pixels take no more bytes than this; default 1 GiB.

    Raises:
        ValueError: if a number is wrong, or there is not one batch.
        TypeError: if there are no pictures, or no batch size.

    Example:
        >>> from minidl import data
        >>> train = data.open_dataset("digits").train
        >>> loader = Loader(train, 64, transforms=[{"name": "shift", "pixels": 2}], shuffle=True, seed=1)
        >>> for x, y in loader:  # tensors
        ...     pass
        >>> x.shape, y.dtype, len(loader), loader.next_epoch
        ((30, 1, 32, 32), dtype('int64'), 23, 1)
        >>> x, y = next(Loader(np.zeros((100, 1, 8, 8)), np.zeros(100, int), batch_size=32).epoch(0))  # arrays
        >>> x.shape, x.dtype
        ((32, 1, 8, 8), dtype('float32'))
    """

    op: ClassVar[str] = "Loader"
    cure: ClassVar[str] = "put a resize in front of the transforms"

    def __init__(
        self,
        pictures: PicturesLike | np.ndarray | Tensor,
        y: Any = None,
        batch_size: int | None = None,
        *,
        transforms: Pipeline | Sequence[dict[str, Any]] = (),
        statistics: Statistics | str | None = None,
        shuffle: bool = False,
        seed: int = 0,
        workers: int | None = None,
        prefetch: int = 2,
        drop_last: bool = False,
        on_error: str = "raise",
        cache_bytes: int = 1 << 30,
    ):
        if isinstance(pictures, (np.ndarray, Tensor)):
            pictures = (pictures, y)
        elif y is not None and batch_size is None:
            batch_size = y
        elif y is not None:
            raise TypeError(
                f"Loader: a {type(pictures).__name__} has labels of its own; received a {type(y).__name__} as well"
            )
        split = as_split("Loader", "pictures", pictures)
        if batch_size is None:
            raise TypeError("Loader: how many pictures has a batch? there is no default: batch_size=64")
        super().__init__(
            split,
            transforms if isinstance(transforms, Pipeline) else build(transforms, statistics),
            Settings(self.op, batch_size, shuffle, seed, workers, prefetch, drop_last, on_error),
        )
        self.cache = Cache(to_int("Loader", "cache_bytes", cache_bytes, least=0))
        self.next_epoch = 0  # the number of the epoch that the next `for` goes through
        self._fixed, self._sized = self.transforms.fixed(), self.transforms.sized()
        if self.transforms.mixup is not None and not self.split.classes:
            raise ValueError("Loader: mixup mixes classes; y must hold a class number for each picture, shape (N,)")

    def __iter__(self) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Go through the epoch number `next_epoch`: x and y as tensors, the batches that `epoch` yields as arrays."""
        batches = self.epoch(self.next_epoch)
        self.next_epoch += 1
        return self._as_tensors(batches)

    def _as_tensors(self, batches: Generator[Batch, None, None]) -> Generator[tuple[Tensor, Tensor], None, None]:
        with closing(batches):
            for x, y in batches:
                yield Tensor(x), Tensor(y)

    def epoch(self, number: int, start_step: int = 0) -> Generator[Batch, None, None]:
        """Yield the batches of an epoch as arrays: x float32 (N, C, H, W), and labels int64 (N,).

        Whole numbers as y of plain arrays become int64, all others float32. With mixup the labels are probabilities,
        float32 (N, classes). A batch of which no picture can be read is left
        out (with on_error="skip"). When the iteration ends, by its end, `break`, an error or Ctrl-C, the threads end;
        who keeps the iterator in a variable ends them earlier with its close().

        Args:
            number: of the epoch, from 0.
            start_step: how many batches to leave out at the beginning: those that came before a training stopped.

        Raises:
            ValueError: if a picture cannot be read (with on_error="raise"), or pictures of a batch differ in size.
        """
        return super().epoch(number, start_step)

    def _batch(self, chosen: np.ndarray, rows: Rows, stop: threading.Event) -> Batch | None:
        """Make the batch of some pictures."""
        pictures, first = self.split.x, 0
        if pictures is not None and not self._fixed:
            x: Any = pictures[chosen]
        else:  # each is brought to its size before the next is read: a file may hold much more than a batch wants
            found = [
                (index, self._sized_picture(rows, index, *kept))
                for index, kept in self._readable(chosen, stop, self._kept)
            ]
            if stop.is_set() or not found:
                return None
            chosen, first = np.array([index for index, _ in found]), max(self._fixed, self._sized)
            x = stack([one for _, one in found])
        x = self.transforms.apply(
            x,
            [None if row is None else row[chosen] for row in rows],
            first,
            lambda i: self.split.name(int(chosen[i])),
        )
        self._check_one_size(x, chosen)
        labels = self.split.labels[chosen]
        x, labels = as_input(x), labels.astype(np.float32 if labels.dtype.kind == "f" else np.int64)
        if (mixup := self.transforms.mixup) is not None:
            x, labels = mixup.mix(x, labels, rows[-1][chosen], len(self.split.classes))
        return np.ascontiguousarray(x), labels

    def _kept(self, index: int) -> tuple[np.ndarray, int]:
        """Return a picture from the cache or its file, and how many steps are done."""
        kept = self.cache.get(index)
        if kept is None:
            kept = self._read(index)
            self.cache.put(index, kept)
        return kept

    def _read(self, index: int) -> tuple[np.ndarray, int]:
        """Read a picture and apply what is the same in every epoch; return it, and how many steps are done."""
        if not self._fixed:
            return self.split.read(index), 0
        pixels = self.split.read_reduced(index, self.transforms.wanted)
        return self.transforms.begin_reduced(pixels, lambda _: self.split.name(index))

    def _sized_picture(self, rows: Rows, index: int, x: np.ndarray, done: int) -> np.ndarray:
        """Apply the steps up to the last that decides about the size to a picture, of which some are done."""
        if done >= self._sized:
            return x
        own = [None if row is None else row[index : index + 1] for row in rows]
        (x,) = self.transforms.apply([x], own, done, lambda _: self.split.name(index), last=self._sized)
        return x

"""From a split to batches: decode, change, and normalise ahead of time, in threads.

What a batch holds follows from (seed, epoch, step) alone:

    order of the pictures    drawn for (seed, "shuffle", epoch)
    changes of picture i     row i of what each transform draws for (seed, its name, epoch)

Neither the number of threads nor where an epoch is begun changes a bit. Threads are enough, because Pillow decodes and
NumPy computes without holding Python's lock; they call no BLAS, so they do not get in the way of the network's.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import check_choice, check_flag, to_int
from minidl._looks import Brief
from minidl._random import addressed
from minidl.data._as_split import PicturesLike, as_split
from minidl.data._cache import Cache
from minidl.data._parallel import in_order, usual_workers
from minidl.data.statistics import Statistics
from minidl.data.transforms import Pipeline, build
from minidl.data.transforms._base import as_input, stack
from minidl.tensor import Tensor

Batch = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Plan:
    """What is drawn for an epoch: the order, and for each transform a row for each picture."""

    order: np.ndarray
    rows: list[np.ndarray | None]


class Loader(Brief):
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
        self.split = as_split("Loader", "pictures", pictures)
        if batch_size is None:
            raise TypeError("Loader: how many pictures has a batch? there is no default: batch_size=64")
        self.batch_size = to_int("Loader", "batch_size", batch_size, least=1)
        self.transforms = transforms if isinstance(transforms, Pipeline) else build(transforms, statistics)
        self.shuffle = shuffle
        check_flag("Loader", "shuffle", shuffle)
        check_flag("Loader", "drop_last", drop_last)
        self.seed = to_int("Loader", "seed", seed, least=0)
        self.workers = usual_workers() if workers is None else workers
        to_int("Loader", "workers", self.workers, least=0)
        self.prefetch = to_int("Loader", "prefetch", prefetch, least=1)
        self.drop_last = drop_last
        check_choice("Loader", "on_error", on_error, ("raise", "skip"))
        self.on_error = on_error
        self.cache = Cache(to_int("Loader", "cache_bytes", cache_bytes, least=0))
        self.broken: dict[int, str] = {}  # what is wrong with picture i
        self.next_epoch = 0  # the number of the epoch that the next `for` goes through
        self.waited = 0.0  # seconds that whoever uses the batches had to wait, in all epochs together
        self._fixed, self._sized = self.transforms.fixed(), self.transforms.sized()
        if self.transforms.mixup is not None and not self.split.classes:
            raise ValueError("Loader: mixup mixes classes; y must hold a class number for each picture, shape (N,)")
        if not len(self):
            rest = ", the last batch is dropped" if drop_last else ""
            raise ValueError(
                f"Loader: there is not one batch; received {len(self.split)} pictures, batch_size={batch_size}{rest}"
            )

    def _words(self) -> list[str]:
        order = f"shuffled with seed {self.seed}" if self.shuffle else "in order"
        batches = f"{len(self):,} batches of {self.batch_size}{' without the rest' * self.drop_last}"
        steps = f"transforms {', '.join(step.name for step in self.transforms.steps) or 'none'}"
        return [f"{len(self.split):,} pictures", batches, order, steps, f"workers={self.workers}"]

    @property
    def left_out(self) -> list[str]:
        """The names of the pictures that could not be read so far, in the order of the split."""
        return [self.split.name(index) for index in sorted(self.broken)]

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        n = len(self.split)
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)

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
        return self._without_gaps(self.steps(number, start_step))

    def steps(self, number: int, start_step: int = 0) -> Generator[Batch | None, None, None]:
        """Yield the same batches each in its place: None where no picture of a batch can be read.

        So the batches keep their numbers, whatever is broken, and a training goes on where it stopped.

        Args:
            number: as for `epoch`.
            start_step: as for `epoch`.

        Raises:
            ValueError: as for `epoch`.
        """
        number = to_int("Loader.epoch", "number", number, least=0)
        if to_int("Loader.epoch", "start_step", start_step, least=0) > len(self):
            raise ValueError(
                f"Loader.epoch: start_step must be at most {len(self)}, the batches of an epoch; "
                f"received start_step={start_step}"
            )
        return self._steps(number, start_step)

    def _without_gaps(self, batches: Generator[Batch | None, None, None]) -> Generator[Batch, None, None]:
        with closing(batches):
            yield from (batch for batch in batches if batch is not None)

    def _steps(self, number: int, start_step: int) -> Generator[Batch | None, None, None]:
        plan, stop = self._plan(number), threading.Event()
        ahead = self.prefetch * max(self.workers, 1) + 1
        steps = range(start_step, len(self))
        batches = in_order(lambda step: self._batch(plan, step, stop), steps, self.workers, ahead, stop)
        try:
            for _ in steps:
                began = time.perf_counter()
                batch = next(batches)
                self.waited += time.perf_counter() - began
                yield batch
        finally:
            batches.close()

    def _plan(self, epoch: int) -> _Plan:
        n = len(self.split)
        order = addressed(self.seed, "shuffle", epoch).permutation(n) if self.shuffle else np.arange(n)
        return _Plan(order, self.transforms.draw(self.seed, epoch, n))

    def _batch(self, plan: _Plan, step: int, stop: threading.Event) -> Batch | None:
        """Make batch number `step`; None if no picture of it can be read, or nobody waits for it any more."""
        chosen = plan.order[step * self.batch_size : (step + 1) * self.batch_size]
        pictures, first = self.split.x, 0
        if pictures is not None and not self._fixed:
            x: Any = pictures[chosen]
        else:
            x, chosen, first = *self._read_all(plan, chosen, stop), max(self._fixed, self._sized)
            if stop.is_set() or not len(chosen):
                return None
            x = stack(x)
        rows = [None if row is None else row[chosen] for row in plan.rows]
        x = self.transforms.apply(x, rows, first, lambda i: self.split.name(int(chosen[i])))
        if not isinstance(x, np.ndarray):
            raise ValueError(self._differ(x, chosen))
        labels = self.split.labels[chosen]
        x, labels = as_input(x), labels.astype(np.float32 if labels.dtype.kind == "f" else np.int64)
        if (mixup := self.transforms.mixup) is not None:
            x, labels = mixup.mix(x, labels, rows[-1], len(self.split.classes))
        return np.ascontiguousarray(x), labels

    def _read_all(self, plan: _Plan, chosen: np.ndarray, stop: threading.Event) -> tuple[Any, np.ndarray]:
        """Return pictures from the cache or their files, and the indices of those that could be read.

        Each is brought to its size before the next is read: a file may hold much more than a batch wants.
        """
        pictures, good = [], []
        for index in chosen.tolist():
            if stop.is_set():  # nobody waits for this batch any more
                break
            if index in self.broken:
                continue
            kept = self.cache.get(index)
            if kept is None:
                try:
                    kept = self._read(index)
                except ValueError as error:
                    if self.on_error == "raise":
                        raise ValueError(f"{error}; remove or replace the file, or skip it: on_error='skip'") from None
                    self.broken[index] = str(error)
                    continue
                self.cache.put(index, kept)
            pictures.append(self._sized_picture(plan, index, *kept))
            good.append(index)
        return pictures, np.array(good, dtype=np.int64)

    def _read(self, index: int) -> tuple[np.ndarray, int]:
        """Read a picture and apply what is the same in every epoch; return it, and how many steps are done."""
        if not self._fixed:
            return self.split.read(index), 0
        pixels = self.split.read_reduced(index, self.transforms.wanted)
        return self.transforms.begin_reduced(pixels, lambda _: self.split.name(index))

    def _sized_picture(self, plan: _Plan, index: int, x: np.ndarray, done: int) -> np.ndarray:
        """Apply the steps up to the last that decides about the size to a picture, of which some are done."""
        if done >= self._sized:
            return x
        rows = [None if row is None else row[index : index + 1] for row in plan.rows]
        (x,) = self.transforms.apply([x], rows, done, lambda _: self.split.name(index), last=self._sized)
        return x

    def _differ(self, x: Sequence[np.ndarray], chosen: np.ndarray) -> str:
        """Say which two pictures of a batch differ in size."""
        usual = list(Counter(one.shape[1:] for one in x).most_common(1)[0][0])  # which the network has taken before
        other = next(i for i, one in enumerate(x) if one.shape != x[0].shape)
        sizes = [f"{self.split.name(int(chosen[i]))} is {x[i].shape[1]}×{x[i].shape[2]}" for i in (0, other)]
        return (
            f"Loader: the pictures of a batch must have one size, but {sizes[0]} and {sizes[1]}; "
            f"put a resize in front of the transforms, such as name='resize', size={usual}"
        )

"""Batches that are addressed by epoch and step: what all loaders have in common.

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
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from minidl._checks import check_choice, check_flag, to_int
from minidl._looks import Brief
from minidl._random import addressed
from minidl.data._parallel import in_order, usual_workers
from minidl.data.transforms._base import Pictures

Batch = TypeVar("Batch")
One = TypeVar("One")
Rows = list[Any]  # for each transform what it has drawn for all pictures, a row for each, or None


@dataclass
class Settings:
    """How a loader goes through its pictures: judged in one place for all loaders.

    Args:
        op: the name of the loader, for messages.
        batch_size: pictures in a batch; the last one of an epoch may have fewer.
        shuffle: draw another order for every epoch; otherwise the order of the split.
        seed: where all draws start.
        workers: threads; 0 works when a batch is asked for; None takes one for each core, at most 4.
        prefetch: batches for each thread that may be begun or waiting.
        drop_last: leave the last batch out if it is not full.
        on_error: what happens to a picture that cannot be read: "raise", or "skip", which notes in `broken` what is
            wrong with the picture of that number.

    Raises:
        ValueError: if a number is wrong.
        TypeError: if it is none.
    """

    op: str
    batch_size: int
    shuffle: bool
    seed: int
    workers: int | None
    prefetch: int
    drop_last: bool
    on_error: str

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("seed", 0), ("prefetch", 1)):
            setattr(self, name, to_int(self.op, name, getattr(self, name), least=least))
        for name in ("shuffle", "drop_last"):
            check_flag(self.op, name, getattr(self, name))
        if self.workers is not None:
            self.workers = to_int(self.op, "workers", self.workers, least=0)
        check_choice(self.op, "on_error", self.on_error, ("raise", "skip"))


class ByStep(Brief, Generic[Batch]):
    """Batches of a split, epoch by epoch. A subclass makes one batch: `_batch`.

    Args:
        split: the pictures.
        transforms: what is done to them; their `draw` gives the rows of an epoch.
        settings: how they are gone through; each is an attribute here.

    Raises:
        ValueError: if there is not one batch.
    """

    op: ClassVar[str]  # its name, for messages
    cure: ClassVar[str]  # for pictures of several sizes

    def __init__(self, split: Any, transforms: Any, settings: Settings):
        self.split, self.transforms = split, transforms
        self.batch_size, self.shuffle, self.drop_last = settings.batch_size, settings.shuffle, settings.drop_last
        self.seed, self.on_error = settings.seed, settings.on_error
        self.workers = usual_workers() if settings.workers is None else settings.workers
        self.prefetch = settings.prefetch
        self.broken: dict[int, str] = {}  # what is wrong with picture i
        self.waited = 0.0  # seconds that whoever uses the batches had to wait, in all epochs together
        if not len(self):
            rest = ", the last batch is dropped" if self.drop_last else ""
            raise ValueError(
                f"{self.op}: there is not one batch; received {len(split)} pictures, batch_size={self.batch_size}{rest}"
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

    def epoch(self, number: int, start_step: int = 0) -> Generator[Batch, None, None]:
        """Yield the batches of an epoch; one of which no picture can be read is left out (with on_error="skip").

        When the iteration ends, by its end, `break`, an error or Ctrl-C, the threads end; who keeps the iterator in a
        variable ends them earlier with its close().

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
        number = to_int(f"{self.op}.epoch", "number", number, least=0)
        if to_int(f"{self.op}.epoch", "start_step", start_step, least=0) > len(self):
            raise ValueError(
                f"{self.op}.epoch: start_step must be at most {len(self)}, the batches of an epoch; "
                f"received start_step={start_step}"
            )
        return self._steps(number, start_step)

    def _without_gaps(self, batches: Generator[Batch | None, None, None]) -> Generator[Batch, None, None]:
        with closing(batches):
            yield from (batch for batch in batches if batch is not None)

    def _steps(self, number: int, start_step: int) -> Generator[Batch | None, None, None]:
        order, size, stop = self._order(number), self.batch_size, threading.Event()
        rows = self.transforms.draw(self.seed, number, len(order))
        ahead = self.prefetch * max(self.workers, 1) + 1
        chosen = [order[step * size : (step + 1) * size] for step in range(start_step, len(self))]
        batches = in_order(lambda some: self._batch(some, rows, stop), chosen, self.workers, ahead, stop)
        try:
            for _ in chosen:
                began = time.perf_counter()
                batch = next(batches)
                self.waited += time.perf_counter() - began
                yield batch
        finally:
            batches.close()

    def _order(self, number: int) -> np.ndarray:
        """Return the order of the pictures in an epoch."""
        n = len(self.split)
        return addressed(self.seed, "shuffle", number).permutation(n) if self.shuffle else np.arange(n)

    def _batch(self, chosen: np.ndarray, rows: Rows, stop: threading.Event) -> Batch | None:
        """Make the batch of some pictures; None if none of them can be read, or nobody waits for it any more.

        Args:
            chosen: which pictures of the split (N,).
            rows: of all pictures.
            stop: whether nobody waits for it; see `_readable`.
        """
        raise NotImplementedError

    def _readable(
        self, chosen: np.ndarray, stop: threading.Event, read: Callable[[int], One]
    ) -> Iterator[tuple[int, One]]:
        """Yield the number and what `read` makes of it for each picture that can be read, until nobody waits for it.

        Raises:
            ValueError: if one cannot be read, with on_error="raise"; otherwise it is noted, and never tried again.
        """
        for index in chosen.tolist():
            if stop.is_set():
                return
            if index in self.broken:
                continue
            try:
                one = read(index)
            except (ValueError, OSError) as error:
                if self.on_error == "raise":
                    raise ValueError(f"{error}; remove or replace the file, or skip it: on_error='skip'") from None
                self.broken[index] = str(error)
                continue
            yield index, one

    def _check_one_size(self, pictures: Pictures, chosen: Sequence[int] | np.ndarray) -> None:
        """Refuse pictures (C, H, W) of several sizes, and say which two differ.

        Raises:
            ValueError: if they do.
        """
        if all(one.shape == pictures[0].shape for one in pictures):
            return
        usual = list(Counter(one.shape[1:] for one in pictures).most_common(1)[0][0])  # which has been taken before
        other = next(i for i, one in enumerate(pictures) if one.shape != pictures[0].shape)
        sizes = [
            f"{self.split.name(int(chosen[i]))} is {pictures[i].shape[1]}×{pictures[i].shape[2]}" for i in (0, other)
        ]
        raise ValueError(
            f"{self.op}: the pictures of a batch must have one size, but {sizes[0]} and {sizes[1]}; "
            f"{self.cure}, such as name='resize', size={usual}"
        )

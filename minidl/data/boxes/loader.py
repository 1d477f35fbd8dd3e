"""From pictures with boxes to batches, in threads; what a batch holds follows from (seed, epoch, step) alone."""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl._checks import check_choice, check_flag, to_int
from minidl._looks import Brief
from minidl._random import addressed
from minidl.data._parallel import in_order, usual_workers
from minidl.data.boxes._boxes import Boxes
from minidl.data.boxes.frame import Frame
from minidl.data.boxes.records import Split, check_size
from minidl.data.boxes.transforms import BoxPipeline, build


@dataclass(frozen=True, eq=False)
class BoxBatch(Brief):
    """Some pictures and their boxes.

    Attributes:
        x: float32 (N, 3, H, W) from 0 to 1.
        boxes: of each picture, in pixels of x.
        frames: of each picture, how its pixels became those of x.
        numbers: which pictures of the split they are (N,).
    """

    x: np.ndarray
    boxes: list[Boxes]
    frames: list[Frame]
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    def _words(self) -> list[str]:
        return [f"{len(self)} pictures", f"{sum(map(len, self.boxes))} boxes"]


class BoxLoader(Brief):
    """Batches of pictures with boxes, epoch by epoch: `loader.epoch(number)`.

    Args:
        split: a part of what `open_boxes` returns.
        batch_size: pictures in a batch; the last one of an epoch may have fewer.
        transforms: a `BoxPipeline`, or the names and numbers of one; all results must have one size.
        shuffle: draw another order for every epoch; otherwise (default) the order of the split.
        seed: where all draws start.
        workers: threads; 0 works when a batch is asked for; None (default) takes one for each core, at most 4.
        prefetch: batches for each thread that may be begun or waiting.
        drop_last: leave the last batch out if it is not full.
        on_error: what happens to a picture that cannot be read: "raise" (default) ends with its name; "skip" makes the
            batch smaller, or leaves it out, and notes in `broken` what is wrong with the picture of that number.

    Raises:
        ValueError: if a number is wrong, or there is not one batch.
        TypeError: if there are no pictures with boxes.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        transforms: BoxPipeline | Sequence[Mapping[str, Any]] = (),
        shuffle: bool = False,
        seed: int = 0,
        workers: int | None = None,
        prefetch: int = 2,
        drop_last: bool = False,
        on_error: str = "raise",
    ):
        if not isinstance(split, Split):
            raise TypeError(
                f"BoxLoader: expects a part of a data set of boxes, as open_boxes gives it; received a "
                f"{type(split).__name__}"
            )
        self.split = split
        self.batch_size = to_int("BoxLoader", "batch_size", batch_size, least=1)
        self.transforms = transforms if isinstance(transforms, BoxPipeline) else build(transforms)
        for name, flag in (("shuffle", shuffle), ("drop_last", drop_last)):
            check_flag("BoxLoader", name, flag)
        self.shuffle, self.drop_last = shuffle, drop_last
        self.seed = to_int("BoxLoader", "seed", seed, least=0)
        self.workers = usual_workers() if workers is None else to_int("BoxLoader", "workers", workers, least=0)
        self.prefetch = to_int("BoxLoader", "prefetch", prefetch, least=1)
        check_choice("BoxLoader", "on_error", on_error, ("raise", "skip"))
        self.on_error = on_error
        self.broken: dict[int, str] = {}
        if not len(self):
            raise ValueError(
                f"BoxLoader: there is not one batch; received {len(split)} pictures, batch_size={batch_size}"
            )

    def _words(self) -> list[str]:
        order = f"shuffled with seed {self.seed}" if self.shuffle else "in order"
        return [f"{len(self.split):,} pictures", f"{len(self):,} batches of {self.batch_size}", order]

    @property
    def left_out(self) -> list[str]:
        """The names of the pictures that could not be read so far."""
        return [self.split.name(index) for index in sorted(self.broken)]

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        n = len(self.split)
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)

    def epoch(self, number: int, start_step: int = 0) -> Generator[BoxBatch, None, None]:
        """Yield the batches of an epoch; one of which no picture can be read is left out (with on_error="skip").

        Args:
            number: of the epoch, from 0.
            start_step: how many batches to leave out at the beginning: those that came before a training stopped.

        Raises:
            ValueError: if a picture cannot be read (with on_error="raise"), or pictures of a batch differ in size.
        """
        with closing(self.steps(number, start_step)) as batches:
            yield from (batch for batch in batches if batch is not None)

    def steps(self, number: int, start_step: int = 0) -> Generator[BoxBatch | None, None, None]:
        """Yield the same batches each in its place: None where no picture of a batch can be read.

        Args:
            number: as for `epoch`.
            start_step: as for `epoch`.
        """
        number = to_int("BoxLoader.epoch", "number", number, least=0)
        if to_int("BoxLoader.epoch", "start_step", start_step, least=0) > len(self):
            raise ValueError(
                f"BoxLoader.epoch: start_step must be at most {len(self)}, the batches of an epoch; "
                f"received start_step={start_step}"
            )
        n, stop = len(self.split), threading.Event()
        order = addressed(self.seed, "shuffle", number).permutation(n) if self.shuffle else np.arange(n)
        rows = self.transforms.draw(self.seed, number, n)
        ahead = self.prefetch * max(self.workers, 1) + 1
        chosen = (order[step * self.batch_size : (step + 1) * self.batch_size] for step in range(start_step, len(self)))
        return in_order(lambda some: self._batch(some, rows, stop), chosen, self.workers, ahead, stop)

    def _batch(self, chosen: np.ndarray, rows: list[np.ndarray | None], stop: threading.Event) -> BoxBatch | None:
        """Make the batch of these pictures; None if none of them can be read, or nobody waits for it any more."""
        made: list[tuple[np.ndarray, Boxes, Frame]] = []
        good = []
        for index in chosen.tolist():
            if stop.is_set():
                return None
            if index in self.broken:
                continue
            try:
                made.append(self._one(index, [None if row is None else row[index] for row in rows]))
            except (ValueError, OSError) as error:
                if self.on_error == "raise":
                    raise ValueError(f"{error}; remove or replace the file, or skip it: on_error='skip'") from None
                self.broken[index] = str(error)
                continue
            good.append(index)
        if not made:
            return None
        first = made[0][0].shape
        for index, (pixels, _, _) in zip(good, made):
            if pixels.shape != first:
                sizes = "×".join(map(str, first[1:])), "×".join(map(str, pixels.shape[1:]))
                raise ValueError(
                    f"BoxLoader: the pictures of a batch must have one size, but {self.split.name(good[0])} is "
                    f"{sizes[0]} and {self.split.name(index)} {sizes[1]}; end with name='letterbox' or name='resize'"
                )
        x = np.empty((len(made), *first), np.float32)
        for place, (pixels, _, _) in zip(x, made):
            place[...] = pixels
        return BoxBatch(x, [boxes for _, boxes, _ in made], [frame for *_, frame in made], np.array(good))

    def _one(self, index: int, rows: list[Any]) -> tuple[np.ndarray, Boxes, Frame]:
        record = self.split.records[index]
        x, boxes, frame, size = self.transforms.read(record.path, record.boxes, rows)
        check_size(record, size)
        return x, boxes, frame

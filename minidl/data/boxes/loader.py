"""From pictures with boxes to batches, in threads; what a batch holds follows from (seed, epoch, step) alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl import _backend
from minidl._looks import Brief
from minidl.data._by_step import ByStep, Rows, Settings
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


class BoxLoader(ByStep[BoxBatch]):
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

    op: ClassVar[str] = "BoxLoader"
    cure: ClassVar[str] = "end the transforms with a letterbox or a resize"

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
        super().__init__(
            split,
            transforms if isinstance(transforms, BoxPipeline) else build(transforms),
            Settings(self.op, batch_size, shuffle, seed, workers, prefetch, drop_last, on_error),
        )

    def _batch(self, chosen: np.ndarray, rows: Rows, stop: threading.Event) -> BoxBatch | None:
        """Make the batch of some pictures; each is put in its place at once, while it lies in the processor's cache."""
        x = np.empty(0, np.float32)
        numbers: list[int] = []
        found: list[Boxes] = []
        frames: list[Frame] = []
        read = self._readable(
            chosen, stop, lambda index: self._one(index, [None if row is None else row[index] for row in rows])
        )
        for index, (picture, boxes, frame) in read:
            if not numbers:
                x = _backend.empty((len(chosen), *picture.shape), np.float32, like=picture)
            numbers.append(index)
            self._check_one_size([x[0], picture], [numbers[0], index])
            x[len(numbers) - 1] = picture
            found.append(boxes)
            frames.append(frame)
        if stop.is_set() or not numbers:
            return None
        return BoxBatch(x[: len(numbers)], found, frames, np.array(numbers))

    def _one(self, index: int, rows: list[Any]) -> tuple[np.ndarray, Boxes, Frame]:
        record = self.split.records[index]
        x, boxes, frame, size = self.transforms.read(record.path, record.boxes, rows)
        check_size(record, size)
        return x, boxes, frame

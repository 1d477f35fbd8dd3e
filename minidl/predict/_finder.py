"""From pictures to boxes: what a network that finds things sees in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl._checks import check_fraction
from minidl._looks import Brief
from minidl.data.boxes import Boxes, build
from minidl.data.images import open_picture
from minidl.detection import Detections, yolo_decode
from minidl.folding import fuse_if_possible
from minidl.predict._files import Missing, _told, find
from minidl.tensor import Tensor, no_grad
from minidl.training.checkpoint import load_trained
from minidl.training.run_folder.folder import RunFolder
from minidl.training.tasks.detection import in_file

DETECTION = "detection"


@dataclass(frozen=True, eq=False)
class Finding(Brief):
    """What was found in one picture.

    Attributes:
        file: its path.
        found: the boxes in its pixels, the surest first; None where it could not be read.
        size: height and width of the picture.
        error: why it could not be read.
    """

    file: str
    found: Detections | None = None
    size: tuple[int, int] | None = None
    error: str | None = None

    def _words(self) -> list[str]:
        return [self.file, self.error or f"{len(self.found or ()):,} boxes"]


class PictureFinder(Brief):
    """Whatever finds things in pictures: what all have in common.

    A subclass has `classes`, the names of what it knows, `read` and `find`.
    """

    classes: tuple[str, ...]

    def read(self, file: str) -> Any:
        """Return a picture as `find` wants it; a ValueError or an OSError says what is wrong with it."""
        raise NotImplementedError

    def find(self, picture: Any, threshold: float) -> tuple[Detections, tuple[int, int]]:
        """Return what is in a picture, in pixels of its file, and its size; boxes with a smaller score are left out."""
        raise NotImplementedError

    def check(self, threshold: float) -> None:
        """Refuse a threshold that no score can be compared with."""
        check_fraction("predict", "score", threshold)

    def answer(self, files: Iterable[str | os.PathLike[str]], threshold: float = 0.2) -> Iterator[Finding]:
        """Yield what is found in pictures, one after the other, in the order of the names.

        Args:
            files: pictures, folders, or patterns.
            threshold: boxes with a smaller score are left out.

        Raises:
            ValueError: if the threshold is no score; what is wrong with a picture is told in its `error`.
        """
        self.check(threshold)
        for one in find(files):
            yield Finding(one.name, error=one.error) if isinstance(one, Missing) else self._look(one, threshold)

    def _look(self, file: str, threshold: float) -> Finding:
        try:
            picture = self.read(file)
        except (ValueError, OSError) as error:
            return Finding(file, error=_told(file, error))
        return Finding(file, *self.find(picture, threshold))


class Finder(PictureFinder):
    """The network of a run that finds things, after its best epoch.

    Args:
        run: the folder.

    Raises:
        ValueError: if there is no run, it cannot be read, or it has learnt something else.
        OSError: if it cannot be read.

    Attributes:
        net: the network, as it was trained; answers come from a folded copy.
    """

    def __init__(self, run: str | os.PathLike[str]):
        folder = RunFolder.open(run)
        trained = load_trained(folder.best if folder.best.is_file() else folder.last, DETECTION)
        self.net: Any = trained.net
        self.model, self.classes = trained.config.model, tuple(trained.classes)
        self._fused: Any = None
        self.transforms, self.seed = build(trained.config.test_transforms or []), trained.config.seed

    def _words(self) -> list[str]:
        return [self.model, f"{len(self.classes)} classes"]

    def read(self, file: str) -> Any:
        """Return a picture as the network wants it, how it became so, and its size."""
        rows = [None if row is None else row[0] for row in self.transforms.draw(self.seed, 0, 1)]
        x, _, frame, size = self.transforms.read(file, Boxes([], []), rows)
        return x, frame, size

    def find(self, picture: Any, threshold: float) -> tuple[Detections, tuple[int, int]]:
        """Return what is in a picture, in pixels of the file, and its size."""
        x, frame, size = picture
        if self._fused is None:
            self._fused = fuse_if_possible(self.net, x.shape)
        with no_grad():
            y = self._fused(Tensor(x[None]))
        (found,) = yolo_decode(y, (x.shape[1], x.shape[2]), self.net.boxes, threshold=threshold)
        return in_file(found, frame), size


def draw(finding: Finding, classes: tuple[str, ...], folder: str | os.PathLike[str]) -> Path:
    """Draw what was found on its picture, and return the file: NAME.png in the folder.

    Raises:
        OSError: if it cannot be written.
    """
    import numpy as np

    from minidl.viz._figure import save
    from minidl.viz.boxes import plot_found

    path = Path(folder) / f"{Path(finding.file).stem}.png"
    save(plot_found(np.asarray(open_picture(finding.file)), finding.found, classes), path)
    return path

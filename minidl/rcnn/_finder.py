"""From pictures to boxes: proposals, windows, features, machines, all in one go."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from minidl._checks import check_number
from minidl.data.images import read_pixels
from minidl.detection import Detections, grid_windows, selective_search
from minidl.detection.proposals import MISSING, can_search
from minidl.predict._finder import PictureFinder
from minidl.rcnn._answers import answer, judges
from minidl.rcnn._eye import Eye, Look
from minidl.rcnn._features import choose, name_of
from minidl.rcnn._files import Folder

BATCH = 32


class Finder(PictureFinder):
    """An R-CNN that finds things in pictures that it has not seen.

    Args:
        path: the folder of this R-CNN.
        weights: the file of its network; None takes that of the extra ``demo``, or the fine-tuned one.

    Raises:
        ValueError: if a stage is missing, damaged or stale, or the weights are others than those of the features.
        ModuleNotFoundError: if its proposals need OpenCV, which is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None):
        folder = Folder.open(path)
        self.proposals = folder.need("predict", "proposals").settings
        if self.proposals["method"] != "grid" and not can_search():
            raise ModuleNotFoundError(f"rcnn predict: {MISSING}", name="cv2")
        self.judges = judges(folder, "predict")
        self.classes = self.judges.classes
        about = folder.need("predict", name_of("train")).settings
        look = Look(about["model"], weights, about["size"], about["context"], about["shape"])
        self.eye: Eye = choose(folder, "predict", look)[0]
        if self.eye.settings != about:
            raise ValueError(
                f"rcnn predict: the features of {folder} are of {about['model']} with other weights "
                f"(sha256 {about['sha256']}…, not {self.eye.source['sha256']}…); name them: --weights FILE"
            )

    def _words(self) -> list[str]:
        return [self.eye.model, f"{len(self.classes)} classes"]

    def check(self, threshold: float) -> None:
        """Refuse a threshold that no score can be compared with: distances from a plane may be negative."""
        check_number("rcnn predict", "score", threshold, nan=False)

    def read(self, file: str) -> Any:
        """Return the pixels of a picture, uint8 (3, H, W)."""
        return read_pixels(file)

    def find(self, picture: Any, threshold: float) -> tuple[Detections, tuple[int, int]]:
        """Return what is in a picture, in its pixels, and its size."""
        pixels, size = picture, (picture.shape[1], picture.shape[2])
        settings = dict(self.proposals)
        if (mode := settings.pop("method")) == "grid":
            boxes = grid_windows(size, settings["most"])
        else:
            boxes = selective_search(pixels, mode=mode, **settings)
        boxes = boxes.astype(np.float32).astype(np.float64)  # as a file of proposals keeps them
        starts = range(0, len(boxes), BATCH)
        made = [self.eye.look(self.eye.windows(pixels, boxes[start : start + BATCH])) for start in starts]
        x = np.concatenate([np.zeros((0, self.eye.width), np.float32), *made]) * np.float32(self.judges.scale)
        found = answer(self.judges, x, boxes, size)
        sure = found.scores >= threshold
        return Detections(found.boxes[sure], found.labels[sure], found.scores[sure]), size

"""The last stage: how good all of it is, with and without corrected boxes, and how good it could be."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from minidl._files import atomic_write
from minidl._looks import Brief
from minidl.data.boxes import Boxes
from minidl.detection import Detections, Precision, evaluate
from minidl.rcnn._answers import Judges, answer, judges
from minidl.rcnn._features import name_of, of_each_picture, read
from minidl.rcnn._files import About, Folder
from minidl.rcnn._propose import Proposed, load


@dataclass(frozen=True)
class Results(Brief):
    """How good an R-CNN is.

    Attributes:
        part: the pictures it was asked about.
        proposed: its proposals.
        features: what the file of features says of itself.
        judges: its machines.
        plain: average precision of boxes as they were proposed.
        moved: that of corrected boxes; None where there are no regressions.
        found: the answers that count, corrected where they can be.
        truths: what there is.
    """

    part: str
    proposed: Proposed
    features: About
    judges: Judges
    plain: Precision
    moved: Precision | None
    found: list[Detections]
    truths: list[Boxes]

    def _words(self) -> list[str]:
        return [self.part, str(self.best)]

    @property
    def best(self) -> Precision:
        """The figures of what the R-CNN answers."""
        return self.plain if self.moved is None else self.moved

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain values that JSON can hold."""
        recall = [
            {"name": name, "n": n, "at_0.5": None if a != a else a, "at_0.7": None if b != b else b}
            for name, n, a, b in self.proposed.recall(self.part)
        ]
        count = sum(map(len, self.proposed.boxes[self.part]))
        return {
            "part": self.part,
            "pictures": len(self.truths),
            "proposals": count,
            "settings": {"proposals": self.proposed.about.settings, "features": self.features.settings},
            "recall": recall,
            "as_proposed": self.plain.to_dict(),
            "corrected": None if self.moved is None else self.moved.to_dict(),
        }


def evaluate_rcnn(path: str | os.PathLike[str], *, data: str | os.PathLike[str] | None = None) -> Results:
    """Evaluate an R-CNN with the pictures to test with, and write results.json.

    Args:
        path: the folder of this R-CNN.
        data: where the pictures are now, if they have moved.

    Raises:
        ValueError: if a stage is missing, damaged or stale; the message names the command that makes it.
    """
    folder = Folder.open(path)
    proposed, known = load(folder, "eval", data=data), judges(folder, "eval")
    part = proposed.tested
    about, split = folder.need("eval", name_of(part)), proposed.dataset.parts[part]
    train = folder.need("eval", name_of("train"))
    if train.settings != about.settings:
        raise ValueError(
            f"rcnn eval: {name_of(part)} and {name_of('train')} were made by other settings; make them again: "
            f"minidl rcnn features {folder}"
        )
    pictures = of_each_picture(read(folder, "eval", part))
    truths = [split.truth(number) for number in range(len(split))]
    made: dict[bool, list[Detections]] = {}
    for move in (False, True) if known.moves is not None else (False,):
        made[move] = [
            answer(known, x, boxes, record.size, move=move) for (x, boxes), record in zip(pictures, split.records)
        ]
    scores = {move: evaluate(found, truths, proposed.dataset.classes) for move, found in made.items()}
    results = Results(
        part, proposed, about, known, scores[False], scores.get(True), made.get(True, made[False]), truths
    )
    with folder.held(), atomic_write(folder.results) as unfinished:
        unfinished.write_text(json.dumps(results.to_dict(), indent=2) + "\n", encoding="utf-8")
    return results

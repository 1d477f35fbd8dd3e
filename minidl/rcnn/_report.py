"""The page of an R-CNN: proposals and what they meet, precision and recall, kinds of errors, the worst answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from minidl._files import atomic_write
from minidl._html import Html, element, join
from minidl._names import printable
from minidl._version import __version__
from minidl.detection import Detections, iou
from minidl.rcnn._evaluate import Results
from minidl.rcnn._eye import known
from minidl.rcnn._files import Folder
from minidl.rcnn._propose import asked
from minidl.training.run_folder import _report_page as page
from minidl.training.run_folder._report_page import Section
from minidl.training.run_folder.detection_report import errors, percent, precision, worst
from minidl.viz._figure import save, to_page
from minidl.viz.boxes import plot_boxes

SURE = 0.0  # the score from which on a machine says yes
SHOWN = 4  # pictures with their proposals


def write_report(path: str | os.PathLike[str], results: Results) -> Path:
    """Write report.html, proposals.png, precision.png and worst.png, and return the page.

    Args:
        path: the folder of this R-CNN.
        results: what `evaluate_rcnn` found.

    Raises:
        OSError: if something cannot be written; each file is written whole or not at all.
    """
    folder = Folder(path)
    classes, split = results.judges.classes, results.proposed.dataset.parts[results.part]
    best, recall = results.best.means(), results.proposed.recall(results.part)[0]
    cards = [("mAP", percent(best["voc2010"]), "at IoU 0.5, the area under the curves (VOC 2010)")]
    if results.moved is not None:
        gain = 100 * (best["voc2010"] - results.plain.means()["voc2010"])
        cards.append(("regression", f"{gain:+.1f}", "points of it are due to corrected boxes"))
    cards += [
        ("recall", percent(recall[2]), "of the things meet a proposal at IoU 0.5"),
        ("recall", percent(recall[3]), "at IoU 0.7"),
    ]
    numbers = list(range(len(split)))
    sections = [
        Section("proposals", "Proposals", "Where things might be", _proposals(folder, results)),
        Section(
            "precision",
            "Precision",
            "How many are right, and how many are found",
            precision(folder.path, classes, results.best, results.found, results.truths),
        ),
        Section("regression", "Regression", "What corrected boxes bring", _gains(results)),
        Section("errors", "Errors", "What kind of errors", errors(results.found, results.truths, SURE)),
        Section(
            "worst",
            "Worst",
            "The worst answers beside the truth",
            worst(folder.path, classes, split, results.found, results.truths, numbers, SURE),
        ),
        Section("settings", "Settings", "What was made of what", _settings(results)),
    ]
    title = f"R-CNN on {printable(Path(results.proposed.dataset.where).name)}"
    state = f"{folder.path}: {len(split):,} pictures of its part {results.part}; drawn by minidl {__version__}."
    words = page.fill(title=title, state=state, figures=page.figures(cards), sections=sections)
    with atomic_write(folder.report) as unfinished:
        unfinished.write_text(words, encoding="utf-8", newline="")
    return folder.report


def _proposals(folder: Folder, results: Results) -> Html:
    """Return how much is met, and some pictures with the nearest proposal of each thing."""
    proposed, split = results.proposed, results.proposed.dataset.parts[results.part]
    rows = [(name, f"{n:,}", percent(a), percent(b)) for name, n, a, b in proposed.recall(results.part)]
    head = ("class", "things", "met at IoU 0.5", "met at IoU 0.7")
    table = page.table("Recall of the proposals: no detector can find more", head, rows, numbers=range(1, 4))
    pictures = []
    for number in range(min(SHOWN, len(split))):
        boxes, truth = proposed.boxes[results.part][number], asked(split, number)
        if len(boxes) and len(truth):
            every = iou(truth.boxes, boxes)
            nearest = Detections(boxes[every.argmax(axis=1)], truth.labels, every.max(axis=1))
            pictures.append((split.read(number), truth, nearest))
    if not pictures:
        return table
    save(plot_boxes(pictures, split.classes), folder.path / "proposals.png")
    words = "On the left what there is, on the right the nearest proposal of each, and how much it overlaps."
    alt = "pictures with the boxes that there are, and beside them the nearest proposals"
    return join(table, page.plate(to_page(plot_boxes(pictures, split.classes), "proposals", alt), words, "wide"))


def _gains(results: Results) -> Html:
    if results.moved is None:
        return element("p", "There are no regressions: boxes are as they were proposed. Make some: minidl rcnn boxes")
    pairs = zip(results.plain.to_dict()["classes"], results.moved.to_dict()["classes"])
    rows = [(a["name"], *(_cell(one[name]) for name in ("voc2010", "coco") for one in (a, b))) for a, b in pairs]
    head = ("class", "VOC 2010", "corrected", "COCO", "corrected")
    return page.table("Average precision of boxes as proposed, and corrected", head, rows, numbers=range(1, 5))


def _cell(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def _settings(results: Results) -> Html:
    about: dict[str, Any] = results.proposed.about.settings
    boxes = results.proposed.boxes[results.part]
    values = {
        "data": results.proposed.dataset.where,
        "proposals": ", ".join(f"{name} {value}" for name, value in about.items()),
        "proposals of a picture": f"{np.mean([len(one) for one in boxes]) if boxes else 0:.0f}",
        "features": known(results.features.settings),
        "classes": ", ".join(results.judges.classes),
    }
    return page.definitions("What was made of what", values)

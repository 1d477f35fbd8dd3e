"""The page of a run that finds things: precision and recall, kinds of errors, the worst answers beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl._html import Html, element, join
from minidl.data.boxes import Boxes, Split
from minidl.detection import KINDS, Detections, Precision, error_kinds, precision_recall
from minidl.training.run_folder import _report_page as page
from minidl.training.run_folder._report_page import Section
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.task_report import write_task_report
from minidl.training.state import State
from minidl.viz._figure import save, to_page
from minidl.viz.boxes import plot_boxes, plot_precision

SHOWN = 6  # pictures with the worst answers
SURE = 0.2  # answers that are drawn


def write_detection_report(
    run: RunFolder,
    state: State,
    score: Precision,
    loss: float,
    val: Split,
    found: Sequence[Detections],
    truths: Sequence[Boxes],
    numbers: Sequence[int],
) -> Path:
    """Write report.html, curves.png, precision.png and worst.png.

    Args:
        run: the folder.
        state: the training.
        score: average precision in validation.
        loss: the mean loss there.
        val: the pictures for validation.
        found: what was answered, of each picture.
        truths: what there is.
        numbers: which pictures of the split these are.
    """
    means = score.means()
    cards = [
        ("mAP", percent(means["voc2010"]), "at IoU 0.5, the area under the curves (VOC 2010)"),
        ("COCO", percent(means["coco"]), "over IoU 0.50 to 0.95"),
        ("loss", f"{loss:.4f}", "of a picture in validation"),
    ]
    sections = [
        Section(
            "precision",
            "Precision",
            "How many are right, and how many are found",
            precision(run.path, state.classes, score, found, truths),
        ),
        Section("errors", "Errors", "What kind of errors", errors(found, truths, SURE)),
        Section(
            "worst",
            "Worst",
            "The worst answers beside the truth",
            worst(run.path, state.classes, val, found, truths, numbers, SURE),
        ),
    ]
    net: Any = state.net
    about = {
        "training": f"{state.pictures[0]:,} pictures",
        "validation": f"{len(val):,} pictures, {int(val.counts().sum()):,} boxes",
        "classes": ", ".join(state.classes),
        "cells": f"{net.cells}×{net.cells}, {net.boxes} boxes each",
    }
    return write_task_report(run, state, cards=cards, sections=sections, about=about)


def percent(value: float) -> str:
    """Write a share as a percentage on one line."""
    return "none" if np.isnan(value) else f"{100 * value:.1f}\u00a0%"


def precision(
    folder: Path, classes: Sequence[str], score: Precision, found: Sequence[Detections], truths: Sequence[Boxes]
) -> Html:
    """Return the curves, which also become precision.png in the folder, and the figures of every class."""
    curves = [precision_recall(found, truths, label) for label in range(len(classes))]
    figure = plot_precision(curves, classes)
    save(figure, folder / "precision.png")
    plate = page.plate(
        to_page(plot_precision(curves, classes), "precision", "precision over recall, a line for each class"),
        "How many answers are right, over how many things have been found, answer by answer; the surest come first.",
        "wide",
    )
    rows = [
        (one["name"], f"{one['n']:,}", *(_cell(one[name]) for name in ("voc2007", "voc2010", "coco", "coco75")))
        for one in score.to_dict()["classes"]
    ]
    head = ("class", "things", "VOC 2007", "VOC 2010", "COCO", "at IoU 0.75")
    return join(plate, page.table("Average precision", head, rows, numbers=range(1, 6)))


def _cell(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def errors(found: Sequence[Detections], truths: Sequence[Boxes], least: float) -> Html:
    """Return how many answers of at least this score are right, or wrong in which way."""
    sure = [_sure(one, least) for one in found]
    kinds, met = error_kinds(sure, truths)
    counts = np.bincount(np.concatenate([np.zeros(0, int), *kinds]), minlength=len(KINDS))
    missed = sum(int((~one & ~truth.difficult & ~truth.crowd).sum()) for one, truth in zip(met, truths))
    words = ("right", "right class, badly placed", "found twice", "wrong class", "nothing there", "not asked for")
    rows = [(what, f"{count:,}") for what, count in zip(words, counts.tolist())]
    table = page.table(
        f"Answers with a score of {least:g} or more", ("what", "answers"), [*rows, ("not found", f"{missed:,}")], [1]
    )
    return join(element("p", "An answer belongs to a thing if they overlap by IoU 0.5; by 0.1, it is near one."), table)


def _sure(found: Detections, least: float) -> Detections:
    kept = found.scores >= least
    return Detections(found.boxes[kept], found.labels[kept], found.scores[kept])


def worst(
    folder: Path,
    classes: Sequence[str],
    val: Split,
    found: Sequence[Detections],
    truths: Sequence[Boxes],
    numbers: Sequence[int],
    least: float,
) -> Html:
    """Return the pictures with the worst answers of at least this score, which also become worst.png in the folder."""
    sure = [_sure(one, least) for one in found]
    kinds, met = error_kinds(sure, truths)
    right = KINDS.index("right")
    wrong = [int((kind != right).sum() + (~one).sum()) for kind, one in zip(kinds, met)]
    order = sorted(range(len(wrong)), key=lambda at: -wrong[at])[:SHOWN]
    if not order:
        return element("p", "There are no pictures.")
    pictures = [(val.read(numbers[at]), val.records[numbers[at]].boxes, sure[at]) for at in order]
    figure = plot_boxes(pictures, classes)
    save(figure, folder / "worst.png")
    words = f"On the left what there is, on the right what was answered with a score of {least:g} or more."
    alt = "pictures with the boxes that there are, and beside them the boxes that were answered"
    return page.plate(to_page(plot_boxes(pictures, classes), "worst", alt), words, "wide")

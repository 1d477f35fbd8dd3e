"""The fourth stage: a regression for each class that moves a proposal to where its thing is.

A proposal teaches the class of the box that it overlaps most, if that is by IoU 0.6 or more; what is far from all
things has nothing to tell. What is learnt, and how, is derived in `detection.regression`.
"""

from __future__ import annotations

import os

import numpy as np

from minidl._checks import check_fraction, check_positive
from minidl._names import quoted
from minidl.data.boxes import Split
from minidl.detection import decode_boxes, encode_boxes, iou, ridge
from minidl.rcnn._features import Features, name_of, read
from minidl.rcnn._files import About, Folder
from minidl.rcnn._propose import Notes, Tell, asked, by_picture, load, quiet, repeat

FILE = "boxes"
LARGEST = np.log(
    10.0
)  # a box becomes at most ten times as wide or high: beyond, the regression is outside of what it knows


def train_boxes(
    path: str | os.PathLike[str],
    *,
    strength: float = 1000.0,
    overlap: float = 0.6,
    data: str | os.PathLike[str] | None = None,
    tell: Tell = quiet,
) -> tuple[About, dict[str, int]]:
    """Write a regression for each class; return what the file says, and by class how many pairs there were.

    Args:
        path: the folder of this R-CNN.
        strength: λ; default 1000, the paper's, for features whose mean norm is 20, which they are brought to.
        overlap: the IoU with the nearest box from which on a proposal teaches; default 0.6.
        data: where the pictures are now, if they have moved.
        tell: is given a line for what should be known.

    Raises:
        ValueError: if there are no features, or a setting is refused.
    """
    check_positive("rcnn boxes", "strength", strength)
    check_fraction("rcnn boxes", "overlap", overlap)
    folder = Folder.open(path)
    made_from = {name_of("train"): folder.need("boxes", name_of("train")).digest}
    settings = {"strength": strength, "overlap": overlap}
    with folder.held():
        if folder.is_made(FILE, settings, made_from):
            tell("boxes.safetensors is there already")
            about = folder.need("boxes", FILE)
            repeat(about, tell)
            return about, about.more["pairs"]
        proposed, features = load(folder, "boxes", data=data), read(folder, "boxes", "train")
        rows, targets, labels = pairs(proposed.dataset.train, features, overlap)
        classes = proposed.dataset.classes
        w, b = np.zeros((len(classes), features.x.shape[1], 4)), np.zeros((len(classes), 4))
        counts, notes = {}, Notes(tell)
        for label, name in enumerate(classes):
            chosen = labels == label
            counts[name] = int(chosen.sum())
            if not counts[name]:
                notes(f"boxes of {quoted(name)} stay as proposed: no proposal overlaps one by {overlap:g}")
                continue
            w[label], b[label] = ridge(features.x[rows[chosen]], targets[chosen], strength)
        return folder.write(
            FILE, {"w": w, "b": b}, settings, made_from, {"pairs": counts, "notes": notes.lines}
        ), counts


def pairs(split: Split, features: Features, overlap: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of the proposals that teach: their rows (M,), what turns each into its box (M, 4), and its class (M,)."""
    rows, targets, labels = [np.zeros(0, int)], [np.zeros((0, 4))], [np.zeros(0, int)]
    start = 0
    for number, boxes in enumerate(by_picture(features.boxes, features.counts)):
        truth = asked(split, number)
        here = np.flatnonzero(features.labels[start : start + len(boxes)] < 0)
        if len(truth) and len(here):
            every = iou(boxes[here], truth.boxes)
            near = every.max(axis=1) >= overlap
            mine = every.argmax(axis=1)[near]
            rows.append(start + here[near])
            targets.append(encode_boxes(truth.boxes[mine], boxes[here[near]]))
            labels.append(truth.labels[mine])
        start += len(boxes)
    return np.concatenate(rows), np.concatenate(targets), np.concatenate(labels)


def corrected(x: np.ndarray, boxes: np.ndarray, w: np.ndarray, b: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the boxes of a class where its regression puts them, cut at the edges of the picture.

    Args:
        x: features (N, D).
        boxes: as proposed (N, 4).
        w: weights (D, 4).
        b: bias (4,).
        size: height and width of the picture.
    """
    offsets = x @ w + b
    offsets[:, 2:] = offsets[:, 2:].clip(-LARGEST, LARGEST)
    return decode_boxes(offsets, boxes).clip(0, np.array([size[1], size[0]] * 2))

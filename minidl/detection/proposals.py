"""Where a thing might be: boxes that are proposed before anybody asks what is in them.

Selective search (Uijlings et al., 2013) cuts a picture into small regions of one colour and joins, again and again, the
two neighbours that are most alike; the box of every region on the way is proposed. It comes from OpenCV. Without that
there is a grid: windows of some scales and ratios, laid over the picture. They know nothing of it, but need nothing.

OpenCV ranks its boxes with random numbers that nobody can seed, so its order is given up: the boxes are put into one
order, shuffled by a seed of ours, and those go that nearly repeat an earlier one. The first N are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl._checks import check_choice, check_fraction, shown, to_int
from minidl._random import addressed
from minidl.data.boxes import Boxes
from minidl.data.boxes._boxes import to_boxes
from minidl.detection.overlap import iou, nms

SCALES = (1.0, 0.5, 0.25, 0.125)  # of a window's side in that of the picture (of a square as large)
RATIOS = (0.5, 1.0, 2.0)  # width over height
STEPS = tuple(0.2 * 1.1**power for power in range(48))  # between windows, in their own sides; from dense to one only
SEARCHES = ("fast", "quality")
METHODS = (*SEARCHES, "grid")
LEAST = 16  # pixels: a narrower box is not proposed
DISTINCT = 0.8  # IoU with an earlier box, from which on a box repeats it
MISSING = (
    "selective search is that of OpenCV's contributed modules, which are not installed: pip install 'minidl[detect]'"
)


def can_search() -> bool:
    """Tell whether selective search is installed: opencv-contrib-python-headless, of the extra ``detect``."""
    return _segmentation() is not None


def _segmentation() -> Any:
    try:
        import cv2
    except ImportError:
        return None
    return getattr(getattr(cv2, "ximgproc", None), "segmentation", None)


def grid_windows(size: Sequence[int], most: int = 200) -> np.ndarray:
    """Return windows of four scales and three ratios that cover a picture evenly, the largest first.

    Args:
        size: height and width of the picture.
        most: how many there may be; they lie as densely as that allows.

    Returns:
        (N, 4) of x1, y1, x2, y2, float64; N is at most `most`.

    Raises:
        ValueError: if a number is less than 1.

    Example:
        >>> len(grid_windows((480, 640), 200)), len(grid_windows((480, 640), 1000))
        (191, 945)
    """
    h, width = (to_int("grid_windows", name, side, least=1) for name, side in zip(("height", "width"), size))
    most = to_int("grid_windows", "most", most, least=1)
    for step in STEPS:
        found = _windows(h, width, step)
        if len(found) <= most:
            break
    return found[:most]


def _windows(h: int, width: int, step: float) -> np.ndarray:
    side = np.sqrt(h * width)
    found = []
    for scale in SCALES:
        for ratio in RATIOS:
            sides = min(width, scale * side * np.sqrt(ratio)), min(h, scale * side / np.sqrt(ratio))
            left, top = (_places(whole - part, part * step) for whole, part in zip((width, h), sides))
            corners = np.stack(np.meshgrid(left, top), axis=-1).reshape(-1, 2)
            found.append(np.concatenate([corners, corners + sides], axis=1))
    return np.concatenate(found)


def _places(room: float, step: float) -> np.ndarray:
    """Return where windows begin: evenly from 0 to the room that they have; in the middle if it is one."""
    count = int(room / step + 0.5) + 1
    return np.linspace(0, room, count) if count > 1 else np.array([room / 2])


def selective_search(
    pixels: np.ndarray,
    *,
    mode: str = "fast",
    width: int = 250,
    most: int = 200,
    distinct: float = DISTINCT,
    seed: int = 0,
) -> np.ndarray:
    """Return the boxes of the regions that selective search joins; the same for the same picture and seed.

    Args:
        pixels: uint8 (3, H, W).
        mode: "fast" (default) or "quality", which joins by more kinds of likeness, and takes longer.
        width: the picture is searched at this width: large ones give more boxes, and take longer. The paper has 500
            with some 2,000 boxes; 250 (default) suits a few hundred.
        most: how many boxes to keep.
        distinct: a box goes if it overlaps an earlier one by more than this; 1 keeps all.
        seed: of the order, and so of the choice.

    Returns:
        (N, 4) of x1, y1, x2, y2 in pixels, float64; boxes narrower than 16 pixels are left out.

    Raises:
        ModuleNotFoundError: if OpenCV's contributed modules are not installed.
        ValueError: if pixels are no picture, or a setting is refused.
    """
    check_choice("selective_search", "mode", mode, SEARCHES)
    check_fraction("selective_search", "distinct", distinct)
    width, most = (to_int("selective_search", *pair, least=1) for pair in (("width", width), ("most", most)))
    if getattr(pixels, "dtype", None) != np.uint8 or pixels.ndim != 3 or len(pixels) != 3 or not pixels.size:
        raise ValueError(f"selective_search: expects a picture, uint8 (3, H, W); received pixels={shown(pixels)}")
    search = _segmentation()
    if search is None:
        raise ModuleNotFoundError(f"selective_search: {MISSING}, or take windows of a grid", name="cv2")
    import cv2

    factor = width / pixels.shape[2]
    small = cv2.resize(
        np.ascontiguousarray(pixels[::-1].transpose(1, 2, 0)),  # OpenCV's colours begin with blue
        (width, max(1, round(factor * pixels.shape[1]))),
        interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR,
    )
    searcher = search.createSelectiveSearchSegmentation()
    searcher.setBaseImage(small)
    (searcher.switchToSelectiveSearchFast if mode == "fast" else searcher.switchToSelectiveSearchQuality)()
    found = np.unique(np.asarray(searcher.process(), dtype=np.float64).reshape(-1, 4), axis=0)
    scale = np.array([pixels.shape[2] / small.shape[1], pixels.shape[1] / small.shape[0]] * 2)
    boxes = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1) * scale
    boxes = boxes[(boxes[:, 2:] - boxes[:, :2] >= LEAST).all(axis=1)]
    boxes = boxes[addressed(seed, "proposals").permutation(len(boxes))]
    return boxes[nms(boxes, -np.arange(len(boxes)), distinct)[:most]] if len(boxes) else boxes


def proposal_recall(
    proposals: Sequence[Any], truths: Sequence[Boxes], threshold: float = 0.5, *, label: int | None = None
) -> float:
    """Return the part of what is there that some proposal overlaps enough: no detector can find more.

    Args:
        proposals: boxes (N, 4) of each picture.
        truths: what there is, of each picture, in the same order; difficult things and crowds do not count.
        threshold: the IoU from which on a thing counts as met; default 0.5.
        label: count this class only; None (default) counts all.

    Returns:
        From 0 to 1, NaN where nothing is there.

    Raises:
        ValueError: if there are not as many of both, or the threshold is not from 0 to 1.

    Example:
        >>> truth = Boxes([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0])
        >>> proposal_recall([[[0, 0, 10, 8]]], [truth]), proposal_recall([[[0, 0, 10, 8]]], [truth], 0.9)
        (0.5, 0.0)
    """
    check_fraction("proposal_recall", "threshold", threshold)
    if len(proposals) != len(truths):
        raise ValueError(
            f"proposal_recall: expects proposals for each picture; received {len(proposals)} of proposals, "
            f"{len(truths)} of truths"
        )
    met, total = 0, 0
    for boxes, truth in zip(proposals, truths):
        asked = ~truth.difficult & ~truth.crowd & (True if label is None else truth.labels == label)
        total += int(asked.sum())
        boxes = to_boxes("proposal_recall", "proposals", boxes)
        if len(boxes) and asked.any():
            met += int((iou(truth.boxes[asked], boxes).max(axis=1) >= threshold).sum())
    return met / total if total else float("nan")

"""YOLO's answers: what they should be, how wrong they are, and which boxes they say.

A picture is cut into S × S cells. Each cell says B boxes, of five numbers each, and C numbers for the classes:

    x, y    where the centre lies in the cell, from 0 to 1
    r, s    the square roots of the width and the height, as parts of the picture
    c       how sure it is: of a thing, times how well the box fits
    p_k     of each class: how likely it is that of the thing, if there is one

The derivation stands in docs/derivations/yolo.md. Source: Redmon et al., "You only look once: unified, real-time object
detection", arXiv:1506.02640, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._checks import check_alike, check_fraction, check_positive, to_int
from minidl.data.boxes import Boxes
from minidl.detection._answers import Detections
from minidl.detection.overlap import nms
from minidl.tensor import Context, Function, Tensor

FIVE = 5  # numbers of a box: x, y, r, s, c
LAMBDA_COORD, LAMBDA_NOOBJ = 5.0, 0.5


class Aims(NamedTuple):
    """What answers (N, S, S, 5·B + C) should be, and how much each of them counts."""

    aim: np.ndarray
    weight: np.ndarray


class YoloLoss(Function):
    """L = Σ λ · (y - t)² / N; saves λ · (y - t)."""

    @staticmethod
    def forward(ctx: Context, y: Array, aim: Array, weight: Array) -> Array:
        """The weighted sum of the squares, for one picture in the mean."""
        difference = y - aim
        weighted = weight * difference
        ctx.save(weighted)
        ctx.pictures = len(y)
        return _backend.array_module(y).asarray((weighted * difference).sum() / len(y), dtype=y.dtype)

    @staticmethod
    def backward(ctx: Context, dy: Array) -> tuple[Array, None, None]:
        """dy = 2 · λ · (y - t) / N."""
        (weighted,) = ctx.saved
        return weighted * (2 * dy / ctx.pictures), None, None


def yolo_loss(
    y: Tensor,
    truths: Sequence[Boxes],
    size: tuple[int, int],
    boxes: int,
    *,
    lambda_coord: float = LAMBDA_COORD,
    lambda_noobj: float = LAMBDA_NOOBJ,
) -> Tensor:
    """Return how wrong answers are: YOLO's loss, of one picture in the mean.

    Which box of a cell answers for a thing, and how sure it should be, follows from the answers themselves, but is held
    fixed: no gradient goes through it.

    Args:
        y: answers (N, S, S, 5·B + C).
        truths: what there is, of each picture, in pixels of pictures of this size.
        size: height and width of the pictures.
        boxes: B, how many boxes a cell says.
        lambda_coord: how much places and sizes count; 5 in the paper.
        lambda_noobj: how much boxes count that answer for nothing; 0.5 in the paper.

    Returns:
        One number.

    Raises:
        ValueError: if the shapes do not fit, or a label has no class.
        TypeError: if y is no float tensor.

    Example:
        >>> y = Tensor(np.zeros((1, 1, 1, 6)))
        >>> truth = Boxes([[0, 0, 10, 10]], [0])  # x = y = 1/2, roots 1, the box of no size fits by 0, and one class
        >>> yolo_loss(y, [truth], (10, 10), 1).item()  # 5 · (1/4 + 1/4 + 1 + 1) + 0 + 1
        13.5
    """
    check_alike("yolo_loss", y=y)
    check_positive("yolo_loss", "lambda_coord", lambda_coord)
    check_positive("yolo_loss", "lambda_noobj", lambda_noobj)
    aims = yolo_aims(y.numpy() if not y.requires_grad else y.detach().numpy(), truths, size, boxes)
    coord, noobj = np.float64(lambda_coord), np.float64(lambda_noobj)
    weight = np.where(aims.weight == _COORD, coord, np.where(aims.weight == _NOOBJ, noobj, aims.weight))
    given = [Tensor(_backend.to_device(part.astype(y.dtype), y.device)) for part in (aims.aim, weight)]
    return YoloLoss.apply(y, *given)


_COORD, _NOOBJ = 2.0, 3.0  # marks of weights, which λ takes the place of


def yolo_aims(y: np.ndarray, truths: Sequence[Boxes], size: tuple[int, int], boxes: int) -> Aims:
    """Say what each answer should be, and what counts: 0, 1, or the marks of the two λ.

    Of several things whose centres lie in one cell, the cell answers for the first. Of its boxes that one answers which
    overlaps the thing most; of those that overlap it as much (mostly not at all), the nearest.

    Args:
        y: answers (N, S, S, 5·B + C).
        truths: what there is, of each picture.
        size: height and width of the pictures.
        boxes: B.
    """
    classes = check_answers("yolo_loss", y.shape, boxes)
    if len(truths) != len(y):
        raise ValueError(f"yolo_loss: expects boxes of each of the {len(y)} pictures; received {len(truths)}")
    s, aim, weight = y.shape[1], np.zeros(y.shape), np.zeros(y.shape)
    weight[..., 4 : FIVE * boxes : FIVE] = _NOOBJ
    picture, found, labels = _first_of_cells(truths, size, s, classes)
    if not len(picture):
        return Aims(aim, weight)
    cx, cy = found[:, 0] * s, found[:, 1] * s
    column, row = (np.minimum(at.astype(np.int64), s - 1) for at in (cx, cy))
    wanted = np.stack([cx - column, cy - row, np.sqrt(found[:, 2]), np.sqrt(found[:, 3])], axis=1)  # (T, 4)
    said = y[picture, row, column, : FIVE * boxes].reshape(-1, boxes, FIVE).astype(np.float64)
    overlap = overlaps(said[..., :4], wanted[:, None], s)  # (T, B)
    far = ((said[..., :4] - wanted[:, None]) ** 2).sum(axis=2)
    best = overlap.max(axis=1, keepdims=True)
    chosen = np.where(overlap == best, far, np.inf).argmin(axis=1)
    for place in range(4):
        at = picture, row, column, FIVE * chosen + place
        aim[at], weight[at] = wanted[:, place], _COORD
    at = picture, row, column, FIVE * chosen + 4
    aim[at], weight[at] = best[:, 0], 1.0
    weight[picture, row, column, FIVE * boxes :] = 1.0
    aim[picture, row, column, FIVE * boxes + labels] = 1.0
    return Aims(aim, weight)


def _first_of_cells(
    truths: Sequence[Boxes], size: tuple[int, int], s: int, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return picture, centre and size as parts of the picture, and class of the first thing in each cell."""
    pictures = np.repeat(np.arange(len(truths)), [len(one) for one in truths])
    corners = np.concatenate([np.zeros((0, 4)), *(one.boxes.astype(np.float64) for one in truths)])
    labels = np.concatenate([np.zeros(0, np.int64), *(one.labels for one in truths)])
    asked = np.concatenate([np.zeros(0, bool), *(~one.crowd for one in truths)])
    if len(labels) and labels.max() >= classes:
        raise ValueError(
            f"yolo_loss: the answers have {classes} classes, numbered from 0; received a label {labels.max()}"
        )
    span = np.array([size[1], size[0]] * 2, dtype=np.float64)
    corners = corners.clip(0, span) / span
    centre, sides = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    cell = np.minimum((centre * s).astype(np.int64), s - 1)
    places = (pictures * s + cell[:, 1]) * s + cell[:, 0]
    _, first = np.unique(np.where(asked, places, -1), return_index=True)
    first = first[asked[first]]
    return pictures[first], np.concatenate([centre, sides], axis=1)[first], labels[first]


def overlaps(a: np.ndarray, b: np.ndarray, s: int) -> np.ndarray:
    """Return the IoU of boxes as a cell says them: x, y in cells, and roots of the sizes (…, 4)."""
    low, high = [], []
    for boxes in (a, b):
        centre, half = boxes[..., :2] / s, boxes[..., 2:4] ** 2 / 2
        low.append(centre - half)
        high.append(centre + half)
    sides = np.minimum(*high) - np.maximum(*low)
    both = sides.clip(0, None).prod(axis=-1)
    either = (high[0] - low[0]).prod(axis=-1) + (high[1] - low[1]).prod(axis=-1) - both
    return both / np.where(either > 0, either, 1)


def check_answers(op: str, shape: tuple[int, ...], boxes: int) -> int:
    """Refuse what is no (N, S, S, 5·B + C), and return C."""
    boxes = to_int(op, "boxes", boxes, least=1)
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] <= FIVE * boxes:
        raise ValueError(
            f"{op}: answers must be (N, S, S, 5·B + C) with C >= 1, 5·B = 5 * {boxes} = {FIVE * boxes}; y.shape={shape}"
        )
    return shape[3] - FIVE * boxes


def yolo_decode(
    y: Any,
    size: tuple[int, int],
    boxes: int,
    *,
    threshold: float = 0.01,
    overlap: float = 0.5,
    limit: int = 300,
) -> list[Detections]:
    """Return which boxes answers say, after suppression.

    The score of a box for a class is how sure the box is, times how likely the class.

    Args:
        y: answers (N, S, S, 5·B + C), an array or a tensor.
        size: height and width of the pictures, in whose pixels the boxes are returned, cut at the edges.
        boxes: B, how many boxes a cell says.
        threshold: scores below are left out; default 0.01, for average precision; 0.2 shows what the network means.
        overlap: boxes of one class that overlap more take each other away.
        limit: at most so many for a picture, the best.

    Raises:
        ValueError: if the shape does not fit, or a number is wrong.

    Example:
        >>> y = np.array([[[[0.5, 0.5, 0.5, 1.0, 0.8, 0.1, 0.9]]]])  # one cell, one box, two classes
        >>> (found,) = yolo_decode(y, (10, 20), 1, threshold=0.5)
        >>> found.boxes, found.labels, found.scores.round(2)
        (array([[ 7.5,  0. , 12.5, 10. ]]), array([1]), array([0.72]))
    """
    check_fraction("yolo_decode", "threshold", threshold)
    check_fraction("yolo_decode", "overlap", overlap)
    array = (y.detach().numpy() if isinstance(y, Tensor) else _backend.to_numpy(y)).astype(np.float64)
    classes, (n, s) = check_answers("yolo_decode", array.shape, boxes), array.shape[:2]
    said = array[..., : FIVE * boxes].reshape(n, s, s, boxes, FIVE)
    cell = np.arange(s)
    centre = np.stack([said[..., 0] + cell[None, None, :, None], said[..., 1] + cell[None, :, None, None]], axis=-1) / s
    half = said[..., 2:4] ** 2 / 2
    span = np.array([size[1], size[0]] * 2, dtype=np.float64)
    corners = (np.concatenate([centre - half, centre + half], axis=-1) * span).clip(0, span)
    scores = said[..., 4, None] * array[..., None, FIVE * boxes :]  # (N, S, S, B, C)
    corners, scores = corners.reshape(n, -1, 4), scores.reshape(n, -1, classes)
    found = []
    for picture in range(n):
        box, label = np.nonzero(
            (scores[picture] >= max(threshold, 1e-12)) & np.isfinite(corners[picture]).all(1)[:, None]
        )
        some, sure = corners[picture][box], scores[picture][box, label].clip(None, 1.0)
        kept = nms(some, sure, overlap, labels=label, limit=limit)
        found.append(Detections(some[kept], label[kept], sure[kept]))
    return found

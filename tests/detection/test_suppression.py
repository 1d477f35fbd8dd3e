"""Suppression beside nested loops, in the book and in the fast set."""

import numpy as np
import pytest

from minidl import kernels
from minidl.detection import nms
from minidl.kernels import textbook
from tests.detection.test_precision import overlap
from tests.kernels.twins import FAST


def by_loops(boxes, threshold):
    kept = []
    for place, box in enumerate(boxes.tolist()):
        if all(not overlap(boxes[other].tolist(), box) > threshold for other in kept):
            kept.append(place)
    return kept


def boxes_of(rng, count, grid):
    corner = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 30, (count, 2))], axis=1)
    if grid:
        boxes = np.round(boxes / grid) * grid
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + grid)
    return boxes


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("grid", [0, 1, 5], ids=["anywhere", "whole pixels", "mostly ties"])
def test_what_stays_is_what_loops_keep(grid, dtype, rng):
    for count in (1, 2, 30, 90):
        boxes = boxes_of(rng, count, grid).astype(dtype)
        for threshold in (0.0, 0.2, 1 / 3, 0.5, 0.9, 1.0):
            right = by_loops(boxes.astype("float64"), threshold)
            for kernel in (textbook.nms, FAST.offers("nms")):
                kept = kernel(boxes, threshold)
                assert kept.dtype == bool
                assert np.flatnonzero(kept).tolist() == right, (kernel.__module__, threshold)


def test_boxes_of_no_size_and_far_away(rng):
    boxes = np.concatenate([boxes_of(rng, 40, 0), np.repeat(boxes_of(rng, 5, 0)[:, :2], 2, axis=1)[:, [0, 2, 0, 2]]])
    boxes = np.concatenate([boxes, boxes + 1e7, boxes - 1e7])
    for threshold in (0.0, 0.5):
        np.testing.assert_array_equal(textbook.nms(boxes, threshold), FAST.offers("nms")(boxes, threshold))


def test_many_boxes_go_to_the_fast_set(rng):
    boxes, scores = boxes_of(rng, 1100, 0), rng.random(1100)
    ran = []
    module = FAST.opened()
    with pytest.MonkeyPatch.context() as patch:
        fast = module.nms
        patch.setattr(module, "nms", lambda *args: ran.append(len(args[0])) or fast(*args))
        kept = nms(boxes, scores, 0.4)
        assert len(nms(boxes[:1000], scores[:1000], 0.4))
    assert ran == [1100]
    with kernels.use("textbook"):
        np.testing.assert_array_equal(nms(boxes, scores, 0.4), kept)
    assert (np.diff(scores[kept]) <= 0).all()


def test_classes_limits_and_equal_scores():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [40, 0, 50, 10], [0, 0, 10, 10]], "float32")
    assert nms(boxes, [0.5, 0.5, 0.9, 0.5]).tolist() == [2, 0]
    assert nms(boxes, [0.5, 0.6, 0.9, 0.5], labels=[0, 1, 0, 1]).tolist() == [2, 1, 0]
    assert nms(boxes, [0.5, 0.6, 0.9, 0.5], limit=1).tolist() == [2]
    assert nms(np.zeros((0, 4)), []).tolist() == []
    with pytest.raises(ValueError, match="^nms: threshold must be from 0 to 1; received threshold=1.5"):
        nms(boxes, np.zeros(4), 1.5)

"""Regions, overlaps and suppression beside torchvision's."""

import numpy as np
import pytest

from minidl import Tensor, ops
from minidl.detection import iou, nms
from tests.contract import relative_error

torch = pytest.importorskip("torch")
vision = pytest.importorskip("torchvision").ops
pytestmark = pytest.mark.peers


def boxes_of(rng, count, most=40.0):
    corners = rng.uniform(-2, most, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(0, most / 2, (count, 2))], axis=1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_regions(dtype, rng):
    x, tolerance = rng.standard_normal((2, 3, 11, 9)).astype(dtype), {"float64": 1e-12, "float32": 1e-5}[dtype]
    boxes = np.concatenate([rng.integers(0, 2, (24, 1)), boxes_of(rng, 24)], axis=1).astype(dtype)
    boxes[:8] = np.round(boxes[:8])
    calls = [("roi_pool", (2, 3), {"spatial_scale": scale}) for scale in (1.0, 0.25)]
    calls += [
        ("roi_align", (3, 2), {"spatial_scale": scale, "sampling_ratio": points, "aligned": aligned})
        for scale in (1.0, 0.25)
        for points in (-1, 2)
        for aligned in (False, True)
    ]
    for name, size, settings in calls:
        ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y = getattr(ops, name)(ours, boxes, size, **settings)
        right = getattr(vision, name)(theirs, torch.tensor(boxes), size, **settings)
        dy = rng.standard_normal(y.shape).astype(dtype)
        y.backward(dy)
        right.backward(torch.tensor(dy))
        assert relative_error(y.data, right.detach().numpy()) <= tolerance, (name, settings)
        assert relative_error(ours.grad, theirs.grad.numpy()) <= tolerance, (name, settings)


def test_overlaps_and_suppression(rng):
    for count in (0, 1, 7, 60, 1500):
        boxes, scores = boxes_of(rng, count, 200.0), np.round(rng.random(count), 2)
        others = boxes_of(rng, 20, 200.0)
        boxes[: count // 2] = np.round(boxes[: count // 2] / 8) * 8  # the same overlaps, and boxes twice
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        theirs = vision.box_iou(torch.tensor(boxes), torch.tensor(others)).numpy()
        assert relative_error(iou(boxes, others), theirs) <= 1e-12
        labels = rng.integers(0, 3, count)
        for threshold in (0.1, 0.3, 0.5, 0.75):
            kept = vision.nms(torch.tensor(boxes), torch.tensor(scores), threshold)
            np.testing.assert_array_equal(nms(boxes, scores, threshold), kept.numpy())
            each = []  # torchvision moves classes apart, which rounds; one by one nothing does
            for of_class in (np.flatnonzero(labels == label) for label in range(3)):
                stay = vision.nms(torch.tensor(boxes[of_class]), torch.tensor(scores[of_class]), threshold)
                each.append(of_class[stay.numpy()])
            found = np.sort(nms(boxes, scores, threshold, labels=labels))
            np.testing.assert_array_equal(found, np.sort(np.concatenate(each)))

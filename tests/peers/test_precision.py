"""Average precision in COCO's convention beside pycocotools'."""

import contextlib
import io

import numpy as np
import pytest

from minidl.detection import evaluate
from tests.detection.made_up import CLASSES, made_up

coco = pytest.importorskip("pycocotools.coco")
cocoeval = pytest.importorskip("pycocotools.cocoeval")
pytestmark = pytest.mark.peers


def theirs(found, truths):
    """Precision of pycocotools, averaged over recalls: (4, 10, K)."""
    images = [{"id": i + 1, "width": 400, "height": 400} for i in range(len(truths))]
    boxes, answers = [], []
    for picture, (answer, truth) in enumerate(zip(found, truths)):
        for box, label, crowd, area in zip(truth.boxes.tolist(), truth.labels, truth.crowd, truth.area):
            x1, y1, x2, y2 = box
            row = {"id": len(boxes) + 1, "image_id": picture + 1, "category_id": int(label), "iscrowd": int(crowd)}
            boxes.append({**row, "area": float(area), "bbox": [x1, y1, x2 - x1, y2 - y1]})
        for box, label, score in zip(answer.boxes.tolist(), answer.labels, answer.scores):
            x1, y1, x2, y2 = box
            row = {"image_id": picture + 1, "category_id": int(label), "score": float(score)}
            answers.append({**row, "bbox": [x1, y1, x2 - x1, y2 - y1]})
    truth = coco.COCO()
    truth.dataset = {"images": images, "annotations": boxes, "categories": [{"id": i} for i in range(CLASSES)]}
    truth.createIndex()
    judge = cocoeval.COCOeval(truth, truth.loadRes(answers), "bbox")
    judge.evaluate()
    judge.accumulate()
    precision = judge.eval["precision"][..., -1]  # (T, R, K, A), of 100 answers
    means = precision.mean(axis=1)
    return np.where((precision > -1).all(axis=1), means, np.nan).transpose(2, 0, 1)


def test_coco_is_what_pycocotools_says():
    """200 sets, with crowds, sizes of outlines, ties, boxes twice, classes without boxes, pictures without any."""
    compared = 0
    for seed in range(200):
        found, truths = made_up(np.random.default_rng(seed))
        if not any(map(len, found)):
            continue  # pycocotools takes no empty list of answers
        with contextlib.redirect_stdout(io.StringIO()):
            right = theirs(found, truths)
        ours = evaluate(found, truths, CLASSES).coco
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(right))
        assert np.nanmax(np.abs(ours - right), initial=0.0) <= 1e-9, seed
        compared += np.isfinite(right).sum()
    assert compared > 5000

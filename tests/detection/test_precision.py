"""Average precision in VOC's two conventions beside nested loops over fractions, and what the numbers mean."""

from fractions import Fraction

import numpy as np
import pytest

from minidl.detection import (
    KINDS,
    Boxes,
    Curve,
    Detections,
    average_precision,
    error_kinds,
    evaluate,
    iou,
    precision_recall,
)
from tests.detection.made_up import CLASSES, made_up


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def voc_by_loops(found, truths, label, threshold):
    """VOC's rules, answer by answer: the two average precisions as fractions, or None."""
    answers = [
        (-score, picture, place, box)
        for picture, some in enumerate(found)
        for place, (box, kind, score) in enumerate(zip(some.boxes.tolist(), some.labels, some.scores))
        if kind == label
    ]
    truth = [
        [
            [box, bool(hard), False]
            for box, kind, hard in zip(one.boxes.tolist(), one.labels, one.difficult | one.crowd)
            if kind == label
        ]
        for one in truths
    ]
    total = sum(not hard for one in truth for _, hard, _ in one)
    points, right, wrong = [], 0, 0
    for _, picture, _, box in sorted(answers, key=lambda it: it[:3]):
        best, which = -1.0, None
        for thing in truth[picture]:
            if (share := overlap(box, thing[0])) > best:
                best, which = share, thing
        if best >= threshold and which[1]:
            continue
        if best >= threshold and not which[2]:
            which[2], right = True, right + 1
        else:
            wrong += 1
        points.append((right, Fraction(right, right + wrong)))
    if not total:
        return None
    eleven = sum(max((p for r, p in points if 10 * r >= i * total), default=Fraction(0)) for i in range(11)) / 11
    area = sum(
        (max((p for r, p in points if r >= step), default=Fraction(0)) for step in range(1, total + 1)), Fraction(0)
    )
    return eleven, area / total


def test_voc_is_what_loops_say():
    """200 sets, at the overlap that everybody uses and at two others."""
    compared = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found, truths = made_up(rng)
        threshold = float(rng.choice([0.5, 0.5, 0.3, 0.75]))
        for label in range(CLASSES):
            curve = precision_recall(found, truths, label, threshold=threshold)
            right = voc_by_loops(found, truths, label, threshold)
            ours = [average_precision(curve, name) for name in ("voc2007", "voc2010")]
            if right is None:
                assert np.isnan(ours).all()
            else:
                assert np.abs(np.array(ours) - np.array(right, dtype=float)).max() <= 1e-12
                compared += 1
    assert compared > 300


def test_a_recall_is_counted_in_whole_numbers():
    """3 of 10 reach the recall 0.3, though 3 · 0.1 is a little more than 0.3."""
    curve = Curve(np.linspace(1, 0.1, 3), np.array([1, 2, 3]), 10)
    assert average_precision(curve, "voc2007") == pytest.approx(4 / 11, abs=1e-15)


def test_a_second_answer_to_a_box_is_wrong_for_voc_and_may_find_another_for_coco():
    truth = Boxes([[0, 0, 10, 10], [0, 0, 10, 8]], [0, 0])
    found = Detections([[0, 0, 10, 10], [0, 0, 10, 9.5]], [0, 0], [0.9, 0.8])
    assert precision_recall([found], [truth], 0).right.tolist() == [1, 1]
    assert precision_recall([found], [truth], 0, convention="coco").right.tolist() == [1, 2]


def test_difficult_ones_and_crowds_are_left_out_as_each_says():
    boxes, found = [[0, 0, 10, 10]], Detections([[0, 0, 10, 10], [0, 0, 10, 9]], [0, 0], [0.9, 0.8])
    difficult, crowd = Boxes(boxes, [0], difficult=[True]), Boxes(boxes, [0], crowd=[True])
    for truth in (difficult, crowd):
        assert (len(precision_recall([found], [truth], 0).right), precision_recall([found], [truth], 0).total) == (0, 0)
    coco = precision_recall([found], [difficult], 0, convention="coco")  # COCO knows nothing difficult
    assert (coco.right.tolist(), coco.total) == ([1, 1], 1)
    assert len(precision_recall([found], [crowd], 0, convention="coco").right) == 0
    inside = Detections([[0, 0, 5, 5]], [0], [0.9])  # all of it lies in the crowd, though IoU is 0.25
    assert len(precision_recall([inside], [crowd], 0, convention="coco").right) == 0
    assert precision_recall([inside], [crowd], 0).right.tolist() == [0]


def test_means_and_plain_values():
    truth = Boxes([[0, 0, 10, 10], [0, 0, 200, 200]], [0, 1])
    found = Detections([[0, 0, 10, 10], [0, 0, 200, 110]], [0, 1], [0.9, 0.8])
    got = evaluate([found], [truth], ["cell", "plate", "none"])
    assert got.means() == pytest.approx(
        {
            "voc2007": 1,
            "voc2010": 1,
            "coco": 0.6,
            "coco50": 1,
            "coco75": 0.5,
            "small": 1,
            "medium": np.nan,
            "large": 0.2,
        },
        nan_ok=True,
    )
    rows = got.to_dict()
    assert rows["mean"]["medium"] is None
    assert [row["coco"] for row in rows["classes"]] == [1.0, pytest.approx(0.2), None]
    assert rows["classes"][1]["n"] == 1


def test_the_order_of_pictures_that_say_the_same_does_not_matter():
    rng = np.random.default_rng(3)
    found, truths = made_up(rng)
    unlike = [Detections(one.boxes, one.labels, one.scores + rng.random(len(one)) * 1e-6) for one in found]
    once, turned = (evaluate(a, b, CLASSES) for a, b in ((unlike, truths), (unlike[::-1], truths[::-1])))
    np.testing.assert_allclose(once.coco, turned.coco, rtol=1e-12)
    np.testing.assert_allclose(once.voc2010, turned.voc2010, rtol=1e-12)


def test_kinds_of_errors():
    truth = Boxes([[0, 0, 10, 10], [50, 0, 60, 10], [100, 0, 110, 10]], [0, 1, 0], difficult=[False, False, True])
    answers = [
        ([0, 0, 10, 9], 0, "right"),
        ([0, 0, 9, 10], 0, "twice"),
        ([4, 0, 14, 10], 0, "placed"),
        ([0, 0, 10, 10], 1, "class"),
        ([200, 0, 210, 10], 0, "background"),
        ([100, 0, 110, 9], 0, "left out"),
        ([9.9, 0, 19, 10], 0, "background"),
    ]
    boxes, labels, kinds = zip(*answers)
    found, met = error_kinds([Detections(boxes, labels, np.linspace(1, 0.1, len(boxes)))], [truth])
    assert [KINDS[kind] for kind in found[0]] == list(kinds)
    assert met[0].tolist() == [True, False, False]
    assert error_kinds([Detections([], [], [])], [truth])[0][0].shape == (0,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: iou([[1, 0, 0, 1]], []),
            ValueError,
            "iou: a box is x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, all of "
            r"them numbers; received a\[0\] = \[1.0, 0.0, 0.0, 1.0\]",
        ),
        (lambda: iou([[0, 0, np.nan, 1]], []), ValueError, r"iou: a box is .*received a\[0\] = \[0.0, 0.0, nan, 1.0\]"),
        (
            lambda: iou([0, 0, 1, 1], []),
            ValueError,
            r"iou: a must be \(N, 4\) of x1, y1, x2, y2; a.shape=\(4,\); one box",
        ),
        (
            lambda: Boxes([[0, 0, 1, 1]], [0.5]),
            ValueError,
            "Boxes: labels must be a whole number for each of the 1 boxes",
        ),
        (lambda: Boxes([[0, 0, 1, 1]], [-1]), ValueError, "Boxes: classes are numbered from 0 on; received a label -1"),
        (
            lambda: Boxes([[0, 0, 1, 1]], [0], crowd=[0, 1]),
            ValueError,
            r"Boxes: crowd must have one for each of the 1 ",
        ),
        (
            lambda: Detections([[0, 0, 1, 1]], [0], [np.nan]),
            ValueError,
            r"Detections: a score is NaN, .*scores\[0\] = nan",
        ),
        (
            lambda: Detections([[0, 0, 1, 1]], [0], []),
            ValueError,
            r"Detections: scores must be a number for each of the 1",
        ),
        (
            lambda: evaluate([], [Boxes([], [])], 1),
            ValueError,
            "evaluate: expects answers for each picture; received 0 of",
        ),
        (lambda: evaluate([0], [Boxes([], [])], 1), TypeError, "evaluate: found must be a list of Detections, one for"),
        (
            lambda: evaluate([Detections([], [], [])], [Boxes([[0, 0, 1, 1]], [2])], 2),
            ValueError,
            "evaluate: there are 2 classes, numbered from 0 to 1; received the label 2 in picture 0",
        ),
        (
            lambda: precision_recall([], [], 0, convention="voc"),
            ValueError,
            "precision_recall: convention must be one of ",
        ),
    ],
)
def test_it_says_what_is_wrong(call, error, message):
    with pytest.raises(error, match=f"^{message}") as caught:
        call()
    assert "\n" not in str(caught.value)

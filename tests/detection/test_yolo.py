"""YOLO's loss beside nested loops and finite differences, what answers say, and the networks of the paper."""

import math
from itertools import pairwise

import numpy as np
import pytest

import minidl
from minidl import Tensor, kernels, models, nn
from minidl.detection import Boxes, Detections, yolo_decode, yolo_loss
from minidl.detection.yolo import YoloLoss, yolo_aims
from tests.detection.test_precision import overlap

SIZE = (90, 120)


def loss_by_loops(y, truths, size, boxes, coord=5.0, noobj=0.5):
    """The paper's five sums, cell by cell."""
    n, s = y.shape[:2]
    h, width = size
    total = 0.0
    for picture in range(n):
        for row in range(s):
            for column in range(s):
                cell = y[picture, row, column]
                thing = None
                for box, label, crowd in zip(truths[picture].boxes, truths[picture].labels, truths[picture].crowd):
                    x1, x2 = (min(max(side, 0), width) / width for side in (box[0], box[2]))
                    y1, y2 = (min(max(side, 0), h) / h for side in (box[1], box[3]))
                    at = min(int((x1 + x2) / 2 * s), s - 1), min(int((y1 + y2) / 2 * s), s - 1)
                    if thing is None and at == (column, row) and not crowd:
                        thing = (x1, y1, x2, y2), label
                answering, best = None, (-1.0, math.inf)
                for j in range(boxes):
                    x, v, r, q, _ = cell[5 * j : 5 * j + 5]
                    if thing is None:
                        continue
                    u, w = (x + column) / s, r * r
                    t, z = (v + row) / s, q * q
                    x1, y1, x2, y2 = thing[0]
                    has_size = w * z + (x2 - x1) * (y2 - y1) > 0
                    share = overlap((u - w / 2, t - z / 2, u + w / 2, t + z / 2), thing[0]) if has_size else 0.0
                    wanted = ((x1 + x2) / 2 * s - column, (y1 + y2) / 2 * s - row, (x2 - x1) ** 0.5, (y2 - y1) ** 0.5)
                    far = sum((a - b) ** 2 for a, b in zip((x, v, r, q), wanted))
                    if share > best[0] or (share == best[0] and far < best[1]):
                        answering, best, aim = j, (share, far), wanted
                for j in range(boxes):
                    five = cell[5 * j : 5 * j + 5]
                    if j != answering:
                        total += noobj * five[4] ** 2
                        continue
                    total += coord * sum((a - b) ** 2 for a, b in zip(five[:2], aim[:2]))
                    total += coord * sum((a - b) ** 2 for a, b in zip(five[2:4], aim[2:]))
                    total += (five[4] - best[0]) ** 2
                if thing is not None:
                    total += sum((p - (k == thing[1])) ** 2 for k, p in enumerate(cell[5 * boxes :]))
    return total / n


def some_truths(rng, n, classes):
    found = []
    for picture in range(n):
        count = (0, 1, 6)[picture % 3]  # a picture of cells without objects among them
        corner = rng.uniform(-10, 100, (count, 2)) * [1, 0.75]
        boxes = np.concatenate([corner, corner + rng.uniform(1, 60, (count, 2))], axis=1)
        found.append(Boxes(boxes, rng.integers(0, classes, count), crowd=rng.random(count) < 0.1))
    return found


TWO_IN_ONE = Boxes([[40, 40, 44, 44], [30, 30, 54, 54], [0, 0, 120, 90]], [1, 0, 2])
NO_SIZE = Boxes([[50, 20, 50, 20], [10, 60, 30, 60]], [0, 2])
CASES = {
    "anywhere": lambda rng: some_truths(rng, 6, 3),
    "two centres in one cell": lambda rng: [TWO_IN_ONE, TWO_IN_ONE],
    "a box of no size": lambda rng: [NO_SIZE, Boxes([], [])],
    "no objects": lambda rng: [Boxes([], [])],
    "a centre on the last edge": lambda rng: [Boxes([[110, 80, 130, 100], [119, 89, 121, 91]], [0, 1])],
}


@pytest.mark.parametrize("boxes", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_what_loops_say_and_its_gradient_a_slope(name, boxes, rng):
    truths = CASES[name](rng)
    for s in (1, 4, 7):
        y = rng.standard_normal((len(truths), s, s, 5 * boxes + 3)) * 0.7
        y[0, 0, 0] = 0  # boxes of no size are said, too
        right = loss_by_loops(y, truths, SIZE, boxes)
        assert abs(yolo_loss(Tensor(y), truths, SIZE, boxes).item() - right) <= 1e-12 * max(1, abs(right))
        other = loss_by_loops(y, truths, SIZE, boxes, 2.0, 0.25)
        ours = yolo_loss(Tensor(y), truths, SIZE, boxes, lambda_coord=2.0, lambda_noobj=0.25).item()
        assert abs(ours - other) <= 1e-12 * max(1, abs(other))
    aims = yolo_aims(y, truths, SIZE, boxes)
    weight = rng.random(aims.weight.shape) * (aims.weight > 0)
    report = minidl.gradcheck(lambda y: YoloLoss.apply(y, Tensor(aims.aim), Tensor(weight)), [y], mode="direction")
    assert report.worst < 1e-6
    answers = Tensor(y, requires_grad=True)
    yolo_loss(answers, truths, SIZE, boxes).backward(np.array(1.5))
    fixed = aims.weight.copy()
    fixed[aims.weight == 2], fixed[aims.weight == 3] = 5, 0.5
    slope = np.zeros_like(y)
    for at in zip(*(rng.integers(0, n, 25) for n in y.shape)):
        values = []
        for step in (1e-5, -1e-5):
            moved = y.copy()
            moved[at] += step
            values.append((fixed * (moved - aims.aim) ** 2).sum() / len(y))
        slope[at] = (values[0] - values[1]) / 2e-5
        assert abs(answers.grad[at] - 1.5 * slope[at]) <= 1e-6 * max(1, np.abs(answers.grad).max())


def test_what_is_right_says_its_own_boxes(rng):
    """Answers that are as they should be cost nothing but what they are unsure of, and are read back as the truth."""
    boxes = [[10, 10, 40, 50], [70, 30, 110, 85], [80, 2, 100, 12]]
    truth = Boxes(boxes, [2, 0, 1])
    y = np.zeros((1, 6, 6, 13))
    for _ in range(2):  # the IoU that c should be follows from the boxes of the first time
        y = yolo_aims(y, [truth], SIZE, 2).aim
    assert yolo_loss(Tensor(y), [truth], SIZE, 2).item() < 1e-20
    (found,) = yolo_decode(y, SIZE, 2, threshold=0.5)
    order = np.argsort(found.labels)
    np.testing.assert_allclose(found.boxes[order], np.array(boxes, float)[[1, 2, 0]], atol=1e-9)
    np.testing.assert_allclose(found.scores, 1)


def test_what_answers_say(rng):
    y = rng.random((3, 4, 4, 2 * 5 + 3))
    found = yolo_decode(Tensor(y), SIZE, 2, threshold=0.2, overlap=0.4)
    assert all(isinstance(one, Detections) for one in found)
    expected = set()
    for row, column, j, k in np.ndindex(4, 4, 2, 3):
        score = y[1, row, column, 5 * j + 4] * y[1, row, column, 10 + k]
        if score >= 0.2:
            expected.add((k, round(score, 9)))
    got = {(int(k), round(float(score), 9)) for k, score in zip(found[1].labels, found[1].scores)}
    assert got <= expected
    assert max(expected, key=lambda it: it[1]) in got
    for one in found:
        assert (np.diff(one.scores) <= 0).all()
        assert (one.boxes >= 0).all()
        assert (one.boxes <= [120, 90, 120, 90]).all()
    assert len(yolo_decode(y, SIZE, 2, threshold=0.0, limit=7)[0]) == 7
    y[0] = np.nan
    assert len(yolo_decode(y, SIZE, 2)[0]) == 0


def test_the_parameters_of_figure_3():
    """Term by term: kernels · (channels · window + 1 for the bias), and two linear layers."""

    def convolutions(rows):
        return sum(kernels * (channels * window**2 + 1) for channels, kernels, window in rows)

    first = [(3, 64, 7), (64, 192, 3), (192, 128, 1), (128, 256, 3), (256, 256, 1), (256, 512, 3)]
    middle = [(512, 256, 1), (256, 512, 3)] * 4 + [(512, 512, 1), (512, 1024, 3)]
    last = [(1024, 512, 1), (512, 1024, 3)] * 2 + [(1024, 1024, 3)] * 4
    assert len(first + middle + last) == 24
    linear = 7 * 7 * 1024 * 4096 + 4096 + 4096 * 7 * 7 * 30 + 7 * 7 * 30
    with nn.init.unfilled():
        net = models.yolo_v1()
        assert sum(p.numel() for p in net.parameters()) == convolutions(first + middle + last) + linear
        assert sum(isinstance(one, nn.Conv2d) for one in net.modules()) == 24
        fast = models.yolo_v1_fast()
    widths = [3, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]
    linear = 7 * 7 * 1024 * 256 + 256 + 256 * 4096 + 4096 + 4096 * 1470 + 1470
    rows = [(a, b, 3) for a, b in pairwise(widths)]
    assert sum(p.numel() for p in fast.parameters()) == convolutions(rows) + linear
    assert len(rows) == sum(isinstance(one, nn.Conv2d) for one in fast.modules()) == 9


def test_shapes():
    with nn.init.unfilled():
        for net, shape in ((models.yolo_v1(), (7, 7, 30)), (models.yolo_v1_fast(num_classes=3), (7, 7, 13))):
            shapes = []
            with minidl.observe(lambda event, shapes=shapes: shapes.append((event.op, event.output.shape[1:]))):
                y = net.eval()(Tensor(np.zeros((0, 3, 448, 448), np.float32)))
            assert y.shape == (0, *shape)
            assert shapes[0] in (("conv2d", (64, 224, 224)), ("conv2d", (16, 448, 448)))
            assert ("conv2d", (1024, 7, 7)) in shapes
    net = models.yolo_tiny(cells=7, boxes=3, num_classes=4, image_size=56, width=2)
    assert net(Tensor(np.zeros((2, 3, 56, 56), np.float32))).shape == (2, 7, 7, 19)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: models.yolo_tiny(image_size=100),
            "yolo_tiny: image_size must be cells · 2ⁿ with n >= 1; received "
            "image_size=100, cells=14; try image_size=56",
        ),
        (lambda: models.yolo_tiny(boxes=0), "yolo_tiny: boxes must be an int >= 1; received boxes=0"),
        (lambda: models.yolo_tiny()(Tensor(np.zeros((1, 3, 8, 8)))), r"yolo_tiny: expects pictures"),
        (lambda: yolo_loss(Tensor(np.zeros((1, 2, 2, 10))), [Boxes([], [])], SIZE, 2), "yolo_loss: answers must be"),
        (lambda: yolo_loss(Tensor(np.zeros((1, 2, 2, 6))), [], SIZE, 1), "yolo_loss: expects boxes of each"),
        (
            lambda: yolo_loss(Tensor(np.zeros((1, 2, 2, 6))), [Boxes([[0, 0, 1, 1]], [1])], SIZE, 1),
            "yolo_loss: the answers have 1 classes, numbered from 0; received a label 1",
        ),
        (lambda: yolo_decode(np.zeros((1, 2, 2, 6)), SIZE, 1, threshold=2), "yolo_decode: threshold must be"),
    ],
)
def test_it_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_a_few_steps_lower_the_loss(rng):
    net = models.yolo_tiny(cells=4, image_size=32, width=4, rng=np.random.default_rng(0))
    optimizer = minidl.optim.Adam(net.parameters(), lr=1e-2)
    x, truths = Tensor(rng.random((3, 3, 32, 32), dtype=np.float32)), some_truths(rng, 3, 3)
    losses = []
    with kernels.use("textbook"):
        for _ in range(8):
            optimizer.zero_grad()
            loss = yolo_loss(net(x), truths, SIZE, 2)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]

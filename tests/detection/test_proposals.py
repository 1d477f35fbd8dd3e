"""Windows of a grid, selective search, what they meet; and boxes cut out and warped."""

import sys

import numpy as np
import pytest
from PIL import Image

from minidl.detection import Boxes, grid_windows, proposal_recall, selective_search, warp_windows
from minidl.detection.proposals import can_search
from minidl.detection.warping import SHAPES
from tests.detection.made_up import some_boxes
from tests.detection.test_precision import overlap


@pytest.mark.parametrize("size", [(1, 1), (30, 400), (480, 640), (2000, 10)])
@pytest.mark.parametrize("most", [1, 5, 12, 200, 2000])
def test_windows_of_a_grid_lie_in_the_picture_and_are_no_more_than_asked_for(size, most):
    boxes = grid_windows(size, most)
    assert 1 <= len(boxes) <= most
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (boxes >= -1e-9).all()
    assert (boxes <= np.array(size[::-1] * 2) + 1e-9).all()
    np.testing.assert_array_equal(boxes, grid_windows(size, most))


def test_many_windows_meet_most_things(rng):
    """Things of a sixteenth of the picture and more, at any place: a dense grid overlaps nearly all of them by half."""
    sides = rng.uniform(80, 300, (200, 2))
    corner = rng.uniform(0, 1, (200, 2)) * (np.array([640, 480]) - sides)
    truth = Boxes(np.concatenate([corner, corner + sides], axis=1), np.zeros(200, int))
    shares = [proposal_recall([grid_windows((480, 640), most)], [truth]) for most in (20, 200, 2000)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.9


def test_recall_is_that_of_loops(rng):
    truths = [
        Boxes(some_boxes(rng, n), rng.integers(0, 2, n), rng.random(n) < 0.3, rng.random(n) < 0.2) for n in (0, 3, 9)
    ]
    proposals = [some_boxes(rng, n) for n in (4, 0, 60)]
    for label in (None, 0, 1):
        met = [
            any(overlap(box.tolist(), one.tolist()) >= 0.4 for one in boxes)
            for boxes, truth in zip(proposals, truths)
            for box, kind, hard, crowd in zip(truth.boxes, truth.labels, truth.difficult, truth.crowd)
            if not hard and not crowd and label in (None, kind)
        ]
        assert proposal_recall(proposals, truths, 0.4, label=label) == sum(met) / len(met)
    assert np.isnan(proposal_recall([], []))
    with pytest.raises(ValueError, match="^proposal_recall: expects proposals for each picture; received 1"):
        proposal_recall([[]], [])


def test_without_opencv_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert not can_search()
    with pytest.raises(ModuleNotFoundError, match=r"^selective_search: .* pip install 'minidl\[detect\]', or take"):
        selective_search(np.zeros((3, 9, 9), np.uint8))


def ramp(h=60, width=90):
    """Red tells the column, green the row."""
    pixels = np.zeros((3, h, width), np.uint8)
    pixels[0], pixels[1], pixels[2] = np.arange(width), np.arange(h)[:, None], 200
    return pixels


@pytest.mark.parametrize("shape", SHAPES)
def test_the_box_lies_between_the_context(shape):
    """Red tells which column is seen, green which row."""
    box, size, context = np.array([30.0, 30.0, 60.0, 50.0]), 62, 16
    (y,) = warp_windows(ramp(80, 100), [box], size, context=context, shape=shape, fill=(1, 2, 3))
    sides = (box[2:] - box[:2]) / (size - 2 * context)
    scale = sides if shape == "warp" else np.repeat(sides.max(), 2)
    middle = (box[:2] + box[2:]) / 2
    for axis, line in ((0, y[0, size // 2]), (1, y[1, :, size // 2])):
        at = middle[axis] + (np.arange(size) + 0.5 - size / 2) * scale[axis] - 0.5
        inner = slice(22, 40) if shape == "bare" and axis else slice(context, size - context)
        np.testing.assert_allclose(line[inner].astype(float), at[inner], atol=1)
    assert (y[2] == 200).all() == (shape != "bare")
    if shape == "bare":
        assert (y[:, :5] == np.array([1, 2, 3])[:, None, None]).all()  # rows that are neither box nor its context


def test_outside_of_the_picture_is_the_mean():
    (y,) = warp_windows(ramp(), [[0, 0, 90, 60]], 64, fill=(9, 8, 7))
    for edge in (y[:, :15], y[:, -15:], y[:, :, :15], y[:, :, -15:]):
        assert (edge == np.array([9, 8, 7])[:, None, None]).all()
    assert (y[2, 17:-17, 17:-17] == 200).all()


def test_a_box_without_context_is_the_box_resized():
    pixels = ramp()
    (y,) = warp_windows(pixels, [[10, 5, 50, 45]], 40, context=0)
    np.testing.assert_array_equal(y, pixels[:, 5:45, 10:50])
    picture = Image.fromarray(pixels.transpose(1, 2, 0)).resize((20, 20), Image.Resampling.BILINEAR, (10, 5, 50, 45))
    np.testing.assert_array_equal(
        warp_windows(pixels, [[10, 5, 50, 45]], 20, context=0)[0], np.asarray(picture).transpose(2, 0, 1)
    )
    assert warp_windows(pixels, [], 20, context=0).shape == (0, 3, 20, 20)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 32}, r"2 \* context must be less than size, 2 \* 16 < 32"),
        ({"boxes": [[0, 0, 5, 0]]}, r"a box must have a size; boxes\[0\]"),
        ({"boxes": [[0, 0, 5]]}, r"boxes must be \(N, 4\)"),
        ({"shape": "round"}, "shape must be"),
        ({"pixels": np.zeros((3, 4, 4))}, r"expects a picture, uint8 \(3, H, W\)"),
        ({"context": -1}, "context must be"),
    ],
)
def test_what_is_wrong_with_a_window_is_said(settings, message):
    right = {"pixels": ramp(), "boxes": [[0, 0, 9, 9]], "size": 64}
    with pytest.raises(ValueError, match=f"^warp_windows: {message}"):
        warp_windows(**right | settings)

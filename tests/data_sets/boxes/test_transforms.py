"""Boxes move with pixels: a rectangle that is painted where its box says is found where its box has gone."""

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from minidl.data.boxes import Boxes, BoxLoader, Frame, build, open_boxes
from minidl.kernels.textbook.render import coloured
from tests.data_sets.boxes.makers import voc

BOX = (30.0, 20.0, 70.0, 60.0)
GREY = 128 / 255


def painted():
    picture = Image.new("RGB", (160, 120), (0, 0, 0))
    ImageDraw.Draw(picture).rectangle((BOX[0], BOX[1], BOX[2] - 1, BOX[3] - 1), fill=(255, 255, 255))
    return picture


PIPELINES = {
    "flip": [{"name": "flip", "p": 1}],
    "resize": [{"name": "resize", "size": (60, 120)}],
    "letterbox": [{"name": "letterbox", "size": (200, 160)}],
    "jitter": [{"name": "jitter", "visible": 0}],
    "crop": [{"name": "crop", "visible": 0}],
    "all": [{"name": "crop", "least": 0.8, "visible": 0}, {"name": "jitter", "visible": 0}, {"name": "flip"},
            {"name": "letterbox", "size": 224}],
    "flip in the middle": [{"name": "jitter", "visible": 0}, {"name": "flip", "p": 1}, {"name": "resize", "size": 160},
                           {"name": "jitter", "visible": 0}],
}  # fmt: skip


@pytest.mark.parametrize("name", PIPELINES)
def test_boxes_stay_on_their_pixels(name):
    pipeline, seen = build(PIPELINES[name]), 0
    rows = pipeline.draw(5, 0, 12)
    for at in range(12):
        some = [None if row is None else row[at] for row in rows]
        x, found, frame = pipeline.apply(painted(), Boxes([BOX], [0]), some)
        assert x.shape[1:] == frame.size
        white = np.argwhere(x[0] > 0.75)
        if not len(found):
            assert len(white) <= 4 * max(x.shape)
            continue
        seen += 1
        top, left = white.min(axis=0)
        bottom, right = white.max(axis=0) + 1
        np.testing.assert_allclose(found.boxes[0], (left, top, right, bottom), atol=1.6)
        back = frame.back(found.boxes)[0]
        assert (back >= np.array(BOX) - 1e-9)[:2].all()
        assert (back <= np.array(BOX) + 1e-9)[2:].all()
    assert seen >= 8


def test_what_is_cut_off_does_not_come_back():
    """A crop and then a smaller scale: what the crop has left out is grey, not the picture."""
    frame = Frame.of(100, 100).then((50, 50), (1.0, 1.0), (0.0, 0.0)).then((50, 50), (0.5, 0.5), (0.0, 0.0))
    x = np.rint(255 * frame.draw(Image.new("RGB", (100, 100), (255, 0, 0))))
    assert (x[0, :25, :25] == 255).all()
    assert (x[:, 25:] == 128).all()
    assert (x[:, :, 25:] == 128).all()


def test_a_box_of_which_too_little_is_left_is_gone():
    boxes = Boxes([[0, 0, 40, 40], [60, 0, 100, 40], [80, 0, 120, 40]], [0, 1, 0], area=[800, 1600, 1600])
    before = Frame.of(100, 100)
    after = before.then((100, 70), (1.0, 1.0), (0.0, 0.0))  # the left 70 columns
    assert after.seen(boxes, before, 0.25).boxes.tolist() == [[0, 0, 40, 40], [60, 0, 70, 40]]
    kept = after.seen(boxes, before, 0.26)
    assert (kept.boxes.tolist(), kept.labels.tolist(), kept.area.tolist()) == ([[0, 0, 40, 40]], [0], [800])


def test_saturation_and_exposure_are_those_of_hsv(rng):
    (step,) = build([{"name": "hsv"}]).steps
    for factors in ((1.5, 1.0), (1.0, 1.5), (0.67, 0.7), (1.4, 1.3), (1.5, 0.7)):
        x = rng.random((3, 4, 5)).astype("float32")
        x[:, 0, 0], x[:, 0, 1], x[:, 0, 2] = 0, 1, 0.4
        y = x.copy()
        coloured(y, *factors)
        for at in np.ndindex(4, 5):
            hue, saturation, value = colorsys.rgb_to_hsv(*map(float, x[(slice(None), *at)]))
            right = colorsys.hsv_to_rgb(hue, min(1, saturation * factors[0]), min(1, value * factors[1]))
            np.testing.assert_allclose(y[(slice(None), *at)], right, atol=1e-6)
    rows = step.draw(rng, 1000)
    assert (rows.min(), rows.max()) == (pytest.approx(1 / 1.5, abs=0.01), pytest.approx(1.5, abs=0.01))
    assert 0.4 < (rows > 1).mean() < 0.6


def test_draws_are_addressed(tmp_path):
    specs = [{"name": "jitter"}, {"name": "flip"}, {"name": "hsv"}]
    once, again, other = (build(specs).draw(seed, 3, 20) for seed in (1, 1, 2))
    for a, b, c in zip(once, again, other):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()
    np.testing.assert_array_equal(build(specs[1:]).draw(1, 3, 20)[0], once[1])  # whatever the others are
    jitter = build(specs[:1]).draw(1, 0, 2000)[0]
    assert (abs(jitter) <= 1).all()


def test_batches_are_the_same_however_they_are_made(tmp_path):
    split = open_boxes(voc(tmp_path / "set")).val
    specs = [{"name": "jitter"}, {"name": "letterbox", "size": 32}, {"name": "flip"}, {"name": "hsv"}]
    made = [
        list(BoxLoader(split, 1, transforms=specs, shuffle=True, seed=4, workers=workers).epoch(2, start))
        for workers, start in ((0, 0), (2, 0), (2, 1))
    ]
    assert [len(one) for one in made] == [2, 2, 1]
    for one, other in ((made[0][0], made[1][0]), (made[0][1], made[1][1]), (made[0][1], made[2][0])):
        np.testing.assert_array_equal(one.x, other.x)
        assert one.numbers.tolist() == other.numbers.tolist()
        for a, b in zip(one.boxes, other.boxes):
            np.testing.assert_array_equal(a.boxes, b.boxes)
    batch = made[0][0]
    assert (batch.x.dtype, batch.x.shape, batch.x.min() >= 0, batch.x.max() <= 1) == (
        np.float32,
        (1, 3, 32, 32),
        True,
        True,
    )


def test_a_picture_that_cannot_be_read_is_told_or_left_out(tmp_path):
    folder = voc(tmp_path / "set")
    split = open_boxes(folder).val
    (folder / "JPEGImages" / "b.jpg").write_bytes(b"no picture")
    specs = [{"name": "resize", "size": 16}]
    with pytest.raises(ValueError, match=r"b.jpg: not a picture: .*skip it: on_error='skip'"):
        list(BoxLoader(split, 2, transforms=specs).epoch(0))
    loader = BoxLoader(split, 2, transforms=specs, on_error="skip")
    (batch,) = loader.epoch(0)
    assert (len(batch.x), loader.left_out) == (1, ["b"])
    assert [one is None for one in BoxLoader(split, 1, transforms=specs, on_error="skip").steps(0)] == [True, False]
    Image.new("RGB", (70, 60)).save(folder / "JPEGImages" / "b.jpg")
    with pytest.raises(
        ValueError, match=r"b.jpg: the picture is 60×70 \(H×W\), but its boxes were drawn in one of 60×80"
    ):
        list(BoxLoader(split, 2, transforms=specs).epoch(0))


@pytest.mark.parametrize(
    ("specs", "error", "message"),
    [
        ([{"name": "flop"}], ValueError, "transforms: pictures with boxes have no step 'flop'; did you mean flip"),
        ([{"name": "flip", "q": 1}], ValueError, "transforms: flip has no setting 'q'; did you mean p?"),
        ([{"name": "resize"}], ValueError, "transforms: resize needs size"),
        ([{"name": "jitter", "scale": 1}], ValueError, "jitter: scale must be from 0 to below 1; received scale=1"),
        ([{"name": "hsv", "exposure": 0.5}], ValueError, "hsv: exposure must be >= 1; received exposure=0.5"),
        ("flip", TypeError, "transforms: expects a list of tables with a name; received 'flip'"),
    ],
)
def test_wrong_settings(specs, error, message):
    with pytest.raises(error, match=f"^{message}"):
        build(specs)

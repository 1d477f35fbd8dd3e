"""JPEGs are decoded at the scale that is needed: by all readers, upright, within what resizing changes anyway."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, JpegImagePlugin

from minidl.data import Loader, open_dataset
from minidl.data._reduced import scale_for
from minidl.data.boxes import BoxLoader, build, open_boxes
from minidl.data.images import ORIENTATION, open_reduced, read_pixels, read_reduced
from minidl.data.transforms import build as transforms
from minidl.predict._expert import Expert
from tests.data_sets.boxes.makers import voc


def photograph(h=301, width=403, mode="RGB"):
    """Smooth and rough parts, as a photograph has."""
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 256, (h // 10, width // 10, 3), dtype=np.uint8)).resize((width, h))
    return rough.convert(mode)


@pytest.fixture
def drafted(monkeypatch):
    """Notes by what the sides of pictures are divided."""
    noted, plain = [], JpegImagePlugin.JpegImageFile.draft

    def draft(self, mode, size):
        before = self.size
        found = plain(self, mode, size)
        noted.append(round(before[0] / self.size[0]))
        return found

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "draft", draft)
    return noted


def of_classes(folder):
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            photograph().save(folder / name / f"{number}.jpg", quality=90)
    steps = [{"name": "resize", "size": 64}, {"name": "center_crop", "size": 56}]
    return next(Loader(open_dataset(folder).train, 4, transforms=steps).epoch(0))[0]


def of_classes_to_train(folder):
    of_classes(folder)
    steps = [{"name": "resize", "size": (40, 50)}, {"name": "random_crop", "size": 32}]
    return next(Loader(open_dataset(folder).train, 4, transforms=steps, seed=3).epoch(1))[0]


def to_be_named(folder):
    folder.mkdir()
    photograph().save(folder / "a.jpg", quality=90)
    steps = transforms([{"name": "resize", "size": 64}, {"name": "center_crop", "size": 56}])
    brought = Expert("none", None, transforms([]), (), size=(48, 48))
    both = [Expert("none", None, steps, ()), Expert("none", None, steps, (), channels=1), brought]
    return np.concatenate([one.prepare(folder / "a.jpg").ravel() for one in both])


def with_boxes(folder):
    voc(folder, {"a": [(30, 40, 200, 300, "cat")], **{name: [(0, 0, 50, 60, "cat")] for name in "bc"}})
    for name in "abc":
        photograph(480, 640).save(folder / "JPEGImages" / f"{name}.jpg", quality=90)
        about = folder / "Annotations" / f"{name}.xml"
        about.write_text(about.read_text().replace("<width>80<", "<width>640<").replace("<height>60<", "<height>480<"))
    steps = [{"name": "jitter"}, {"name": "letterbox", "size": 96}, {"name": "flip", "p": 1}, {"name": "hsv"}]
    batch = next(BoxLoader(open_boxes(folder).train, 1, transforms=steps, seed=2).epoch(0))
    return np.concatenate([batch.x.ravel(), batch.boxes[0].boxes.ravel() / 1e6])


READERS = {one.__name__: one for one in (of_classes, of_classes_to_train, to_be_named, with_boxes)}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_decodes_what_it_needs(name, drafted, tmp_path, monkeypatch):
    """And gives what it would of all pixels: on average a grey level apart, at most 12, of pictures as rough."""
    reduced = READERS[name](tmp_path / "one")
    assert set(drafted) <= {2, 4}
    assert drafted
    drafted.clear()
    np.testing.assert_array_equal(READERS[name](tmp_path / "two"), reduced)
    drafted.clear()
    monkeypatch.setenv("MINIDL_DRAFT", "0")
    full = READERS[name](tmp_path / "three")
    assert not drafted
    assert 0 < 255 * abs(full - reduced).mean() < 1.1
    assert 255 * abs(full - reduced).max() < 12.5


@pytest.mark.parametrize("size", [(304, 400), (301, 403)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(orientation, size, tmp_path):
    """Turned ones are reduced where their sides can be divided."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    photograph(*size).save(tmp_path / "a.jpg", quality=95, exif=exif)
    whole = ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg"))
    picture, found, scale = open_reduced(tmp_path / "a.jpg", lambda size: tuple(side // 6 for side in size))
    assert found == whole.size[::-1]
    assert scale == (1 if orientation > 1 and size == (301, 403) else 2)
    assert picture.size == tuple(-(-side // scale) for side in whole.size)
    right = whole.resize((50, 50), Image.Resampling.BILINEAR)
    box = (0, 0, found[1] / scale, found[0] / scale)
    same = picture.resize((50, 50), Image.Resampling.BILINEAR, box=box)
    assert abs(np.asarray(right, int) - np.asarray(same, int)).mean() < 1.1


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("form", ["JPEG", "MPO", "PNG", "progressive"])
def test_formats_and_modes(mode, form, tmp_path):
    if form in ("PNG", "MPO") and mode == "CMYK":
        pytest.skip("there are none")
    more = {"append_images": [photograph()], "save_all": True} if form == "MPO" else {}
    settings = {"format": "JPEG", "progressive": True} if form == "progressive" else {"format": form, **more}
    photograph(mode=mode).save(tmp_path / "picture", **settings)
    whole = read_pixels(tmp_path / "picture")
    x, size, scale = read_reduced(tmp_path / "picture", lambda size: (30, 40))
    assert (size, scale) == ((301, 403), 1 if form == "PNG" else 4)
    assert x.shape == (3, -(-301 // scale), -(-403 // scale))
    assert abs(x.mean(axis=(1, 2)) - whole.mean(axis=(1, 2))).max() < 1.5


def test_what_is_broken_is_told_all_the_same(tmp_path):
    photograph().save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    for cut in (len(content) // 2, 300):
        (tmp_path / "a.jpg").write_bytes(content[:cut])
        errors = []
        for wanted in (None, lambda size: (10, 10)):
            with pytest.raises(ValueError, match=r"a.jpg: the picture is broken|a.jpg: not a picture") as error:
                read_reduced(Path(tmp_path / "a.jpg"), wanted)
            errors.append(str(error.value).split("(")[0])
        assert errors[0] == errors[1]


def test_how_far_a_picture_is_reduced():
    """Twice the size that is wanted is left, both ways, however small that is."""
    for size in [(301, 403), (16, 16), (8, 3000), (7, 9), (1, 1), (4000, 3000)]:
        for wanted in [(1, 1), (7, 5), (64, 64), (93, 124), (300, 400)]:
            scale = scale_for(size, wanted)
            fits = [one for one in (1, 2, 4, 8) if one == 1 or all(a / one >= 2 * b for a, b in zip(size, wanted))]
            assert scale == max(fits)
    assert scale_for((4000, 3000), None) == 1


def test_a_resize_that_comes_first_tells_what_is_wanted():
    for steps, wanted in (
        ([], None),
        ([{"name": "flip"}, {"name": "resize", "size": 8}], None),
        ([{"name": "random_resized_crop", "size": 8}], None),
        ([{"name": "resize", "size": (8, 9)}], (8, 9)),
        ([{"name": "resize", "size": 8}, {"name": "flip"}], (8, 16)),
    ):
        assert transforms(steps).wanted((100, 200)) == wanted
    steps = [{"name": "crop", "least": 0.5}, {"name": "resize", "size": 100}]
    frames = build(steps).frames((400, 400), [[0, 0, 1, 1], None])
    assert frames[-1].wanted(400, 400) == (200, 200)  # of half the picture

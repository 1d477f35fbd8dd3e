"""All pictures are measured before a training: whatever their sizes, the network learns from one and is told of it."""

import pytest
from PIL import Image

from minidl import data, training
from minidl.data import images
from minidl.training.settings.picture_sizes import sizes_of
from minidl.training.settings.resolve import resolve
from tests.data_sets.makers import class_folders, mnist, noise
from tests.training import tiny


class Told(training.Callback):
    def __init__(self):
        self.notes = []

    def on_note(self, note):
        self.notes.append(note)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.register(monkeypatch.setitem)
    monkeypatch.setattr("minidl.training.run_folder.report.write_report", lambda run, state, val: run.report)


def pets(folder, train=(32, 32), val=(32, 32), n=10):
    class_folders(folder / "train", n=n, size=train)
    class_folders(folder / "val", n=4, size=val)
    return folder


def resolved(folder, **settings):
    told = []
    found = data.open_dataset(folder)
    config = training.make_config("tiny", data=str(folder), **settings)
    return resolve(config, found.train, found.val, told.append), told


@pytest.mark.parametrize(
    "train, val, side",
    [
        ((32, 32), (32, 32), None),
        ((32, 48), (32, 48), None),
        ((32, 32), (64, 64), 32),
        ((64, 64), (32, 32), 64),
        ((32, 48), (32, 40), 32),
        ((40, 32), (32, 40), 32),
    ],
)
def test_both_parts_count(tmp_path, train, val, side):
    folder = pets(tmp_path / "pets", train, val)
    config, told = resolved(folder)
    assert config.picture_size == side
    if side is None:
        assert told == []
    else:
        shown = [f"{h}×{width}" for h, width in (train, val)]
        assert told == [
            f"sizes: to learn from 20 of {shown[0]}; to validate with 8 of {shown[1]}: all are brought to "
            f"{side}×{side} (picture_size={side})"
        ]
    for part, steps in zip((data.open_dataset(folder).train, data.open_dataset(folder).val), ("", "test_")):
        loader = data.Loader(part, 64, transforms=getattr(config, f"{steps}transforms"))
        x, _ = next(loader.epoch(0))
        assert x.shape[2:] == (train if side is None else (side, side))


@pytest.mark.parametrize("part, place", [("train", "cat"), ("train", "dog"), ("val", "cat"), ("val", "dog")])
@pytest.mark.parametrize("number", ["0", "1000", "zzz"])
def test_one_odd_picture_among_many(tmp_path, part, place, number):
    folder = pets(tmp_path / "pets", n=100)
    noise(folder / part / place / f"{number}.png", size=(31, 40))
    told = Told()
    outcome = training.train(training.make_config("tiny", data=str(folder), epochs=2), callbacks=[told])
    assert outcome.finished
    assert outcome.state.config.picture_size == 32
    assert f"1 of 31×40 ({folder / part / place / number}.png)" in told.notes[-1]


def test_pictures_that_the_network_cannot_take_are_said(tmp_path):
    _, told = resolved(pets(tmp_path / "pets", (2, 2), (2, 2)))
    assert told[0].endswith("all are brought to 3×3, which tiny can take (picture_size=3)")


def test_a_resize_that_keeps_proportions_is_judged_before(tmp_path):
    folder = pets(tmp_path / "pets")
    noise(folder / "val" / "cat" / "odd.png", size=(32, 48))
    steps = [{"name": "resize", "size": 16}]
    with pytest.raises(
        ValueError, match=r"after the resize of the validation pictures to 16 pictures still differ"
    ) as e:
        resolved(folder, transforms=steps, test_transforms=steps)
    assert '(32×32 becomes 16×16, 32×48 becomes 16×24); put {name="center_crop",size=16} behind it' in str(e.value)
    cured = [*steps, {"name": "center_crop", "size": 16}]
    config, _ = resolved(folder, transforms=cured, test_transforms=cured, epochs=1)
    assert training.train(config).finished


def test_a_batch_of_two_sizes_names_a_cure_that_the_network_takes(tmp_path):
    folder = pets(tmp_path / "pets")
    noise(folder / "train" / "cat" / "odd.png", size=(31, 40))
    loader = data.Loader(data.open_dataset(folder).train, 64)
    with pytest.raises(ValueError, match=r"such as name='resize', size=\[32, 32\]"):
        next(loader.epoch(0))


def test_transforms_that_make_two_sizes_are_said(tmp_path):
    folder = pets(tmp_path / "pets")
    told = Told()
    config = training.make_config(
        "tiny", data=str(folder), epochs=1, transforms=[{"name": "random_crop", "size": 24}], test_transforms=[]
    )
    training.train(config, callbacks=[told])
    assert told.notes[-1] == ("sizes: the network learns from 24×24 and is examined with 32×32, as the transforms say")


@pytest.mark.parametrize("size", [(32, 32), (32, 48)])
def test_other_sizes_are_brought_to_that_of_the_run(tmp_path, size):
    folder = pets(tmp_path / "pets", size, size)
    run = training.train(training.make_config("tiny", data=str(folder), epochs=1)).run
    for number, name in enumerate(("cat", "dog")):
        for i in range(3):
            noise(tmp_path / "new" / name / f"{i}.png", seed=900 + 10 * number + i, size=(64, 70 + i))
    told = Told()
    score, state, _ = training.evaluate_run(run.path, data=tmp_path / "new", callbacks=[told])
    assert score.n == 6
    assert told.notes[-1].endswith(f": all are brought to {size[0]}×{size[1]}, which the run is examined with")
    x, _ = next(training.batches.validation_batches(data.open_dataset(tmp_path / "new").val, state.config).epoch(0))
    assert x.shape[2:] == size
    told = Told()
    training.evaluate_run(run.path, callbacks=[told])
    assert told.notes == ["training: train/, validation: val/"]


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif", "gif", "bmp", "jp2"])
@pytest.mark.parametrize("orientation", [None, *range(9)])
def test_the_head_of_a_file_tells_the_size_that_is_read(tmp_path, ending, orientation):
    file = tmp_path / f"a.{ending}"
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new("RGB", (24, 16), "red").save(file, exif=exif)
    assert images.picture_size(file) == images.open_picture(file).size[::-1]


def test_arrays_have_one_size(tmp_path):
    mnist(tmp_path / "mnist")
    assert str(sizes_of(data.open_dataset(tmp_path / "mnist").train)) == "6 of 28×28"


@pytest.mark.parametrize(
    "batch_size, drop_last, works", [(8, False, False), (8, True, True), (1, False, False), (6, False, True)]
)
def test_a_last_batch_of_one_picture(tmp_path, batch_size, drop_last, works, monkeypatch):
    """17 pictures of 3×3: after the convolution there is one value a channel."""
    folder = class_folders(tmp_path / "pets" / "train", n=8, size=(3, 3)).parent
    noise(folder / "train" / "cat" / "more.png", size=(3, 3))
    class_folders(folder / "val", n=2, size=(3, 3))
    config = training.make_config(
        "tiny",
        data=str(folder),
        epochs=1,
        batch_size=batch_size,
        drop_last=drop_last,
        transforms=[],
        test_transforms=[],
    )
    if works:
        assert training.train(config).finished
        return
    with pytest.raises(
        ValueError, match=r"batch_norm: .*drop_last=True.*17 pictures in batches of \d leave a batch of"
    ):
        training.train(config)
    assert not (tmp_path / "runs").exists()


def test_the_trial_of_one_picture_leaves_no_trace(tmp_path, monkeypatch):
    """37 pictures in batches of 9: the last has one, and trying it moves neither statistics nor generators."""
    config = training.Config(**{**tiny.SETTINGS, "batch_size": 9, "mixup": 0.0}, epochs=1)
    tried = training.train(config, out=tmp_path / "tried", parts=tiny.parts()).run
    monkeypatch.setattr("minidl.training.dry_run._try_one", lambda *_: None)
    not_tried = training.train(config, out=tmp_path / "not", parts=tiny.parts()).run
    assert tried.last.read_bytes() == not_tried.last.read_bytes()

"""Pictures that cannot be read are told by name, and either end the work or are left out."""

import builtins
import re
import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from minidl import data
from minidl.data import Loader
from minidl.data._pillow_warnings import quiet
from minidl.data.images import open_picture
from tests.data_sets.makers import bomb, class_folders, picture, train_and_val


def zero_bytes(path):
    path.write_bytes(b"")


def truncated(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def text(path):
    path.write_text("<html>404 Not Found</html>")


DAMAGES = {
    "zero bytes": (zero_bytes, "3.png: not a picture: the file is empty"),
    "truncated": (truncated, r"3.png: the picture is broken \(.+\)"),
    "a web page": (text, "3.png: not a picture: it looks like a web page"),
    "a bomb": (bomb, "3.png: .*(20000 × 20000 = 400,000,000 pixels|too large for a picture)"),
    "gone": (lambda path: path.unlink(), "3.png: No such file or directory"),
}


@pytest.fixture(params=DAMAGES, ids=DAMAGES)
def damaged(request, tmp_path):
    """18 pictures, of which one is broken; and what is said about it."""
    split = data.open_dataset(train_and_val(tmp_path, n=9)).train
    damage, message = DAMAGES[request.param]
    damage(tmp_path / "train" / "cat" / "3.png")
    return split, message


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_ends_the_epoch_by_name(workers, damaged):
    split, message = damaged
    with pytest.raises(
        ValueError, match=message + r".*; remove or replace the file, or skip it: on_error='skip'"
    ) as caught:
        list(Loader(split, 4, workers=workers).epoch(0))
    assert "\n" not in str(caught.value)
    assert threading.active_count() == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_is_left_out_and_noted(workers, damaged):
    split, message = damaged
    loader = Loader(split, 4, shuffle=True, on_error="skip", workers=workers)
    first, second = (list(loader.epoch(epoch)) for epoch in (0, 1))
    assert len(first) == len(second) == 5  # the steps stay
    assert sum(len(x) for x, _ in first) == sum(len(x) for x, _ in second) == 17
    ((index, said),) = loader.broken.items()
    assert split.name(index) in said
    assert re.search(message, said)
    assert loader.left_out == [split.name(index)]
    good = np.arange(18) != index
    np.testing.assert_array_equal(
        np.bincount(np.concatenate([labels for _, labels in first])), np.bincount(split.labels[good])
    )


def test_leaving_out_changes_nothing_else(damaged):
    split, _ = damaged
    changes = [{"name": "flip"}, {"name": "mixup"}]
    loaders = [Loader(split, 4, transforms=changes, shuffle=True, on_error="skip", workers=w) for w in (0, 1, 3)]
    plain, *others = [list(loader.epoch(2)) for loader in loaders]
    late = Loader(split, 4, transforms=changes, shuffle=True, on_error="skip")  # a new one, in the middle of the epoch
    others.append(plain[:3] + list(late.epoch(2, 3)))
    for other in others:
        for (x, p), (y, q) in zip(plain, other, strict=True):
            np.testing.assert_array_equal(x, y)
            np.testing.assert_array_equal(p, q)


def test_info_names_broken_pictures(damaged):
    split, message = damaged
    found = data.describe(data.Dataset("pets", "here", split, split.take([0, 1]), ("cat", "dog")), workers=2)
    ((name, said),) = found.train.broken.items()
    assert name.endswith("3.png")
    assert re.search(message, said)
    assert found.train.n == 18
    assert found.train.sizes.total() == 17
    assert found.broken == found.train.broken
    assert found.to_dict()["broken"] == [{"file": name, "error": said}]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_batch_of_broken_pictures_only_is_none_and_the_others_keep_their_places(workers, shuffle, tmp_path):
    split = data.open_dataset(class_folders(tmp_path, n=5)).train
    whole = list(Loader(split, 2, shuffle=shuffle, workers=workers).epoch(1))
    order = Loader(split, 2, shuffle=shuffle, workers=workers)._order(1)
    for index in order[2:4]:  # the second batch
        zero_bytes(tmp_path / split.name(int(index)))
    loader = Loader(split, 2, shuffle=shuffle, on_error="skip", workers=workers)
    for _ in range(2):
        found = list(loader.steps(1))
        assert [batch is None for batch in found] == [False, True, False, False]
        for place in (0, 2, 3):
            np.testing.assert_array_equal(found[place][0], whole[place][0])
        assert [len(x) for x, _ in loader.epoch(1)] == [2, 2, 2]
        assert [batch is None for batch in loader.steps(1, 1)] == [True, False, False]
    assert len(loader.left_out) == 2


def test_a_picture_that_may_not_be_read(tmp_path, monkeypatch):
    split = data.open_dataset(class_folders(tmp_path)).train
    plain = builtins.open

    def refuse(path, *more, **settings):  # root may read everything, so it is played
        if str(path) == split.name(2):
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path, *more, **settings)

    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(ValueError, match=r"\d.png: Permission denied; remove or replace the file, or skip it"):
        list(Loader(split, 4, workers=2).epoch(0))
    loader = Loader(split, 4, on_error="skip")
    assert sum(len(x) for x, _ in loader.epoch(0)) == 7
    assert "Permission denied" in loader.broken[2]


def test_measure_names_or_skips(damaged):
    split, message = damaged
    with pytest.raises(ValueError, match=message):
        data.measure(split)
    good = split.take([i for i in range(18) if not split.name(i).endswith("cat/3.png")])
    assert data.measure(split, skip_broken=True) == data.measure(good, workers=0)


def test_a_tiny_picture_is_a_picture(tmp_path):
    class_folders(tmp_path, n=2)
    picture(tmp_path / "cat" / "small.png", size=(1, 1))
    found = data.describe(data.open_dataset(tmp_path, val_share=0))
    assert not found.broken
    assert found.train.sizes + found.val.sizes == {(3, 8, 8): 4, (3, 1, 1): 1}


# Pillow's remarks


def odd_metadata(path):
    """A JPEG that Pillow warns about: its one EXIF entry says that it is longer than the file."""
    image = Image.new("RGB", (8, 8), "red")
    image.save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\xff\xff\0\0\x1a\0\0\0\0\0\0\0")
    return path


def test_odd_metadata_is_no_error(tmp_path):
    path = odd_metadata(tmp_path / "a.jpg")
    with pytest.warns(UserWarning, match="Tag data larger than file"):
        Image.open(path).close()
    assert open_picture(path).size == (8, 8)


def test_threads_that_are_quiet_leave_the_filters_as_they_were():
    before, barrier = list(warnings.filters), threading.Barrier(8)

    def work():
        barrier.wait()
        for _ in range(200):
            with quiet():
                pass

    crew = [threading.Thread(target=work) for _ in range(8)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert warnings.filters == before


def test_quiet_concerns_pillow_only():
    with quiet(), pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)
    with quiet():
        warnings.warn_explicit("Pillow's", UserWarning, "Image.py", 1, module="PIL.Image")


def test_quiet_survives_a_change_of_filters():
    before = list(warnings.filters)
    with quiet():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filters.remove(next(f for f in warnings.filters if f[3] is not None and f[3].pattern == r"PIL\."))
            with quiet():
                warnings.warn_explicit("Pillow's", UserWarning, "Image.py", 1, module="PIL.Image")
    assert warnings.filters == before

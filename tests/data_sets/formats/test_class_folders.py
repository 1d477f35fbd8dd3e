"""Folders of pictures: every way to sort them, and everything that may be wrong with them."""

import os
import re

import numpy as np
import pytest

from minidl import data
from minidl._names import printable
from tests.data_sets.makers import class_folders, noise, picture, tiny_imagenet, train_and_val


def refuses(folder, message, **settings):
    with pytest.raises(ValueError, match=message) as caught:
        data.open_dataset(folder, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("val", ["val", "valid", "validation", "test", "Test"])
def test_train_and_validation(val, tmp_path):
    found = data.open_dataset(train_and_val(tmp_path, val=val))
    assert found.kind == "picture folders"
    assert found.classes == found.ids == ("cat", "dog")
    assert (len(found.train), len(found.val)) == (8, 4)
    assert found.notes == (f"training: train/, validation: {val}/",)
    np.testing.assert_array_equal(found.train.labels, [0, 0, 0, 0, 1, 1, 1, 1])
    assert found.train.name(0) == str(tmp_path / "train" / "cat" / "0.png")
    np.testing.assert_array_equal(found.train.read(5), noise(tmp_path / "x.png", seed=101))
    assert found.train.x is None


def test_val_is_preferred_to_test(tmp_path):
    train_and_val(tmp_path, val="test")
    class_folders(tmp_path / "val", n=1)
    assert data.open_dataset(tmp_path).notes == ("training: train/, validation: val/; not used: test/",)


def test_the_layout_of_imagenette(tmp_path):
    ids = ("n01440764", "n02102040")
    for part in ("train", "val"):
        for number, one in enumerate(ids):
            for i in range(3):
                picture(tmp_path / part / one / f"ILSVRC2012_val_{i}{number}.JPEG", size=(20 + i, 30))
    (tmp_path / "noisy_imagenette.csv").write_text("path,noisy_labels_0\n")
    found = data.open_dataset(tmp_path)
    assert found.classes == ids
    assert [found.train.read(i).shape for i in range(3)] == [(3, 20, 30), (3, 21, 30), (3, 22, 30)]


def test_without_validation_a_fifth_of_every_class_is_drawn(tmp_path):
    class_folders(tmp_path, ("cat", "dog", "emu"), n=10)
    found = data.open_dataset(tmp_path)
    np.testing.assert_array_equal(found.train.counts(), [8, 8, 8])
    np.testing.assert_array_equal(found.val.counts(), [2, 2, 2])
    assert found.notes == ("validation: 20% of every class, drawn with seed 0",)
    together = {found.train.name(i) for i in range(24)} | {found.val.name(i) for i in range(6)}
    assert len(together) == 30

    def drawn(**settings):
        val = data.open_dataset(tmp_path, **settings).val
        return [val.name(i) for i in range(len(val))]

    assert drawn() == drawn(seed=0)
    assert drawn() != drawn(seed=1)
    assert len(drawn(val_share=0.5)) == 15
    assert len(drawn(val_share=0)) == 3  # one of each, or there is no examination
    assert len(drawn(val_share=1)) == 27  # and one of each to learn from


def test_only_a_train_folder_is_divided_too(tmp_path):
    class_folders(tmp_path / "train")
    found = data.open_dataset(tmp_path)
    assert (len(found.train), len(found.val)) == (8, 2)


def test_a_class_may_be_called_train(tmp_path):
    class_folders(tmp_path, ("car", "plane", "train"))
    assert data.open_dataset(tmp_path).classes == ("car", "plane", "train")


def test_words_txt_names_the_classes(tmp_path):
    train_and_val(tmp_path, ("n01", "n02"))
    (tmp_path / "words.txt").write_text("n01\tgoldfish, Carassius auratus\nn03\temu\n")
    found = data.open_dataset(tmp_path)
    assert (found.ids, found.classes) == (("n01", "n02"), ("goldfish", "n02"))


def test_pictures_may_lie_deeper_and_beside_other_things(tmp_path):
    class_folders(tmp_path, n=2)
    noise(tmp_path / "cat" / "images" / "more" / "0.PNG")
    (tmp_path / "cat" / "notes.txt").write_text("")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cat" / "._0.png").write_bytes(b"\0")  # macOS leaves such files in archives
    (tmp_path / "dog" / ".DS_Store").write_bytes(b"\0")
    found = data.open_dataset(tmp_path)
    assert found.classes == ("cat", "dog")
    assert len(found.train) + len(found.val) == 5


def test_names_of_every_kind(tmp_path):
    long = "n" * 240
    for name in ("Übergröße", "猫", "two words", long):
        class_folders(tmp_path, (name,), n=2)
        noise(tmp_path / name / ("très long " * 22 + "é.png"))
    broken = os.fsencode(tmp_path) + b"/caf\xe9"  # not UTF-8
    os.mkdir(broken)
    for i in range(2):
        picture(tmp_path / "x.png")
        os.rename(tmp_path / "x.png", broken + b"/\xff%d.png" % i)
    found = data.open_dataset(tmp_path)
    assert len(found.classes) == 5
    described = data.describe(found)
    assert not described.broken
    assert described.train.n + described.val.n == 4 * 3 + 2
    assert printable(os.fsdecode(b"caf\xe9\n")) == "caf\\udce9\\n"


# What is refused


def test_an_empty_folder(tmp_path):
    refuses(tmp_path, rf"{tmp_path}: the folder is empty; expected train/CLASS/\*.jpg and val/CLASS")


def test_a_folder_that_is_not_there(tmp_path):
    refuses(tmp_path / "none", "none: there is no such folder; expected a folder or one of the names: digits")
    refuses("digit", r"digit: there is no such folder; did you mean digits\?")


@pytest.mark.parametrize("name, cure", [("a.tar.gz", "unpack it and name"), ("a.txt", "expected a folder or one of")])
def test_a_file(name, cure, tmp_path):
    (tmp_path / name).write_text("")
    refuses(tmp_path / name, f"{name}: this is a file, not the folder of a data set; {cure}")


def test_no_pictures(tmp_path):
    (tmp_path / "a.txt").write_text("")
    refuses(tmp_path, "there are no pictures, only a.txt; expected")


def test_pictures_without_classes(tmp_path):
    picture(tmp_path / "a.jpg")
    refuses(tmp_path, r"pictures lie directly in this folder, so their classes are not known; sort them: .*/CLASS/\*")


def test_a_train_folder_with_pictures_but_without_classes(tmp_path):
    picture(tmp_path / "train" / "a.jpg")
    picture(tmp_path / "val" / "b.jpg")
    refuses(tmp_path, r"train: there are no folders in it, one for each class; expected .*train/CLASS/\*.jpg")


def test_a_folder_of_data_sets(tmp_path):
    tiny_imagenet(tmp_path / "tiny")
    refuses(tmp_path, f"data sets lie in this folder; name one of them: {tmp_path / 'tiny'}")


def test_one_class_only(tmp_path):
    class_folders(tmp_path, ("cat",))
    refuses(
        tmp_path, "there must be two classes or more to tell apart, here is 1, cat; the pictures of each class belong"
    )


def test_an_empty_class(tmp_path):
    train_and_val(tmp_path)
    (tmp_path / "train" / "emu").mkdir()
    refuses(
        tmp_path, r"train/emu: this class has no pictures; the folder is empty; put some there or remove the folder"
    )
    (tmp_path / "train" / "emu" / "a.txt").write_text("")
    refuses(tmp_path, r"train/emu: this class has no pictures; there is a.txt, but no .jpg, .png, .webp or")


def test_a_class_of_one_picture_cannot_be_divided(tmp_path):
    class_folders(tmp_path)
    picture(tmp_path / "emu" / "a.png")
    refuses(tmp_path, "emu: only one picture; a class needs two, one to learn from and one to be examined with")


def test_validation_pictures_that_are_not_sorted(tmp_path):
    """The trap: val/images taken for a class, and everything runs."""
    class_folders(tmp_path / "train", [f"n{i:02}" for i in range(40)], n=1)
    picture(tmp_path / "val" / "images" / "val_0.JPEG")
    refuses(
        tmp_path,
        r"val: its classes are not those of train/: images only in val/; n00, n01, n02 and 37 more only in train/; "
        r"an examination would mean nothing \(guessing gives 1 / 40 = 2.5%\); sort the pictures into folders",
    )


def test_validation_of_other_classes_is_refused_even_if_a_subset_would_fit(tmp_path):
    train_and_val(tmp_path, ("cat", "dog", "emu"))
    class_folders(tmp_path / "val", ("fox",))
    refuses(tmp_path, r"its classes are not those of train/: fox only in val/; an", classes="cat,dog")


def test_links(tmp_path):
    class_folders(tmp_path / "real", n=3)
    os.symlink(tmp_path / "real", tmp_path / "linked")
    assert len(data.open_dataset(tmp_path / "linked").train) == 4
    os.symlink("nowhere", tmp_path / "real" / "gone")
    os.symlink("self", tmp_path / "real" / "self")
    assert data.open_dataset(tmp_path / "linked").classes == ("cat", "dog")


def test_a_loop_of_links(tmp_path):
    class_folders(tmp_path)
    os.symlink(tmp_path / "cat", tmp_path / "cat" / "again")
    refuses(tmp_path, "cat/again: this link leads back to a folder that it lies in; remove the link")


def test_a_picture_that_is_a_link_to_itself_is_broken(tmp_path):
    class_folders(tmp_path, n=2)
    os.symlink("loop.png", tmp_path / "cat" / "loop.png")
    found = data.describe(data.open_dataset(tmp_path))
    assert list(found.broken.values()) == [f"{tmp_path / 'cat' / 'loop.png'}: Too many levels of symbolic links"]


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    class_folders(tmp_path)
    scandir = os.scandir

    def refuse(path):  # root may read everything, so it is played
        if os.path.basename(path) == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        PermissionError, match=re.escape("Permission denied; make it readable: chmod -R u+rX")
    ) as caught:
        data.open_dataset(tmp_path)
    assert caught.value.filename == str(tmp_path / "dog")


def test_words_that_are_no_text(tmp_path):
    train_and_val(tmp_path)
    (tmp_path / "words.txt").write_bytes(b"a\tb\n\xff\tc\n")
    refuses(tmp_path, "words.txt, line 2: not UTF-8 text: invalid start byte")

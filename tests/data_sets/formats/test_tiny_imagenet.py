"""Tiny-ImageNet's own layout: the labels of validation are read, and every disagreement is named with its line."""

import numpy as np
import pytest

from minidl import data
from tests.data_sets.makers import class_folders, picture, tiny_imagenet


@pytest.fixture
def tiny(tmp_path):
    return tiny_imagenet(tmp_path / "tiny")


def refuses(folder, message, **settings):
    with pytest.raises(ValueError, match=message) as caught:
        data.open_dataset(folder, **settings)
    assert "\n" not in str(caught.value)


def change_annotations(tiny, change):
    file = tiny / "val" / "val_annotations.txt"
    file.write_text("".join(change(file.read_text().splitlines(keepends=True))))


def test_labels_come_from_the_annotations(tiny):
    found = data.open_dataset(tiny)
    assert found.kind == "Tiny-ImageNet"
    assert found.ids == ("n01", "n02", "n03")  # sorted, though wnids.txt has them the other way round
    assert found.classes == ("goldfish", "king penguin", "orange")
    np.testing.assert_array_equal(found.train.counts(), [3, 3, 3])
    np.testing.assert_array_equal(found.val.counts(), [2, 2, 2])
    for split in (found.train, found.val):
        for i, label in enumerate(split.labels):  # the makers paint each class in its colour
            mean = split.read(i).mean(axis=(1, 2))
            assert (mean > 150).tolist() == [[True, False, False], [False, True, False], [False, False, True]][label]


def test_some_classes(tiny):
    found = data.open_dataset(tiny, "n03,goldfish")
    assert found.classes == ("goldfish", "orange")
    np.testing.assert_array_equal(found.val.counts(), [2, 2])
    assert found.val.read(0).mean(axis=(1, 2)).argmax() == 0
    assert found.val.read(2).mean(axis=(1, 2)).argmax() == 2


def test_without_wnids_the_folders_count(tiny):
    (tiny / "wnids.txt").unlink()
    assert data.open_dataset(tiny).ids == ("n01", "n02", "n03")


def test_pictures_directly_in_val(tiny):
    for file in (tiny / "val" / "images").iterdir():
        file.rename(tiny / "val" / file.name)
    (tiny / "val" / "images").rmdir()
    assert len(data.open_dataset(tiny).val) == 6


def test_a_validation_set_that_was_sorted_into_folders(tiny):
    for line in (tiny / "val" / "val_annotations.txt").read_text().splitlines():
        name, one = line.split("\t")[:2]
        (tiny / "val" / one / "images").mkdir(parents=True, exist_ok=True)
        (tiny / "val" / "images" / name).rename(tiny / "val" / one / "images" / name)
    (tiny / "val" / "images").rmdir()
    (tiny / "val" / "val_annotations.txt").unlink()
    found = data.open_dataset(tiny)
    assert (found.kind, len(found.val)) == ("Tiny-ImageNet", 6)
    assert found.val.read(5).mean(axis=(1, 2)).argmax() == 2


def test_without_a_validation_set_one_is_drawn(tiny):
    (tiny / "val").rename(tiny / "elsewhere")
    found = data.open_dataset(tiny)
    np.testing.assert_array_equal(found.val.counts(), [1, 1, 1])


# What is refused


def test_without_annotations_the_labels_are_not_known(tiny):
    (tiny / "val" / "val_annotations.txt").unlink()
    refuses(
        tiny, r"val: the pictures lie in one folder, and val_annotations.txt is missing, so their classes are not known"
    )


def test_a_label_is_missing(tiny):
    change_annotations(tiny, lambda lines: lines[:3] + lines[4:])
    refuses(
        tiny,
        r"val_annotations.txt: no line for val_3.JPEG, so their classes are not known \(6 pictures, 5 lines\); "
        r"take the file from the archive again",
    )


def test_an_unknown_class(tiny):
    change_annotations(tiny, lambda lines: [line.replace("n02", "n99") for line in lines])
    refuses(tiny, r"val_annotations.txt, line 2: the class 'n99' is not one of the 3 in wnids.txt and train/")


def test_a_line_that_cannot_be_read(tiny):
    change_annotations(tiny, lambda lines: [*lines[:4], "val_4.JPEG n02\n", *lines[5:]])
    refuses(tiny, r"line 5: expected a file, a tab and a class; received 'val_4.JPEG n02'; take the file")
    change_annotations(tiny, lambda lines: [*lines[:4], "val_4.JPEG\t \t\n", *lines[5:]])
    refuses(tiny, r"line 5: expected a file, a tab and a class; received 'val_4.JPEG\\t \\t'; take the file")


def test_a_picture_with_two_classes(tiny):
    change_annotations(tiny, lambda lines: [*lines, "\n", "val_1.JPEG\tn03\n"])
    refuses(tiny, r"line 8: 'val_1.JPEG' has a class already, in line 2; remove one of them")


def test_a_picture_that_is_not_there(tiny):
    (tiny / "val" / "images" / "val_2.JPEG").unlink()
    refuses(tiny, r"line 3: there is no picture .*val/images/val_2.JPEG; unpack the archive again")


def test_a_class_without_validation_pictures(tiny):
    for i in (0, 3):
        (tiny / "val" / "images" / f"val_{i}.JPEG").unlink()
    change_annotations(tiny, lambda lines: [line for line in lines if "n01" not in line])
    refuses(tiny, r"val: there is no picture of 1 of the 3 classes \(n01\); choose other classes, or add pictures")
    assert data.open_dataset(tiny, "n02,n03").classes == ("king penguin", "orange")


def test_a_class_without_training_pictures(tiny):
    (tiny / "wnids.txt").write_text("n01\nn02\nn03\nn04\n")
    refuses(tiny, r"train/n04: there is no such folder, but wnids.txt has the class; unpack the archive again")
    (tiny / "train" / "n04").mkdir()
    refuses(tiny, r"train/n04: it has no pictures, but wnids.txt has the class")
    assert len(data.open_dataset(tiny, 3).train) == 9


def test_a_class_that_is_listed_twice(tiny):
    (tiny / "wnids.txt").write_text("n01\nn02\n\nn01\n")
    refuses(tiny, r"wnids.txt, line 4: the class 'n01' stands there twice")


def test_sorted_folders_of_other_classes(tiny):
    (tiny / "val" / "val_annotations.txt").unlink()
    for file in (tiny / "val" / "images").iterdir():
        file.unlink()
    (tiny / "val" / "images").rmdir()
    class_folders(tiny / "val", ("n01", "n02"))
    refuses(tiny, r"its classes are not those of train/: n03 only in train/; an examination would mean nothing")
    (tiny / "val" / "n03").mkdir()
    refuses(tiny, r"val: there is no picture of 1 of the 3 classes \(n03\)")
    picture(tiny / "val" / "n03" / "a.jpg")
    assert len(data.open_dataset(tiny).val) == 11


def test_annotations_that_are_no_text(tiny):
    (tiny / "val" / "val_annotations.txt").write_bytes(b"val_0.JPEG\tn01\n\xfe\xff")
    refuses(tiny, "val_annotations.txt, line 2: not UTF-8 text")


def test_real_pictures(minidl_data):
    found = data.open_dataset(minidl_data / "tiny-imagenet-10")
    assert (found.kind, len(found.train), len(found.val)) == ("Tiny-ImageNet", 5000, 500)
    assert found.classes[:3] == ("goldfish", "European fire salamander", "king penguin")
    np.testing.assert_array_equal(found.train.counts(), 500)
    np.testing.assert_array_equal(found.val.counts(), 50)
    assert found.train.read(0).shape == (3, 64, 64)
    three = data.open_dataset(minidl_data / "tiny-imagenet-10", classes="3")
    assert three.ids == found.ids[:3]
    assert (len(three.train), len(three.val)) == (1500, 150)

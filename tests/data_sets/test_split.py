"""Splits, data sets, and the choice of classes."""

import numpy as np
import pytest

from minidl import data
from minidl.data._class_selection import select_classes
from minidl.data.formats.digits import digits
from minidl.data.split import Arrays, draw_share

IDS, NAMES = ["n1", "n2", "n3"], ["cat", "dog", "emu"]


@pytest.mark.parametrize(
    "classes, expected",
    [
        (None, [0, 1, 2]),
        (2, [0, 1]),
        ("2", [0, 1]),
        (np.int64(3), [0, 1, 2]),
        ("n3,n1", [0, 2]),
        (" emu , cat,", [0, 2]),
        (["dog", "n2", "n1"], [0, 1]),
        (("cat", "emu"), [0, 2]),
    ],
)
def test_choices(classes, expected):
    assert select_classes("pets", IDS, NAMES, classes) == expected


@pytest.mark.parametrize(
    "classes, message",
    [
        (4, r"pets: there are 3 classes; received classes=4"),
        (-1, r"pets: there are 3 classes; received classes=-1"),
        ("cats,dog", r"pets: there is no class 'cats'; did you mean cat\?"),
        ("xyz,dog", r"pets: there is no class 'xyz'; there are cat, dog, emu"),
        ("cat", r"there must be two classes or more to tell apart; received classes='cat', which leaves 1, cat"),
        (1, r"received classes=1, which leaves 1, cat"),
        ("", r"received classes='', which leaves 0"),
        (0, r"received classes=0, which leaves 0"),
    ],
)
def test_choices_that_cannot_be(classes, message):
    with pytest.raises(ValueError, match=message):
        select_classes("pets", IDS, NAMES, classes)


def test_one_class_only_is_none():
    with pytest.raises(
        ValueError, match=r"pets: there must be two classes .*, here is 1, cat; the pictures of each class"
    ):
        select_classes("pets", ["n1"], ["cat"], None)
    with pytest.raises(ValueError, match=r"pets: there must be two classes .*, here are 0; the pictures of each class"):
        select_classes("pets", [], [], None)


def test_digits_by_name():
    found = data.open_dataset("digits")
    train, test = digits()
    assert (found.kind, found.where, found.classes) == ("digits", "digits", tuple("0123456789"))
    np.testing.assert_array_equal(found.train.x, train.x)
    np.testing.assert_array_equal(found.val.labels, test.labels)
    assert found.train.name(7) == "digits, training picture 7"
    three = data.open_dataset("digits", "8,3")
    assert three.classes == ("3", "8")
    np.testing.assert_array_equal(three.val.x, test.x[np.isin(test.labels, [3, 8])])
    assert three.val.name(0) == f"digits, test picture {np.isin(test.labels, [3, 8]).argmax()}"


@pytest.mark.parametrize(
    "settings, message", [({"seed": -1}, "seed must be an int >= 0"), ({"val_share": 2}, "val_share")]
)
def test_settings_are_judged(settings, message):
    with pytest.raises(ValueError, match=message):
        data.open_dataset("digits", **settings)


def test_splits_judge_their_labels():
    source = Arrays(np.zeros((3, 1, 4, 4)), str)
    with pytest.raises(ValueError, match=r"Split: labels must have one class for each of the 3 pictures, .*\(2,\)"):
        data.Split(source, np.array([0, 1]), ("cat", "dog"))
    with pytest.raises(
        ValueError, match=r"Split: labels must be from 0 to 1 \(there are 2 .*received labels from -1 to 1"
    ):
        data.Split(source, np.array([0, 1, -1]), ("cat", "dog"))


def test_pictures_become_a_split():
    pictures = data.Pictures(np.arange(3.0).reshape(3, 1, 1, 1), np.array([0, 1, 1]), ("cat", "dog"))
    split = data.Split.of(pictures, "pets,")
    assert (len(split), split.name(2), split.read(2).item()) == (3, "pets, 2", 2.0)
    np.testing.assert_array_equal(split.counts(), [1, 2])
    assert len(split.take([])) == 0


def test_parts_of_files(tmp_path):
    from tests.data_sets.makers import class_folders

    train = data.open_dataset(class_folders(tmp_path)).train
    part = train.take([6, 1])
    assert [part.name(i) for i in range(2)] == [train.name(6), train.name(1)]
    np.testing.assert_array_equal(part.read(0), train.read(6))
    dogs = train.keep([1], ["dog"])
    assert (len(dogs), dogs.labels.max(), dogs.classes) == (4, 0, ("dog",))


def test_draw_share_is_even_and_leaves_some():
    labels = np.repeat([0, 1, 2], [10, 5, 2])
    for seed in range(20):
        chosen = draw_share(labels, 0.3, seed)
        assert np.bincount(labels[chosen]).tolist() == [3, 2, 1]
    first = [draw_share(labels, 0.1, seed)[:10].argmax() for seed in range(200)]
    assert set(first) == set(range(10))  # every picture may be drawn


def test_a_new_picture_in_one_class_leaves_the_others_where_they_were():
    labels = np.repeat([0, 1], [10, 10])
    more = np.append(labels, 1)
    np.testing.assert_array_equal(draw_share(labels, 0.2, 0)[:10], draw_share(more, 0.2, 0)[:10])

"""The digits are scikit-learn's, enlarged and divided in a fixed, even way."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from minidl import data
from minidl.data.formats.digits import digits as digits_function

digits_module = importlib.import_module("minidl.data.formats.digits")


@pytest.fixture(scope="module")
def parts():
    return digits_function()


def test_the_table_is_that_of_scikit_learn():
    table, original = digits_module._read_table(), load_digits()
    np.testing.assert_array_equal(table[:, :64], original.data)
    np.testing.assert_array_equal(table[:, 64], original.target)


def test_a_version_that_keeps_the_file_elsewhere_is_asked_itself(monkeypatch, tmp_path):
    expected = digits_module._read_table()
    elsewhere = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: elsewhere)
    np.testing.assert_array_equal(digits_module._read_table(), expected)


def test_without_scikit_learn_the_cure_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ModuleNotFoundError, match=r"scikit-learn, which is not installed; .*pip install 'minidl\[demo\]'"
    ):
        digits_function()


def test_every_digit_is_in_one_part(parts):
    train, test = parts
    assert (len(train), len(test)) == (1438, 359)
    together = np.concatenate([train.labels, test.labels])
    np.testing.assert_array_equal(np.bincount(together), np.bincount(load_digits().target))
    seen = {picture.tobytes() for picture in np.concatenate([train.x, test.x])}
    assert len(seen) == len(np.unique(load_digits().data, axis=0))  # no picture is lost, none stands for another


def test_one_fifth_of_every_class_is_for_the_test(parts):
    train, test = parts
    for label in range(10):
        n_train, n_test = (train.labels == label).sum(), (test.labels == label).sum()
        assert n_test == round(0.2 * (n_train + n_test))


def test_the_test_pictures_are_drawn_not_cut_off():
    labels = load_digits().target
    test = digits_module.draw_share(labels, digits_module.TEST_SHARE, digits_module.SPLIT_SEED)
    for label in range(10):
        places = np.flatnonzero(test[labels == label])  # of 180 or so
        assert 60 < places.mean() < 120


def test_the_split_does_not_depend_on_the_seed_of_a_training(parts):
    import minidl

    minidl.manual_seed(5)
    again = digits_function()
    for part, other in zip(parts, again):
        np.testing.assert_array_equal(part.x, other.x)
        np.testing.assert_array_equal(part.labels, other.labels)


def test_training_pictures_have_mean_0_and_variance_1(parts):
    train, test = parts
    assert train.x.dtype == test.x.dtype == np.float32
    assert train.x.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert train.x.var(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(train.x[:, :, :2], train.x[0, 0, 0, 0])  # the border is background
    assert not np.shares_memory(train.x, test.x)


def test_there_is_one_way_to_open_a_data_set():
    assert "digits" in data.list_data()
    train, val = data.open_dataset("digits")
    assert (len(train), len(val)) == (1438, 359)
    for word in ("load", "digits"):
        with pytest.raises(AttributeError, match=rf"data has no \.{word}; use train, val = data\.open_dataset\("):
            getattr(data, word)


def test_pictures_judge_their_arrays():
    x, labels = np.zeros((3, 1, 4, 4), "float32"), np.array([0, 1, 1])
    pictures = data.Pictures(x, labels, ("cat", "dog"))
    assert len(pictures) == 3
    assert len(pictures.take(slice(1, 3))) == 2
    np.testing.assert_array_equal(pictures.take([2, 0]).labels, [1, 0])
    assert len(pictures.take([])) == 0
    with pytest.raises(ValueError, match=r"Pictures: x must have 4 axes \(N, C, H, W\), it has 3; x.shape=\(1, 4, 4\)"):
        data.Pictures(x[0], labels, ("cat", "dog"))
    with pytest.raises(
        ValueError, match=r"labels must have one class for each of the 3 pictures, shape \(3,\); .*\(2,\)"
    ):
        data.Pictures(x, labels[:2], ("cat", "dog"))
    with pytest.raises(
        ValueError, match=r"labels must be from 0 to 0 \(there are 1 classes\); received labels from 0 to 1"
    ):
        data.Pictures(x, labels, ("cat",))

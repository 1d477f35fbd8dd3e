"""Mean, deviation and covariance of colours, and what is told of a data set."""

import json

import numpy as np
import pytest

from minidl import data
from minidl.data.statistics import Moments
from tests.data_sets.makers import class_folders, train_and_val


def test_measured_equals_numpy(tmp_path):
    train = data.open_dataset(class_folders(tmp_path, n=10)).train
    x = np.stack([train.read(i) for i in range(len(train))]).transpose(1, 0, 2, 3).reshape(3, -1) / 255
    found = data.measure(train)
    np.testing.assert_allclose(found.mean, x.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.std, x.std(axis=1), rtol=1e-12)
    covariance = np.cov(x, bias=True)
    vectors = np.array(found.eigenvectors)
    np.testing.assert_allclose(covariance @ vectors, vectors * np.array(found.eigenvalues), atol=1e-12)
    assert list(found.eigenvalues) == sorted(found.eigenvalues, reverse=True)
    for workers in (0, 1, 3):
        assert data.measure(train, workers=workers) == found


def test_floats_are_measured_as_they_are(rng):
    pictures = data.Pictures(rng.normal(3, 2, (20, 1, 5, 5)).astype("float32"), np.arange(20) % 2, ("a", "b"))
    found = data.measure(data.Split.of(pictures))
    assert found.mean[0] == pytest.approx(pictures.x.mean(dtype=np.float64), rel=1e-6)
    assert found.std[0] == pytest.approx(pictures.x.std(dtype=np.float64), rel=1e-6)
    assert found.eigenvalues[0] == pytest.approx(found.std[0] ** 2)


def test_one_colour_has_no_deviation():
    pictures = data.Pictures(np.full((2, 3, 4, 4), 51, np.uint8), np.arange(2), ("a", "b"))
    found = data.measure(data.Split.of(pictures))
    np.testing.assert_allclose(found.mean, 0.2, rtol=1e-12)
    np.testing.assert_allclose(found.std, 0, atol=1e-7)


def test_nothing_cannot_be_measured():
    with pytest.raises(ValueError, match="data: there are no pictures to measure"):
        Moments().statistics()


def test_what_is_told(tmp_path):
    dataset = data.open_dataset(train_and_val(tmp_path))
    seen = []
    found = data.describe(dataset, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 12) for i in range(1, 13)]
    assert (found.kind, found.classes, found.train.counts, found.val.counts) == (
        "picture folders", ("cat", "dog"), (4, 4), (2, 2)
    )  # fmt: skip
    assert found.statistics == data.measure(dataset.train)
    told = json.loads(json.dumps(found.to_dict()))
    assert told["classes"] == [
        {"id": "cat", "name": "cat", "train": 4, "val": 2},
        {"id": "dog", "name": "dog", "train": 4, "val": 2},
    ]
    assert told["n"] == {"train": 8, "val": 4}
    assert told["sizes"]["val"] == [{"channels": 3, "height": 8, "width": 8, "n": 4}]
    assert told["mean"] == list(found.statistics.mean)
    assert np.shape(told["eigenvectors"]) == (3, 3)
    assert told["broken"] == []


def test_a_training_set_that_is_broken_altogether(tmp_path):
    dataset = data.open_dataset(train_and_val(tmp_path))
    for file in (tmp_path / "train").glob("*/*"):
        file.write_bytes(b"")
    found = data.describe(dataset)
    assert found.statistics is None
    assert len(found.broken) == 8
    assert found.to_dict()["mean"] is None


def test_the_colours_of_tiny_imagenet(minidl_data):
    """Near those of ImageNet that everybody uses, though these are ten classes only."""
    found = data.measure(data.open_dataset(minidl_data / "tiny-imagenet-10").train)
    np.testing.assert_allclose(found.mean, data.transforms.IMAGENET.mean, atol=0.06)
    np.testing.assert_allclose(found.eigenvalues, data.transforms.IMAGENET.eigenvalues, atol=0.04)
    first = np.array(found.eigenvectors)[:, 0] @ np.array(data.transforms.IMAGENET.eigenvectors)[:, 0]
    assert abs(first) > 0.999

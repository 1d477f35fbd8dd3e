"""The worst mistakes: the right ones, in the right order, with their own pictures."""

import numpy as np
import pytest
from PIL import Image

from minidl import viz
from minidl.viz._figure import TOP
from minidl.viz.mistakes import CAPTION, CELL, caption, percent, plot_mistakes, thumbnail

P = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.004, 0.1, 0.896], [0.1, 0.8, 0.1]])
LABELS = np.array([0, 2, 1, 0, 1])
CLASSES = ("cat", "dog", "emu")


def picture(index):
    return np.full((3, 4, 4), 10 * index, dtype=np.uint8)


def test_the_least_probable_truth_comes_first():
    found = viz.worst_mistakes(P, LABELS)
    assert [one.picture for one in found] == [3, 1, 2]
    assert found[0] == (3, 0, 2, 0.004, 0.896)
    assert viz.worst_mistakes(P, LABELS, count=1) == found[:1]


def test_of_equal_mistakes_the_first_comes_first():
    p = np.tile([0.3, 0.7], (5, 1))
    assert [one.picture for one in viz.worst_mistakes(p, np.zeros(5, dtype=int))] == [0, 1, 2, 3, 4]


def test_pictures_and_words():
    axes = plot_mistakes(picture, P, LABELS, CLASSES).axes
    assert [one.get_images()[0].get_array()[0, 0, 0] for one in axes if one.get_images()] == [30, 10, 20]
    assert [[text.get_text() for text in one.texts] for one in axes[:3]] == [
        ["true cat: < 1 %", "answer emu: 90 %"],
        ["true emu: 30 %", "answer dog: 50 %"],
        ["true dog: 30 %", "answer cat: 60 %"],
    ]


@pytest.mark.parametrize(("h", "width", "times"), [(28, 28, 9), (32, 32, 8), (8, 20, 12), (200, 90, 2)])
def test_pixels_are_squares_of_whole_pixels(tmp_path, rng, h, width, times):
    x = rng.integers(0, 256, (3, h, width)).astype(np.uint8)
    path = tmp_path / "mistakes.png"
    viz.draw_mistakes(path, lambda _: x, P, LABELS, CLASSES, count=1, title="a title")
    with Image.open(path) as file:
        drawn = np.asarray(file.convert("RGB"))
    square = thumbnail(x).repeat(times, axis=0).repeat(times, axis=1)
    left = (CELL - square.shape[1]) // 2
    np.testing.assert_array_equal(drawn[TOP + CAPTION :, left:][: square.shape[0], : square.shape[1]], square)


def test_a_class_and_its_probability_are_told_apart():
    assert (caption("true", "3", 0.031), caption("answer", "9", 0.0)) == ("true 3: 3 %", "answer 9: < 1 %")


def test_only_the_pictures_drawn_are_read():
    read = []
    plot_mistakes(lambda index: read.append(index) or picture(index), P, LABELS, CLASSES, count=2)
    assert read == [3, 1]


def test_no_mistakes_are_told():
    figure = plot_mistakes(picture, np.eye(3), np.arange(3), CLASSES)
    assert [text.get_text() for text in figure.texts] == ["no mistakes in 3 pictures"]


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_pictures_of_any_kind(tmp_path, rng, channels):
    pictures = rng.standard_normal((5, channels, 300, 200))
    path = tmp_path / "mistakes.png"
    viz.draw_mistakes(path, pictures.__getitem__, P, LABELS, ("$a$", "한글 이름", "a" * 300), title="all kinds")
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize(("p", "labels"), [(P[0], LABELS), (P, LABELS[:2])])
def test_shapes_that_do_not_fit_are_refused(p, labels):
    with pytest.raises(
        ValueError, match=r"worst_mistakes: probabilities must have the shape \(N, classes\) .*\.shape="
    ):
        viz.worst_mistakes(p, labels)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="worst_mistakes: probabilities must be finite"):
        viz.worst_mistakes(P * np.nan, LABELS)


def test_percent():
    assert [percent(p) for p in (1.0, 0.5, 0.01, 0.0099, 0.0)] == ["100 %", "50 %", "1 %", "< 1 %", "< 1 %"]

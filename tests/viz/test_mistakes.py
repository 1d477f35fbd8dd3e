"""The worst mistakes: the right ones, in the right order, with their own pictures."""

import numpy as np
import pytest

from minidl import viz
from minidl.viz.mistakes import percent, plot_mistakes

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
        ["cat < 1 %", "emu 90 %"],
        ["emu 30 %", "dog 50 %"],
        ["dog 30 %", "cat 60 %"],
    ]


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

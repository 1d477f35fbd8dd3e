"""The confusion matrix, from two classes to two hundred."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from minidl import viz
from minidl.viz._figure import BLUE, INK, ORANGE
from minidl.viz.confusion import plot_confusion


def names(count):
    return tuple(f"class {index}" for index in range(count))


@pytest.mark.parametrize("classes", [1, 2, 10, 25, 26, 60, 61, 200])
def test_cells_show_their_share_of_the_row(draw_counts, classes):
    counts = draw_counts(classes)
    matrix, key = plot_confusion(counts, names(classes)).axes
    cells = matrix.get_images()[0].get_array()
    np.testing.assert_allclose(cells[..., 3] ** 2, counts / counts.sum(axis=1, keepdims=True), atol=1e-12)
    right = np.eye(classes, dtype=bool)
    assert (cells[right][:, :3] == to_rgb(BLUE)).all()
    assert (cells[~right][:, :3] == to_rgb(ORANGE)).all()
    assert key.get_ylabel() == "share of the row"


@pytest.mark.parametrize("classes", [2, 25])
def test_up_to_25_classes_cells_tell_their_counts(draw_counts, classes):
    counts = draw_counts(classes)
    matrix = plot_confusion(counts, names(classes)).axes[0]
    told = np.zeros_like(counts)
    for text in matrix.texts:
        column, row = text.get_position()
        told[int(row), int(column)] = int(text.get_text())
    np.testing.assert_array_equal(told, counts)


def test_numbers_stand_out_from_their_cell():
    matrix = plot_confusion(np.array([[99, 1], [50, 50]]), ("cat", "dog")).axes[0]
    assert {text.get_text(): text.get_color() for text in matrix.texts} == {"99": "white", "1": INK, "50": INK}


def test_up_to_60_classes_rows_tell_name_and_share(draw_counts):
    counts = np.array([[8, 2, 0], [0, 9, 1], [0, 0, 0]])
    matrix = plot_confusion(counts, ("cat", "dog", "emu")).axes[0]
    assert [text.get_text() for text in matrix.get_yticklabels()] == ["cat", "dog", "emu"]
    assert [text.get_text() for text in matrix.get_xticklabels()] == ["cat", "dog", "emu"]
    (right,) = matrix.child_axes
    assert [text.get_text() for text in right.get_yticklabels()] == ["80 %", "90 %", "–"]
    assert (matrix.get_xlabel(), matrix.get_ylabel()) == ("answer of the network", "true class")


@pytest.mark.parametrize(
    ("names", "angle"), [("0123456789", 0), (("cat", "dog"), 0), (("a long name",) * 10, 45), (("classes",) * 25, 45)]
)
def test_names_that_fit_stand_upright(draw_counts, names, angle):
    matrix = plot_confusion(draw_counts(len(names)), tuple(names)).axes[0]
    assert {text.get_rotation() for text in matrix.get_xticklabels()} == {angle}


def test_more_classes_are_numbered(draw_counts):
    matrix = plot_confusion(draw_counts(200), names(200)).axes[0]
    assert list(matrix.texts) == []
    assert matrix.child_axes == []
    assert (matrix.get_xlabel(), matrix.get_ylabel()) == (
        "answer of the network (number of the class)",
        "true class (number)",
    )


def test_two_hundred_classes_fit_into_a_file(draw_counts, tmp_path):
    for name in ("confusion.png", "confusion.svg"):
        viz.draw_confusion(tmp_path / name, draw_counts(200), names(200), title="Tiny-ImageNet")
        assert 10_000 < (tmp_path / name).stat().st_size < 300_000


@pytest.mark.parametrize(
    ("counts", "received"),
    [
        (np.zeros((2, 3), dtype=int), r"counts.shape=\(2, 3\)"),
        (np.zeros((3, 3), dtype=int), r"counts.shape=\(3, 3\)"),
        (np.zeros((2, 2)), "counts.dtype=float64"),
        (np.array([[1, 0], [-1, 2]]), "counts.min.*=-1"),
    ],
)
def test_what_are_no_counts_is_refused(counts, received, tmp_path):
    with pytest.raises(
        ValueError, match=rf"draw_confusion: counts must be integers >= 0 .* = \(2, 2\), n >= 1; .*{received}"
    ):
        viz.draw_confusion(tmp_path / "confusion.png", counts, ("cat", "dog"))


def test_no_classes_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"counts must be integers >= 0 of shape \(classes, classes\) = \(0, 0\), n >= 1"
    ):
        viz.draw_confusion(tmp_path / "confusion.png", np.zeros((0, 0), dtype=int), ())

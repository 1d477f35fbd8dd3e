"""Filters: one scale for all of them, any number of channels."""

import numpy as np
import pytest
from PIL import Image

from minidl import models, nn, viz
from minidl.viz.filters import WIDTH, plot_filters


def sheet(w):
    return plot_filters(w).axes[0].get_images()[0].get_array()


def test_three_channels_are_colours(rng):
    w = rng.standard_normal((2, 3, 4, 4))
    w[1] *= 0.1  # a weak filter stays weak
    drawn = sheet(w)  # tiles of 112 × 112, a gap of 14
    assert drawn.shape == (112, 112 + 14 + 112, 4)
    expected = 0.5 + w / (2 * np.abs(w).max())
    np.testing.assert_allclose(drawn[::28, 0:112:28, :3], expected[0].transpose(1, 2, 0))
    np.testing.assert_allclose(drawn[::28, 126::28, :3], expected[1].transpose(1, 2, 0))
    assert (drawn[:, 112:126, 3] == 0).all()


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_numbers_of_channels_are_grey_and_side_by_side(rng, channels):
    w = rng.standard_normal((1, channels, 3, 3))
    drawn = sheet(w)
    assert drawn.shape == (111, channels * 120 - 9, 4)
    expected = 0.5 + w[0] / (2 * np.abs(w).max())
    for channel in range(channels):
        tile = drawn[::37, channel * 120 : channel * 120 + 111 : 37]
        for colour in range(3):
            np.testing.assert_allclose(tile[..., colour], expected[channel])


def test_the_key_tells_the_largest_weight():
    filters, key = plot_filters(np.array([0.25, -0.5]).reshape(2, 1, 1, 1)).axes
    assert [text.get_text() for text in key.get_xticklabels()] == ["-0.5", "0", "0.5"]
    assert filters.get_xlabel() == "2 filters of 1 × 1 × 1"


def test_filters_in_colours_have_no_grey_key():
    (filters,) = plot_filters(np.array([0.25, -0.5, 0.5]).reshape(1, 3, 1, 1)).axes
    assert filters.get_xlabel() == (
        "1 filter of 3 × 1 × 1\nred, green and blue each from -0.5 (none of it) over 0 (half) to 0.5 (all)"
    )


@pytest.mark.parametrize("shape", [(64, 3, 7, 7), (96, 3, 11, 11), (6, 1, 5, 5), (256, 3, 3, 3), (32, 16, 3, 3)])
def test_weights_are_squares_of_whole_pixels(shape, rng, tmp_path):
    w = rng.standard_normal(shape)
    path = tmp_path / "filters.png"
    viz.draw_filters(path, w)
    with Image.open(path) as file:
        drawn = np.asarray(file.convert("RGB"))
    whole = sheet(w)
    left = (WIDTH - whole.shape[1]) // 2
    assert left >= 0
    found = drawn[8 : 8 + whole.shape[0], left : left + whole.shape[1]]
    expected = np.where(whole[..., 3:] > 0, whole[..., :3], 1.0)
    assert np.abs(found / 255 - expected).max() < 0.005  # pixel for pixel
    times = next(k for k in range(1, 113) if (whole[0, k, :3] != whole[0, 0, :3]).any())
    assert (whole[:times, :times] == whole[0, 0]).all()


def test_filters_of_nothing_but_zeros_are_grey():
    assert (sheet(np.zeros((1, 3, 3, 3)))[..., :3] == 0.5).all()


def test_what_is_left_out_is_told(rng):
    filters = plot_filters(rng.standard_normal((300, 20, 1, 1))).axes[0]
    told = "300 filters of 20 × 1 × 1; drawn are the first 256, and of each the first 16 channels"
    assert filters.get_xlabel() == told


@pytest.mark.parametrize("w", [np.zeros((3, 3)), np.zeros((0, 3, 3, 3))])
def test_what_are_no_filters_is_refused(w, tmp_path):
    with pytest.raises(ValueError, match=r"draw_filters: w must have 4 axes \(O, C, KH, KW\).*w.shape="):
        viz.draw_filters(tmp_path / "filters.png", w)


def test_nan_is_refused(tmp_path):
    with pytest.raises(ValueError, match="draw_filters: w must be finite"):
        viz.draw_filters(tmp_path / "filters.png", np.full((1, 1, 2, 2), np.nan))


@pytest.mark.parametrize(
    ("model", "name"),
    [("lenet5", "c1.weight"), ("resnet20_cifar", "conv1.weight"), ("cnn_deep", "block1.0.weight")],
)
def test_the_first_filters_of_a_network(model, name):
    net = models.get_model(model)
    found, w = viz.first_filters(net)
    assert found == name
    assert w.shape == dict(net.named_parameters())[name].shape


def test_a_network_without_convolution_has_none():
    with pytest.raises(ValueError, match="first_filters: Sequential has no parameter of shape"):
        viz.first_filters(nn.Sequential(nn.Linear(2, 2)))

"""Filters: one scale for all of them, any number of channels."""

import numpy as np
import pytest

from minidl import models, nn, viz
from minidl.viz.filters import plot_filters


def sheet(w):
    return plot_filters(w).axes[0].get_images()[0].get_array()


def test_three_channels_are_colours(rng):
    w = rng.standard_normal((2, 3, 4, 4))
    w[1] *= 0.1  # a weak filter stays weak
    drawn = sheet(w)  # tiles of 24 × 24, a gap of 3
    assert drawn.shape == (24, 24 + 3 + 24, 4)
    expected = 0.5 + w / (2 * np.abs(w).max())
    np.testing.assert_allclose(drawn[::6, 0:24:6, :3], expected[0].transpose(1, 2, 0))
    np.testing.assert_allclose(drawn[::6, 27::6, :3], expected[1].transpose(1, 2, 0))
    assert (drawn[:, 24:27, 3] == 0).all()


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_numbers_of_channels_are_grey_and_side_by_side(rng, channels):
    w = rng.standard_normal((1, channels, 3, 3))
    drawn = sheet(w)
    assert drawn.shape == (24, channels * 25 - 1, 4)
    expected = 0.5 + w[0] / (2 * np.abs(w).max())
    for channel in range(channels):
        tile = drawn[::8, channel * 25 : channel * 25 + 24 : 8]
        for colour in range(3):
            np.testing.assert_allclose(tile[..., colour], expected[channel])


def test_the_key_tells_the_largest_weight():
    filters, key = plot_filters(np.array([0.25, -0.5]).reshape(2, 1, 1, 1)).axes
    assert [text.get_text() for text in key.get_xticklabels()] == ["-0.5", "0", "0.5"]
    assert filters.get_xlabel() == "2 filters of 1 × 1 × 1"


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

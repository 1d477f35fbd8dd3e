"""Feature maps: the right blocks of every kind of network, and pictures that show what the maps hold."""

import numpy as np
import pytest
from PIL import Image

from minidl import Tensor, models, nn, no_grad, ops, viz
from minidl.viz._tiles import fit
from minidl.viz.feature_maps import GAP, HEIGHT, SIDE, liveliest, plot_feature_maps, scale_of
from tests.models.narrow import NARROW, narrow

# Small pictures, so that it stays quick; the blocks do not depend on the size.
INCEPTIONS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
BLOCKS = {
    "alexnet_owt": (63, ["features.0", "features.3", "features.6", "features.8", "features.10"]),
    "vgg11_bn": (32, [f"features.{index}" for index in (0, 4, 8, 11, 15, 18, 22, 25)]),
    "resnet18": (32, ["conv1", "layer1", "layer2", "layer3", "layer4"]),
    "preact_resnet18": (32, ["conv1", "layer1", "layer2", "layer3", "layer4"]),
    "googlenet_bn": (
        32,
        [f"conv{i}" for i in (1, 2, 3)] + [f"inception{name}" for name in INCEPTIONS],
    ),
    "efficientnet_lite0": (32, [f"features.{index}" for index in range(9)]),
    "cnn_deep": (32, ["block1", "block2", "block3"]),
    "nin_cifar": (16, ["mlpconv1", "mlpconv2", "mlpconv3"]),
    "lenet5": (32, ["c1", "c3", "c5"]),
    "lenet5_modern": (32, ["conv1", "conv2"]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks(name, rng):
    size, blocks = BLOCKS[name]
    net = narrow(name, rng)
    assert list(viz.feature_maps(net, rng.standard_normal((net.in_channels, size, size)))) == blocks


@pytest.mark.parametrize("name", NARROW)
def test_every_network_has_blocks(name, rng):
    net = narrow(name, rng)
    size = net.eval().legal_sizes()[0]
    maps = viz.feature_maps(net, rng.standard_normal((net.in_channels, size, size)))
    assert 2 <= len(maps) <= 20
    assert all(one.ndim == 3 and np.isfinite(one).all() for one in maps.values())
    sides = [one.shape[1] for one in maps.values()]
    assert sides == sorted(sides, reverse=True)


def test_maps_are_what_the_block_gives_before_the_pooling(rng):
    net = models.get_model("lenet5_modern").eval()
    x = rng.standard_normal((1, 32, 32)).astype(np.float32)
    with no_grad():
        first = ops.relu(net.conv1(Tensor(x[None])))
        second = ops.relu(net.conv2(net.pool1(first)))
    maps = viz.feature_maps(net, x)
    np.testing.assert_array_equal(maps["conv1"], first.numpy()[0])
    np.testing.assert_array_equal(maps["conv2"], second.numpy()[0])


def test_tokens_lie_where_their_patches_did(rng):
    net = narrow("vit_tiny_cifar", rng).eval()
    x = rng.standard_normal((3, 32, 32))
    maps = viz.feature_maps(net, x)
    with no_grad():
        patches = net.conv_proj(Tensor(x[None])).numpy()[0]
        tokens = ops.concat([net.class_token, Tensor(patches.reshape(len(patches), -1).T[None])], axis=1)
        tokens = net.encoder(tokens).numpy()[0]
    np.testing.assert_array_equal(maps["conv_proj"], patches)
    for row in range(8):
        for column in range(8):
            np.testing.assert_allclose(maps["encoder"][:, row, column], tokens[1 + 8 * row + column], rtol=1e-12)


def test_a_residual_stage_gives_its_last_sum(rng):
    net = models.get_model("resnet20_cifar").eval()
    x = rng.standard_normal((3, 16, 16)).astype(np.float32)
    with no_grad():
        expected = net.layer1(net.bn1(net.conv1(Tensor(x[None])))).numpy()[0]
    np.testing.assert_array_equal(viz.feature_maps(net, x)["layer1"], expected)


def test_the_mode_is_put_back_and_nothing_is_learnt(rng):
    net = models.get_model("resnet20_cifar").train()
    net.layer1.eval()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    viz.feature_maps(net, rng.standard_normal((3, 16, 16)).astype(np.float32))
    assert net.training
    assert not net.layer1.training
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_batch_is_no_picture():
    net = models.get_model("lenet5_modern")
    with pytest.raises(ValueError, match=r"feature_maps: x must be one picture \(C, H, W\); x.shape=\(2, 1, 32, 32\)"):
        viz.feature_maps(net, np.zeros((2, 1, 32, 32), dtype=np.float32))


def test_a_network_of_one_convolution_has_one_block(rng):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    assert list(viz.feature_maps(net, np.zeros((1, 5, 5), dtype=np.float32))) == ["0"]


# Drawing


def test_axes_and_labels(rng):
    maps = {"conv1": rng.random((12, 30, 20)), "layer1": np.ones((3, 1, 1)), "deep": rng.random((4, 128, 128))}
    picture, conv1, layer1, deep = plot_feature_maps(maps, rng.random((3, 60, 40))).axes
    assert picture.get_ylabel() == "picture\n3 × 60 × 40"
    assert conv1.get_ylabel().startswith("conv1\n12 × 30 × 20\n")
    assert layer1.get_ylabel() == "layer1\n3 × 1 × 1\n1 … 1"
    assert len(conv1.texts) == 8
    assert [text.get_text() for text in deep.texts] == ["0", "1", "2", "3"]


def test_the_liveliest_maps_are_drawn_in_their_order(rng):
    maps = rng.standard_normal((20, 8, 8)) * 0.01
    chosen = [1, 3, 4, 8, 9, 15, 17, 19]
    maps[chosen] *= 100
    assert liveliest(maps).tolist() == chosen
    (axes,) = plot_feature_maps({"conv": maps}).axes
    assert [text.get_text() for text in axes.texts] == [str(channel) for channel in chosen]


def test_a_block_has_one_scale():
    maps = np.zeros((2, 56, 56))
    maps[0, 0], maps[0, 1], maps[1, 0] = 10.0, 10.0, 5.0
    from matplotlib import colormaps

    (axes,) = plot_feature_maps({"conv": maps}).axes
    drawn = axes.get_images()[0].get_array()  # a number is a square of 2 × 2 pixels
    np.testing.assert_allclose(drawn[0, 0], colormaps["viridis"](1.0))
    np.testing.assert_allclose(drawn[1, 116], colormaps["viridis"](0.5))
    np.testing.assert_allclose(drawn[4, 4], colormaps["viridis"](0.0))
    assert drawn.shape == (112, 112 + 4 + 112, 4)


def test_the_scale_is_not_set_by_one_value_at_the_border(rng):
    maps = rng.uniform(1.0, 2.0, (8, 16, 16))
    usual = scale_of(maps)
    maps[3, 0, 7], maps[2, 15, 15] = 500.0, -500.0
    assert scale_of(maps) == pytest.approx(usual, abs=0.02)
    (axes,) = plot_feature_maps({"conv": maps}).axes
    assert axes.get_ylabel() == "conv\n8 × 16 × 16\n1 … 2\n(all: -5e+02 … 5e+02)"
    for few in (np.ones((3, 1, 1)), np.eye(64)[None]):  # all alike; hardly any that is not 0
        assert scale_of(few) == (few.min(), few.max())


@pytest.mark.parametrize("side", [7, 10, 14, 28, 32, 56, 112, 150])
def test_numbers_are_squares_of_whole_pixels(side, rng, tmp_path):
    picture = rng.integers(0, 256, (3, side, side)).astype(np.uint8)
    path = tmp_path / "maps.png"
    viz.draw_feature_maps(path, {"conv": rng.random((1, 4, 4))}, picture)
    with Image.open(path) as file:
        drawn = np.asarray(file.convert("RGB"))
    square = fit(picture, SIDE).transpose(1, 2, 0)
    assert square.shape[0] % (side if side <= SIDE else side // 2) == 0
    left = drawn.shape[1] - 8 * (SIDE + GAP) + (SIDE - square.shape[1]) // 2
    top = HEIGHT - SIDE + (SIDE - square.shape[0]) // 2
    np.testing.assert_array_equal(drawn[top:, left:][: square.shape[0], : square.shape[1]], square)


def test_of_many_blocks_the_first_the_last_and_some_between_are_drawn(rng):
    maps = {f"block{index}": rng.random((2, 4, 4)) for index in range(50)}
    drawn = [axes.get_ylabel().split("\n")[0] for axes in plot_feature_maps(maps).axes]
    assert (len(drawn), drawn[0], drawn[-1]) == (20, "block0", "block49")


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ({}, "there is no map"),
        ({"a": np.zeros((2, 2))}, r"maps must have 3 axes \(channels, H, W\); a has shape \(2, 2\)"),
        ({"a": np.full((1, 2, 2), np.inf)}, "maps must be finite; a holds NaN"),
    ],
)
def test_what_are_no_maps_is_refused(maps, message, tmp_path):
    with pytest.raises(ValueError, match=f"draw_feature_maps: {message}"):
        viz.draw_feature_maps(tmp_path / "maps.png", maps)

"""DenseNet: Table 1, and that no map is copied twice."""

import re

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn, ops
from minidl.models.densenet import DenseBlock, DenseLayer
from tests.models.walk import depth, output_of, shapes, unfilled, walk


def test_shape_trail():
    events = walk(unfilled("densenet121"))
    places = ["conv0", "pool0", "denseblock1", "transition1", "denseblock2", "transition2", "denseblock3"]
    places += ["transition3", "denseblock4", "norm5"]
    channels, sides = (64, 64, 256, 128, 512, 256, 1024, 512, 1024, 1024), (112, 56, 56, 28, 28, 14, 14, 7, 7, 7)
    assert [output_of(events, f"features.{place}") for place in places] == [
        (c, side, side) for c, side in zip(channels, sides)
    ]
    assert shapes(events, "global_avg_pool2d", "linear") == [(1024,), (1000,)]


@pytest.mark.parametrize("layers", [121, 161, 169, 201])
def test_depths_are_what_the_names_say(layers):
    assert depth(walk(unfilled(f"densenet{layers}")), "conv2d", "linear") == layers


def test_a_block_is_what_concatenation_says(rng):
    """Textbook: every layer reads all maps before it, side by side."""
    block = DenseBlock(5, depth=4, growth=3).eval()
    x = Tensor(rng.standard_normal((2, 5, 6, 4)).astype(np.float32))
    maps = [x]
    for layer in block.children():
        maps.append(layer(ops.concat(maps, axis=1)))
    y = block(x)
    assert y.shape == (2, 5 + 4 * 3, 6, 4)
    np.testing.assert_array_equal(y.data, ops.concat(maps, axis=1).data)


def test_a_layer_is_norm_relu_1x1_norm_relu_3x3(rng):
    """Textbook, with relu by itself."""
    layer = DenseLayer(5, 3).eval()
    x = Tensor(rng.standard_normal((2, 5, 6, 4)).astype(np.float32))
    narrow = layer.conv1(Tensor(np.maximum(x.data / np.sqrt(1 + 1e-5), 0).astype(np.float32)))  # fresh statistics: 0, 1
    y = layer.conv2(Tensor(np.maximum(narrow.data / np.sqrt(1 + 1e-5), 0).astype(np.float32)))
    np.testing.assert_allclose(layer(x).data, y.data, rtol=1e-5, atol=1e-6)


def copied(event):
    """Return the bytes that an operation which only moves numbers wrote: those it does not share with its inputs."""
    shared = sum(array.nbytes for array in event.inputs if np.shares_memory(array, event.output))
    return event.output.nbytes - shared


MOVING = ("append_channels", "channel_shuffle", "concat", "reserve_channels", "index", "pad", "reshape", "transpose")


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)], ids=["N, C, H, W", "channels-last"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_every_map_is_copied_once(rng, training, order):
    c, k, layers, shape = 10, 4, 12, (2, 10, 6, 5)
    block = DenseBlock(c, layers, k).train(training)
    memory = rng.standard_normal([shape[axis] for axis in order]).astype(np.float32)
    x = Tensor(memory.transpose([order.index(axis) for axis in range(4)]), requires_grad=True)
    events = []
    with minidl.observe(events.append):
        y = block(x)
        y.backward(rng.standard_normal(y.shape).astype(np.float32))
    moved = [copied(event) for event in events if event.phase == "forward" and event.op in MOVING]
    pixel = 2 * 6 * 5 * 4  # bytes of one map
    assert moved == [c * pixel, *[k * pixel] * layers]
    assert sum(moved) == y.data.nbytes
    # Put together anew for every layer, it would have been so many times as much:
    anew = sum(c + k * layer for layer in range(1, layers + 1)) * pixel
    assert anew / sum(moved) > 7
    # All that the layers read is the one block of memory, in the order of x.
    read = [event.inputs[0] for event in events if event.phase == "forward" and event.module.endswith("norm1")]
    assert [array.shape[1] for array in read] == [c + k * layer for layer in range(layers)]
    assert all(np.shares_memory(array, y.data) and array.strides == y.data.strides for array in read)
    assert y.data.strides[order[-1]] == 4
    # Backward: the gradients of append are views of its dy.
    back = [event for event in events if event.phase == "backward" and event.op in MOVING]
    assert len(back) == layers + 1
    assert all(np.shares_memory(gradient, event.inputs[0]) for event in back for gradient in event.output)


def test_the_whole_network_copies_nothing_else():
    net = unfilled("densenet121")
    moving = [event.op for event in walk(net) if event.op in MOVING]
    assert moving.count("reserve_channels") == 4
    assert moving.count("append_channels") == 6 + 12 + 24 + 16
    assert len(moving) == 4 + 58


def test_a_picture_too_small_is_refused_with_the_sides_it_would_have():
    with pytest.raises(
        ValueError,
        match=r"^densenet121: expects pictures of at least 29 .*28×28.*28 → 14 → 7 → 3 → 1 → 0, and 1 must be",
    ):
        unfilled("densenet121")(Tensor(np.zeros((1, 3, 28, 28), dtype=np.float32)))


def test_weights_start_with_hes_variance():
    net = minidl.models.densenet121(num_classes=4, rng=np.random.default_rng(0))
    for conv in (net.features.conv0, net.features.denseblock3.denselayer20.conv1, net.features.transition3.conv):
        assert isinstance(conv, nn.Conv2d)
        assert abs(conv.weight.data.std() / np.sqrt(2 / conv.weight.data[0].size) - 1) < 0.03
    assert not net.classifier.bias.data.any()


def test_torchvisions_published_files_load_although_their_names_are_older(tmp_path):
    net = minidl.models.densenet121(num_classes=4)
    older = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key): x for key, x in net.state_dict().items()}
    assert "features.denseblock4.denselayer16.norm.2.running_var" in older
    np.savez(tmp_path / "densenet121.npz", **older)
    loaded = minidl.models.densenet121(num_classes=4, weights=tmp_path / "densenet121.npz")
    assert not loaded.load_report.missing
    found = loaded.state_dict()
    assert all(np.array_equal(x, found[key]) for key, x in net.state_dict().items())

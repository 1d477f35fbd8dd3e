"""Xception: Figure 5."""

import numpy as np
import pytest

from minidl import Tensor, models, nn
from minidl.models.xception import Block, SeparableConv2d
from tests.models.walk import count, depth, dropouts, macs_by_layer, output_of, shapes, unfilled, walk


def test_shape_trail():
    events = walk(unfilled("xception"))
    places = ["conv1", "conv2", *(f"block{number}" for number in range(1, 13)), "conv3", "conv4"]
    channels = [32, 64, 128, 256, 728, *[728] * 8, 1024, 1536, 2048]
    sides = [149, 147, 74, 37, 19, *[19] * 8, 10, 10, 10]
    assert [output_of(events, place) for place in places] == [(c, side, side) for c, side in zip(channels, sides)]
    assert shapes(events, "global_avg_pool2d", "linear") == [(2048,), (1000,)]
    assert dropouts(unfilled("xception")) == [(0.5, (2048,))]


def test_36_convolutions():
    """The paper's count: a separable convolution is one, shortcuts do not count."""
    net = unfilled("xception")
    separable = sum(isinstance(module, SeparableConv2d) for module in net.modules())
    assert separable + 2 == 36  # and the two of the stem
    assert depth(walk(net), "conv2d") == 2 + 2 * separable  # of which each is two here


def test_what_separating_saves():
    """A separable convolution costs 1/O + 1/9 of a full 3×3; nine tenths of the network are mixing by 1×1."""
    net = unfilled("xception")
    macs = macs_by_layer(walk(net))
    looking, mixing = macs["block5.rep.1.conv1"], macs["block5.rep.1.pointwise"]
    assert (looking + mixing) / (19 * 19 * 9 * 728 * 728) == pytest.approx(1 / 728 + 1 / 9)
    mixing = sum(number for path, number in macs.items() if path.endswith("pointwise"))
    assert round(mixing / sum(macs.values()), 2) == 0.91
    assert count(net) == 22_855_952  # the paper's table 3, too


def test_a_block_begins_with_relu_but_not_the_first(rng):
    """The shortcut gets what stands before the relu."""
    net = unfilled("xception")
    assert not isinstance(next(net.block1.rep.children()), nn.ReLU)
    assert [event.op for event in walk(net)].count("relu") == 11
    assert all(isinstance(next(getattr(net, f"block{n}").rep.children()), nn.ReLU) for n in range(2, 13))
    block = Block(4, (4, 4, 4), 1)
    last = list(block.rep.children())[-1]
    last.weight.data = np.zeros_like(last.weight.data)  # F = 0
    x = Tensor(rng.standard_normal((2, 4, 5, 5)).astype(np.float32))
    assert (x.data < 0).any()
    np.testing.assert_array_equal(block.eval()(x).data, x.data)


def test_nothing_stands_between_looking_and_mixing(rng):
    """No norm and no relu: both together are one 3×3 convolution with weights of rank one for each channel."""
    layer = SeparableConv2d(3, 4)
    x = rng.standard_normal((1, 3, 6, 6)).astype(np.float32)
    both = nn.Conv2d(3, 4, 3, padding=1, bias=False)
    both.weight.data = layer.pointwise.weight.data * layer.conv1.weight.data.swapaxes(
        0, 1
    )  # (4, 3, 1, 1) · (1, 3, 3, 3)
    np.testing.assert_allclose(layer(Tensor(x)).data, both(Tensor(x)).data, atol=1e-6)


def test_a_picture_too_small_is_refused_with_the_sides_it_would_have():
    with pytest.raises(ValueError, match=r"^xception: .*at least 7 .*6×6.*6 → 2 → 0, and 1 must be left$"):
        unfilled("xception")(Tensor(np.zeros((1, 3, 6, 6), dtype=np.float32)))


def test_weights_start_with_hes_variance():
    net = models.xception(num_classes=4, rng=np.random.default_rng(0))
    for conv, fan_out in ((net.conv4.conv1, 9), (net.conv4.pointwise, 2048), (net.block2.skip, 256)):
        assert abs(conv.weight.data.std() / np.sqrt(2 / fan_out) - 1) < 0.03

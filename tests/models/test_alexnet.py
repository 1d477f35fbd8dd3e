"""AlexNet and ZFNet: shapes, units, where the numbers are, how the weights start, and why 227."""

import numpy as np
import pytest

from minidl import Tensor
from minidl.models.alexnet import AlexNet
from minidl.nn import init
from tests.models.derived import conv, linear
from tests.models.walk import count, dropouts, macs_by_layer, shapes, unfilled, walk

STAGES = ("conv2d", "max_pool2d", "linear")


def test_three_alexnets_have_three_counts():
    """60M, but which: two groups, one group, or torchvision's."""
    with init.unfilled():
        one_group = AlexNet(groups=1)
    assert [count(net) for net in (unfilled("alexnet"), one_group, unfilled("alexnet_owt"))] == [
        60_965_224,
        62_378_344,
        61_100_840,
    ]
    assert conv(256, 48, 5, bias=False) == 307_200
    assert conv(256, 96, 5, bias=False) == 614_400


def test_shape_trail():
    assert shapes(walk(unfilled("alexnet")), *STAGES) == [
        *((96, 55, 55), (96, 27, 27)),
        *((256, 27, 27), (256, 13, 13)),
        *((384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6)),  # 13×13 is pooled once more
        *((4096,), (4096,), (1000,)),
    ]
    assert shapes(walk(unfilled("alexnet_owt")), *STAGES, "adaptive_avg_pool2d") == [
        *((64, 55, 55), (64, 27, 27)),
        *((192, 27, 27), (192, 13, 13)),
        *((384, 13, 13), (256, 13, 13), (256, 13, 13), (256, 6, 6), (256, 6, 6)),
        *((4096,), (4096,), (1000,)),
    ]


@pytest.mark.parametrize(("name", "kernels"), [("zfnet", (384, 384, 256)), ("zfnet_512", (512, 1024, 512))])
def test_shape_trail_of_zfnet(name, kernels):
    k3, k4, k5 = kernels
    assert shapes(walk(unfilled(name)), *STAGES) == [
        *((96, 110, 110), (96, 55, 55)),
        *((256, 26, 26), (256, 13, 13)),
        *((k3, 13, 13), (k4, 13, 13), (k5, 13, 13), (k5, 6, 6)),
        *((4096,), (4096,), (1000,)),
    ]


def test_the_order_is_relu_norm_pool_in_alexnet_and_relu_pool_norm_in_zfnet():
    first = [event.op for event in walk(unfilled("alexnet"))][:8]
    assert first == ["conv2d", "relu", "local_response_norm", "max_pool2d"] * 2
    first = [event.op for event in walk(unfilled("zfnet"))][:8]
    assert first == ["conv2d", "relu", "max_pool2d", "local_response_norm"] * 2
    for name in ("alexnet", "zfnet"):
        norms = [event for event in walk(unfilled(name)) if event.op == "local_response_norm"]
        assert all(event.settings == {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0} for event in norms)
        assert len(norms) == 2


def test_units_of_every_layer():
    """The paper prints 253,440 for conv1, which is 48 · 55 · 96; 55 · 55 · 96 is 290,400. The rest is right."""
    units = [int(np.prod(shape)) for shape in shapes(walk(unfilled("alexnet")), "conv2d", "linear")]
    assert units == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
    assert 48 * 55 * 96 == 253_440
    assert 227 * 227 * 3 == 154_587
    assert 224 * 224 * 3 == 150_528  # the input dimension that the paper prints


def test_memory_is_early_parameters_are_late_compute_is_in_the_convolutions():
    net = unfilled("alexnet")
    units = [int(np.prod(shape)) for shape in shapes(walk(net), "conv2d", "linear")]
    assert round(100 * units[0] / sum(units)) == 44  # conv1, of all units; 39 % with torchvision's 64 kernels
    units = [int(np.prod(shape)) for shape in shapes(walk(unfilled("alexnet_owt")), "conv2d", "linear")]
    assert round(100 * units[0] / sum(units)) == 39
    late = linear(4096, 9216) + linear(4096, 4096) + linear(1000, 4096)
    assert round(100 * late / 61_100_840, 1) == 96.0
    macs = macs_by_layer(walk(unfilled("alexnet_owt")))
    early = sum(value for layer, value in macs.items() if "features" in layer)
    assert round(100 * early / sum(macs.values()), 1) == 91.8
    assert sum(macs_by_layer(walk(net)).values()) == 724_406_816


def test_pooling_costs_next_to_nothing():
    """8 comparisons for each 3×3 window, 3 for each 2×2, against the multiply-accumulates."""
    compares = 8 * sum(int(np.prod(shape)) for shape in shapes(walk(unfilled("alexnet")), "max_pool2d"))
    assert compares == 979_712
    assert round(100 * compares / 724_406_816, 2) == 0.14
    compares = 3 * sum(int(np.prod(shape)) for shape in shapes(walk(unfilled("vgg16")), "max_pool2d"))
    assert round(100 * compares / 15_470_264_320, 2) == 0.03


def test_224_is_refused_with_the_arithmetic():
    net = unfilled("alexnet")
    with pytest.raises(
        ValueError, match=r"^alexnet: expects pictures of 227 to 258 pixels a side, these are 224×224"
    ) as e:
        net(Tensor(np.zeros((1, 3, 224, 224), dtype=np.float32)))
    assert "(224 - 11) / 4 + 1 = 54.25" in str(e.value)
    assert "(227 - 11) / 4 + 1 = 55" in str(e.value)
    assert "take 227" in str(e.value)
    with pytest.raises(ValueError, match=r"conv1 gives \(62 \+ 4 - 11\) // 4 \+ 1 = 14, and three poolings need 15$"):
        unfilled("alexnet_owt")(Tensor(np.zeros((1, 3, 62, 62), dtype=np.float32)))
    with pytest.raises(ValueError, match=r"conv1 gives \(206 \+ 2 - 7\) // 2 \+ 1 = 101; .* 55, 26, 13, 6, which fc6"):
        unfilled("zfnet")(Tensor(np.zeros((1, 3, 206, 206), dtype=np.float32)))


def test_weights_start_as_section_5_says():
    net = AlexNet(hidden=300, num_classes=100, rng=np.random.default_rng(0))
    for layer in (net.conv1, net.conv2, net.conv3, net.fc7, net.fc8):
        assert abs(layer.weight.data.std() - 0.01) < 2e-4
    assert [float(getattr(net, name).bias.data.min()) for name in ("conv1", "conv2", "conv3", "conv4", "conv5")] == [
        *(0, 1, 0, 1, 1),
    ]
    assert [float(getattr(net, name).bias.data.max()) for name in ("fc6", "fc7", "fc8")] == [1, 1, 0]


def test_dropout_of_one_half_stands_after_both_hidden_layers_or_before():
    assert dropouts(unfilled("alexnet")) == dropouts(unfilled("zfnet")) == [(0.5, (4096,)), (0.5, (4096,))]
    assert dropouts(unfilled("alexnet_owt")) == [(0.5, (9216,)), (0.5, (4096,))]

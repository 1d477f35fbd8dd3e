"""VGG, Network in Network and the lecture's CNN: shapes, names, and where parameters and arithmetic are."""

import numpy as np
import pytest

from minidl import Tensor, models
from minidl.models.vgg import VGG, A
from minidl.nn import BatchNorm2d, Conv2d, Identity, Linear
from tests.models.walk import count, dropouts, macs_by_layer, output_of, shapes, unfilled, walk


def test_shape_trail():
    events = walk(unfilled("vgg16"))
    assert shapes(events, "max_pool2d") == [
        *((64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)),
    ]
    assert shapes(events, "adaptive_avg_pool2d", "reshape", "linear") == [
        *((512, 7, 7), (25_088,), (4096,), (4096,), (1000,)),
    ]


@pytest.mark.parametrize(
    ("name", "layers"), [("vgg11", 8), ("vgg11_lrn", 8), ("vgg13", 10), ("vgg16", 13), ("vgg16_bn", 13), ("vgg19", 16)]
)
def test_a_column_has_as_many_convolutions_as_its_name_says_less_three(name, layers):
    net = unfilled(name)
    convolutions = [layer for layer in net.modules() if isinstance(layer, Conv2d)]
    assert len(convolutions) == layers
    assert all(layer.kernel_size == (3, 3) and layer.stride == 1 and layer.padding == 1 for layer in convolutions)
    assert sum(isinstance(layer, Linear) for layer in net.modules()) == 3


def test_the_relu_of_a_norm_keeps_its_place_in_the_names():
    features = unfilled("vgg11_bn").features
    assert features[1].activation == "relu"
    assert isinstance(features[2], Identity)
    assert sum(isinstance(layer, BatchNorm2d) for layer in features) == 8
    assert not any(event.op == "relu" and event.module.startswith("features") for event in walk(unfilled("vgg11_bn")))


def test_a_lrn_normalises_after_the_first_relu():
    assert [event.op for event in walk(unfilled("vgg11_lrn"))][:4] == [
        *("conv2d", "relu", "local_response_norm", "max_pool2d"),
    ]
    norms = [event for event in walk(unfilled("vgg11_lrn")) if event.op == "local_response_norm"]
    assert len(norms) == 1


def test_138_million_weights_are_528_mebibytes_and_fc6_has_most():
    net = unfilled("vgg16")
    assert count(net) == 138_357_544
    assert round(4 * count(net) / 1e6) == 553
    assert round(4 * count(net) / 2**20) == 528
    assert round(100 * count(net.classifier[0]) / count(net)) == 74
    alexnet = count(unfilled("alexnet_owt"))
    assert round(count(net) / alexnet, 2) == 2.26


def test_much_arithmetic_need_not_mean_many_parameters():
    """A convolution uses its weights at every pixel, a linear layer once."""
    net, events = unfilled("vgg16"), walk(unfilled("vgg16"))
    macs = macs_by_layer(events)
    assert (count(net.features[2]), macs["features.2"]) == (36_928, 1_849_688_064)
    assert (count(net.classifier[0]), macs["classifier.0"]) == (102_764_544, 102_760_448)


def test_weights_start_with_hes_variance_over_fan_out():
    net = VGG(A, hidden=200, rng=np.random.default_rng(0))  # 25 of 132 million weights
    for layer in net.features:
        if isinstance(layer, Conv2d):
            assert abs(layer.weight.data.std() / np.sqrt(2 / (layer.out_channels * 9)) - 1) < 0.05
            assert not layer.bias.data.any()
    for layer in (net.classifier[3], net.classifier[6]):
        assert abs(layer.weight.data.std() - 0.01) < 3e-4
        assert not layer.bias.data.any()


def test_dropout_of_one_half_stands_after_both_hidden_layers():
    assert dropouts(unfilled("vgg16")) == dropouts(unfilled("vgg11_bn")) == [(0.5, (4096,)), (0.5, (4096,))]


def test_too_small_a_picture_is_refused_with_the_arithmetic():
    with pytest.raises(
        ValueError, match=r"these are 31×31; .*five poolings halve them, 31 // 2\^5 = 0, and 1 must be left$"
    ):
        unfilled("vgg16")(Tensor(np.zeros((1, 3, 31, 31), dtype=np.float32)))


# ---------------------------------------------------------------------- Network in Network


def test_shape_trail_of_nin():
    events = walk(unfilled("nin_cifar"))
    assert shapes(events, "max_pool2d", "global_avg_pool2d") == [(96, 16, 16), (192, 8, 8), (10,)]
    assert [output_of(events, f"mlpconv{i}") for i in (1, 2, 3)] == [(96, 32, 32), (192, 16, 16), (10, 8, 8)]
    assert not any(event.op == "linear" for event in events)


def test_nin_starts_as_its_authors_file_says_and_has_no_negative_logit(rng):
    net = models.nin_cifar(rng=np.random.default_rng(0)).eval()
    assert all(abs(layer.weight.data.std() - 0.05) < 0.002 for layer in net.modules() if isinstance(layer, Conv2d))
    assert (net(Tensor(rng.standard_normal((2, 3, 32, 32)).astype(np.float32))).data >= 0).all()
    with pytest.raises(ValueError, match=r"these are 3×3; .*two poolings of 3×3 must find a picture$"):
        net(Tensor(np.zeros((1, 3, 3, 3), dtype=np.float32)))


def test_dropout_of_nin_stands_after_both_poolings():
    assert dropouts(unfilled("nin_cifar")) == [(0.5, (96, 16, 16)), (0.5, (192, 8, 8))]


# ---------------------------------------------------------------------- the lecture's CNN


def test_shape_trail_of_cnn_deep():
    events = walk(unfilled("cnn_deep"))
    assert [output_of(events, f"block{i}") for i in (1, 2, 3)] == [(32, 16, 16), (64, 8, 8), (128, 4, 4)]
    assert shapes(events, "reshape", "linear") == [(2048,), (512,), (10,)]
    assert [event.op for event in events][-2:] == ["linear", "linear"]  # as printed: nothing in between


def test_where_the_parameters_of_cnn_deep_are():
    net = unfilled("cnn_deep")
    convolutions = sum(count(layer) for layer in net.modules() if isinstance(layer, Conv2d))
    norms = sum(count(layer) for layer in net.modules() if isinstance(layer, BatchNorm2d))
    linear = count(net.fc1) + count(net.fc2)
    assert (convolutions, norms, linear) == (471_520, 1_280, 1_054_218)
    assert round(100 * linear / count(net)) == 69
    assert sum(macs_by_layer(walk(net)).values()) == 58_561_536
    biases = sum(layer.bias.numel() for layer in net.modules() if isinstance(layer, Conv2d))
    assert biases == 640  # which the norms take off again
    assert 2048 * 10 + 10 == 20_490  # what the two linear layers could do as one


def test_another_size_for_cnn_deep_is_refused_with_the_arithmetic():
    with pytest.raises(ValueError, match=r"these are 40×40; .*40 // 8 = 5, and 4 must be left for fc1$"):
        unfilled("cnn_deep")(Tensor(np.zeros((1, 3, 40, 40), dtype=np.float32)))

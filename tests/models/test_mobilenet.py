"""The MobileNets against their papers: what a width multiplier does, what depthwise convolutions save."""

import re

import numpy as np
import pytest

from minidl import models, nn, no_grad
from minidl.models._inverted_residual import InvertedResidual
from minidl.models._registry import ENTRIES
from minidl.models._scale import scaled_width
from minidl.tensor import Tensor
from tests.models.walk import count, macs_by_layer, unfilled, walk

SCALABLE = [name for name, entry in ENTRIES.items() if entry.variant.thinnest]


def millions(number):
    return round(number / 1e6)


@pytest.mark.parametrize(
    ("width_mult", "macs", "parameters"), [(1.0, 569, 4.2), (0.75, 325, 2.6), (0.5, 149, 1.3), (0.25, 41, 0.5)]
)
def test_table_6_of_mobilenet(width_mult, macs, parameters):
    net = unfilled("mobilenet_v1", width_mult=width_mult)
    assert millions(sum(macs_by_layer(walk(net)).values())) == macs
    assert round(count(net) / 1e6, 1) == parameters


def test_table_2_of_mobilenet_most_of_the_work_is_1x1():
    """94.86 % of the multiply-adds and 74.59 % of the weights; depthwise 3.06 % and 1.06 %."""
    net = unfilled("mobilenet_v1")
    macs, layers = macs_by_layer(walk(net)), dict(net.named_modules())
    pointwise = [path for path in macs if getattr(layers[path], "kernel_size", None) == (1, 1)]
    depthwise = [path for path in macs if getattr(layers[path], "groups", 1) > 1]
    total = sum(macs.values())
    assert (len(pointwise), len(depthwise)) == (13, 13)
    assert round(100 * sum(macs[path] for path in pointwise) / total, 2) == 94.86
    assert round(100 * sum(macs[path] for path in depthwise) / total, 2) == 3.06
    weights = {path: layers[path].weight.numel() for path in macs}
    assert round(100 * sum(weights[path] for path in pointwise) / sum(weights.values()), 2) == 74.59
    assert round(100 * sum(weights[path] for path in depthwise) / sum(weights.values()), 2) == 1.06


def test_a_depthwise_pair_costs_one_oth_and_a_ninth_of_a_whole_convolution():
    c, o, pixels = 256, 256, 14 * 14
    whole = 9 * c * o * pixels
    apart = 9 * c * pixels + c * o * pixels
    assert apart / whole == pytest.approx(1 / o + 1 / 9)


def test_a_width_multiplier_never_shrinks_the_last_layer_of_mobilenet_v2():
    assert unfilled("mobilenet_v2", width_mult=0.35).classifier[1].in_features == 1280
    assert unfilled("mobilenet_v2", width_mult=1.4).classifier[1].in_features == 1792


def test_widths_are_multiples_of_8_and_lose_at_most_a_tenth():
    for channels in (16, 24, 32, 40, 80, 96, 112, 192, 320, 1280):
        for factor in np.linspace(0.1, 2.2, 43):
            width = scaled_width(channels, factor)
            assert width % 8 == 0
            assert width >= 0.9 * channels * factor
            assert width == 8 or abs(width - channels * factor) <= 8


@pytest.mark.parametrize("name", SCALABLE)
def test_the_thinnest_layer_is_as_thin_as_it_is_said_to_be(name):
    widths = [layer.out_channels for layer in unfilled(name).modules() if isinstance(layer, nn.Conv2d)]
    excitations = [layer.fc1.out_channels for layer in unfilled(name).modules() if hasattr(layer, "fc1")]
    assert min(width for width in widths if width not in excitations) == ENTRIES[name].variant.thinnest


@pytest.mark.parametrize("name", SCALABLE)
def test_a_width_multiplier_that_leaves_no_channels_is_refused_with_its_arithmetic(name):
    thinnest = ENTRIES[name].variant.thinnest
    unfilled(name, width_mult=1 / thinnest)
    message = (
        f"{name}: width_mult leaves no channels where the network has {thinnest}: {thinnest} * 0.01 = "
        f"{thinnest * 0.01:g} < 1; received width_mult=0.01; take at least 1 / {thinnest} = {1 / thinnest:g}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        models.get_model(name, width_mult=0.01)


@pytest.mark.parametrize(
    ("value", "message"), [(0, "> 0"), (-1.0, "> 0"), ("half", "> 0"), (float("nan"), "> 0"), (float("inf"), "finite")]
)
def test_a_width_multiplier_is_a_number_above_0(value, message):
    with pytest.raises(ValueError, match=f"^mobilenet_v1: width_mult must be {message}; received width_mult="):
        models.mobilenet_v1(width_mult=value)


def test_a_network_of_one_width_says_so():
    with pytest.raises(TypeError, match=r"^resnet18: this network has one width; received width_mult=0.5; leave it"):
        models.get_model("resnet18", width_mult=0.5)


def test_the_shortcut_joins_the_narrow_ends_and_only_where_the_shape_stays(rng):
    x = rng.standard_normal((1, 4, 5, 5)).astype(np.float32)
    for o, stride, joined in ((4, 1, True), (6, 1, False), (4, 2, False)):
        block = InvertedResidual(4, 24, o, 3, stride, activation="relu6", layer={}).eval()
        block.block[-1][1].load_state_dict({**block.block[-1][1].state_dict(), "weight": np.zeros(o)})
        with no_grad():
            y = block(Tensor(x)).data
        np.testing.assert_array_equal(y, x if joined else np.zeros_like(y))


def test_there_is_no_activation_in_the_narrow_places():
    """Every projection is linear: its norm has no activation, and nothing follows it in the block."""
    for name in ("mobilenet_v2", "mobilenet_v3_large", "efficientnet_lite0"):
        for block in unfilled(name).modules():
            if isinstance(block, InvertedResidual):
                layers = list(getattr(block, block.place).modules())
                assert [layer.activation for layer in layers if isinstance(layer, nn.BatchNorm2d)][-1] is None
                assert isinstance(layers[-1], nn.BatchNorm2d)


def test_hardswish_is_only_in_the_second_half_of_mobilenet_v3():
    for name, first in (("mobilenet_v3_large", 7), ("mobilenet_v3_small", 4)):
        blocks = list(unfilled(name).features)[1:-1]
        found = [block.block[0][1].activation for block in blocks]
        assert found == ["relu"] * (first - 1) + ["hardswish"] * (len(blocks) - first + 1)
        gates = {
            layer.scale_activation.__class__.__name__ for layer in unfilled(name).modules() if hasattr(layer, "fc1")
        }
        assert gates == {"Hardsigmoid"}


def test_multiply_adds_are_those_of_the_papers():
    """300 million for MobileNetV2 (Table 4), 219 and 56 for MobileNetV3 (Table 3), which rounds otherwise."""
    macs = {name: sum(macs_by_layer(walk(unfilled(name))).values()) for name in SCALABLE}
    for name, million in (("mobilenet_v2", 300), ("mobilenet_v3_large", 219), ("mobilenet_v3_small", 56)):
        assert abs(macs[name] / 1e6 - million) < 0.015 * million, name


def test_a_depthwise_convolution_starts_with_the_fan_of_one_group(rng):
    net = models.mobilenet_v1(num_classes=10, rng=rng)
    depthwise, pointwise = (part[0].weight.data for part in net.features[12])
    assert depthwise.std() == pytest.approx((2 / 9) ** 0.5, rel=0.05)
    assert pointwise.std() == pytest.approx((2 / 1024) ** 0.5, rel=0.05)
    assert net.fc.weight.data.std() == pytest.approx(0.01, rel=0.05)

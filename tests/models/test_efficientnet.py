"""EfficientNet: how B0 becomes B1 to B7, and what the paper's rule says instead."""

import math

import pytest

from minidl import nn
from minidl.models._inverted_residual import InvertedResidual
from minidl.models._registry import ENTRIES
from minidl.models._scale import scaled_depth
from minidl.models.efficientnet import B0
from tests.models.walk import macs_by_layer, unfilled, walk

PUBLISHED = {
    "efficientnet_b0": (1.0, 1.0, 224),
    "efficientnet_b1": (1.0, 1.1, 240),
    "efficientnet_b2": (1.1, 1.2, 260),
    "efficientnet_b3": (1.2, 1.4, 300),
    "efficientnet_b4": (1.4, 1.8, 380),
    "efficientnet_b5": (1.6, 2.2, 456),
    "efficientnet_b6": (1.8, 2.6, 528),
    "efficientnet_b7": (2.0, 3.1, 600),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_widths_and_depths_come_from_b0_by_multiplication(name):
    width, depth, side = PUBLISHED[name]
    net = unfilled(name)
    assert ENTRIES[name].input_size == side
    for row, stage in zip(B0, list(net.features)[1:-1], strict=True):
        assert len(stage) == math.ceil(row.n * depth)
        widths = {block.block[-1][0].out_channels for block in stage}
        assert len(widths) == 1
        o = widths.pop()
        assert o % 8 == 0
        assert 0.9 * row.out_channels * width <= o < row.out_channels * width + 8
    assert net.classifier[1].in_features == 1280 * width
    assert (
        net.classifier[0].p
        == {"0": 0.2, "1": 0.2, "2": 0.3, "3": 0.3, "4": 0.4, "5": 0.4, "6": 0.5, "7": 0.5}[name[-1]]
    )


def test_phi_1_gives_b2_and_not_b1():
    """α·β²·γ² is about 2; at φ = 1 depth, width and resolution are those of B2 (its side rounded to 260)."""
    alpha, beta, gamma = 1.2, 1.1, 1.15
    assert alpha * beta**2 * gamma**2 == pytest.approx(2, abs=0.1)
    width, depth, side = PUBLISHED["efficientnet_b2"]
    assert (beta, alpha) == (width, depth)
    assert abs(224 * gamma - side) < 3
    assert PUBLISHED["efficientnet_b1"] != (1.1, 1.2, 260)
    assert all(
        scaled_depth(row.n, alpha) == len(stage) for row, stage in zip(B0, stages("efficientnet_b2"), strict=True)
    )


def stages(name):
    return list(unfilled(name).features)[1:-1]


def test_multiply_adds_are_those_of_table_2():
    """In billions, as printed, from 0.39 to 37; the networks are walked with no pictures."""
    printed = {"b0": 0.39, "b1": 0.70, "b2": 1.0, "b3": 1.8, "b4": 4.2, "b5": 9.9, "b6": 19, "b7": 37}
    for name, billions in printed.items():
        macs = sum(macs_by_layer(walk(unfilled(f"efficientnet_{name}"))).values())
        assert macs / 1e9 == pytest.approx(billions, rel=0.13), name


def test_stochastic_depth_grows_with_the_place_of_the_block():
    blocks = [layer for layer in unfilled("efficientnet_b0").modules() if isinstance(layer, InvertedResidual)]
    assert len(blocks) == 16
    drops = [getattr(block.stochastic_depth, "p", 0.0) for block in blocks]
    assert drops == pytest.approx([0.2 * index / 16 for index in range(16)])


def test_excitation_narrows_to_a_quarter_of_the_blocks_input():
    for block in unfilled("efficientnet_b0").modules():
        if isinstance(block, InvertedResidual):
            excitation = next(layer for layer in block.block if isinstance(layer, nn.SqueezeExcitation))
            into = block.block[0][0].in_channels
            assert excitation.fc1.out_channels == into // 4
            assert type(excitation.activation).__name__ == "SiLU"
    lite = unfilled("efficientnet_lite0").modules()
    assert not [layer for layer in lite if isinstance(layer, nn.SqueezeExcitation)]

"""The second half of the zoo: which activation follows which norm, and what the norms are set to.

Parameters, names and multiply-adds do not show either.
"""

import pytest

from minidl import nn
from tests.models.walk import unfilled

ACTIVATIONS = {
    "bn_inception": ["relu"] * 69,  # every norm: three, eight modules of seven, two of five
    "inception_v2": ["relu"] * 104,
    "inception_v3": ["relu"] * 96,
    "densenet121": ["relu"] * 121,  # every norm: two in 58 layers, three transitions, the first and the last
    "se_resnet50": ["relu"] * 33,  # the first, two in sixteen blocks; the third comes after the sum
    "se_resnext50_32x4d": ["relu"] * 33,
    "senet154": ["relu"] * 103,
    "xception": ["relu"] * 24,  # not the last of a block: the sum has none, and the next block begins with relu
    "mobilenet_v1": ["relu6"] * 27,
    "mobilenet_v2": ["relu6"] * 35,  # the stem, one in the first block, two in sixteen, the last 1×1
    "mobilenet_v3_large": ["hardswish"] + ["relu"] * 11 + ["hardswish"] * 19,
    "mobilenet_v3_small": ["hardswish"] + ["relu"] * 5 + ["hardswish"] * 17,
    "mnasnet1_0": ["relu"] * 35,
    "shufflenet_v2_x1_0": ["relu"] * 37,  # two in a block of stride 1, three in one of stride 2
    "efficientnet_b0": ["silu"] * 33,
    "efficientnet_lite0": ["relu6"] * 33,
}
NORMS = {  # eps, momentum; the others have PyTorch's 1e-5 and 0.1
    **dict.fromkeys(
        ("mobilenet_v3_large", "mobilenet_v3_small", "efficientnet_b5", "efficientnet_lite0"), (1e-3, 0.01)
    ),
    **dict.fromkeys(("bn_inception", "inception_v2", "inception_v3"), (1e-3, 0.1)),
    "mnasnet1_0": (1e-5, 0.01),
    "nasnet_a_mobile": (1e-3, 0.1),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_in_order(name):
    norms = [layer for layer in unfilled(name).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert [norm.activation for norm in norms if norm.activation] == ACTIVATIONS[name]


@pytest.mark.parametrize("name", [*ACTIVATIONS, "efficientnet_b5", "nasnet_a_mobile"])
def test_norms_have_the_settings_of_their_family(name):
    norms = [layer for layer in unfilled(name).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {NORMS.get(name, (1e-5, 0.1))}
